"""The check of the built site finds what it is there to find."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "check_site.py"


@pytest.fixture(scope="module")
def check_site():
    spec = importlib.util.spec_from_file_location("check_site", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def site(tmp_path):
    """Return a small site without a fault: three pages in a row, a style, a picture."""
    (tmp_path / "index.html").write_text('<a href="deep/a.html#here">a</a>')
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.html").write_text(
        '<h1 id="here">A</h1><img src="../a.png"><a href="b.html">b</a>'
        '<a href="https://example.org">a link, which nothing follows by itself</a>'
    )
    (tmp_path / "deep" / "b.html").write_text('<link rel="stylesheet" href="../a.css">')
    (tmp_path / "a.css").write_text("h1 { background: url(a.png) }")
    (tmp_path / "a.png").write_bytes(b"")
    return tmp_path


def test_a_good_site_passes(check_site, site):
    assert list(check_site.problems(site)) == []


@pytest.mark.parametrize(
    ("page", "fault"),
    [
        ('<a href="c.html">c</a>', "broken link to c.html"),
        ('<a href="deep/a.html#there">a</a>', "no anchor there"),
        ('<script src="https://example.org/a.js"></script>', "would fetch"),
        ('<script src="//example.org/a.js"></script>', "would fetch"),
        ('<link rel="stylesheet" href="https://example.org/a.css">', "would fetch"),
        ('<img src="b.png">', "lacks b.png"),
    ],
)
def test_a_fault_of_a_page_is_found(check_site, site, page, fault):
    index = site / "index.html"
    index.write_text(index.read_text() + page)
    (found,) = check_site.problems(site)
    assert found.startswith("index.html: ")
    assert fault in found


@pytest.mark.parametrize(
    "style",
    ["@import 'https://example.org/a.css';", "b { src: url(//example.org/font) }"],
)
def test_a_style_that_fetches_is_found(check_site, site, style):
    (site / "a.css").write_text(style)
    assert list(check_site.problems(site)) == ["a.css: would fetch from elsewhere"]


def test_a_page_too_far_away_is_found(check_site, site):
    (site / "deep" / "b.html").write_text('<a href="c.html">c</a>')
    (site / "deep" / "c.html").write_text("")
    (found,) = check_site.problems(site)
    assert found == "deep/c.html: further than 2 clicks from the first page"
