"""Metrics of what a network memorized: how much, how sure, by which definition."""

from __future__ import annotations

from memmetrics.evidence import Fit as Fit, Losses as Losses, Retrainings as Retrainings
from memmetrics.metrics.base import Metric as Metric
from memmetrics.result import Result as Result
from memmetrics.retraining.harness import retrain as retrain
from memmetrics.retraining.measure import measure as measure

__version__ = "0.1.0"

__all__ = [
    "Fit",
    "Losses",
    "Metric",
    "Result",
    "Retrainings",
    "measure",
    "retrain",
]
