"""The section of a report on what held-out targets owe to which training points."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from memmetrics.reporting.examples import pixel_range, shown_example
from memmetrics.reporting.influences import Influences
from memmetrics.reporting.page import Gallery, Item, Part, Section, Table, Text
from memmetrics.reporting.words import counted, number

__all__ = ["influence_section"]


def influence_section(
    influences: Influences,
    rows: Sequence[Mapping[str, Any]],
    points: Sequence[Any] | None,
    targets: Sequence[Any] | None,
) -> Section:
    """Return the section.

    Parameters
    ----------
    influences : Influences
        What was found.
    rows : sequence of mapping
        The rows of its table, as ``report.json`` has them.
    points, targets : sequence of str or array, or None
        Training points and held-out targets, to show beside their numbers.
    """
    parts: list[Part] = [Text(_words(influences)), _table(rows)]
    if points is not None:
        for target, some in itertools.groupby(rows, key=lambda row: row["target"]):
            parts += _beside(target, list(some), points, targets)
    return Section("influence", "What held-out targets rest on", parts)


def _words(influences: Influences) -> str:
    searched = counted(influences.searched, "held-out target")
    if influences.searched < influences.held_out:
        searched = (
            f"{influences.searched:,} of {influences.held_out:,} held-out targets"
        )
    clear = int(influences.table["clear"].sum())
    return (
        "Influence of a training point on a held-out target is the target's mean score "
        "over models that trained on the point, minus its mean score over those that "
        "did not: positive where the point helps. Shown are the targets whose largest "
        f"influence is clearest, out of {searched}, each with the points that matter "
        f"most to it.\n\nThese are the largest of {counted(influences.pairs, 'pair')}, "
        "and large by luck as well. An interval is for its own pair; an influence is "
        "called clear where it is not zero by intervals that hold for all pairs at "
        f"once, as {clear:,} of the {len(influences.table):,} shown are."
    )


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        pd.DataFrame(
            {
                "held-out target": [str(row["target"]) for row in rows],
                "training point": [str(row["point"]) for row in rows],
                "influence": [number(row["estimate"]) for row in rows],
                "from": [number(row["low"]) for row in rows],
                "to": [number(row["high"]) for row in rows],
                "clear": ["yes" if row["clear"] else "no" for row in rows],
            }
        )
    )


def _beside(
    target: int,
    rows: Sequence[Mapping[str, Any]],
    points: Sequence[Any],
    targets: Sequence[Any] | None,
) -> list[Part]:
    """Return a target and its points beside one another."""
    notes = [_note(row) for row in rows]
    chosen = [points[row["point"]] for row in rows]
    if targets is not None:
        notes.insert(0, f"held-out target {target}")
        chosen.insert(0, targets[target])
    scale = None if isinstance(chosen[0], str) else pixel_range(chosen)
    marked = [False] * (len(chosen) - len(rows)) + [bool(row["clear"]) for row in rows]
    items = [
        Item(shown_example(example, scale), note, mark)
        for example, note, mark in zip(chosen, notes, marked, strict=True)
    ]
    which = f"Held-out target {target}"
    return [
        Text(f"{which}{':' if targets is None else ', and what it rests on:'}"),
        Gallery(items),
    ]


def _note(row: Mapping[str, Any]) -> str:
    note = f"point {row['point']}: {number(row['estimate'], 3)}"
    if row["low"] is not None:
        note += f" ({number(row['low'], 3)} to {number(row['high'], 3)})"
    return f"{note}, clear" if row["clear"] else note
