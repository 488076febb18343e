"""Cheap predictors of memorization: what one training tells without retraining.

Pure functions of arrays that a training loop can write down in passing: losses and hits
along the way, gradients at its end, scores before and after. Whether one of them says
what many retrainings say is a question to each model; `rank_agreement` of
`memmetrics.statistics` answers it.
"""

from __future__ import annotations

from memmetrics.metrics.predictors.differences import (
    difference_in_differences as difference_in_differences,
)
from memmetrics.metrics.predictors.gradients import (
    self_influence as self_influence,
    tracin as tracin,
)
from memmetrics.metrics.predictors.learning import (
    forgetting_events as forgetting_events,
    loss_area as loss_area,
)

__all__ = [
    "difference_in_differences",
    "forgetting_events",
    "loss_area",
    "self_influence",
    "tracin",
]
