"""Many models, each trained on its own subset of the points, and their scores.

What several metrics need of retrainings is computed when it is first asked for and kept
with them, so whoever changes an array afterwards makes new evidence of it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch

from memmetrics._arrays.validation import (
    as_boolean,
    as_float,
    as_labels,
    check_same_kind,
    to_numpy,
)
from memmetrics.statistics.arms import Arms, failed_runs
from memmetrics.statistics.likelihood_ratio import gaussian_ratios

__all__ = ["Retrainings", "groups_iv", "own_iv", "tokens_present"]


@dataclass(frozen=True, eq=False, repr=False)
class Retrainings:
    """Scores of many models, each trained on its own subset of the points.

    Parameters
    ----------
    scores : array (runs, targets) or (runs, targets, tokens)
        Score of every target under every run, higher is better. NaN where the run
        did not score the target: it does not count there. A row that is NaN
        throughout is a run that diverged: metrics leave it out and say so. A token
        that is NaN in every run is padding, of a target with fewer tokens. An
        infinite score is a score, and leaves its own target without a mean.
    member : boolean array (runs, points)
        Whether the point was in the run's training set.
    own : int array (targets,), optional
        The training point that each target is, or -1 for a held-out target. Default:
        target `i` is point `i`, which needs as many targets as points.
    groups : int or str array (points,), optional
        The group of each point; points of one group enter and leave together.
    seeds : int array (runs,), optional
        The seed of every run, as a record.

    Raises
    ------
    TypeError, ValueError
        If `member` is not boolean, or the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> member = np.array([[True, False], [False, True]])
    >>> Retrainings(scores=np.zeros((2, 2)), member=member).own
    array([0, 1])
    >>> Retrainings(scores=np.zeros((2, 3)), member=member, own=[0, 1, -1])
    Retrainings of 2 runs on 2 points, with scores of 3 targets, 1 of them held out
    """

    scores: npt.NDArray[Any]
    member: npt.NDArray[np.bool_]
    own: npt.NDArray[np.int64] | None = None
    groups: npt.NDArray[Any] | None = None
    seeds: npt.NDArray[Any] | None = None

    def __post_init__(self) -> None:
        """Standardize and check the arrays."""
        scores, member = _retrainings_iv(self.scores, self.member)
        runs, targets, points = *scores.shape[:2], member.shape[1]
        own = own_iv(self.own, targets=targets, points=points)
        object.__setattr__(self, "scores", scores)
        object.__setattr__(self, "member", member)
        object.__setattr__(self, "own", own)
        if self.groups is not None:
            object.__setattr__(self, "groups", groups_iv(self.groups, points))
        if self.seeds is not None:
            object.__setattr__(self, "seeds", _integers_iv(self.seeds, "seeds", runs))

    def __repr__(self) -> str:
        """Return the sizes; the arrays would fill pages."""
        runs, points = self.member.shape
        targets, *tokens = self.scores.shape[1:]
        held_out = int((np.asarray(self.own) < 0).sum())
        return (
            f"{type(self).__name__} of {runs} runs on {points} points, with scores of "
            f"{targets} targets"
            + (f", {tokens[0]} tokens each" if tokens else "")
            + (f", {held_out} of them held out" if held_out else "")
        )

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be computed again."""
        held = {"_attrs", *(field.name for field in fields(self))}
        return {name: value for name, value in vars(self).items() if name in held}

    @property
    def attrs(self) -> dict[str, Any]:
        """Where the runs come from, which results and their tables carry on."""
        return dict(vars(self).get("_attrs", {}))

    def with_attrs(self, attrs: Mapping[str, Any]) -> Self:
        """Return the same with a record of where it comes from.

        Parameters
        ----------
        attrs : mapping
            Plain values by name, such as a seed and versions.
        """
        recorded = copy.copy(self)
        object.__setattr__(recorded, "_attrs", dict(attrs))
        return recorded

    @property
    def trained_on(self) -> npt.NDArray[np.bool_]:
        """Whether each target itself was trained on, `(runs, targets)`."""
        own, points = np.asarray(self.own), self.member.shape[1]
        if np.array_equal(own, np.arange(points)):
            return self.member
        trained_on = self.member[:, own]
        trained_on[:, own < 0] = False
        return trained_on

    @cached_property
    def failed(self) -> npt.NDArray[np.bool_]:
        """Runs whose scores are NaN throughout, `(runs,)`."""
        return failed_runs(self.scores)

    @property
    def finished(self) -> Retrainings:
        """The same without the runs that failed."""
        if not self.failed.any():
            return self
        kept = ~self.failed
        return Retrainings(
            scores=self.scores[kept],
            member=self.member[kept],
            own=self.own,
            groups=self.groups,
            seeds=None if self.seeds is None else self.seeds[kept],
        )

    @property
    def flat(self) -> Retrainings:
        """The same with each token that is no padding as a target of its own."""
        if self.scores.ndim == 2:
            return self
        present = tokens_present(self.scores)
        own = np.asarray(self.own)[np.nonzero(present)[0]]
        return Retrainings(self.scores[:, present], self.member, own)

    @cached_property
    def arms(self) -> Arms:
        """Statistics of each target's scores with and without its point, `(targets,)`.

        Those of runs that scored it; of tokens, one for each of `flat`.
        """
        flat = self.flat
        return Arms.from_scores(flat.scores, flat.trained_on)

    @cached_property
    def likelihood_ratios(self) -> npt.NDArray[np.float64]:
        """Log-likelihood ratios of membership, `(finished runs, targets)`.

        See `memmetrics.metrics.likelihood_ratios`.
        """
        runs = self.finished
        return gaussian_ratios(runs.scores, runs.member, np.asarray(runs.own))


def own_iv(own: object, *, targets: int, points: int) -> npt.NDArray[np.int64]:
    """Return the training point of every target, with -1 for a held-out one.

    Raises
    ------
    TypeError, ValueError
        If `own` is None and cannot be guessed, or is not one index in
        ``[-1, points)`` for every target.
    """
    if own is None:
        if targets != points:
            raise ValueError(
                "`own` must say which training point each target is (-1 for none) "
                f"unless there are as many targets as points; got {targets} targets "
                f"and {points} points"
            )
        return np.arange(points)
    result = _integers_iv(own, "own", targets)
    if result.min() < -1 or result.max() >= points:
        raise ValueError(
            f"`own` must lie between -1 and {points - 1}; "
            f"got values from {result.min()} to {result.max()}"
        )
    return result.astype(np.int64, copy=False)


def groups_iv(groups: object, points: int, *, floats: bool = False) -> npt.NDArray[Any]:
    """Return the label of every point's group, as it is.

    Raises
    ------
    TypeError, ValueError
        If the labels are not integers or strings (or, where allowed, floats), or not
        one for each point.
    """
    labels = as_labels(groups, "groups")
    if labels.shape != (points,):
        raise ValueError(
            f"`groups` must give one group for each of the {points} points; "
            f"got shape {labels.shape}"
        )
    if labels.dtype.kind == "f" and not floats:
        raise TypeError(f"`groups` must be integers or strings; got {labels.dtype}")
    return labels


def tokens_present(scores: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return which places of `scores (runs, targets[, tokens])` are no padding.

    Padding is a token that is NaN in every run; a target without tokens has none.
    """
    if scores.ndim == 2:
        return np.ones(scores.shape[1], dtype=bool)
    present: npt.NDArray[np.bool_] = ~np.isnan(scores).all(axis=0)
    return present


def _retrainings_iv(
    scores: object, member: object
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    scores = as_float(scores, "scores", axes="(runs, targets)", min_ndim=2)
    member = as_boolean(member, "member", axes="(runs, points)", ndim=2)
    if isinstance(scores, torch.Tensor) and isinstance(member, torch.Tensor):
        check_same_kind(scores, member, ("scores", "member"))
    scores, member = to_numpy(scores), to_numpy(member)
    if scores.ndim not in (2, 3) or scores.shape[0] != member.shape[0]:
        raise ValueError(
            "`scores` must be (runs, targets) or (runs, targets, tokens) and `member` "
            f"(runs, points) with as many runs; got shapes {scores.shape} and "
            f"{member.shape}"
        )
    return scores, member


def _integers_iv(array: object, name: str, length: int) -> npt.NDArray[Any]:
    result = to_numpy(array)
    if result.dtype.kind not in "iu" and not _holds_integers(result):
        raise TypeError(f"`{name}` must hold integers; got dtype {result.dtype}")
    if result.shape != (length,):
        raise ValueError(f"`{name}` must have shape ({length},); got {result.shape}")
    return result


def _holds_integers(array: npt.NDArray[Any]) -> bool:
    # Seeds of 64 bits and more come as Python integers in an object array.
    return array.dtype == object and all(isinstance(item, int) for item in array.flat)
