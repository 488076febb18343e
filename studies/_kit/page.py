"""One HTML page with everything inside: it opens offline and survives being moved."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from typing import Any

import pandas as pd

from memmetrics.experiment.store.manifest import package_versions
from studies._kit.chapter import Chapter, Picture, Settings, Study
from studies._kit.films import render_film

# Whose versions have a part in the numbers, beside those that the package names.
LIBRARIES = ("numba", "pandas", "scikit-learn", "matplotlib")

_STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.25rem 4rem;
  background: #fff; color: #222; line-height: 1.55;
  font-family: system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 .75rem; }
h2 { font-size: 1.4rem; margin: 3rem 0 .5rem; padding-top: 1rem;
  border-top: 1px solid #ddd; }
h3 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p { max-width: 46rem; }
nav a { margin-right: 1.25rem; }
a { color: #0060a0; }
figure { margin: 1rem 0 2.5rem; }
figure img { max-width: 100%; height: auto; display: block; }
figcaption { max-width: 46rem; margin-top: .6rem; padding-left: .8rem;
  border-left: 3px solid #0072b2; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem .3rem 0; text-align: right; vertical-align: bottom;
  border-bottom: 1px solid #e4e4e4; }
th { font-weight: 600; }
.facts td, .facts th { text-align: left; vertical-align: top; }
"""


def render_page(
    study: Study,
    chapters: Sequence[Chapter],
    settings: Settings,
    images: Mapping[str, bytes],
    verdicts: pd.DataFrame,
    *,
    seconds: float,
) -> str:
    """Return the page; `images` has the PNG of every picture by its name."""
    contents = "".join(
        f'<a href="#{escape(chapter.name)}">{escape(chapter.title)}</a>'
        for chapter in chapters
    )
    body = "".join(_chapter(chapter, images) for chapter in chapters)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(study.title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<h1>{escape(study.title)}</h1>\n{_paragraphs(study.text)}"
        f"<nav>{contents}</nav>\n{_verdicts(verdicts)}{body}"
        f"{_colophon(chapters, settings, seconds)}</body>\n</html>\n"
    )


def _verdicts(verdicts: pd.DataFrame) -> str:
    """Claims with our numbers, before anything else; nothing if there are none."""
    if verdicts.empty:
        return ""
    shown = verdicts.drop(columns="study").round(4)
    return f'<section id="verdicts">\n<h2>Verdicts</h2>\n{_summary(shown)}</section>\n'


def _chapter(chapter: Chapter, images: Mapping[str, bytes]) -> str:
    pictures = "".join(
        _picture(picture, images[picture.name]) for picture in chapter.pictures
    )
    films = "".join(map(render_film, chapter.films))
    return (
        f'<section id="{escape(chapter.name)}">\n<h2>{escape(chapter.title)}</h2>\n'
        f"{_paragraphs(chapter.text)}{_summary(chapter.summary)}{films}{pictures}</section>\n"
    )


def _picture(picture: Picture, png: bytes) -> str:
    data = base64.b64encode(png).decode("ascii")
    return (
        f"<h3>{escape(picture.title)}</h3>\n<figure>\n"
        f'<img alt="{escape(picture.title)}" src="data:image/png;base64,{data}">\n'
        f"<figcaption>{escape(picture.caption)}</figcaption>\n</figure>\n"
    )


def _paragraphs(text: str) -> str:
    """Paragraphs of plain text, which blank lines separate."""
    return "".join(f"<p>{escape(part)}</p>\n" for part in text.strip().split("\n\n"))


def _summary(table: pd.DataFrame) -> str:
    html = table.to_html(index=False, border=0, na_rep="–", justify="right")
    return f'<div class="wide">{html}</div>\n'


def _colophon(chapters: Sequence[Chapter], settings: Settings, seconds: float) -> str:
    """How these numbers came about: enough to make them again."""
    chosen = asdict(settings)
    facts: list[tuple[str, Any]] = [
        ("command line", _listed({k: v for k, v in chosen.items() if v is not None})),
        *((chapter.title, _listed(chapter.configuration)) for chapter in chapters),
        ("versions", _listed(package_versions(LIBRARIES))),
        ("time", f"{seconds:.0f} s"),
    ]
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>\n"
        for name, value in facts
    )
    return (
        '<section id="configuration">\n<h2>How these numbers came about</h2>\n'
        f'<table class="facts">\n{rows}</table>\n</section>\n'
    )


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {_value(value)}" for name, value in values.items()
    )


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "(" + ", ".join(_value(item) for item in value) + ")"
    return str(value)
