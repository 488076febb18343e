"""Retraining of small networks with `ModuleTrainer`, beside the plain loop."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

import memmetrics as mm
from benchmarks.clock import seconds
from benchmarks.machine import cores

__all__ = ["NETWORKS", "Network"]

_BATCH = 32


@dataclasses.dataclass(frozen=True)
class Network:
    """A perceptron with one hidden layer, on as many points as a set of digits has.

    The points are noise: what a step costs does not depend on what is learnt.
    """

    name: str
    points: int
    sizes: tuple[int, int, int]

    def data(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Return inputs (points, pixels) and labels (points,)."""
        rng = np.random.default_rng(0)
        inputs = rng.standard_normal((self.points, self.sizes[0]), np.float32)
        return inputs, rng.integers(0, self.sizes[-1], self.points)

    def ratio(self, *, runs: int, steps: int) -> float:
        """Time of all retrainings on all cores, over that of the plain loop.

        Everything counts that a first call needs, such as starting workers. The loop
        trains one model after the other in this process, and was timed on a few.
        """
        few = 4
        one_by_one = partial(self._plain_loop, few, steps)
        one_by_one()
        ours = seconds(partial(self._retrain, runs, steps))
        plain = min(seconds(one_by_one) for _ in range(3)) * runs / few
        return ours / plain

    def module(self) -> torch.nn.Module:
        """Return an untrained network."""
        pixels, hidden, classes = self.sizes
        return torch.nn.Sequential(
            torch.nn.Linear(pixels, hidden),
            torch.nn.ReLU(),
            torch.nn.Linear(hidden, classes),
        )

    def _retrain(self, runs: int, steps: int) -> None:
        trainer = mm.ModuleTrainer(
            self.module, score=_log_likelihood, steps=steps, batch_size=_BATCH
        )
        mm.retrain(trainer, self.data(), runs=runs, rng=0, n_jobs=cores())

    def _plain_loop(self, runs: int, steps: int) -> None:
        inputs, labels = map(torch.from_numpy, self.data())
        for run in range(runs):
            rng = torch.Generator().manual_seed(run)
            own = torch.randperm(self.points, generator=rng)[: self.points // 2]
            model = self.module()
            optimizer = torch.optim.AdamW(model.parameters())
            position = len(own)
            for _ in range(steps):
                if position + _BATCH > len(own):
                    order = own[torch.randperm(len(own), generator=rng)]
                    position = 0
                batch = order[position : position + _BATCH]
                position += _BATCH
                loss = functional.cross_entropy(model(inputs[batch]), labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            with torch.no_grad():
                _log_likelihood(model(inputs), labels)


NETWORKS = (
    Network("784-128-10", points=1000, sizes=(784, 128, 10)),
    Network("64-16-10", points=1797, sizes=(64, 16, 10)),
)


def _log_likelihood(output: Any, target: torch.Tensor) -> torch.Tensor:
    return -functional.cross_entropy(output, target, reduction="none")
