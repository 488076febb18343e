"""Points without end: every step has a batch that no step had before."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NoReturn

from memmetrics._arrays.validation import count_iv
from memmetrics._seeds import Stream, generator
from memmetrics.trainers.toy.data import check_sizes, sparse_features

if TYPE_CHECKING:
    import scipy.sparse

__all__ = ["FreshSamples"]


@dataclasses.dataclass(frozen=True)
class FreshSamples:
    """Sparse points without end, in the place of a data set: the paper's T = ∞.

    At every step each run of a `ToyTrainer` sees new points of `sparse_features`, which
    it draws from its own seed; so the train loss is the expected one but for noise,
    and there is nothing to memorize. A run's result depends on its seed alone.

    Parameters
    ----------
    features : int
        Number of features, at least 1.
    sparsity : float
        Probability that a feature is zero, in [0, 1).
    points_per_step : int
        Points of each step, at least 1.

    Raises
    ------
    ValueError
        If a parameter is outside its range.

    Notes
    -----
    ``trainer.fit(samples, member, seeds=seeds)`` takes `member` as ever, of shape
    (runs, points_per_step): all true, since no point comes twice and none can be left
    out. `retrain` and `measure`, which leave points out, refuse these samples.

    References
    ----------
    Henighan et al., *Superposition, Memorization, and Double Descent* (2023),
    Figures 1 and 3, at infinitely many points.

    Examples
    --------
    >>> import numpy as np
    >>> import memmetrics as mm
    >>> samples = mm.trainers.FreshSamples(30, 0.9, points_per_step=100)
    >>> trainer = mm.ToyTrainer(steps=1000, learning_rate=1e-2)
    >>> stack = trainer.fit(samples, np.ones((2, 100), bool), seeds=[0, 1])
    >>> stack.weights.shape
    torch.Size([2, 30, 2])
    >>> samples.batch(seed=0, step=0).shape
    (100, 30)
    """

    features: int
    sparsity: float
    points_per_step: int

    def __post_init__(self) -> None:
        """Check every parameter."""
        check_sizes(
            self.sparsity,
            points_per_step=self.points_per_step,
            features=self.features,
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Points of a step and features, (points, features)."""
        return self.points_per_step, self.features

    def batch(self, seed: int, step: int) -> scipy.sparse.csr_array:
        """Return what the run with this seed sees at a step, (points, features).

        Steps count from 0. It depends on `seed` and `step` only, so that any step of
        any training can be had again.
        """
        seed = count_iv(seed, "seed", least=0)
        step = count_iv(step, "step", least=0)
        rng = generator(seed, Stream.BATCHES, step)
        return sparse_features(*self.shape, self.sparsity, rng=rng)

    def __array__(self, *_: object, **__: object) -> NoReturn:
        """Refuse to be taken for a set of points."""
        raise TypeError(
            "FreshSamples are no set of points, from which some could be left out: "
            "only `ToyTrainer.fit` takes them; `batch` gives the points of one step"
        )
