"""Evidence of any size, drawn at random, for timing metrics."""

from __future__ import annotations

import numpy as np

import memmetrics as mm
from benchmarks.children import retrainings
from memmetrics.evidence import Evidence

__all__ = ["random_evidence"]


def random_evidence(
    kind: type[Evidence], points: int, *, hidden: int = 8, runs: int = 64
) -> Evidence:
    """Return evidence of a kind about so many points (and as many features)."""
    rng = np.random.default_rng(0)
    if kind is mm.Fit:
        shape = (points, hidden)
        return mm.Fit(
            weights=rng.standard_normal(shape, np.float32),
            hidden=rng.standard_normal(shape, np.float32),
        )
    if kind is mm.Losses:
        return mm.Losses(
            train=rng.random(points, np.float32), test=rng.random(points, np.float32)
        )
    scores, member = retrainings(runs, points)
    return mm.Retrainings(scores=scores, member=member)
