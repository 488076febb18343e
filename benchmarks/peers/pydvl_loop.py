"""pyDVL's Banzhaf values by maximum sample reuse: random subsets, one job.

It draws the subsets itself and keeps one number of each model; the models are noted
down on the way, so that they can be compared.
"""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
import torch

from benchmarks.peers.base import Trained, is_installed
from benchmarks.peers.torch_loop import train_one
from benchmarks.tasks import Task

__all__ = ["PyDVLLoop"]


@dataclasses.dataclass(frozen=True)
class PyDVLLoop:
    """The plain loop under pyDVL's harness."""

    name: str = "pyDVL"

    def available(self) -> bool:
        """Whether pyDVL is installed."""
        return is_installed("pydvl")

    def train(self, task: Task) -> Trained:
        """Train as many models as the task has, on subsets of pyDVL's choice."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pydvl.valuation import Dataset, MSRBanzhafValuation
            from pydvl.valuation.stopping import MaxUpdates

            utility = _utility(task)
            points = Dataset(task.dense, np.zeros(len(task.dense)))
            # One update of every point for each subset.
            valuation = MSRBanzhafValuation(utility, MaxUpdates(task.runs), seed=0)
            valuation.fit(points)
        member, weights, bias = zip(*utility.trained[: task.runs], strict=True)
        return Trained(np.stack(member), np.stack(weights), np.stack(bias))


def _utility(task: Task) -> Any:
    from pydvl.valuation.utility.base import UtilityBase

    data = torch.from_numpy(task.dense)

    class MeanScore(UtilityBase):  # type: ignore[misc]
        """Mean score of all points under a model trained on the sample."""

        def __init__(self) -> None:
            self.trained: list[tuple[Any, Any, Any]] = []

        def __call__(self, sample: Any) -> float:
            if sample is None or len(sample.subset) == 0:
                return 0.0
            start = task.weights[len(self.trained) % task.runs].copy()
            rows = torch.from_numpy(np.sort(sample.subset))
            weights, bias = train_one(data[rows], torch.from_numpy(start), task.recipe)
            member = np.isin(np.arange(len(data)), sample.subset)
            self.trained.append((member, weights, bias))
            output = torch.relu(
                data @ torch.from_numpy(weights) @ torch.from_numpy(weights).T
                + torch.from_numpy(bias)
            )
            return -float((output - data).square().sum(1).mean())

    return MeanScore()
