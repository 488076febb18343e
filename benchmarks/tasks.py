"""What every implementation is given: the data, who trains on what, the recipe."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

import memmetrics as mm
from memmetrics.trainers.toy.problem import Recipe

if TYPE_CHECKING:
    import scipy.sparse

__all__ = ["Task", "half_subsets", "one_model"]

Floats = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """Toy models to train from given starting values.

    Attributes
    ----------
    data : csr_array, (points, features)
    member : bool array, (runs, points)
        Which points each run trains on.
    trainer : ToyTrainer
        The recipe: hidden size, steps, learning rates, reduction of the loss.
    weights : float array, (runs, features, hidden)
        Starting values; biases start at zero.
    """

    data: scipy.sparse.csr_array
    member: npt.NDArray[np.bool_]
    trainer: mm.ToyTrainer
    weights: Floats

    @property
    def bias(self) -> Floats:
        """Starting biases, (runs, features)."""
        return np.zeros(self.weights.shape[:2], np.float32)

    @property
    def runs(self) -> int:
        """Number of models."""
        return len(self.member)

    @property
    def recipe(self) -> Recipe:
        """The numbers that enter a step."""
        return self.trainer

    @functools.cached_property
    def dense(self) -> Floats:
        """The points with their zeros, (points, features)."""
        return np.asarray(self.data.toarray(), np.float32)

    @functools.cached_property
    def own_rows(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Each run's own points, filled up to one length, and which are real.

        Two arrays (runs, most_points). Implementations that need a rectangle need not
        work on points that a run does not own, other than the few that fill it up.
        """
        order = np.argsort(~self.member, axis=1, kind="stable")
        counts = self.member.sum(1)
        real = np.arange(counts.max()) < counts[:, None]
        return order[:, : counts.max()], real

    def with_steps(self, steps: int) -> Task:
        """Return the same with another number of steps."""
        trainer = dataclasses.replace(self.trainer, steps=steps)
        return dataclasses.replace(self, trainer=trainer)

    def first(self, runs: int) -> Task:
        """Return the same for the first `runs` models only."""
        return dataclasses.replace(
            self, member=self.member[:runs], weights=self.weights[:runs]
        )

    def on_subsets(self, member: npt.NDArray[np.bool_]) -> Task:
        """Return the same with other subsets, for as many models."""
        return dataclasses.replace(self, member=member)


def one_model(
    *, points: int, features: int, sparsity: float, hidden: int, steps: int = 1
) -> Task:
    """One model that trains on all points."""
    everyone = np.ones((1, points), bool)
    return _task(everyone, features, sparsity, hidden, steps)


def half_subsets(
    *, runs: int, points: int, features: int, sparsity: float, hidden: int, steps: int
) -> Task:
    """Many models, each on a random half of the points."""
    rng = np.random.default_rng(1)
    half = np.broadcast_to(np.arange(points) % 2 == 0, (runs, points))
    return _task(rng.permuted(half, axis=1), features, sparsity, hidden, steps)


def _task(
    member: npt.NDArray[np.bool_],
    features: int,
    sparsity: float,
    hidden: int,
    steps: int,
) -> Task:
    runs, points = member.shape
    rng = np.random.default_rng(2)
    deviation = math.sqrt(2 / (features + hidden))
    shape = (runs, features, hidden)
    return Task(
        data=mm.sparse_features(points, features, sparsity, rng=0),
        member=member,
        trainer=mm.ToyTrainer(hidden=hidden, steps=steps),
        weights=(deviation * rng.standard_normal(shape)).astype(np.float32),
    )
