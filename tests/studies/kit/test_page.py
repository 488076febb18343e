from __future__ import annotations

import base64
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from studies._kit.chapter import Chapter, Picture, Settings, Study
from studies._kit.estimates import Estimate
from studies._kit.page import render_page
from studies._kit.verdicts import Claim, verdicts

PNG = b"\x89PNG\r\n\x1a\n0123"
VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """Collects what a test asks about, and checks that tags are closed."""

    def __init__(self, text):
        super().__init__()
        self.links, self.images, self.names, self.words = [], [], set(), []
        self.open = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "img":
            self.images.append(attributes)
        self.names |= {attributes.get("id")}
        self.links += [attributes[key] for key in ("src", "href") if key in attributes]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def page(*, caption="Look here.", title="A question", claims=()):
    picture = Picture("one", "First picture", caption, Figure())
    chapter = Chapter(
        name="part",
        title="A part",
        text="First paragraph.\n\nSecond paragraph.",
        table=pd.DataFrame(),
        summary=pd.DataFrame({"points": [3, 5], "test loss": [1.25, None]}),
        pictures=[picture],
        configuration={"steps": 20_000, "sizes": (3, 5)},
    )
    study = Study("study", title, "What it is about.", presets={})
    judged = verdicts("study", claims, chapter.table)
    settings = Settings(preset="quick", seed=17, n_jobs=2, out=Path("results"))
    content = render_page(
        study, [chapter], settings, {"one": PNG}, judged, seconds=12.4
    )
    text = content.decode("utf-8")
    return text, Page(text)


def test_nothing_is_loaded_from_elsewhere():
    text, parsed = page()
    for link in parsed.links:
        assert link.startswith(("data:image/png;base64,", "#")) or link == "data:,"
    for outside in ("http:", "https:", "//", "@import", "<script", "url("):
        assert outside not in text.replace(base64.b64encode(PNG).decode(), "")


def test_links_inside_the_page_lead_somewhere():
    _, parsed = page()
    inside = [link[1:] for link in parsed.links if link.startswith("#")]
    assert inside
    assert set(inside) <= parsed.names


def test_pictures_are_inside_with_words_for_those_who_cannot_see_them():
    _, parsed = page()
    (image,) = parsed.images
    assert image["alt"] == "First picture"
    encoded = image["src"].removeprefix("data:image/png;base64,")
    assert base64.b64decode(encoded) == PNG


def test_all_that_was_written_is_there():
    _, parsed = page()
    words = " ".join(parsed.words)
    for expected in (
        "A question",
        "What it is about.",
        "First paragraph.",
        "Second paragraph.",
        "Look here.",
        "1.25",
        "seed 17",
        "steps 20000, sizes (3, 5)",
        "numpy",
        "12 s",
    ):
        assert expected in words


def test_text_cannot_become_markup():
    hostile = "<script>alert(1)</script> & <b>"
    text, parsed = page(caption=hostile, title=hostile)
    assert "<script" not in text
    assert "".join(parsed.words).count(hostile) == 3


def test_verdicts_come_first():
    claim = Claim(
        "There are <five>.", "Somebody", "5", lambda table: Estimate(5, 4, 6), 4, 6
    )
    text, parsed = page(claims=[claim])
    words = " ".join(parsed.words)
    assert words.index("There are <five>.") < words.index("First paragraph.")
    assert "holds" in words
    assert "verdicts" not in page()[0]
    assert "<five>" not in text
