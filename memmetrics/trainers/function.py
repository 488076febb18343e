"""Retraining by any function: scikit-learn, another process, whatever gives scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import as_boolean, to_numpy
from memmetrics.designs import Bools
from memmetrics.identity.describe import describe_all
from memmetrics.trainers.base import Data

__all__ = ["FunctionTrainer", "member_iv"]

ScoreFunction: TypeAlias = Callable[[npt.NDArray[np.int64], int], Any]

# Stacks that many runs are cut into: enough for the workers of a large cluster.
_STACKS = 256


@dataclass(frozen=True, eq=False)
class FunctionTrainer:
    """Train by calling a function, once for each run.

    Parameters
    ----------
    function : callable
        ``function(indices, seed)`` trains on the points at ``indices`` (sorted int64
        array) with all its randomness drawn from ``seed`` (int in [0, 2**64)), and
        returns one score for each target, (targets,) or (targets, tokens): higher is
        better, in any unit. It holds the data itself, for instance as a closure, and
        scores what ``retrain`` is told to score: the training points, or ``targets=``.
        To run in other processes it must pickle (joblib takes lambdas too).
    device : str, optional
        "cuda" if the function computes on torch's current GPU. On a machine with
        several, another of them is then current in each worker, round robin. It is no
        part of the recipe that a store compares.

    Raises
    ------
    TypeError
        If `function` cannot be called, or `device` is not a string.

    See Also
    --------
    ModuleTrainer : trains many torch modules at once.

    Notes
    -----
    scikit-learn takes 32-bit seeds: pass ``random_state=seed % 2**32``.

    Scores that are NaN throughout mark a run that failed; it is left out of every
    estimate, and counted.

    Examples
    --------
    Distance to the mean of the points trained on:

    >>> import numpy as np
    >>> points = np.array([[0.0], [1.0], [5.0]])
    >>> def score(indices, seed):
    ...     return -np.abs(points - points[indices].mean(0)).sum(1)
    >>> member = np.array([[True, True, False], [False, False, True]])
    >>> FunctionTrainer(score).fit(points, member, seeds=[0, 1]).scores(points)
    array([[-0.5, -0.5, -4.5],
           [-5. , -4. , -0. ]])
    """

    function: ScoreFunction
    device: str | None = None

    def __post_init__(self) -> None:
        """Check that there is something to call."""
        if self.device is not None and not isinstance(self.device, str):
            raise TypeError(
                f"`device` must be a string or None; got {type(self.device).__name__}"
            )
        if not callable(self.function):
            raise TypeError(
                f"`function` must be callable; got {type(self.function).__name__}"
            )

    def configuration(self) -> dict[str, Any]:
        """Return the recipe as plain JSON values."""
        described, libraries = describe_all({"function": self.function})
        return {"trainer": "FunctionTrainer", "<libraries>": libraries, **described}

    def stack_size(self, data: Data, runs: int) -> int:  # noqa: ARG002 - protocol
        """Return how many runs to hand to a worker at a time."""
        return -(-runs // _STACKS)

    def fit(self, data: Data, member: Bools, *, seeds: Sequence[int]) -> FunctionStack:
        """Call the function for each row of `member`.

        Parameters
        ----------
        data : array or tuple of arrays
            The training points; only their number is looked at.
        member : bool array, (runs, points)
            Which points each run trains on.
        seeds : sequence of int, (runs,)
            One seed for each run.

        Returns
        -------
        FunctionStack

        Raises
        ------
        RuntimeError
            If the function fails; the message names the run.
        TypeError
            If the function returns anything but numbers.
        ValueError
            If the shapes do not fit.
        """
        member = member_iv(member, points=_points(data), seeds=seeds)
        scores: list[npt.NDArray[Any]] = []
        for row, (inside, seed) in enumerate(zip(member, seeds, strict=True)):
            run = f"run {row} of {len(member)} (seed {seed})"
            try:
                returned = self.function(np.flatnonzero(inside), int(seed))
            except Exception as error:
                raise RuntimeError(
                    f"`function` failed in {run}: {type(error).__name__}: {error}"
                ) from error
            scores.append(_scores_iv(returned, run, scores[0] if scores else None))
        return FunctionStack(np.stack(scores))


@dataclass(frozen=True, eq=False)
class FunctionStack:
    """Scores of the runs of a `FunctionTrainer`.

    Parameters
    ----------
    values : float array, (runs, targets) or (runs, targets, tokens)
        What the function returned.
    """

    values: npt.NDArray[np.float64]

    @property
    def diverged(self) -> npt.NDArray[np.bool_]:
        """Whether a run's scores are NaN throughout: bool array (runs,)."""
        return np.asarray(np.isnan(self.values).reshape(len(self.values), -1).all(1))

    def scores(self, targets: Data) -> npt.NDArray[np.float64]:
        """Return the scores, (runs, targets) or (runs, targets, tokens).

        Raises
        ------
        ValueError
            If the function did not score as many targets as there are.
        """
        if self.values.shape[1] != _points(targets):
            raise ValueError(
                f"`function` must return one score per target, {_points(targets)} "
                f"here; it returned shape {self.values.shape[1:]}"
            )
        return self.values


def member_iv(member: Bools, *, points: int, seeds: Sequence[int]) -> Bools:
    """Return `member` as a bool array that fits data and seeds, without empty rows."""
    checked: Bools = to_numpy(
        as_boolean(member, "member", axes="(runs, points)", ndim=2)
    )
    if checked.shape[1] != points:
        raise ValueError(
            f"`member` must have {points} columns, one per point of `data`; "
            f"got shape {checked.shape}"
        )
    if len(seeds) != len(checked):
        raise ValueError(
            f"`seeds` must hold one seed per row of `member`, {len(checked)}; "
            f"got {len(seeds)}"
        )
    empty = np.flatnonzero(~checked.any(1))
    if len(empty):
        raise ValueError(
            "every row of `member` must have at least one point to train on; "
            f"row {empty[0]} (seed {seeds[int(empty[0])]}) has none"
        )
    return checked


def _points(data: Data) -> int:
    first = data[0] if isinstance(data, (tuple, list)) else data
    return int(first.shape[0])


def _scores_iv(
    returned: object, run: str, first: npt.NDArray[Any] | None
) -> npt.NDArray[np.float64]:
    scores = to_numpy(returned)
    if scores.dtype.kind not in "biuf":
        raise TypeError(
            f"`function` must return numbers; in {run} it returned "
            f"{type(returned).__name__} with dtype {scores.dtype}"
        )
    if scores.ndim < 1 or 0 in scores.shape:
        raise ValueError(
            "`function` must return one score per target, shape (targets,) or "
            f"(targets, tokens); in {run} it returned shape {scores.shape}"
        )
    if first is not None and scores.shape != first.shape:
        raise ValueError(
            f"`function` must return the same shape for every run, {first.shape}; "
            f"in {run} it returned shape {scores.shape}"
        )
    return scores.astype(np.float64)
