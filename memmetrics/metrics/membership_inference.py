"""Membership inference: what a model's scores give away of its training set.

The likelihood ratio of `memmetrics.metrics.likelihood_ratio` is the attack; what it
achieves over all (run, point) pairs is told by the area under its ROC curve, the chance
that a pair that was trained on has the larger ratio, and by its true-positive rates at
low false-positive rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import as_confidence
from memmetrics.evidence import Retrainings
from memmetrics.metrics.base import FunctionMetric, rates_iv, retrainings_iv
from memmetrics.metrics.likelihood_ratio import likelihood_ratios
from memmetrics.result import Result
from memmetrics.statistics.jackknife import jackknife_error, jackknife_limits

__all__ = ["MembershipInference", "membership_inference"]

Bools: TypeAlias = npt.NDArray[np.bool_]
Floats: TypeAlias = npt.NDArray[np.float64]

_LOW = (0.001, 0.01)


def membership_inference(
    scores: Retrainings | npt.NDArray[Any],
    member: npt.NDArray[np.bool_] | None = None,
    *,
    own: npt.ArrayLike | None = None,
    false_positive_rates: Sequence[float] = _LOW,
    pooled: bool | None = None,
    confidence: float = 0.95,
) -> Result:
    """ROC of the likelihood-ratio attack over all (run, point) pairs.

    Parameters
    ----------
    scores : Retrainings or array (runs, targets)
        Evidence, or scores. They should be roughly Gaussian over the runs of one arm,
        e.g. the negative of a loss, or `logit` of a probability: with the probability
        itself, much fewer members are found at low false-positive rates. NaN where the
        run did not score the target: such a pair does not count.
    member : bool array (runs, points)
        Whether the point was in the run's training set. Not with evidence.
    own : int array (targets,), optional
        The training point that each target is, or -1. Default: target `i` is point
        `i`. Held-out targets do not count. Not with evidence.
    false_positive_rates : sequence of float, default (0.001, 0.01)
        Where to read off the true-positive rate, within (0, 1).
    pooled : bool, optional
        Whether points share their variances, see `likelihood_ratios`.
    confidence : float, default 0.95
        Confidence of the intervals.

    Returns
    -------
    Result
        The area first, ½ for an attack no better than chance, then the true-positive
        rate at every false-positive rate; columns ``statistic`` and
        ``false_positive_rate``. Standard errors are over runs, for these points, by
        the jackknife; limits are cut off at 0 and 1. ``n_in`` and ``n_out`` count
        pairs.

    Raises
    ------
    TypeError, ValueError
        As for `likelihood_ratios`, or if a rate lies outside (0, 1).

    Notes
    -----
    A true-positive rate is the largest of those with a false-positive rate of at most
    the given one; below one false positive among ``n_out``, that is the share above
    all pairs that were not trained on.

    References
    ----------
    Carlini et al., "Membership inference attacks from first principles" (2022), arXiv
    2112.03570.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> member = rng.random((64, 50)) < 0.5
    >>> attack = membership_inference(rng.normal(size=(64, 50)) + 4 * member, member)
    >>> attack.estimate.round(1)
    array([1. , 0.7, 0.9])
    """
    confidence = as_confidence(confidence)
    rates = rates_iv(false_positive_rates)
    evidence = retrainings_iv(scores, member, own)
    ratios = likelihood_ratios(evidence, pooled=pooled)
    runs = evidence.finished
    scored = ~np.isnan(ratios)
    known = np.flatnonzero(scored.any(axis=0))  # targets that have ratios
    scored, inside = scored[:, known], runs.trained_on[:, known]
    arms = inside & scored, ~inside & scored
    levels, place = np.unique(ratios[:, known], return_inverse=True)
    place = place.reshape(inside.shape)

    def statistics(kept: Bools) -> Floats:
        in_, out = (
            np.bincount(place[kept][arm[kept]], minlength=len(levels)) for arm in arms
        )
        return _area_and_rates(in_, out, rates)

    estimate = statistics(np.ones(len(ratios), dtype=bool))
    error = jackknife_error(statistics, len(ratios))
    low, high = jackknife_limits(
        estimate, error, runs=len(ratios), confidence=confidence
    )
    pairs_in, pairs_out = (int(arm.sum()) for arm in arms)
    return Result(
        MembershipInference.name,
        MembershipInference.unit,
        estimate,
        standard_error=error,
        low=np.maximum(low, 0),
        high=np.minimum(high, 1),
        n_in=np.full(len(estimate), pairs_in),
        n_out=np.full(len(estimate), pairs_out),
        columns={
            "statistic": np.array(["area", *["true-positive rate"] * len(rates)]),
            "false_positive_rate": np.array([np.nan, *rates]),
        },
        axes=("operating_point",),
        attrs=evidence.attrs,
    )


@dataclass(frozen=True)
class MembershipInference(FunctionMetric):
    """Metric of `membership_inference`; needs `Retrainings`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> member = rng.random((32, 20)) < 0.5
    >>> evidence = Retrainings(rng.normal(size=(32, 20)) + 9 * member, member)
    >>> MembershipInference()(evidence).estimate.round(2)
    array([1., 1., 1.])
    """

    false_positive_rates: tuple[float, ...] = _LOW
    pooled: bool | None = None
    confidence: float = 0.95

    name: ClassVar[str] = "membership_inference"
    unit: ClassVar[str] = "probability"
    cost: ClassVar[str] = "runs * targets * log(runs * targets)"
    function = staticmethod(membership_inference)


def _area_and_rates(
    inside: npt.NDArray[np.intp], outside: npt.NDArray[np.intp], rates: Sequence[float]
) -> Floats:
    """Return the statistics from counts of either kind at every level, rising."""
    n_in, n_out = int(inside.sum()), int(outside.sum())
    below = np.cumsum(outside) - outside / 2  # a tie counts half
    area = (inside * below).sum() / n_in / n_out
    # Counts at and above a threshold that falls through the levels, from none on.
    true = np.concatenate([[0], np.cumsum(inside[::-1])])
    false = np.concatenate([[0], np.cumsum(outside[::-1])])
    allowed = np.array(rates) * n_out * (1 + 1e-12)  # 0.07 * 100 is not quite 7
    last = np.searchsorted(false, allowed, side="right") - 1
    return np.concatenate([[area], true[last] / n_in])
