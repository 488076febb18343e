"""All models at once by `torch.func`: vmap of grad over stacked weights."""

from __future__ import annotations

import dataclasses

import torch

from benchmarks.peers.base import Trained
from benchmarks.tasks import Task

__all__ = ["TorchStacked"]


@dataclasses.dataclass(frozen=True)
class TorchStacked:
    """Stacked models, autograd, one AdamW for all."""

    name: str = "torch.func"

    def available(self) -> bool:
        """Torch is always there."""
        return True

    def train(self, task: Task) -> Trained:
        """Train every model of the task from its starting values."""
        recipe = task.recipe
        rows, real = (torch.from_numpy(array) for array in task.own_rows)
        data = torch.from_numpy(task.dense)[rows]  # (runs, own, features)
        present = real[:, :, None].float()
        scale = torch.tensor(
            [recipe.gradient_scale(n, data.shape[2]) / 2 for n in real.sum(1).tolist()]
        )
        weights = torch.from_numpy(task.weights.copy())
        bias = torch.from_numpy(task.bias)
        optimizer = torch.optim.AdamW(
            [weights, bias],
            betas=recipe.betas,
            eps=recipe.adam_epsilon,
            weight_decay=recipe.weight_decay,
        )
        gradient = torch.func.vmap(torch.func.grad(_loss, argnums=(0, 1)))
        for rate in recipe.learning_rates():
            optimizer.param_groups[0]["lr"] = float(rate)
            weights.grad, bias.grad = gradient(weights, bias, data, present, scale)
            optimizer.step()
        return Trained(task.member, weights.numpy(), bias.numpy())


def _loss(
    weights: torch.Tensor,  # (features, hidden)
    bias: torch.Tensor,  # (features,)
    data: torch.Tensor,  # (own, features)
    present: torch.Tensor,  # (own, 1): 0 for a row that only fills up
    scale: torch.Tensor,
) -> torch.Tensor:
    output = torch.relu(data @ weights @ weights.T + bias)
    return scale * ((output - data) * present).square().sum()
