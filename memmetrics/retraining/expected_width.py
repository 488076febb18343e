"""From the spread of a few runs, the half-width of intervals after many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.special

from memmetrics.retraining.base import Bools
from memmetrics.retraining.designs import BLOCK

_MOST_RUNS = 10**8


@dataclass(frozen=True)
class ExpectedWidth:
    """Variances of both arms of each point, and what they lead to.

    Parameters
    ----------
    inside, outside : array (points,)
        Variance of the scores of runs with and without the point.
    fraction : float
        Share of the runs that have it.
    confidence : float
        Of the intervals.
    """

    inside: npt.NDArray[np.float64]
    outside: npt.NDArray[np.float64]
    fraction: float
    confidence: float

    @classmethod
    def from_runs(
        cls,
        scores: npt.NDArray[Any],
        member: Bools,
        *,
        fraction: float,
        confidence: float,
    ) -> ExpectedWidth:
        """Estimate the variances from a few runs; points with a bare arm are left out.

        Raises
        ------
        ValueError
            If no point has two runs in either arm.
        """
        finite = np.isfinite(scores).all(axis=1)
        scores, member = scores[finite], member[finite]
        variances = [_variance(scores, arm) for arm in (member, ~member)]
        known = np.isfinite(variances[0]) & np.isfinite(variances[1])
        if not known.any():
            raise ValueError(
                f"`fraction` {fraction} leaves an arm with fewer than two of the first "
                f"{len(member)} runs at every point: no spread to plan with"
            )
        inside, outside = (variance[known] for variance in variances)
        return cls(inside, outside, fraction, confidence)

    def median(self, runs: int) -> float:
        """Return the median half-width of Welch's interval after so many runs."""
        # At least two runs an arm, for there to be an interval at all.
        n_in = max(2.0, self.fraction * runs)
        n_out = max(2.0, (1 - self.fraction) * runs)
        errors = self.inside / n_in, self.outside / n_out  # (points,) each
        total = errors[0] + errors[1]
        with np.errstate(invalid="ignore", divide="ignore"):
            freedom = total**2 / (
                errors[0] ** 2 / (n_in - 1) + errors[1] ** 2 / (n_out - 1)
            )
        quantile = scipy.special.stdtrit(
            np.where(total > 0, freedom, 1.0), 0.5 + self.confidence / 2
        )
        return float(np.median(quantile * np.sqrt(total)))

    def runs_for(self, half_width: float) -> int:
        """Return the least number of whole blocks of runs that is narrow enough.

        Raises
        ------
        ValueError
            If it takes more than 10**8 runs.
        """
        low, high = 0, 1
        while self.median(high * BLOCK) > half_width:
            low, high = high, 2 * high
            if high * BLOCK > _MOST_RUNS:
                raise ValueError(
                    f"`half_width` {half_width} takes more than {_MOST_RUNS:,} runs"
                )
        while high - low > 1:
            middle = (low + high) // 2
            if self.median(middle * BLOCK) > half_width:
                low = middle
            else:
                high = middle
        return high * BLOCK


def _variance(scores: npt.NDArray[Any], arm: Bools) -> npt.NDArray[np.float64]:
    """Unbiased variance of each column over the rows of its arm, NaN below two."""
    count = arm.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(arm, scores, 0.0).sum(axis=0) / count
        squares = (np.where(arm, scores - mean, 0.0) ** 2).sum(axis=0)
        return np.where(count >= 2, squares / (count - 1), np.nan)
