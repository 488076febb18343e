"""Membership advantage: how well the likelihood-ratio attack does on each point.

advantage_i = P(Λ_i > 0 | i was trained on) − P(Λ_i > 0 | i was not)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy import special

from memmetrics._arrays.validation import as_confidence
from memmetrics.evidence import Retrainings
from memmetrics.metrics.base import FunctionMetric, retrainings_iv
from memmetrics.metrics.likelihood_ratio import likelihood_ratios
from memmetrics.result import Result
from memmetrics.statistics import proportion_error, proportion_limits

__all__ = ["MembershipAdvantage", "membership_advantage"]


def membership_advantage(
    scores: Retrainings | npt.NDArray[Any],
    member: npt.NDArray[np.bool_] | None = None,
    *,
    own: npt.ArrayLike | None = None,
    pooled: bool | None = None,
    confidence: float = 0.95,
) -> Result:
    r"""True-positive rate minus false-positive rate of the attack on each point.

    .. math:: P(\Lambda_i > 0 \mid i \in S) - P(\Lambda_i > 0 \mid i \notin S)

    Parameters
    ----------
    scores, member, own, pooled
        As for `membership_inference`.
    confidence : float, default 0.95
        Confidence of the intervals.

    Returns
    -------
    Result
        One number for every target, between −1 and 1; 0 for a point whose scores give
        nothing away. The interval is that for a difference of two proportions. NaN for
        held-out targets, and where `likelihood_ratios` has none. ``n_in`` and ``n_out``
        count the runs that scored the target.

    Raises
    ------
    TypeError, ValueError
        As for `likelihood_ratios`.

    References
    ----------
    Yeom et al., "Privacy risk in machine learning" (2018), definition 4, for the
    advantage; Carlini et al. (2022), arXiv 2112.03570, for the attack.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> member = np.arange(64)[:, np.newaxis] % 2 < np.ones(2)
    >>> shift = np.array([0.0, 9.0])
    >>> scores = rng.normal(size=(64, 2)) + shift * member
    >>> membership_advantage(scores, member).estimate[1]
    np.float64(1.0)
    """
    confidence = as_confidence(confidence)
    evidence = retrainings_iv(scores, member, own)
    ratios = likelihood_ratios(evidence, pooled=pooled)
    runs = evidence.finished
    known = np.any(~np.isnan(ratios), axis=0)  # (targets,)
    scored, trained_on = ~np.isnan(runs.scores), runs.trained_on
    inside, outside = trained_on & scored, ~trained_on & scored
    called = ratios > 0
    n_in, n_out = inside.sum(axis=0), outside.sum(axis=0)
    counts = n_in[known].astype(np.float64), n_out[known].astype(np.float64)
    share_in = (called & inside).sum(axis=0)[known] / counts[0]
    share_out = (called & outside).sum(axis=0)[known] / counts[1]
    z = float(special.ndtri((1 + confidence) / 2))
    numbers = np.full((4, len(known)), np.nan)
    numbers[0, known] = share_in - share_out
    numbers[1, known] = proportion_error(share_in, share_out, *counts)
    numbers[2:, known] = proportion_limits(share_in, share_out, *counts, z)
    estimate, error, low, high = numbers
    return Result(
        MembershipAdvantage.name,
        MembershipAdvantage.unit,
        estimate,
        standard_error=error,
        low=low,
        high=high,
        n_in=n_in,
        n_out=n_out,
        attrs=evidence.attrs,
    )


@dataclass(frozen=True)
class MembershipAdvantage(FunctionMetric):
    """Metric of `membership_advantage`; needs `Retrainings`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> member = rng.random((32, 4)) < 0.5
    >>> evidence = Retrainings(rng.normal(size=(32, 4)) + 9 * member, member)
    >>> MembershipAdvantage()(evidence).estimate
    array([1., 1., 1., 1.])
    """

    pooled: bool | None = None
    confidence: float = 0.95

    name: ClassVar[str] = "membership_advantage"
    unit: ClassVar[str] = "probability"
    function = staticmethod(membership_advantage)
