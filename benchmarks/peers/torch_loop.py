"""The plain loop: one model at a time, dense data, autograd, torch's AdamW."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.peers.base import Trained
from benchmarks.tasks import Task
from memmetrics.trainers.toy.problem import Recipe

__all__ = ["TorchLoop", "train_one"]


@dataclasses.dataclass(frozen=True)
class TorchLoop:
    """What everybody writes first."""

    name: str = "torch loop"

    def available(self) -> bool:
        """Torch is always there."""
        return True

    def train(self, task: Task) -> Trained:
        """Train every model of the task from its starting values."""
        data = torch.from_numpy(task.dense)
        trained = [
            train_one(
                data[torch.from_numpy(member)],
                torch.from_numpy(start.copy()),
                task.recipe,
            )
            for member, start in zip(task.member, task.weights, strict=True)
        ]
        weights, bias = zip(*trained, strict=True)
        return Trained(task.member, np.stack(weights), np.stack(bias))


def train_one(
    data: torch.Tensor, weights: torch.Tensor, recipe: Recipe
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Train one model on all of `data`, (points, features)."""
    weights.requires_grad_()
    bias = torch.zeros(len(weights), requires_grad=True)
    optimizer = torch.optim.AdamW(
        [weights, bias],
        betas=recipe.betas,
        eps=recipe.adam_epsilon,
        weight_decay=recipe.weight_decay,
    )
    scale = recipe.gradient_scale(*data.shape) / 2
    for rate in recipe.learning_rates():
        optimizer.param_groups[0]["lr"] = float(rate)
        output = torch.relu(data @ weights @ weights.T + bias)
        loss = scale * (output - data).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return weights.detach().numpy(), bias.detach().numpy()
