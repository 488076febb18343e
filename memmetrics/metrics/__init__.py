"""Metrics: pure functions of evidence, one definition a file.

Every metric is a function of arrays or evidence, and a class whose objects can be given
to `memmetrics.measure`; the registry finds them by name.
"""

from __future__ import annotations

from memmetrics.metrics.base import Metric
from memmetrics.metrics.consistency import ConsistencyScore, consistency_score
from memmetrics.metrics.counterfactual import (
    CounterfactualMemorization,
    counterfactual_memorization,
    memorization_from_arms,
)
from memmetrics.metrics.dimensionality import (
    DatapointDimensionality,
    FeatureDimensionality,
    datapoint_dimensionality,
    feature_dimensionality,
)
from memmetrics.metrics.gap import TrainTestGap, train_test_gap
from memmetrics.metrics.group_memorization import GroupMemorization, group_memorization
from memmetrics.metrics.influence import (
    CounterfactualInfluence,
    counterfactual_influence,
    influence_blocks,
)
from memmetrics.metrics.influence_top import top_influences
from memmetrics.metrics.leverage import Leverage, leverage
from memmetrics.metrics.likelihood_ratio import likelihood_ratios, logit
from memmetrics.metrics.linear_datamodel_score import (
    linear_datamodel_score,
    mean_linear_datamodel_score,
)
from memmetrics.metrics.membership_advantage import (
    MembershipAdvantage,
    membership_advantage,
)
from memmetrics.metrics.membership_inference import (
    MembershipInference,
    membership_inference,
)
from memmetrics.metrics.one_run import (
    OneRunAudit,
    OneRunMemorization,
    one_run_audit,
    one_run_memorization,
)
from memmetrics.metrics.predictors import (
    difference_in_differences as difference_in_differences,
    forgetting_events as forgetting_events,
    loss_area as loss_area,
    self_influence as self_influence,
    tracin as tracin,
)
from memmetrics.metrics.recital import prefix_needed, verbatim_recital
from memmetrics.metrics.registry import (
    PluginError,
    available_metrics,
    get_metric,
    offered_metrics,
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
    "difference_in_differences",
    "feature_dimensionality",
    "forgetting_events",
    "get_metric",
    "group_memorization",
    "influence_blocks",
    "leverage",
    "likelihood_ratios",
    "linear_datamodel_score",
    "logit",
    "loss_area",
    "mean_linear_datamodel_score",
    "membership_advantage",
    "membership_inference",
    "memorization_from_arms",
    "offered_metrics",
    "one_run_audit",
    "one_run_memorization",
    "prefix_needed",
    "self_influence",
    "top_influences",
    "tracin",
    "train_test_gap",
    "verbatim_recital",
]
