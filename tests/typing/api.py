"""Users' code, as a strict type checker should see it. Checked, never run."""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np
import numpy.typing as npt
import torch

import memmetrics as mm
from memmetrics.testing import check_metric


class LargestLoss:
    """A plug-in that inherits from nothing."""

    name = "largest_loss"
    version = 1
    needs = mm.Losses

    def __call__(self, evidence: mm.Losses) -> mm.Result:
        """Return the largest loss."""
        return mm.Result(self.name, unit="loss", estimate=evidence.train.max())


def arrays_come_back_as_they_went(
    array: npt.NDArray[np.float64], tensor: torch.Tensor
) -> None:
    """Numpy in, numpy out; torch in, torch out."""
    assert_type(mm.feature_dimensionality(tensor), torch.Tensor)
    assert_type(mm.datapoint_dimensionality(tensor), torch.Tensor)
    assert_type(mm.leverage(tensor, reference=tensor), torch.Tensor)
    assert_type(mm.leverage(array), npt.NDArray[Any])
    fit = mm.Fit(weights=array, hidden=array)
    either: npt.NDArray[Any] | torch.Tensor = mm.leverage(fit)
    either = mm.feature_dimensionality(fit)
    either = mm.datapoint_dimensionality(fit, flatten=1)
    del either


def results_are_results(array: npt.NDArray[np.float64]) -> None:
    """Whatever has an uncertainty is a result."""
    member = array > 0
    assert_type(mm.train_test_gap(array, array, confidence=0.9), mm.Result)
    assert_type(mm.counterfactual_memorization(array, member), mm.Result)
    assert_type(mm.counterfactual_influence(array, member), mm.Result)


def metrics_are_metrics() -> None:
    """Ours and other people's fit the protocol."""
    plugin: mm.Metric = LargestLoss()
    ours: list[mm.Metric] = [
        mm.FeatureDimensionality(),
        mm.DatapointDimensionality(),
        mm.Leverage(),
        mm.TrainTestGap(),
        mm.CounterfactualMemorization(),
        mm.CounterfactualInfluence(),
    ]
    check_metric(plugin)
    data = mm.sparse_features(10, 20, 0.9, rng=0)
    mm.measure(mm.ToyTrainer(steps=10), data, [*ours, plugin, "leverage"], rng=0)


def retrainings_are_evidence() -> None:
    """Retraining returns what counterfactual metrics take."""
    data = mm.sparse_features(10, 20, 0.9, rng=np.random.default_rng(0))
    runs: mm.Retrainings = mm.retrain(mm.ToyTrainer(steps=10), data, runs=4, rng=0)
    assert_type(runs.member, npt.NDArray[np.bool_])
    assert_type(mm.CounterfactualMemorization()(runs), mm.Result)
