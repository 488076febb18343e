"""What cheap predictors say of each point, and what they cost in trainings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from memmetrics.metrics import (
    difference_in_differences,
    forgetting_events,
    loss_area,
)
from studies.definitions.evidence import BLOCK, POOL, Arrays, Cell
from studies.definitions.recipes import Floats
from studies.definitions.scores import memorization_of

FEWER, SHORTER, WARM = "fewer runs", "fewer steps", "warm starts"
GEOMETRY, HISTORY, GRADIENTS = "geometry", "loss and its history", "gradients"
ONE_RUN = "difference in differences"
GROUPS = (FEWER, SHORTER, WARM, GEOMETRY, HISTORY, GRADIENTS, ONE_RUN)


class Prediction(NamedTuple):
    """Scores of points by one predictor, several times over: (times, points)."""

    group: str
    name: str
    cost: float
    scores: Floats


def predictions(cell: Cell, arrays: Arrays) -> Iterator[Prediction]:
    """Yield every predictor that the models have.

    The sign of each is chosen by what its authors say, never by what came out: hard
    points (late, forgotten, of long gradient) are the memorized ones, and of a final
    loss the low one.
    """
    yield from _retrained(cell, arrays)
    yield from _of_fits(cell, arrays)
    yield from _one_run(cell, arrays)


def _retrained(cell: Cell, arrays: Arrays) -> Iterator[Prediction]:
    scores, member = arrays[f"{POOL} scores"], arrays[f"{POOL} member"]
    runs = BLOCK
    while runs <= len(scores):
        groups = [slice(i, i + runs) for i in range(0, len(scores), runs)]
        values = np.stack([memorization_of(scores[g], member[g]) for g in groups])
        yield Prediction(FEWER, f"{runs} runs", runs, values)
        runs *= 2
    if not cell.recipe.history:
        return
    for name, runs, share, warm in cell.runs.shorter(warm=True):
        values = memorization_of(arrays[f"{name} scores"], arrays[f"{name} member"])
        begun = "from a trained model, " if warm else ""
        words = f"{runs} runs, {begun}1/{round(1 / share)} of the steps"
        group = WARM if warm else SHORTER
        yield Prediction(group, words, warm + runs * share, values[np.newaxis])


def _of_fits(cell: Cell, arrays: Arrays) -> Iterator[Prediction]:
    names = {
        "dimensionality": (GEOMETRY, "datapoint dimensionality"),
        "leverage": (GEOMETRY, "leverage"),
        "gap": (HISTORY, "low final loss"),
        "self influence": (GRADIENTS, "self-influence"),
        "tracin": (GRADIENTS, "TracIn"),
        "trak": (GRADIENTS, "TRAK"),
    }
    for array, (group, name) in names.items():
        if array not in arrays:
            continue
        values = arrays[array]
        # TracIn looks along the way, all others at the end.
        cost = cell.recipe.history_cost if array == "tracin" else 1.0
        yield Prediction(group, name, cost, values)
        if group != HISTORY:
            mean = values.mean(axis=0, keepdims=True)
            count = len(values)
            yield Prediction(group, f"{name}, {count} models", count * cost, mean)
    if "losses" not in arrays:
        return
    losses, steps = arrays["losses"], np.asarray(cell.recipe.history)
    early = steps <= 1 / 4
    cost = cell.recipe.history_cost
    before = cost / 4 if cost == 1 else steps[early].sum()
    yield Prediction(HISTORY, "early loss", before, losses[:, early].mean(axis=1))
    yield Prediction(HISTORY, "area of the loss", cost, loss_area(losses, steps))
    if "right" in arrays:
        events = forgetting_events(arrays["right"])
        yield Prediction(HISTORY, "forgetting events", cost, events)


def _one_run(cell: Cell, arrays: Arrays) -> Iterator[Prediction]:
    """Difference in differences, against untreated points of the same label."""
    after = arrays[f"{POOL} scores"][:BLOCK]
    member = arrays[f"{POOL} member"][:BLOCK]
    # An untrained tree gives every point the same.
    before = arrays.get("untrained", np.zeros_like(after))
    strata: Any = cell.points.labels
    values = np.stack(
        [
            difference_in_differences(*run, strata=strata)
            for run in zip(before, after, member, strict=True)
        ]
    )
    yield Prediction(ONE_RUN, "one run, half of the points", 1.0, values)
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean = np.where(known, values, 0.0).sum(axis=0) / np.where(count, count, np.nan)
    yield Prediction(ONE_RUN, f"mean of {BLOCK} runs", BLOCK, mean[np.newaxis])
