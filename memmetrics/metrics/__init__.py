"""Metrics: pure functions of evidence, one definition a file.

Every metric is a function of arrays or evidence, and a class whose objects can be given
to `memmetrics.measure`; the registry finds them by name.
"""

from __future__ import annotations

from memmetrics.metrics.base import Metric as Metric
from memmetrics.metrics.consistency import (
    ConsistencyScore as ConsistencyScore,
    consistency_score as consistency_score,
)
from memmetrics.metrics.counterfactual import (
    CounterfactualMemorization as CounterfactualMemorization,
    counterfactual_memorization as counterfactual_memorization,
    memorization_from_arms as memorization_from_arms,
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
from memmetrics.metrics.group_memorization import (
    GroupMemorization as GroupMemorization,
    group_memorization as group_memorization,
)
from memmetrics.metrics.influence import (
    CounterfactualInfluence as CounterfactualInfluence,
    counterfactual_influence as counterfactual_influence,
    influence_blocks as influence_blocks,
)
from memmetrics.metrics.influence_top import top_influences as top_influences
from memmetrics.metrics.leverage import Leverage as Leverage, leverage as leverage
from memmetrics.metrics.likelihood_ratio import (
    likelihood_ratios as likelihood_ratios,
    logit as logit,
)
from memmetrics.metrics.linear_datamodel_score import (
    linear_datamodel_score as linear_datamodel_score,
    mean_linear_datamodel_score as mean_linear_datamodel_score,
)
from memmetrics.metrics.membership_advantage import (
    MembershipAdvantage as MembershipAdvantage,
    membership_advantage as membership_advantage,
)
from memmetrics.metrics.membership_inference import (
    MembershipInference as MembershipInference,
    membership_inference as membership_inference,
)
from memmetrics.metrics.one_run import (
    OneRunAudit as OneRunAudit,
    OneRunMemorization as OneRunMemorization,
    one_run_audit as one_run_audit,
    one_run_memorization as one_run_memorization,
)
from memmetrics.metrics.registry import (
    PluginError as PluginError,
    available_metrics as available_metrics,
    get_metric as get_metric,
    offered_metrics as offered_metrics,
)

__all__ = [
    "ConsistencyScore",
    "CounterfactualInfluence",
    "CounterfactualMemorization",
    "DatapointDimensionality",
    "FeatureDimensionality",
    "GroupMemorization",
    "Leverage",
    "MembershipAdvantage",
    "MembershipInference",
    "Metric",
    "OneRunAudit",
    "OneRunMemorization",
    "PluginError",
    "TrainTestGap",
    "available_metrics",
    "consistency_score",
    "counterfactual_influence",
    "counterfactual_memorization",
    "datapoint_dimensionality",
    "feature_dimensionality",
    "get_metric",
    "group_memorization",
    "influence_blocks",
    "leverage",
    "likelihood_ratios",
    "linear_datamodel_score",
    "logit",
    "mean_linear_datamodel_score",
    "membership_advantage",
    "membership_inference",
    "memorization_from_arms",
    "offered_metrics",
    "one_run_audit",
    "one_run_memorization",
    "top_influences",
    "train_test_gap",
]
