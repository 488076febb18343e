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
from memmetrics.metrics._finished import finished_runs
from memmetrics.metrics.likelihood_ratio import likelihood_ratios
from memmetrics.result import Result
from memmetrics.statistics._proportions import proportion_error, proportion_limits

__all__ = ["MembershipAdvantage", "membership_advantage"]


def membership_advantage(
    scores: npt.NDArray[Any],
    member: npt.NDArray[np.bool_],
    *,
    own: npt.NDArray[np.int64] | None = None,
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
    scores, member, own = finished_runs(scores, member, own, least=2)
    ratios = likelihood_ratios(scores, member, own=own, pooled=pooled)
    known = np.any(~np.isnan(ratios), axis=0)  # (targets,)
    scored = ~np.isnan(scores)
    trained_on = member[:, own] & (own >= 0)
    inside, outside = trained_on & scored, ~trained_on & scored
    called = ratios > 0
    n_in, n_out = inside.sum(axis=0), outside.sum(axis=0)
    share_in = _share(called & inside, n_in, known)
    share_out = _share(called & outside, n_out, known)
    z = float(special.ndtri((1 + confidence) / 2))
    error, low, high = (np.full(len(own), np.nan) for _ in range(3))
    shares = share_in[known], share_out[known]
    runs = n_in[known].astype(np.float64), n_out[known].astype(np.float64)
    error[known] = proportion_error(*shares, *runs)
    low[known], high[known] = proportion_limits(*shares, *runs, z)
    return Result(
        MembershipAdvantage.name,
        MembershipAdvantage.unit,
        share_in - share_out,
        standard_error=error,
        low=low,
        high=high,
        n_in=n_in,
        n_out=n_out,
    )


@dataclass(frozen=True)
class MembershipAdvantage:
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
    version: ClassVar[int] = 1
    needs: ClassVar[type[Retrainings]] = Retrainings
    unit: ClassVar[str] = "probability"
    cost: ClassVar[str] = "runs * targets"

    def __call__(self, evidence: Retrainings) -> Result:
        """Return the advantage, one number for each target."""
        return membership_advantage(
            evidence.scores,
            evidence.member,
            own=evidence.own,
            pooled=self.pooled,
            confidence=self.confidence,
        )


def _share(
    called: npt.NDArray[np.bool_],
    runs: npt.NDArray[np.intp],
    known: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float64]:
    share = np.full(len(runs), np.nan)
    share[known] = called.sum(axis=0)[known] / runs[known]
    return share
