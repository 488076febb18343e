"""Metrics of what a network memorized: how much, how sure, by which definition."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from memmetrics.concatenation import concatenate
from memmetrics.evidence import Fit, Losses, OneRun, Retrainings
from memmetrics.experiment.retraining import retrain
from memmetrics.measurement import measure
from memmetrics.metrics.base import Metric
from memmetrics.metrics.counterfactual import (
    CounterfactualMemorization,
    counterfactual_memorization,
)
from memmetrics.metrics.dimensionality import (
    DatapointDimensionality,
    FeatureDimensionality,
    datapoint_dimensionality,
    feature_dimensionality,
)
from memmetrics.metrics.gap import TrainTestGap, train_test_gap
from memmetrics.metrics.influence import (
    CounterfactualInfluence,
    counterfactual_influence,
)
from memmetrics.metrics.leverage import Leverage, leverage
from memmetrics.planning.plan import plan
from memmetrics.planning.precision import Precision
from memmetrics.planting import plant
from memmetrics.reading import read_retrainings
from memmetrics.reporting.report import report
from memmetrics.result import Result
from memmetrics.selection_spectrum import spectrum
from memmetrics.trainers.function import FunctionTrainer
from memmetrics.trainers.module.trainer import ModuleTrainer
from memmetrics.trainers.toy import ToyTrainer, sparse_features

if TYPE_CHECKING:
    from memmetrics import (
        designs as designs,
        metrics as metrics,
        plotting as plotting,
        selection as selection,
        statistics as statistics,
        testing as testing,
        trainers as trainers,
    )

__version__ = "0.1.0"

__all__ = [
    "CounterfactualInfluence",
    "CounterfactualMemorization",
    "DatapointDimensionality",
    "FeatureDimensionality",
    "Fit",
    "FunctionTrainer",
    "Leverage",
    "Losses",
    "Metric",
    "ModuleTrainer",
    "OneRun",
    "Precision",
    "Result",
    "Retrainings",
    "ToyTrainer",
    "TrainTestGap",
    "concatenate",
    "counterfactual_influence",
    "counterfactual_memorization",
    "datapoint_dimensionality",
    "feature_dimensionality",
    "leverage",
    "measure",
    "plan",
    "plant",
    "read_retrainings",
    "report",
    "retrain",
    "sparse_features",
    "spectrum",
    "train_test_gap",
]

# Attributes without an import of their own, loaded when they are first used: some take
# libraries along that few need, such as matplotlib.
_ROOMS = (
    "designs",
    "metrics",
    "plotting",
    "selection",
    "statistics",
    "testing",
    "trainers",
)


def __getattr__(name: str) -> ModuleType:
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS})
