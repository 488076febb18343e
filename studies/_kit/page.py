"""A study's own page: verdicts, then its chapters, then how the numbers came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from memmetrics.experiment.store.manifest import package_versions
from memmetrics.reporting import page
from studies._kit.chapter import Chapter, Settings, Study
from studies._kit.words import number

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
    sections = [_chapter(chapter, images) for chapter in chapters]
    if not verdicts.empty:  # claims with our numbers, before anything else
        shown = _table(verdicts.drop(columns="study"))
        sections.insert(0, page.Section("verdicts", "Verdicts", [shown]))
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


def _chapter(chapter: Chapter, images: Mapping[str, bytes]) -> page.Section:
    parts: list[page.Part] = [page.Text(chapter.text), _table(chapter.summary)]
    parts += chapter.films
    parts += [
        page.Picture(picture.title, images[picture.name], picture.caption)
        for picture in chapter.pictures
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
