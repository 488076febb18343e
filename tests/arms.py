"""Arms of scores, their intervals, and Welch's for comparison."""

from __future__ import annotations

import numpy as np
from scipy import stats

from memmetrics.statistics.arms import Arm
from memmetrics.statistics.intervals import difference_interval


def arm(scores):
    """Statistics of one arm, (runs, points), from the scores themselves."""
    scores = np.asarray(scores, dtype=float)
    if scores.ndim == 1:
        scores = scores[:, np.newaxis]
    runs = len(scores)
    mean = scores.mean(0)
    lowest, highest = scores.min(0), scores.max(0)
    squares = ((scores - mean) ** 2).sum(0)
    return Arm(
        count=np.full(scores.shape[1], runs),
        mean=mean,
        squares=squares,
        cubes=((scores - mean) ** 3).sum(0),
        lowest=lowest,
        highest=highest,
        at_lowest=(scores == lowest).sum(0),
        at_highest=(scores == highest).sum(0),
    )


def interval(inside, outside, *, confidence=0.95, **options):
    return difference_interval(
        arm(inside), arm(outside), confidence=confidence, **options
    )


def welch(inside, outside, confidence=0.95):
    found = stats.ttest_ind(inside, outside, equal_var=False)
    return found.confidence_interval(confidence)


def outcomes(ones, runs):
    return np.r_[np.ones(ones), np.zeros(runs - ones)]
