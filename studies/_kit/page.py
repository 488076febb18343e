"""A study's own page: verdicts, then its chapters, then how the numbers came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from memmetrics.experiment.store.manifest import package_versions
from memmetrics.reporting import page
from studies._kit.chapter import Chapter, Picture, Settings, Study
from studies._kit.words import number

_VERDICT_COLUMNS = (
    "verdict",
    "claim",
    "ours",
    "low",
    "high",
    "allowed",
    "published",
    "source",
)
# Whose versions have a part in the numbers, beside those that the package names.
LIBRARIES = ("numba", "pandas", "scikit-learn", "matplotlib")


def render_page(
    study: Study,
    chapters: Sequence[Chapter],
    settings: Settings,
    images: Mapping[str, bytes],
    verdicts: pd.DataFrame,
    *,
    seconds: float,
) -> bytes:
    """Return the page; `images` has the PNG of every picture by its name."""
    sections = [_chapter(chapter, images, study.cover) for chapter in chapters]
    if not verdicts.empty:  # claims with our numbers, before what they come from
        shown = _table(verdicts[list(_VERDICT_COLUMNS)])
        sections.insert(0, page.Section("verdicts", "Verdicts", [shown]))
    cover = [it for it in _pictures(chapters) if it.name == study.cover]
    if cover:
        shown_first = [_picture(picture, images) for picture in cover]
        sections.insert(0, page.Section("cover", "In one picture", shown_first))
    chosen = {name: it for name, it in asdict(settings).items() if it is not None}
    facts = {
        "command line": _listed(chosen),
        **{chapter.title: _listed(chapter.configuration) for chapter in chapters},
        "versions": _listed(package_versions(LIBRARIES)),
        "time": f"{seconds:.0f} s",
    }
    end = "How these numbers came about"
    sections.append(page.Section("configuration", end, [page.Facts(facts)]))
    moving = any(chapter.films for chapter in chapters)
    return page.html_page(study.title, study.text, sections, scripts=moving)


def _pictures(chapters: Sequence[Chapter]) -> list[Picture]:
    return [picture for chapter in chapters for picture in chapter.pictures]


def _picture(picture: Picture, images: Mapping[str, bytes]) -> page.Picture:
    return page.Picture(picture.title, images[picture.name], picture.caption)


def _chapter(chapter: Chapter, images: Mapping[str, bytes], cover: str) -> page.Section:
    parts: list[page.Part] = [page.Text(chapter.text), _table(chapter.summary)]
    parts += chapter.films
    parts += [
        _picture(picture, images)
        for picture in chapter.pictures
        if picture.name != cover
    ]
    return page.Section(chapter.name, chapter.title, parts)


def _table(table: pd.DataFrame) -> page.Table:
    return page.Table(table.map(number))


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {_value(value)}" for name, value in values.items()
    )


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "(" + ", ".join(_value(item) for item in value) + ")"
    return str(value)
