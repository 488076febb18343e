"""Linear datamodel score: how well attributions predict what retraining does.

With attributions a (points, targets), the prediction for target t of a run that trained
on the subset S is the sum of a_it over i in S. The score of a target is Spearman's
correlation, over runs, of these predictions with its actual scores.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import (
    as_confidence,
    as_float,
    require_finite,
    to_numpy,
)
from memmetrics.evidence import Retrainings
from memmetrics.metrics.base import usable_iv
from memmetrics.result import Result
from memmetrics.statistics.jackknife import jackknife_error, jackknife_limits
from memmetrics.statistics.rank_agreement import rank_correlation_interval

__all__ = ["linear_datamodel_score", "mean_linear_datamodel_score"]

Floats: TypeAlias = npt.NDArray[np.float64]

_ENTRIES = 1 << 20  # runs × targets at a time
_UNITS = 4 * np.finfo(np.float64).eps  # of a sum's rounding, for each √addend
_LEAST_RUNS = 4  # the variance of Fisher's z has runs − 3 in it


def linear_datamodel_score(
    attribution: npt.NDArray[Any],
    scores: Retrainings | npt.NDArray[Any],
    member: npt.NDArray[np.bool_] | None = None,
    *,
    confidence: float = 0.95,
) -> Result:
    r"""Spearman correlation of predicted and actual scores over runs, per target.

    .. math:: \rho_t = \mathrm{Spearman}_k\Big(\sum_i m_{ki} a_{it},\ x_{kt}\Big)

    Parameters
    ----------
    attribution : array (points, targets)
        Of any method: how much training on the point raises the target's score.
    scores : Retrainings or array (runs, targets)
        Evidence, or actual scores, of models that `attribution` was not computed from:
        with the same runs in both, the score flatters. NaN where the run did not score
        the target: it does not count there.
    member : bool array (runs, points)
        Whether the point was in the run's training set. Not with evidence.
    confidence : float, default 0.95
        Confidence of the intervals.

    Returns
    -------
    Result
        One number for each target, dimensionless, within [−1, 1]. NaN where the
        predictions or the scores of a target are all alike, and where fewer than 4 runs
        scored it. The interval is Fisher's, ``artanh ρ ± z √((1 + ρ²/2)/(runs − 3))``,
        with ρ at most half the smallest step from ±1, ``6 / (runs³ − runs)``.

    Raises
    ------
    TypeError, ValueError
        If the shapes do not fit, `attribution` is not finite, or there are fewer than
        4 finished runs.

    See Also
    --------
    mean_linear_datamodel_score : one number for all targets.

    References
    ----------
    Park et al., "TRAK: attributing model behavior at scale" (2023), arXiv 2303.14186,
    definition 2.3. Bonett and Wright, Psychometrika 65 (2000), for the variance.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> effect = rng.normal(size=(8, 3))
    >>> member = rng.random((100, 8)) < 0.5
    >>> linear_datamodel_score(effect, member @ effect, member).estimate
    array([1., 1., 1.])
    """
    confidence = as_confidence(confidence)
    attribution, scores, member = _lds_iv(attribution, scores, member)
    estimate = _correlations(attribution, scores, member)
    scored = (~np.isnan(scores)).sum(axis=0)
    numbers = rank_correlation_interval(estimate, scored, confidence)
    return Result("linear_datamodel_score", "dimensionless", estimate, *numbers)


def mean_linear_datamodel_score(
    attribution: npt.NDArray[Any],
    scores: Retrainings | npt.NDArray[Any],
    member: npt.NDArray[np.bool_] | None = None,
    *,
    confidence: float = 0.95,
) -> Result:
    """Mean over targets of `linear_datamodel_score`, as it is usually reported.

    Parameters
    ----------
    attribution, scores, member, confidence
        As for `linear_datamodel_score`.

    Returns
    -------
    Result
        One number, over the targets whose score exists. All targets share their runs,
        so that its standard error is that of a jackknife over runs, not one over
        targets.

    Raises
    ------
    TypeError, ValueError
        As for `linear_datamodel_score`, or if no target's score exists.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> effect = rng.normal(size=(8, 30))
    >>> member = rng.random((100, 8)) < 0.5
    >>> noise = rng.normal(size=(100, 30))
    >>> mean = mean_linear_datamodel_score(effect, member @ effect + noise, member)
    >>> bool(mean.low < mean.estimate < mean.high), mean.unit
    (True, 'dimensionless')
    """
    confidence = as_confidence(confidence)
    attribution, scores, member = _lds_iv(attribution, scores, member)
    of_targets = _correlations(attribution, scores, member)
    exists = ~np.isnan(of_targets)
    if not exists.any():
        raise ValueError(
            "`attribution` and `scores` must vary over runs for some target; "
            "they do for none"
        )

    def mean_of(runs: npt.NDArray[np.bool_]) -> Floats:
        some = _correlations(
            attribution[:, exists], scores[runs][:, exists], member[runs]
        )
        return np.asarray(np.mean(some))

    estimate = np.asarray(of_targets[exists].mean())
    error = jackknife_error(mean_of, len(scores))
    low, high = jackknife_limits(
        estimate, error, runs=len(scores), confidence=confidence
    )
    return Result(
        "mean_linear_datamodel_score",
        "dimensionless",
        estimate,
        standard_error=error,
        low=np.maximum(low, -1),
        high=np.minimum(high, 1),
    )


def _lds_iv(
    attribution: npt.NDArray[Any],
    scores: Retrainings | npt.NDArray[Any],
    member: npt.NDArray[np.bool_] | None,
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.bool_]]:
    matrix = to_numpy(
        as_float(attribution, "attribution", axes="(points, targets)", min_ndim=2)
    )
    held_out = None
    if not isinstance(scores, Retrainings):
        # Which points the targets are does not matter here; -1 fits any number.
        held_out = np.full(np.shape(scores)[1:2], -1)
    evidence = usable_iv(scores, member, held_out, finished=_LEAST_RUNS)
    scores, member = evidence.finished.scores, evidence.finished.member
    expected = (member.shape[1], scores.shape[1])
    if matrix.shape != expected:
        raise ValueError(
            f"`attribution` must have shape (points, targets), here {expected}; "
            f"got {matrix.shape}"
        )
    require_finite(matrix, "attribution")
    return matrix, scores, member


def _correlations(
    attribution: npt.NDArray[Any],
    scores: npt.NDArray[Any],
    member: npt.NDArray[np.bool_],
) -> Floats:
    """Return every target's correlation, (targets,)."""
    result = np.empty(scores.shape[1])
    trained_on = member.astype(np.float64)
    width = max(1, _ENTRIES // len(scores))
    for start in range(0, len(result), width):
        part = slice(start, start + width)
        effects = _of_size_one(attribution[:, part])
        # Equal sums of different addends differ by rounding, and so are ties.
        rounding = _UNITS * np.sqrt(len(effects)) * np.abs(effects).sum(axis=0)
        predicted = _standard_ranks(trained_on @ effects, rounding)
        actual = _standard_ranks(scores[:, part])
        result[part] = np.clip((predicted * actual).sum(axis=0), -1, 1)
    scored = ~np.isnan(scores)
    for target in np.flatnonzero(~scored.all(axis=0)):
        runs, column = scored[:, target], [target]
        result[target] = np.nan
        if runs.sum() >= _LEAST_RUNS:
            actual, trained = scores[np.ix_(runs, column)], member[runs]
            found = _correlations(attribution[:, column], actual, trained)
            result[target] = found[0]
    return result


def _of_size_one(attribution: npt.NDArray[Any]) -> Floats:
    """Divide by powers of two, which changes no rank, so that no sum overflows."""
    values = attribution.astype(np.float64)
    _, exponents = np.frexp(np.abs(values).max(axis=0))
    return np.asarray(np.ldexp(values, -exponents))


def _standard_ranks(values: npt.NDArray[Any], rounding: Floats | None = None) -> Floats:
    """Return ranks over runs, centered and of unit length; NaN where all are alike.

    Values `(runs, targets)` that are no further apart than `rounding (targets,)` are
    ties.
    """
    from scipy import stats  # takes long to import

    levels = values if rounding is None else _levels(values, rounding)
    ranks: Floats = stats.rankdata(levels, axis=0)
    ranks -= ranks.mean(axis=0)
    length = np.sqrt((ranks**2).sum(axis=0))
    missing = np.full_like(ranks, np.nan)
    return np.asarray(np.divide(ranks, length, out=missing, where=length > 0))


def _levels(values: Floats, rounding: Floats) -> npt.NDArray[np.intp]:
    """Return numbers for the values of each column in their order, ties alike."""
    order = np.argsort(values, axis=0)
    steps = np.diff(np.take_along_axis(values, order, axis=0), axis=0) > rounding
    levels = np.zeros(values.shape, dtype=np.intp)
    np.put_along_axis(levels, order[1:], steps.cumsum(axis=0), axis=0)
    return levels
