"""Every definition as a score of each point: high means memorized."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

import memmetrics as mm
from memmetrics.metrics import consistency_score, membership_advantage
from memmetrics.statistics import (
    rank_agreement,
    split_half_reliability,
    split_halves,
)
from studies.definitions.evidence import REFERENCE, Arrays
from studies.definitions.recipes import Bools, Floats

MEMORIZATION = "counterfactual memorization"
RETRAINED = (MEMORIZATION, "C-score, negated", "membership advantage")
GEOMETRY = ("datapoint dimensionality", "leverage")
GAP, GRADIENTS = "per-point gap", "self-influence (gradients)"
DEFINITIONS = (*RETRAINED, GAP, *GEOMETRY, GRADIENTS)

_SPLITS = 10
# Numbers that agree in so many digits are equal: trees, and repeated points, give many
# that are, but for the order in which they were summed.
_DIGITS = 10
# Below this reliability the noise is all there is to see.
LEAST_RELIABILITY = 0.2

Statistic: TypeAlias = Callable[[Bools], Floats]


@dataclass(frozen=True, eq=False)
class Score:
    """One definition: its score of all `points`, and halves of the runs that give it.

    Definitions of one `source` are computed from the same runs.
    """

    points: Floats
    halves: Floats  # (splits, 2, points)
    reliability: float
    source: str


def all_scores(arrays: Arrays) -> dict[str, Score]:
    """Score all points by every definition that the models have."""
    scores, member = arrays[f"{REFERENCE} scores"], arrays[f"{REFERENCE} member"]

    def retrained(metric: Callable[..., mm.Result], sign: float) -> Statistic:
        def statistic(runs: Bools) -> Floats:
            estimate: Floats = metric(scores[runs], member[runs]).estimate
            return sign * with_ties(estimate, size=scores)

        return statistic

    def mean_of(name: str) -> Statistic:
        return lambda runs: with_ties(arrays[name][runs].mean(axis=0))

    of_retraining = {
        RETRAINED[0]: retrained(mm.counterfactual_memorization, 1.0),
        RETRAINED[1]: retrained(consistency_score, -1.0),
        RETRAINED[2]: retrained(membership_advantage, 1.0),
    }
    found = {
        name: _score(statistic, len(scores), "retrainings")
        for name, statistic in of_retraining.items()
    }
    of_fits = {GAP: "gap", GEOMETRY[0]: "dimensionality", GEOMETRY[1]: "leverage"}
    of_fits |= {GRADIENTS: "self influence"}
    for name, array in of_fits.items():
        if array in arrays:
            found[name] = _score(mean_of(array), len(arrays[array]), "fits")
    return found


def memorization_of(scores: Floats, member: Bools) -> Floats:
    """Counterfactual memorization by some runs, (points,)."""
    found: Floats = mm.counterfactual_memorization(scores, member).estimate
    return with_ties(found, size=scores)


def with_ties(values: Floats, *, size: Floats | None = None) -> Floats:
    """Round, such that numbers that only rounding tells apart are equal.

    To `_DIGITS` digits of each value itself, or of the largest of `size`, the numbers
    whose differences the values are.
    """
    whole = np.abs(values) if size is None else np.nanmax(np.abs(size))
    known = np.where(np.isfinite(whole) & (whole > 0), whole, 1.0)
    unit = 10.0 ** (np.floor(np.log10(known)) + 1 - _DIGITS)
    rounded: Floats = np.round(values / unit) * unit
    return rounded


def _score(statistic: Statistic, runs: int, source: str) -> Score:
    halves = split_halves(statistic, runs, rng=0, splits=_SPLITS)
    reliability = split_half_reliability(statistic, runs, rng=0, splits=_SPLITS)
    everyone = np.ones(runs, dtype=bool)
    return Score(statistic(everyone), halves, reliability, source)


def agreement(first: Score, second: Score) -> Mapping[str, float]:
    """Rank agreement of two definitions: as seen, its bound, and without noise.

    Two definitions of the same runs share their noise. They are compared across
    different halves of the runs, and what a half's reliability takes away is put back.
    """
    seen = rank_agreement(
        first.points,
        second.points,
        reliabilities=(first.reliability, second.reliability),
    )
    noiseless = seen.disattenuated
    if first.source == second.source:
        halves = (_of_half(first.reliability), _of_half(second.reliability))
        crossed = [
            rank_agreement(a, b, reliabilities=halves).disattenuated
            for one, other in zip(first.halves, second.halves, strict=True)
            for a, b in ((one[0], other[1]), (one[1], other[0]))
        ]
        noiseless = float(np.mean(crossed))
    if not min(first.reliability, second.reliability) >= LEAST_RELIABILITY:
        noiseless = float("nan")
    return {
        "agreement": seen.estimate,
        "bound": seen.bound,
        "noiseless_agreement": noiseless,
    }


def _of_half(reliability: float) -> float:
    """Reliability of half of the runs, by Spearman and Brown."""
    return reliability / (2 - reliability)
