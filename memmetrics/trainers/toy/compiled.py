"""The dense part compiled by torch, in a form that never stores z (CUDA, or CPU).

Two functions, one for each side of the reduction, each with H Wᵀ written as a sum of
outer products over hidden units: the compiler then computes z anew inside each
reduction, where one function with both would write z to memory and read it back.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import torch

from memmetrics.trainers.toy import eager

if TYPE_CHECKING:
    from collections.abc import Callable

    from memmetrics.trainers.toy.problem import Problem

__all__ = ["train"]

# Written-out sums pay while z is cheaper to compute than to load.
_LARGEST_WRITTEN_OUT = 16


def train(problem: Problem) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (weights, bias) of every run after each of the steps that are kept."""
    hidden = problem.weights.shape[2]
    if hidden > _LARGEST_WRITTEN_OUT:
        return eager.train(problem)
    by_feature, by_point = _compiled(hidden)

    def dense(
        hidden: torch.Tensor,
        weights: torch.Tensor,
        bias: torch.Tensor,
        present: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        inputs = [x.contiguous() for x in (hidden.mT, weights.mT, bias, present)]
        d_weights, d_bias = by_feature(*inputs)
        return d_weights.mT, by_point(*inputs).mT, d_bias

    return eager.train(problem, dense)


@functools.cache
def _compiled(hidden: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def rectified(
        h: torch.Tensor,  # (runs, hidden, block)
        w: torch.Tensor,  # (runs, hidden, features)
        bias: torch.Tensor,  # (runs, features)
        present: torch.Tensor,  # (runs, block, 1)
    ) -> torch.Tensor:
        z = bias[:, None, :]
        for k in range(hidden):
            z = z + h[:, k, :, None] * w[:, k, None, :]
        return z.relu() * present  # (runs, block, features)

    def by_feature(
        h: torch.Tensor, w: torch.Tensor, bias: torch.Tensor, present: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        r = rectified(h, w, bias, present)
        sums = [(r * h[:, k, :, None]).sum(1) for k in range(hidden)]
        return torch.stack(sums, 1), r.sum(1)

    def by_point(
        h: torch.Tensor, w: torch.Tensor, bias: torch.Tensor, present: torch.Tensor
    ) -> torch.Tensor:
        r = rectified(h, w, bias, present)
        return torch.stack([(r * w[:, k, None, :]).sum(2) for k in range(hidden)], 1)

    # The thresholds above which the compiler stores a value that is used more than
    # once; the sums over hidden units use z that often.
    options: dict[str, Any] = {
        "realize_reads_threshold": 1000,
        "realize_opcount_threshold": 10000,
    }
    return (
        torch.compile(by_feature, dynamic=None, options=options),
        torch.compile(by_point, dynamic=None, options=options),
    )
