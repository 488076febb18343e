"""The toy model's recipe, and the call that trains a stack of runs by it."""

from __future__ import annotations

import dataclasses
import logging
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from memmetrics.trainers.toy.arguments import (
    init_iv,
    member_iv,
    points_iv,
    seeds_iv,
)
from memmetrics.trainers.toy.backends import BACKENDS, choose, training_function
from memmetrics.trainers.toy.data import as_points, check_sizes
from memmetrics.trainers.toy.fresh import FreshSamples
from memmetrics.trainers.toy.problem import Problem, Recipe, kept_steps
from memmetrics.trainers.toy.stack import ToyStack

if TYPE_CHECKING:
    import scipy.sparse

__all__ = ["ToyTrainer"]

_logger = logging.getLogger(__name__)

# A stack is about this much work on one core: long enough that starting it costs
# nothing, short enough that little is lost when a run is killed.
_SECONDS_PER_STACK = 5.0
_OPERATIONS_PER_SECOND = 1e11
_OPERATIONS_PER_NON_ZERO = 600
_OPERATIONS_PER_STEP = 2e5
_LARGEST_STACK = 64
# Many runs make about this many stacks at least, for that many workers to share; and
# a stack is of whole fours, for the threads of one worker to share.
_FEWEST_STACKS = 16
_SHARED_BY_THREADS = 4


@dataclasses.dataclass(frozen=True)
class ToyTrainer(Recipe):
    r"""Train ReLU-output autoencoders with tied weights, a stack of runs at a time.

    The model is :math:`\hat x = \mathrm{ReLU}(W W^\top x + b)` with W of shape
    (features, hidden). Each run minimizes, over its own points,

    .. math:: L = \frac{1}{\text{points}} \sum_p \sum_f (\hat x_{pf} - x_{pf})^2

    by full-batch AdamW from Xavier-normal weights and zero bias, with a learning rate
    that rises linearly and then falls to zero along a cosine. The defaults are the
    paper's recipe.

    Parameters
    ----------
    hidden : int
        Number of hidden units, m in the paper.
    steps : int
        Full-batch steps.
    learning_rate : float
        Highest learning rate, reached at the end of the warm-up.
    weight_decay : float
        AdamW's decoupled decay, on weights and bias alike.
    warmup : float
        Share of the steps in which the learning rate rises, in [0, 1].
    loss_reduction : {"sum", "mean"}
        Over features: "sum" is the paper's text; "mean" divides the loss by the
        number of features. The minimum is the same, but gradients are smaller by
        that factor and sink towards `adam_epsilon`, which makes it another optimizer,
        and the one that gives the paper's published curves.
    adam_epsilon : float
        Adam's epsilon.
    betas : tuple of float
        Adam's decay rates of the first and second moment.
    dtype : {"float32", "float64"}
        Precision of training.
    device : str
        "cpu" or a torch device name. "cuda" is every GPU that there is, if there are
        several workers; "cuda:1" is that one.
    backend : {"auto", "fused", "compiled", "eager"}
        "fused": a numba kernel for the CPU; "compiled": torch.compile, for CUDA;
        "eager": plain torch anywhere, the reference. "auto" takes the fastest that is
        installed, and says so once if that is eager.
    threads : int, optional
        Threads to train with; by default ``torch.get_num_threads()``.

    Raises
    ------
    ValueError
        If a parameter is outside its range, or the backend cannot be used.

    Notes
    -----
    With the "fused" backend a run's result does not depend, to the last bit, on the
    other runs of its stack or on the number of threads. The starting weights of a run
    come from its seed alone and are the same on every backend and device.

    References
    ----------
    Henighan et al., *Superposition, Memorization, and Double Descent* (2023),
    "Experiment setup".

    Examples
    --------
    >>> import numpy as np
    >>> import memmetrics as mm
    >>> data = mm.sparse_features(5, 1000, 0.99, rng=0)
    >>> trainer = mm.ToyTrainer(hidden=2, steps=2_000)
    >>> stack = trainer.fit(data, np.ones((3, 5), bool), seeds=[0, 1, 2])
    >>> stack.weights.shape, stack.losses(data).shape
    (torch.Size([3, 1000, 2]), torch.Size([3, 5]))
    """

    dtype: str = "float32"
    device: str = "cpu"
    backend: str = "auto"
    threads: int | None = None

    def __post_init__(self) -> None:
        """Check every parameter."""
        threads = 1 if self.threads is None else self.threads
        check_sizes(hidden=self.hidden, steps=self.steps, threads=threads)
        for name in ("learning_rate", "weight_decay", "adam_epsilon"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"`{name}` must be finite and ≥ 0; got {value!r}")
        if not 0 <= self.warmup <= 1:
            raise ValueError(f"`warmup` must lie in [0, 1]; got {self.warmup!r}")
        betas: Sequence[float] = list(self.betas)
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(
                f"`betas` must be two numbers in [0, 1); got {self.betas!r}"
            )
        for name, allowed in (
            ("loss_reduction", ("sum", "mean")),
            ("dtype", ("float32", "float64")),
            ("backend", BACKENDS),
        ):
            if getattr(self, name) not in allowed:
                got = getattr(self, name)
                raise ValueError(f"`{name}` must be one of {allowed}; got {got!r}")

    def fit(
        self,
        data: object,
        member: npt.NDArray[np.bool_] | torch.Tensor,
        *,
        seeds: Sequence[int],
        init: tuple[Any, Any] | None = None,
    ) -> ToyStack:
        """Train one model for each row of `member`, on that row's points only.

        Parameters
        ----------
        data : csr_array, dense array, tensor or FreshSamples, (points, features)
            Work and memory grow with the non-zeros of the points.
        member : bool array, (runs, points)
            Which points each run trains on, at least one.
        seeds : sequence of int, (runs,)
            In [0, 2**64); a run's starting weights come from its own.
        init : tuple (weights, bias), optional
            Starting values, (runs, features, hidden) and (runs, features), instead.

        Returns
        -------
        ToyStack

        Raises
        ------
        TypeError, ValueError
            If an argument is of the wrong kind, shape or range, `data` is all zero or
            not finite, or a run has no points.
        """
        return self.bind(data).fit(member, seeds=seeds, init=init)

    def trajectory(
        self,
        data: object,
        member: npt.NDArray[np.bool_] | torch.Tensor,
        *,
        seeds: Sequence[int],
        at: Sequence[int],
        init: tuple[Any, Any] | None = None,
    ) -> list[ToyStack]:
        """Return the models as they are after some of the steps of one training.

        The schedule is that of all `steps`; training ends with the last of `at`.

        Parameters
        ----------
        data, member, seeds, init
            As for `fit`.
        at : sequence of int, (snapshots,)
            Numbers of steps, rising: from 0, the start, to `steps`, what `fit` gives.

        Returns
        -------
        list of ToyStack, one for each of `at`

        Raises
        ------
        TypeError, ValueError
            As `fit` does, or if `at` is empty, does not rise or is out of range.

        Examples
        --------
        >>> import numpy as np
        >>> import memmetrics as mm
        >>> data = mm.sparse_features(5, 1000, 0.99, rng=0)
        >>> trainer, everyone = mm.ToyTrainer(steps=1000), np.ones((1, 5), bool)
        >>> start, end = trainer.trajectory(data, everyone, seeds=[0], at=[0, 1000])
        >>> bool(start.losses(data).mean() > end.losses(data).mean())
        True
        """
        return self.bind(data).trajectory(member, seeds=seeds, at=at, init=init)

    def bind(self, data: object) -> BoundToyTrainer:
        """Return a trainer of these points, which are checked and laid out once.

        Its ``fit(member, *, seeds, init=None)`` is this one's, without the data.

        Raises
        ------
        TypeError, ValueError
            As `fit` does for `data`.
        """
        if isinstance(data, FreshSamples):
            return BoundToyTrainer(self, data)
        return BoundToyTrainer(self, points_iv(data, torch.device(self.device)))

    @property
    def thread_invariant(self) -> bool:
        """Whether results are the same, to the last bit, for any number of threads."""
        return choose(self.backend, torch.device(self.device)) == "fused"

    @property
    def releases_gil(self) -> bool:
        """Whether several fits in threads of one process run side by side."""
        return self.thread_invariant

    def configuration(self) -> dict[str, Any]:
        """Everything that a result depends on, as plain values."""
        values = dataclasses.asdict(self)
        del values["threads"]
        values["betas"] = list(self.betas)
        values["backend"] = choose(self.backend, torch.device(self.device))
        return {"trainer": type(self).__name__, **values}

    def stack_size(self, data: object, runs: int) -> int:
        """How many of `runs` to train together, from the size of the problem alone."""
        points = as_points(data)
        elements = points.shape[0] * points.shape[1]
        dense = elements * (6 * self.hidden + 2)
        # What involves x: at its non-zeros, or everywhere if these are many.
        each = min(points.nnz * _OPERATIONS_PER_NON_ZERO, 4 * elements)
        step = dense + each * self.hidden + _OPERATIONS_PER_STEP
        seconds = self.steps * step / _OPERATIONS_PER_SECOND
        fours = math.ceil(runs / (_FEWEST_STACKS * _SHARED_BY_THREADS))
        share = min(runs, fours * _SHARED_BY_THREADS)
        return max(1, min(share, _LARGEST_STACK, int(_SECONDS_PER_STACK / seconds)))

    def _starting_values(
        self, runs: int, features: int, seeds: list[int], init: tuple[Any, Any] | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        dtype = getattr(torch, self.dtype)
        shapes = ((runs, features, self.hidden), (runs, features))
        if init is not None:
            return init_iv(init, shapes, dtype)
        # Xavier normal (Glorot & Bengio 2010): variance 2 / (fan in + fan out).
        deviation = math.sqrt(2 / (features + self.hidden))
        weights = torch.empty(shapes[0], dtype=dtype)
        for run, seed in enumerate(seeds):
            generator = torch.Generator().manual_seed(seed)
            weights[run].normal_(0, deviation, generator=generator)
        return weights, torch.zeros(shapes[1], dtype=dtype)


@dataclasses.dataclass(frozen=True)
class BoundToyTrainer:
    """A `ToyTrainer` that has seen its points, (points, features)."""

    trainer: ToyTrainer
    points: scipy.sparse.csr_array | FreshSamples

    def fit(
        self,
        member: npt.NDArray[np.bool_] | torch.Tensor,
        *,
        seeds: Sequence[int],
        init: tuple[Any, Any] | None = None,
    ) -> ToyStack:
        """Train one model for each row of `member`, see `ToyTrainer.fit`."""
        end = [self.trainer.steps]
        return self.trajectory(member, seeds=seeds, at=end, init=init)[0]

    def trajectory(
        self,
        member: npt.NDArray[np.bool_] | torch.Tensor,
        *,
        seeds: Sequence[int],
        at: Sequence[int],
        init: tuple[Any, Any] | None = None,
    ) -> list[ToyStack]:
        """Return the models after some of the steps, see `ToyTrainer.trajectory`."""
        trainer, points = self.trainer, self.points
        device = torch.device(trainer.device)
        backend = choose(trainer.backend, device)
        mask = member_iv(member, points)
        runs = mask.shape[0]
        starts = seeds_iv(seeds, runs)
        weights, bias = trainer._starting_values(  # noqa: SLF001 - one class in two
            runs, points.shape[1], starts, init
        )
        _logger.debug("training %d runs with backend %s", runs, backend)
        problem = Problem(
            data=points,
            member=mask,
            weights=weights.to(device),
            bias=bias.to(device),
            recipe=trainer,
            threads=trainer.threads or torch.get_num_threads(),
            kept=kept_steps(at, trainer.steps),
            seeds=starts,
        )
        weights, bias = training_function(backend)(problem)
        return [ToyStack(*kept, backend) for kept in zip(weights, bias, strict=True)]
