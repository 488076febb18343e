"""Statistics that metrics rest on: two arms, intervals, discoveries, rank agreement."""

from __future__ import annotations

from memmetrics.statistics._proportions import (
    proportion_error,
    proportion_limits,
    wilson_limits,
)
from memmetrics.statistics._skewness import mean_difference
from memmetrics.statistics.arms import Arm, Arms
from memmetrics.statistics.discovery import discoveries
from memmetrics.statistics.intervals import (
    FLAGS,
    INTERVALS,
    DifferenceInterval,
    difference_interval,
)
from memmetrics.statistics.jackknife import jackknife_error, jackknife_limits
from memmetrics.statistics.mean_interval import mean_interval
from memmetrics.statistics.rank_agreement import RankAgreement, rank_agreement
from memmetrics.statistics.reliability import (
    reliability_from_errors,
    split_half_reliability,
    split_halves,
)

__all__ = [
    "FLAGS",
    "INTERVALS",
    "Arm",
    "Arms",
    "DifferenceInterval",
    "RankAgreement",
    "difference_interval",
    "discoveries",
    "jackknife_error",
    "jackknife_limits",
    "mean_difference",
    "mean_interval",
    "proportion_error",
    "proportion_limits",
    "rank_agreement",
    "reliability_from_errors",
    "split_half_reliability",
    "split_halves",
    "wilson_limits",
]
