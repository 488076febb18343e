"""Statistics that metrics rest on: two arms, intervals, quantiles, discoveries."""

from __future__ import annotations

from memmetrics.statistics._proportions import (
    proportion_error as proportion_error,
    proportion_limits as proportion_limits,
    wilson_limits as wilson_limits,
)
from memmetrics.statistics._skewness import mean_difference as mean_difference
from memmetrics.statistics.arms import Arm as Arm, Arms as Arms
from memmetrics.statistics.discovery import discoveries as discoveries
from memmetrics.statistics.intervals import (
    FLAGS as FLAGS,
    INTERVALS as INTERVALS,
    DifferenceInterval as DifferenceInterval,
    difference_interval as difference_interval,
)
from memmetrics.statistics.jackknife import (
    jackknife_error as jackknife_error,
    jackknife_limits as jackknife_limits,
)
from memmetrics.statistics.mean_interval import mean_interval as mean_interval

__all__ = [
    "FLAGS",
    "INTERVALS",
    "Arm",
    "Arms",
    "DifferenceInterval",
    "difference_interval",
    "discoveries",
    "jackknife_error",
    "jackknife_limits",
    "mean_difference",
    "mean_interval",
    "proportion_error",
    "proportion_limits",
    "wilson_limits",
]
