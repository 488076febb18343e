"""Confidence intervals for the mean of one arm, from streamed statistics.

The one-sample sibling of `memmetrics.statistics.intervals`, with the same names for
what was used and for what a sample lacks: Student's t with its limit on the side of the
longer tail moved outwards, or Wilson's score interval where the scores take two values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from memmetrics._arrays.validation import as_confidence
from memmetrics.statistics._proportions import wilson_limits
from memmetrics.statistics._samples import Arm, Floats, Kind, Lack
from memmetrics.statistics._skewness import mean_difference, stands_apart
from memmetrics.statistics.intervals import FLAGS, INTERVALS, ArmStatistics

__all__ = ["mean_interval"]


def mean_interval(moments: ArmStatistics, *, confidence: float) -> dict[str, Any]:
    """Interval for the mean of one arm, point by point.

    Parameters
    ----------
    moments : ArmStatistics
        Statistics of the arm; arrays ``(points,)``.
    confidence : float
        Nominal coverage of the two-sided interval, strictly between 0 and 1.

    Returns
    -------
    dict
        ``standard_error``, ``low`` and ``high``, float64 arrays ``(points,)`` in the
        unit of the score, NaN where the sample supports no interval; ``columns`` with
        ``interval``, one of `INTERVALS`, and ``flag``, one of `FLAGS`. As arguments
        of a `Result`.

    Raises
    ------
    ValueError
        If `confidence` lies outside (0, 1).

    Notes
    -----
    Two scores are two values whatever their kind, so two-valued means 0 and 1, or at
    least three runs with two values between them. Runs that are all alike have an
    interval if their value is 0 or 1.

    Examples
    --------
    >>> from memmetrics.statistics.arms import Arms
    >>> scores = np.array([[1.0], [0.0], [1.0], [1.0]])
    >>> arm = Arms.from_scores(scores, np.ones((4, 1), dtype=bool)).inside
    >>> found = mean_interval(arm, confidence=0.95)
    >>> print(f"{found['low'].item():.2f} to {found['high'].item():.2f}")
    0.30 to 0.95
    """
    confidence = as_confidence(confidence)
    arm = Arm.take(moments, slice(None))
    kind, lack = _classify(arm)
    error, low, high = (np.full(len(kind), np.nan) for _ in range(3))
    for of_kind, compute in ((Kind.MEANS, _mean), (Kind.PROPORTIONS, _proportion)):
        chosen = np.flatnonzero(kind == of_kind)
        error[chosen], low[chosen], high[chosen] = compute(arm.pick(chosen), confidence)
    return {
        "standard_error": error,
        "low": low,
        "high": high,
        "columns": {
            "interval": np.array(INTERVALS, dtype=object)[kind],
            "flag": np.array(FLAGS, dtype=object)[lack],
        },
    }


def _classify(arm: Arm) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    alike = (arm.lowest == arm.highest) & (arm.runs > 1)
    outcomes = np.isin(arm.lowest, (0, 1)) & np.isin(arm.highest, (0, 1))
    two_valued = ~alike & (arm.at_lowest + arm.at_highest == arm.runs)
    kind = np.full(len(arm.runs), Kind.MEANS, dtype=np.int8)
    kind[two_valued & (arm.runs > 2)] = Kind.PROPORTIONS
    kind[alike] = Kind.NONE
    kind[outcomes] = Kind.PROPORTIONS
    infinite = np.isinf(arm.lowest) | np.isinf(arm.highest)
    kind[infinite | (arm.runs < 2)] = Kind.NONE
    lack = np.full(len(arm.runs), Lack.NOTHING, dtype=np.int8)
    means = np.flatnonzero(kind == Kind.MEANS)
    lack[means[stands_apart(arm.pick(means))]] = Lack.REPETITION
    lack[alike] = Lack.VARIATION
    lack[infinite] = Lack.FINITENESS
    lack[arm.runs < 2] = Lack.RUNS
    return kind, lack


def _mean(arm: Arm, confidence: float) -> tuple[Floats, Floats, Floats]:
    # Against an arm that is 0 for certain, a difference of means is the mean, and
    # Welch's interval Student's.
    zero = np.zeros_like(arm.mean)
    two = np.full_like(zero, 2)
    certain = Arm(two, zero, zero, zero, zero, zero, two, two)
    difference = mean_difference(arm, certain)
    return difference.standard_error, *difference.limits(confidence)


def _proportion(arm: Arm, confidence: float) -> tuple[Floats, Floats, Floats]:
    alike = arm.lowest == arm.highest
    lower = np.where(alike, 0, arm.lowest)
    span = np.where(alike, 1, arm.highest - arm.lowest)
    share = (arm.mean - lower) / span
    low, high = wilson_limits(share, arm.runs, special.ndtri((1 + confidence) / 2))
    # As for a difference: where no run differs, as if one more at each value did.
    error = np.sqrt(share * (1 - share) / (arm.runs - 1))
    error = np.where(alike, 1 / (arm.runs + 2), error)
    return span * error, lower + span * low, lower + span * high
