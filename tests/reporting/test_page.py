"""The page: whole, closed to the network, and safe whatever a text holds."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from memmetrics.reporting.page import (
    Facts,
    Gallery,
    Item,
    Picture,
    Section,
    Table,
    Text,
    html_page,
)

NASTY = "<script>alert(1)</script> & \"quotes\" 'single' \0 \ud800 ]]> <!-- &amp;"
VOID = {"meta", "link", "img", "br"}


class Reader(HTMLParser):
    """Collects tags, attributes and text, and checks that tags are closed."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(page):
    reader = Reader()
    reader.feed(page.decode("utf-8"))
    assert reader.open == []
    return reader


def nasty_page():
    columns = pd.Index([NASTY, "number"], dtype=object)
    frame = pd.DataFrame([[NASTY, 1], [np.nan, 2]], columns=columns, dtype=object)
    png = b"\x89PNG..."
    parts = [
        Text(f"one {NASTY}\n\ntwo"),
        Table(frame),
        Facts({NASTY: NASTY}),
        Picture(NASTY, png, NASTY),
        Gallery([Item(NASTY, NASTY), Item("x" * 500, "", marked=True)]),
        Gallery([Item(png, NASTY)]),
        Gallery([]),
    ]
    return html_page(NASTY, NASTY, [Section("first", NASTY, parts)])


def test_text_stays_text():
    reader = read(nasty_page())
    assert "script" not in reader.tags
    shown = "".join(reader.text)
    clean = NASTY.replace("\0", "\ufffd").replace("\ud800", "\ufffd")
    assert shown.count(clean) == 15  # and once as alternative text
    assert ("img", "alt", clean) in reader.attributes
    assert "–" in shown


def test_nothing_is_asked_of_the_network():
    reader = read(nasty_page())
    sources = [value for _, name, value in reader.attributes if name in {"src", "href"}]
    assert sources
    assert all(value.startswith(("data:", "#")) for value in sources)
    policy = [value for _, name, value in reader.attributes if name == "content"]
    assert any("default-src 'none'" in value for value in policy)


def test_contents_lead_to_sections():
    page = html_page("T", "", [Section("a", "A", []), Section("b", "B", [])])
    attributes = read(page).attributes
    ids = {value for tag, name, value in attributes if name == "id"}
    links = {value for tag, name, value in attributes if (tag, name) == ("a", "href")}
    assert links == {f"#{name}" for name in ids} == {"#a", "#b"}


@pytest.mark.parametrize(
    ("content", "kind"), [(b"\x89PNG", "png"), (b"\xff\xd8\xff", "jpeg")]
)
def test_pictures_say_what_they_are(content, kind):
    assert f'src="data:image/{kind};base64,' in Gallery([Item(content, "")]).html()
