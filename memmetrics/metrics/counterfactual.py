"""Counterfactual memorization: how much better a point scores when it was trained on.

    mem(i) = E[score of i | i in the training set] − E[score of i | i not in it],

estimated by the mean over retrained models that had the point (IN) minus the mean over
those that had not (OUT). The expectation is over training subsets and over the
randomness of training.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch

from memmetrics._arrays.validation import (
    Array,
    as_boolean,
    as_confidence,
    as_float,
    check_same_kind,
    like_original,
    to_numpy,
)
from memmetrics.evidence import Retrainings, own_iv
from memmetrics.metrics._tokens import flat_tokens
from memmetrics.result import Result
from memmetrics.statistics.arms import Arms, failed_runs
from memmetrics.statistics.intervals import difference_interval

__all__ = [
    "CounterfactualMemorization",
    "counterfactual_memorization",
    "memorization_from_arms",
]


def counterfactual_memorization(
    scores: Array,
    member: Array,
    *,
    confidence: float = 0.95,
    minimum: float = 0.0,
) -> Result:
    r"""Mean score of the runs that had a point minus that of the runs that had not.

    .. math::
        \widehat{mem}_i = \bar s_i^{in} - \bar s_i^{out}, \qquad
        SE_i^2 = s_{in}^2 / n_{in} + s_{out}^2 / n_{out}

    Parameters
    ----------
    scores : array or tensor (runs, points) or (runs, points, tokens)
        Score of every point, or of each of its tokens, under every run; higher is
        better (for a loss, its negative). NaN says that the run did not score the
        point, and does not count there. A run whose scores are NaN throughout, as one
        that diverged, is left out with a warning; a token that is NaN in every run is
        padding, and its estimate is NaN.
    member : boolean array or tensor (runs, points)
        Whether the point was in the run's training set.
    confidence : float
        Confidence of the interval, between 0 and 1.
    minimum : float
        Memorization worth the name, in the unit of the scores: `p_value` speaks
        against no more than this.

    Returns
    -------
    Result
        ``estimate``, ``standard_error``, ``low``, ``high``, ``n_in`` and ``n_out``,
        each ``(points,)`` or ``(points, tokens)``, in the unit of the scores. Positive
        means memorized. An estimate is NaN, never 0, where a point has no score in one
        of the arms, or an infinite one. ``n_in`` and ``n_out`` count the runs that
        scored the point. The columns say which ``interval`` was used, what the sample
        lacks (``flag``) and the one-sided ``p_value`` of at most `minimum`; see
        `memmetrics.statistics.intervals.difference_interval`.

    Raises
    ------
    TypeError, ValueError
        If the shapes differ, `member` is not boolean, the tensors are on different
        devices, fewer than two runs are given, no score is there at all, `confidence`
        is not within (0, 1), or `minimum` is not finite.

    Warns
    -----
    RuntimeWarning
        If a point has no run in one of the arms, or an infinite score, or a run was
        left out; the message says how many.

    Notes
    -----
    Unbiased for subsets in which points are chosen independently of one another, or
    in balanced columns. The scores are read once and never copied; see
    `memmetrics.statistics.arms`.

    References
    ----------
    Feldman and Zhang, "What Neural Networks Memorize and Why" (2020), section 2;
    Zhang et al., "Counterfactual Memorization in Neural Language Models" (2023),
    definition 1.

    Examples
    --------
    >>> import numpy as np
    >>> member = np.array([[True, False], [True, False], [False, True], [False, True]])
    >>> scores = np.array([[0.9, 0.5], [1.0, 0.4], [0.1, 0.5], [0.2, 0.6]])
    >>> memorization = counterfactual_memorization(scores, member)
    >>> memorization.estimate.round(3)
    array([0.8, 0.1])
    >>> memorization.n_in
    array([2, 2])
    """
    test = _Test(confidence, minimum)
    original, values, chosen = retrainings_iv(scores, member)
    if values.shape[:2] != chosen.shape:
        raise ValueError(
            "`scores` and `member` must have the same shape (runs, points); "
            f"got {values.shape} and {chosen.shape}"
        )
    if values.ndim == 3:
        tokens = flat_tokens(values)
        own = chosen[:, tokens.target]
        flat = _memorization(tokens.scores, own, None, test, original)
        return tokens.spread(flat)
    return _memorization(values, chosen, None, test, original)


@dataclass(frozen=True)
class _Test:
    """Confidence of the interval, and what its p-value is tested against."""

    confidence: float
    minimum: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "confidence", as_confidence(self.confidence))
        if not np.isfinite(self.minimum):
            raise ValueError(f"`minimum` must be finite; got {self.minimum!r}")


def _memorization(
    scores: npt.NDArray[Any],
    member: npt.NDArray[np.bool_],
    held_out: npt.NDArray[np.bool_] | None,
    test: _Test,
    original: Array | None = None,
) -> Result:
    """Memorization of `scores (runs, targets)`, with its warnings."""
    warn_of_failed(failed_runs(scores))
    arms = Arms.from_scores(scores, member)
    warn_of_points(arms, held_out)
    return memorization(
        arms, confidence=test.confidence, minimum=test.minimum, original=original
    )


def memorization_from_arms(
    arms: Arms, *, confidence: float = 0.95, minimum: float = 0.0
) -> Result:
    """Return counterfactual memorization of scores that were streamed into `arms`.

    Parameters
    ----------
    arms : Arms
        Statistics of all runs, merged; arrays ``(points,)``.
    confidence, minimum : float
        As for `counterfactual_memorization`.

    Returns
    -------
    Result
        As `counterfactual_memorization`.

    Warns
    -----
    RuntimeWarning
        If a point has no run in one of the arms, or an infinite score; the message
        says how many.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> scores, member = rng.normal(size=(8, 3)), rng.random((8, 3)) < 0.5
    >>> halves = [Arms.from_scores(scores[k::2], member[k::2]) for k in range(2)]
    >>> streamed = memorization_from_arms(halves[0].merge(halves[1])).estimate
    >>> whole = counterfactual_memorization(scores, member).estimate
    >>> bool(np.allclose(streamed, whole))
    True
    """
    warn_of_points(arms)
    test = _Test(confidence, minimum)
    return memorization(arms, confidence=test.confidence, minimum=test.minimum)


def memorization(
    arms: Arms,
    *,
    confidence: float,
    minimum: float = 0.0,
    original: Array | None = None,
) -> Result:
    """Return the same without warnings, as tensors if `original` is one."""
    inside, outside = arms
    interval = difference_interval(
        inside, outside, confidence=confidence, minimum=minimum
    )
    beside = inside.mean if original is None else original
    return Result(
        CounterfactualMemorization.name,
        CounterfactualMemorization.unit,
        like_original(inside.mean - outside.mean, beside),
        standard_error=like_original(interval.standard_error, beside),
        low=like_original(interval.low, beside),
        high=like_original(interval.high, beside),
        n_in=like_original(inside.count, beside),
        n_out=like_original(outside.count, beside),
        columns={
            "interval": interval.interval,
            "flag": interval.flag,
            "p_value": interval.p_value,
        },
    )


@dataclass(frozen=True)
class CounterfactualMemorization:
    """Metric of `counterfactual_memorization`; needs `Retrainings`.

    One estimate for each target; NaN for those that are no training points.

    Examples
    --------
    >>> import numpy as np
    >>> member = np.arange(20).reshape(10, 2) % 3 == 0
    >>> result = CounterfactualMemorization()(Retrainings(member * 1.0, member))
    >>> result.estimate
    array([1., 1.])
    """

    confidence: float = 0.95
    minimum: float = 0.0

    name: ClassVar[str] = "counterfactual_memorization"
    version: ClassVar[int] = 1
    needs: ClassVar[type[Retrainings]] = Retrainings
    unit: ClassVar[str] = "score"
    cost: ClassVar[str] = "runs * targets"

    def __call__(self, evidence: Retrainings) -> Result:
        """Return the memorization of every target."""
        test = _Test(self.confidence, self.minimum)
        member, held_out = own_member(evidence)
        if evidence.scores.ndim == 2:
            return _memorization(evidence.scores, member, held_out, test)
        tokens = flat_tokens(evidence.scores)
        at = tokens.target
        flat = _memorization(tokens.scores, member[:, at], held_out[at], test)
        return tokens.spread(flat)


def retrainings_iv(
    scores: object, member: object
) -> tuple[Array, npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Check scores and members; return the scores as given, and both as NumPy arrays.

    Raises
    ------
    TypeError, ValueError
        If types or numbers of axes are wrong, tensors are on different devices, the
        runs differ in number or are fewer than two.
    """
    original = as_float(scores, "scores", axes="(runs, targets)", min_ndim=2)
    chosen = as_boolean(member, "member", axes="(runs, points)", ndim=2)
    if isinstance(original, torch.Tensor) and isinstance(chosen, torch.Tensor):
        check_same_kind(original, chosen, ("scores", "member"))
    if original.ndim not in (2, 3) or len(original) != len(chosen):
        raise ValueError(
            "`scores` must be (runs, targets) or (runs, targets, tokens) and `member` "
            "(runs, points) with as many runs; "
            f"got shapes {tuple(original.shape)} and {tuple(chosen.shape)}"
        )
    if len(original) < 2:
        raise ValueError("`scores` must hold at least 2 runs; got 1")
    return original, to_numpy(original), to_numpy(chosen)


def own_member(
    evidence: Retrainings,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return whether each target was in each run's training set, `(runs, targets)`.

    Also which targets are held out, `(targets,)`: no run had them.
    """
    member, points = evidence.member, evidence.member.shape[1]
    own = own_iv(evidence.own, targets=evidence.scores.shape[1], points=points)
    held_out = own < 0
    if np.array_equal(own, np.arange(points)):
        return member, held_out
    member = member[:, own]
    member[:, held_out] = False
    return member, held_out


def warn_of_failed(failed: npt.NDArray[np.bool_]) -> None:
    """Warn of runs that are left out; raise ValueError if none are left."""
    if failed.all():
        raise ValueError(f"`scores` must not be NaN in all {failed.size} runs")
    if failed.any():
        warnings.warn(
            f"{failed.sum()} of {failed.size} runs have only NaN scores (they failed "
            "or diverged) and are left out",
            RuntimeWarning,
            stacklevel=3,
        )


def warn_of_points(arms: Arms, held_out: npt.NDArray[np.bool_] | None = None) -> None:
    """Warn of points that have no estimate, save those that are held out."""
    empty = (arms.inside.count == 0) | (arms.outside.count == 0)
    warn_of_empty(empty if held_out is None else empty & ~held_out)
    infinite = arms.inside.infinite | arms.outside.infinite
    warn_of_infinite(infinite if held_out is None else infinite & ~held_out)


def warn_of_empty(empty: npt.NDArray[np.bool_]) -> None:
    """Warn of points with no run in one of the two arms."""
    _warn_of(empty, "no run in one of the two arms")


def warn_of_infinite(infinite: npt.NDArray[np.bool_]) -> None:
    """Warn of points with an infinite score."""
    _warn_of(infinite, "an infinite score in some run")


def _warn_of(points: npt.NDArray[np.bool_], what: str) -> None:
    if points.any():
        warnings.warn(
            f"{points.sum()} of {points.size} points have {what}; their estimate is "
            "NaN",
            RuntimeWarning,
            stacklevel=4,
        )
