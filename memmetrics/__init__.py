"""Metrics of what a network memorized: how much, how sure, by which definition."""

from __future__ import annotations

from memmetrics.concatenation import concatenate as concatenate
from memmetrics.evidence import (
    Fit as Fit,
    Losses as Losses,
    OneRun as OneRun,
    Retrainings as Retrainings,
)
from memmetrics.experiment.retraining import retrain as retrain
from memmetrics.measurement import measure as measure
from memmetrics.metrics.base import Metric as Metric
from memmetrics.metrics.counterfactual import (
    CounterfactualMemorization as CounterfactualMemorization,
    counterfactual_memorization as counterfactual_memorization,
)
from memmetrics.metrics.dimensionality import (
    DatapointDimensionality as DatapointDimensionality,
    FeatureDimensionality as FeatureDimensionality,
    datapoint_dimensionality as datapoint_dimensionality,
    feature_dimensionality as feature_dimensionality,
)
from memmetrics.metrics.gap import (
    TrainTestGap as TrainTestGap,
    train_test_gap as train_test_gap,
)
from memmetrics.metrics.influence import (
    CounterfactualInfluence as CounterfactualInfluence,
    counterfactual_influence as counterfactual_influence,
)
from memmetrics.metrics.leverage import Leverage as Leverage, leverage as leverage
from memmetrics.planning.plan import plan as plan
from memmetrics.planning.precision import Precision as Precision
from memmetrics.planting import plant as plant
from memmetrics.reading import read_retrainings as read_retrainings
from memmetrics.reporting.report import report as report
from memmetrics.result import Result as Result
from memmetrics.selection_spectrum import spectrum as spectrum
from memmetrics.trainers.function import FunctionTrainer as FunctionTrainer
from memmetrics.trainers.module.trainer import ModuleTrainer as ModuleTrainer
from memmetrics.trainers.toy import (
    ToyTrainer as ToyTrainer,
    sparse_features as sparse_features,
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
