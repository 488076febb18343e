"""What a metric may look at: a fit's activations or losses, many retrainings, one run.

Evidence says nothing of how it was obtained, and a metric sees nothing else. All four
kinds are frozen; their arrays are the caller's own, not copies, and are never written.
What several metrics need of retrainings is computed when it is first asked for and kept
with them, so whoever changes an array afterwards makes new evidence of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from memmetrics._arrays.validation import (
    Array,
    as_boolean,
    as_float,
    as_labels,
    check_same_kind,
    require_finite,
    to_numpy,
)
from memmetrics.statistics.arms import Arms, failed_runs
from memmetrics.statistics.likelihood_ratio import gaussian_ratios

__all__ = ["Evidence", "Fit", "Losses", "OneRun", "Retrainings"]


@dataclass(frozen=True, eq=False)
class Fit:
    """Weights and hidden activations of one trained model, or of a stack of runs.

    Parameters
    ----------
    weights : array or tensor (..., features, hidden), or None
        A row is one feature's vector. None for a model without a feature matrix.
    hidden : array or tensor (..., points, hidden), or None
        Hidden activations. None if only the weights are of interest.
    reference : array or tensor (..., reference_points, hidden), optional
        The training set's hidden activations, when `hidden` are held-out points.

    Raises
    ------
    TypeError, ValueError
        If nothing is given, an array is empty, not finite, or has too few axes, or
        the arrays differ in kind, device, leading axes or hidden size.

    Examples
    --------
    >>> import numpy as np
    >>> fit = Fit(weights=np.eye(3, 2), hidden=np.ones((5, 2)))
    >>> fit.hidden.shape
    (5, 2)
    """

    weights: Array | None = None
    hidden: Array | None = None
    reference: Array | None = None

    def __post_init__(self) -> None:
        """Standardize and check the arrays."""
        if self.weights is None and self.hidden is None:
            raise ValueError("`weights` and `hidden` must not both be None")
        if self.reference is not None and self.hidden is None:
            raise ValueError(
                "`reference` is the training set of `hidden`, which is None"
            )
        _standardize(self, "weights", "(..., features, hidden)", 2)
        _standardize(self, "hidden", "(..., points, hidden)", 2)
        _standardize(self, "reference", "(..., reference_points, hidden)", 2)
        _check_same_model(self.weights, self.hidden, ("weights", "hidden"))
        _check_same_model(self.hidden, self.reference, ("hidden", "reference"))


@dataclass(frozen=True, eq=False)
class Losses:
    """Losses per point on the training set and on held-out points.

    Parameters
    ----------
    train : array or tensor (..., points)
        One loss for every training point, lower is better.
    test : array or tensor (..., test_points)
        One loss for every held-out point, in the same unit.

    Raises
    ------
    TypeError, ValueError
        If an array is empty or not finite, or the two differ in kind, device or
        leading axes.

    Examples
    --------
    >>> import numpy as np
    >>> Losses(train=np.zeros(3), test=np.ones(5)).test.shape
    (5,)
    """

    train: Array
    test: Array

    def __post_init__(self) -> None:
        """Standardize and check the arrays."""
        _standardize(self, "train", "(..., points)", 1)
        _standardize(self, "test", "(..., test_points)", 1)
        check_same_kind(self.train, self.test, ("train", "test"))
        if self.train.shape[:-1] != self.test.shape[:-1]:
            raise ValueError(
                "`train` and `test` must have the same leading axes; "
                f"got shapes {tuple(self.train.shape)} and {tuple(self.test.shape)}"
            )


@dataclass(frozen=True, eq=False)
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
    attrs : mapping, optional
        Where the runs come from, in plain values such as a seed and versions; results
        and their tables carry it on.

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
    """

    scores: npt.NDArray[Any]
    member: npt.NDArray[np.bool_]
    own: npt.NDArray[np.int64] | None = None
    groups: npt.NDArray[Any] | None = None
    seeds: npt.NDArray[Any] | None = None
    attrs: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        """Standardize and check the arrays."""
        scores, member = _retrainings_iv(self.scores, self.member)
        runs, targets, points = *scores.shape[:2], member.shape[1]
        own = own_iv(self.own, targets=targets, points=points)
        object.__setattr__(self, "scores", scores)
        object.__setattr__(self, "member", member)
        object.__setattr__(self, "own", own)
        object.__setattr__(self, "attrs", dict(self.attrs or {}))
        if self.groups is not None:
            object.__setattr__(self, "groups", groups_iv(self.groups, points))
        if self.seeds is not None:
            object.__setattr__(self, "seeds", _integers_iv(self.seeds, "seeds", runs))

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be computed again."""
        return {name: vars(self)[name] for name in (f.name for f in fields(self))}

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
            attrs=self.attrs,
        )

    @property
    def flat(self) -> Retrainings:
        """The same with each token that is no padding as a target of its own."""
        if self.scores.ndim == 2:
            return self
        present = tokens_present(self.scores)
        own = np.asarray(self.own)[np.nonzero(present)[0]]
        return Retrainings(self.scores[:, present], self.member, own, attrs=self.attrs)

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


@dataclass(frozen=True, eq=False)
class OneRun:
    """Scores of items under one model, each let into its training by a fair coin.

    Parameters
    ----------
    scores : array (items,)
        Score of every item under the one model, higher is better. NaN where an item
        was not scored: it does not count.
    entered : boolean array (items,)
        Whether the item was in the training set, by a coin of its own that nothing
        else had a part in.
    strata : int or str array (items,), optional
        Kind of each item, such as its number of copies. Default: one kind.
    reference_scores : array (items,), optional
        Scores of the same items under a model that saw none of them, such as the same
        model before training.

    Raises
    ------
    TypeError, ValueError
        If `entered` is not boolean, labels are neither integers nor strings, a score
        is infinite, or the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> OneRun(scores=np.zeros(3), entered=np.array([True, False, True])).scores
    array([0., 0., 0.])
    """

    scores: npt.NDArray[Any]
    entered: npt.NDArray[np.bool_]
    strata: npt.NDArray[Any] | None = None
    reference_scores: npt.NDArray[Any] | None = None

    def __post_init__(self) -> None:
        """Standardize and check the arrays."""
        entered = as_boolean(self.entered, "entered", axes="(items,)", ndim=1)
        object.__setattr__(self, "entered", to_numpy(entered))
        for name in ("scores", "reference_scores", "strata"):
            value = getattr(self, name)
            if value is None and name != "scores":
                continue
            checked = _items_iv(value, name, len(entered))
            object.__setattr__(self, name, checked)


Evidence: TypeAlias = Fit | Losses | OneRun | Retrainings


def _items_iv(values: object, name: str, items: int) -> npt.NDArray[Any]:
    if name == "strata":
        result = as_labels(values, name)
        if result.dtype.kind == "f":
            raise TypeError(f"`{name}` must be integers or strings; got {result.dtype}")
    else:
        result = to_numpy(as_float(values, name, axes="(items,)", min_ndim=1))
        if np.isinf(result).any():
            raise ValueError(
                f"`{name}` must not be infinite; got {np.isinf(result).sum()} that are"
            )
    if result.shape != (items,):
        raise ValueError(
            f"`{name}` must have one entry for each of the {items} items of `entered`; "
            f"got shape {result.shape}"
        )
    return result


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


def tokens_present(scores: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return which places of `scores (runs, targets[, tokens])` are no padding.

    Padding is a token that is NaN in every run; a target without tokens has none.
    """
    if scores.ndim == 2:
        return np.ones(scores.shape[1], dtype=bool)
    present: npt.NDArray[np.bool_] = ~np.isnan(scores).all(axis=0)
    return present


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


def _standardize(evidence: object, name: str, axes: str, min_ndim: int) -> None:
    value = getattr(evidence, name)
    if value is None:
        return
    value = as_float(value, name, axes=axes, min_ndim=min_ndim)
    require_finite(value, name)
    # A frozen dataclass has no other way to hold the standardized array.
    object.__setattr__(evidence, name, value)


def _check_same_model(
    first: Array | None, second: Array | None, names: tuple[str, str]
) -> None:
    if first is None or second is None:
        return
    check_same_kind(first, second, names)
    if first.shape[:-2] != second.shape[:-2] or first.shape[-1] != second.shape[-1]:
        raise ValueError(
            f"`{names[0]}` and `{names[1]}` must have the same leading axes and hidden "
            f"size; got shapes {tuple(first.shape)} and {tuple(second.shape)}"
        )
