"""One HTML page with everything inside: it opens offline and survives being moved.

A page is a title, an introduction and sections; a section is a title and parts: text,
tables, pictures, galleries. All text is plain, and escaped here.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Protocol

import pandas as pd

__all__ = [
    "Facts",
    "Gallery",
    "Item",
    "Part",
    "Picture",
    "Section",
    "Table",
    "Text",
    "html_page",
]

# Nothing may be asked of the network, not even by what an example holds.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_SCRIPTS = "; script-src 'unsafe-inline'"
_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #222; --soft: #5c5c5c;
  --line: #ddd; --link: #0060a0; --mark: #0072b2; --found: #b34a00; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181b; --ink: #e6e6e6;
  --soft: #a8a8a8; --line: #3a3d42; --link: #7cc0f0; --mark: #56b4e9;
  --found: #f0a060; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.25rem 4rem;
  background: var(--paper); color: var(--ink); line-height: 1.55;
  font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .75rem; }
h2 { font-size: 1.4rem; margin: 3rem 0 .5rem; padding-top: 1rem;
  border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
h1, h2, h3, p, td, th, figcaption { overflow-wrap: anywhere; }
p { max-width: 46rem; }
nav a { margin-right: 1.25rem; display: inline-block; }
a { color: var(--link); }
figure { margin: 1rem 0 2.5rem; }
figure img { max-width: 100%; height: auto; display: block; background: #fff;
  border-radius: 4px; }
figcaption { max-width: 46rem; margin-top: .6rem; padding-left: .8rem;
  border-left: 3px solid var(--mark); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; margin: 1rem 0;
  font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem .3rem 0; text-align: right; vertical-align: bottom;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
.wide td, .wide th { white-space: nowrap; }
.wide .words { white-space: normal; text-align: left; min-width: 12rem; }
.facts td, .facts th { text-align: left; vertical-align: top; }
.facts th { min-width: 8rem; }
.gallery { list-style: none; margin: 1rem 0; padding: 0; display: grid; gap: .75rem; }
.pictures { grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); }
.gallery li { border: 1px solid var(--line); border-radius: 4px; padding: .5rem; }
.gallery li.marked { border-color: var(--found); }
.gallery img { display: block; width: 100%; height: 7rem; object-fit: contain;
  image-rendering: pixelated; }
.gallery .text { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 0 .4rem; }
.gallery .note { font-size: .8rem; color: var(--soft); margin: .3rem 0 0;
  font-variant-numeric: tabular-nums; }
.gallery .marked .note { color: var(--found); }
"""
_LONGEST_NAME = 24
# Characters that have no place in HTML, whatever they are escaped to.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class Part(Protocol):
    """Something in a section."""

    def html(self) -> str:
        """Return it as HTML, all text escaped."""
        ...


@dataclass(frozen=True)
class Text:
    r"""Paragraphs of plain text, which blank lines separate.

    Examples
    --------
    >>> Text("a < b").html()
    '<p>a &lt; b</p>\n'
    """

    text: str

    def html(self) -> str:
        """See `Part`."""
        paragraphs = self.text.strip().split("\n\n")
        return "".join(f"<p>{_plain(part)}</p>\n" for part in paragraphs)


@dataclass(frozen=True, eq=False)
class Table:
    """A small table to read; numbers come as the text that they are to be."""

    frame: pd.DataFrame

    def html(self) -> str:
        """See `Part`."""
        head = "".join(
            f'<th scope="col">{_plain(str(name))}</th>' for name in self.frame
        )
        rows = "".join(
            "<tr>" + "".join(map(_cell, row)) + "</tr>\n"
            for row in self.frame.itertuples(index=False)
        )
        return (
            f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n'
            f"<tbody>\n{rows}</tbody>\n</table></div>\n"
        )


@dataclass(frozen=True)
class Facts:
    """Names and what each is, a line for each."""

    facts: Mapping[str, str]

    def html(self) -> str:
        """See `Part`."""
        rows = "".join(
            f'<tr><th scope="row">{_plain(name)}</th><td>{_plain(fact)}</td></tr>\n'
            for name, fact in self.facts.items()
        )
        return f'<table class="facts">\n{rows}</table>\n'


@dataclass(frozen=True)
class Picture:
    """A drawing with what to see in it; `png` is the content of the file."""

    title: str
    png: bytes
    caption: str = ""

    def html(self) -> str:
        """See `Part`."""
        caption = self.caption and f"<figcaption>{_plain(self.caption)}</figcaption>\n"
        return (
            f"<h3>{_plain(self.title)}</h3>\n<figure>\n"
            f'<img alt="{_plain(self.title)}" src="{_inline(self.png)}">\n'
            f"{caption}</figure>\n"
        )


@dataclass(frozen=True)
class Item:
    """One example in a gallery: a text, or the content of a PNG or JPEG file."""

    content: str | bytes
    note: str
    marked: bool = False


@dataclass(frozen=True)
class Gallery:
    """Examples, all pictures or all texts, each with a note underneath."""

    items: Sequence[Item]

    def html(self) -> str:
        """See `Part`."""
        if not self.items:
            return ""
        pictures = isinstance(self.items[0].content, bytes)
        kind = "gallery pictures" if pictures else "gallery"
        items = "".join(_item(item) for item in self.items)
        return f'<ul class="{kind}">\n{items}</ul>\n'


@dataclass(frozen=True)
class Section:
    """Parts under a title; the page's contents lead to it by `name`."""

    name: str
    title: str
    parts: Sequence[Part]


def html_page(
    title: str,
    introduction: str,
    sections: Sequence[Section],
    *,
    scripts: bool = False,
) -> bytes:
    """Return the page as the content of a file.

    Parameters
    ----------
    title, introduction : str
        Plain text; blank lines separate paragraphs.
    sections : sequence of Section
        In their order.
    scripts : bool, default: False
        Whether scripts that stand in the parts may run.

    Returns
    -------
    bytes
        HTML in UTF-8. It holds its style and pictures, and forbids itself any request.

    Examples
    --------
    >>> page = html_page("Title", "Words.", [Section("one", "One", [Text("a < b")])])
    >>> b"<p>a &lt; b</p>" in page
    True
    """
    contents = "".join(
        f'<a href="#{_plain(section.name)}">{_plain(section.title)}</a>\n'
        for section in sections
    )
    body = "".join(
        f'<section id="{_plain(section.name)}">\n<h2>{_plain(section.title)}</h2>\n'
        f"{''.join(part.html() for part in section.parts)}</section>\n"
        for section in sections
    )
    policy = _POLICY + (_SCRIPTS if scripts else "")
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>{_plain(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<h1>{_plain(title)}</h1>\n{Text(introduction).html()}"
        f"<nav>\n{contents}</nav>\n{body}</body>\n</html>\n"
    )
    return page.encode("utf-8")


def _plain(text: str) -> str:
    return escape(_FORBIDDEN.sub("\ufffd", text))


def _cell(value: object) -> str:
    text = "–" if pd.isna(value) else str(value)
    # What is too long to be a number or a name is read as lines, not as a column.
    kind = ' class="words"' if len(text) > _LONGEST_NAME else ""
    return f"<td{kind}>{_plain(text)}</td>"


def _item(item: Item) -> str:
    marked = ' class="marked"' if item.marked else ""
    if isinstance(item.content, bytes):
        shown = f'<img alt="" src="{_inline(item.content)}">'
    else:
        shown = f'<p class="text" dir="auto">{_plain(item.content)}</p>'
    return f'<li{marked}>{shown}<p class="note">{_plain(item.note)}</p></li>\n'


def _inline(content: bytes) -> str:
    kind = "jpeg" if content.startswith(b"\xff\xd8") else "png"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"
