"""Train a stack of runs together in torch: the reference, and the way on a GPU.

The gradient is written out (see `kernel.step` for the formula), so there is no
autograd graph and no dense X; the points pass in blocks, so there is no
(points, features) array either. The dense part is a function of its own, which
`compiled` replaces by one that never stores z.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch

if TYPE_CHECKING:
    from memmetrics.trainers.toy.problem import Problem, Recipe

__all__ = ["train"]

# Elements of one block's pre-activations: within a CPU's cache, and enough to fill
# a GPU.
_BLOCK_ELEMENTS = {"cpu": 2**18, "cuda": 2**26}


# Half the gradient's dense part for one block of points of every run, see `dense_part`.
DensePart: TypeAlias = Callable[
    [torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor],
    tuple[torch.Tensor, torch.Tensor, torch.Tensor],
]


def dense_part(
    hidden: torch.Tensor,  # (runs, block, hidden)
    weights: torch.Tensor,  # (runs, features, hidden)
    bias: torch.Tensor,  # (runs, features)
    present: torch.Tensor,  # (runs, block, 1): 0 where a run has no such point
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return Rᵀ H, R W and the sum of R over points, for R = ReLU(H Wᵀ + b)."""
    rectified = torch.baddbmm(bias.unsqueeze(1), hidden, weights.mT).relu_()
    rectified.mul_(present)  # (runs, block, features)
    return rectified.mT @ hidden, rectified @ weights, rectified.sum(1)


def train(
    problem: Problem, dense: DensePart = dense_part
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (weights, bias) of every run after each of the steps that are kept."""
    weights, bias = problem.weights.clone(), problem.bias.clone()
    entries = _Entries.of(problem)
    recipe = problem.recipe
    optimized = [
        (each, torch.zeros_like(each), torch.zeros_like(each))
        for each in (weights, bias)
    ]
    features = problem.data.shape[1]
    scale = torch.tensor(
        [recipe.gradient_scale(int(n), features) for n in problem.member.sum(1)],
        dtype=weights.dtype,
        device=weights.device,
    )
    schedule, done = recipe.adamw_schedule().tolist(), 0
    kept = []
    for upto in problem.kept:
        for step in range(done, upto):
            if problem.fresh and step > 0:
                entries = _Entries.of(problem, step)
            d_weights, d_bias = _half_gradient(weights, bias, entries, dense)
            d_weights.mul_(scale[:, None, None])
            d_bias.mul_(scale[:, None])
            for state, gradient in zip(optimized, (d_weights, d_bias), strict=True):
                _adamw(state, gradient, schedule[step], recipe)
        kept.append((weights.clone(), bias.clone()))
        done = upto
    all_weights, all_biases = zip(*kept, strict=True)
    return torch.stack(all_weights), torch.stack(all_biases)


@dataclasses.dataclass(frozen=True)
class _Entries:
    """The non-zeros of every run's own points, in one flat list."""

    row: torch.Tensor  # (entries,) run * most_points + point within the run
    feature: torch.Tensor  # (entries,) run * features + feature
    value: torch.Tensor  # (entries,)
    present: torch.Tensor  # (runs, most_points, 1)

    @classmethod
    def of(cls, problem: Problem, step: int = 0) -> _Entries:
        runs, features, _ = problem.weights.shape
        counts = problem.member.sum(1)
        rows, columns, values = [], [], []
        for run in range(runs):
            own = problem.own_points(run, step)
            point = np.repeat(np.arange(own.shape[0]), np.diff(own.indptr))
            rows.append(run * counts.max() + point)
            columns.append(run * features + own.indices.astype(np.int64))
            values.append(own.data)
        present = np.arange(counts.max()) < counts[:, None]
        device, dtype = problem.weights.device, problem.weights.dtype
        return cls(
            row=torch.from_numpy(np.concatenate(rows)).to(device),
            feature=torch.from_numpy(np.concatenate(columns)).to(device),
            value=torch.from_numpy(np.concatenate(values)).to(device, dtype),
            present=torch.from_numpy(present[:, :, None]).to(device, dtype),
        )


def _half_gradient(
    weights: torch.Tensor, bias: torch.Tensor, entries: _Entries, dense: DensePart
) -> tuple[torch.Tensor, torch.Tensor]:
    """Half the gradient of every run's summed squared error."""
    runs, features, size = weights.shape
    points = entries.present.shape[1]
    vectors = weights.view(-1, size)[entries.feature]  # (entries, hidden)
    value = entries.value[:, None]
    hidden = weights.new_zeros(runs * points, size)
    hidden.index_add_(0, entries.row, value * vectors)
    at_row = hidden[entries.row]  # (entries, hidden)
    z = (at_row * vectors).sum(1) + bias.view(-1)[entries.feature]
    active = (entries.value * (z > 0))[:, None]
    slope = weights.new_zeros(runs * points, size)
    slope.index_add_(0, entries.row, -active * vectors)

    d_weights, d_bias = torch.zeros_like(weights), torch.zeros_like(bias)
    hidden_3, slope_3 = hidden.view(runs, points, size), slope.view(runs, points, size)
    budget = _BLOCK_ELEMENTS["cuda" if weights.is_cuda else "cpu"]
    step = max(1, budget // (runs * features))
    for start in range(0, points, step):
        part = slice(start, start + step)
        by_feature, by_point, total = dense(
            hidden_3[:, part], weights, bias, entries.present[:, part]
        )
        d_weights += by_feature
        slope_3[:, part] += by_point
        d_bias += total

    change = value * slope[entries.row] - active * at_row
    d_weights.view(-1, size).index_add_(0, entries.feature, change)
    d_bias.view(-1).index_add_(0, entries.feature, -active[:, 0])
    return d_weights, d_bias


def _adamw(
    state: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    gradient: torch.Tensor,
    schedule: list[float],
    recipe: Recipe,
) -> None:
    """Take one step in place, see `Recipe.adamw_schedule`."""
    parameter, first, second = state
    decay, rate, correction = schedule
    beta_1, beta_2 = recipe.betas
    first.lerp_(gradient, 1 - beta_1)
    second.mul_(beta_2).addcmul_(gradient, gradient, value=1 - beta_2)
    divisor = second.sqrt().mul_(correction).add_(recipe.adam_epsilon)
    parameter.mul_(decay).addcdiv_(first, divisor, value=-rate)
