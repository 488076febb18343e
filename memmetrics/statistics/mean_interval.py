"""Confidence intervals for the mean of one arm, from streamed statistics.

The one-sample sibling of `memmetrics.statistics.intervals`, with the same names for
what was used and for what a sample lacks: Student's t with its limit on the side of the
longer tail moved outwards, or Wilson's score interval where the scores take two values.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from scipy import special

from memmetrics._arrays.validation import as_confidence
from memmetrics.statistics._proportions import wilson_limits
from memmetrics.statistics._samples import Floats, Kind, Lack, Sample, choose, classify
from memmetrics.statistics._skewness import Difference, mean_difference, stands_apart
from memmetrics.statistics.arms import Arm
from memmetrics.statistics.intervals import interval_iv

__all__ = ["MeanInterval", "mean_interval"]

MeanInterval: TypeAlias = Literal["automatic", "student", "wilson"]
"""Which interval may be asked for."""


def mean_interval(
    arm: Arm, *, confidence: float, interval: MeanInterval = "automatic"
) -> dict[str, Any]:
    """Interval for the mean of one arm, point by point.

    Parameters
    ----------
    arm : Arm
        Statistics of the arm; arrays ``(points,)``.
    confidence : float
        Nominal coverage of the two-sided interval, strictly between 0 and 1.
    interval : {"automatic", "student", "wilson"}
        Which interval: the one that fits each point, or a published one for all,
        Student's t or, of two-valued scores only, Wilson's.

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
        If `confidence` lies outside (0, 1), or `interval` is unknown, or
        ``"wilson"`` and a point has scores of more than two values.

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
    interval_iv(interval, get_args(MeanInterval))
    sample = _classify(arm)
    choose(sample, interval)
    numbers = np.full((3, len(sample.kind)), np.nan)
    for kind, compute in _COMPUTED.items():
        chosen = np.flatnonzero(sample.kind == kind)
        numbers[:, chosen] = compute(arm.take(chosen), confidence)
    columns = {"interval": sample.interval, "flag": sample.flag}
    found = dict(zip(("standard_error", "low", "high"), numbers, strict=True))
    return {**found, "columns": columns}


def _classify(arm: Arm) -> Sample:
    sample = classify(arm, arm)
    # Two scores are two values whatever their kind.
    outcomes = np.isin(arm.lowest, (0, 1)) & np.isin(arm.highest, (0, 1))
    pair = (arm.count == 2) & (sample.kind == Kind.PROPORTIONS) & ~outcomes
    sample.kind[pair] = Kind.MEANS
    means = np.flatnonzero(sample.kind == Kind.MEANS)
    sample.lack[means[stands_apart(arm.take(means))]] = Lack.REPETITION
    return sample


def _mean(arm: Arm, confidence: float) -> tuple[Floats, Floats, Floats]:
    difference = _from_zero(arm)
    return difference.standard_error, *difference.limits(confidence)


def _student(arm: Arm, confidence: float) -> tuple[Floats, Floats, Floats]:
    difference = replace(_from_zero(arm), skewness=np.zeros_like(arm.mean))
    return difference.standard_error, *difference.limits(confidence)


def _from_zero(arm: Arm) -> Difference:
    # Against an arm that is 0 for certain, a difference of means is the mean, and
    # Welch's interval Student's.
    zero, two = np.zeros_like(arm.mean), np.full_like(arm.count, 2)
    return mean_difference(arm, Arm(two, zero, zero, zero, zero, zero, two, two))


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


_COMPUTED = {
    Kind.MEANS: _mean,
    Kind.PROPORTIONS: _proportion,
    Kind.STUDENT: _student,
    Kind.WILSON: _proportion,
}
