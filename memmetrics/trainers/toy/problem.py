"""What one stack of runs has to learn: the data, who trains on what, the recipe."""

from __future__ import annotations

import dataclasses
import itertools
import numbers
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from memmetrics.trainers.toy.fresh import FreshSamples

if TYPE_CHECKING:
    import scipy.sparse
    import torch

__all__ = ["Problem", "Recipe", "kept_steps"]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How every run is trained; the numbers that enter a step. See `ToyTrainer`."""

    hidden: int = 2
    steps: int = 50_000
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup: float = 0.05
    loss_reduction: str = "sum"
    adam_epsilon: float = 1e-8
    betas: tuple[float, float] = (0.9, 0.999)

    def learning_rates(self) -> npt.NDArray[np.float64]:
        """Learning rate of every step: linear warm-up, then cosine to zero."""
        step = np.arange(self.steps)
        rising = round(self.warmup * self.steps)
        phase = (step - rising) / max(self.steps - rising, 1)
        falling = (1 + np.cos(np.pi * np.clip(phase, 0, 1))) / 2
        rate = np.where(step < rising, (step + 1) / max(rising, 1), falling)
        return self.learning_rate * rate

    def adamw_schedule(self) -> npt.NDArray[np.float64]:
        r"""Per step: decay factor, corrected rate, correction of the second moment.

        AdamW updates :math:`p ← d p − r m / (c \sqrt{v} + ε)` with
        :math:`d = 1 − ηλ`, :math:`r = η / (1 − β_1^t)`,
        :math:`c = (1 − β_2^t)^{-1/2}` (Loshchilov & Hutter 2019, algorithm 2).
        """
        rate, age = self.learning_rates(), np.arange(1, self.steps + 1)
        beta_1, beta_2 = self.betas
        return np.stack(
            [
                1 - rate * self.weight_decay,
                rate / (1 - beta_1**age),
                1 / np.sqrt(1 - beta_2**age),
            ],
            axis=1,
        )

    def gradient_scale(self, points: int, features: int) -> float:
        """Factor from the half-gradient of the summed error to that of the loss."""
        averaged = points * (features if self.loss_reduction == "mean" else 1)
        return 2 / averaged


@dataclasses.dataclass(frozen=True)
class Problem:
    """A stack of runs to train from given starting values."""

    data: scipy.sparse.csr_array | FreshSamples  # (points, features)
    member: npt.NDArray[np.bool_]  # (runs, points)
    weights: torch.Tensor  # (runs, features, hidden), starting values
    bias: torch.Tensor  # (runs, features)
    recipe: Recipe
    threads: int
    kept: tuple[int, ...]  # numbers of steps, rising, after which to keep the models
    seeds: list[int]  # (runs,)

    @property
    def fresh(self) -> bool:
        """Whether every step has points of its own."""
        return isinstance(self.data, FreshSamples)

    @property
    def density(self) -> float:
        """Share of non-zeros among the points' features."""
        if isinstance(self.data, FreshSamples):
            return 1 - self.data.sparsity
        points, features = self.data.shape
        return float(self.data.nnz / (points * features))

    def own_points(self, run: int, step: int = 0) -> scipy.sparse.csr_array:
        """Return the points that `run` trains on, at a step if they are fresh."""
        if isinstance(self.data, FreshSamples):
            return self.data.batch(self.seeds[run], step)
        return self.data[np.flatnonzero(self.member[run]), :]


def kept_steps(at: Sequence[int], steps: int) -> tuple[int, ...]:
    """Check the steps after which to keep the models: `at` of a trajectory."""
    values = tuple(at)
    whole = all(isinstance(step, numbers.Integral) for step in values)
    if not (
        values
        and whole
        and values[0] >= 0
        and values[-1] <= steps
        and all(step < later for step, later in itertools.pairwise(values))
    ):
        raise ValueError(
            f"`at` must be whole numbers of steps, rising, in [0, {steps}]; got {at!r}"
        )
    return tuple(map(int, values))
