"""Metrics against the memory traffic that they cannot do without."""

from __future__ import annotations

from functools import partial

import numpy as np

import memmetrics as mm
from benchmarks.children import retrainings
from benchmarks.clock import Race

__all__ = ["counterfactual_race", "feature_dimensionality_race"]


def feature_dimensionality_race(features: int) -> Race:
    """Time it on (features, 2) in float32, beside a copy of the same array."""
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((features, 2), np.float32)
    target = np.empty_like(weights)
    return Race(
        {
            "copy": partial(np.copyto, target, weights),
            "metric": partial(mm.feature_dimensionality, weights),
        }
    )


def counterfactual_race(runs: int, points: int) -> Race:
    """Time it on (runs, points) in float32, beside one pass: the sum over runs."""
    scores, member = retrainings(runs, points)
    return Race(
        {
            "pass": partial(np.sum, scores, axis=0),
            "metric": partial(mm.counterfactual_memorization, scores, member),
        }
    )
