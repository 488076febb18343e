"""How far two scores put points in one order, and how far their noise lets them.

ρ_observed = ρ_true · √(rel_a · rel_b)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from memmetrics._arrays.validation import as_confidence, numbers_iv

__all__ = ["RankAgreement", "rank_agreement", "rank_correlation_interval"]

_UNKNOWN = (float("nan"),) * 7


@dataclass(frozen=True)
class RankAgreement:
    """Spearman's rank correlation of two scores.

    Attributes
    ----------
    points : int
        Points that both scores know.
    estimate, low, high : float
        The correlation and its interval.
    bound : float
        What it would be at most, if the two had the same true order: √(rel_a · rel_b).
    disattenuated, disattenuated_low, disattenuated_high : float
        Estimate and limits over the bound: of the orders without noise. These may
        exceed 1 by chance.
    """

    points: int
    estimate: float
    low: float
    high: float
    bound: float
    disattenuated: float
    disattenuated_low: float
    disattenuated_high: float


def rank_agreement(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    reliabilities: tuple[float, float] = (1.0, 1.0),
    confidence: float = 0.95,
) -> RankAgreement:
    r"""Return Spearman's correlation of two scores, as it is and without their noise.

    .. math:: \rho_{true} = \frac{\rho}{\sqrt{rel_a \, rel_b}}, \qquad
        \tanh\!\left(\operatorname{artanh} \rho \pm z
        \sqrt{\frac{1 + \rho^2 / 2}{n - 3}}\right)

    Parameters
    ----------
    first, second : array (points,)
        Two scores of the same points. Points that are NaN in either do not count.
    reliabilities : (float, float)
        Reliability of each, in [0, 1], as `split_half_reliability` gives it.
    confidence : float
        Confidence of the interval, between 0 and 1.

    Returns
    -------
    RankAgreement
        NaN throughout where one score gives all points the same, or fewer than four
        points are known to both. The disattenuated numbers are NaN where a reliability
        is 0 or NaN.

    Raises
    ------
    TypeError, ValueError
        If something else than real numbers is given, the shapes differ, or
        reliabilities or `confidence` are out of range.

    Notes
    -----
    The interval is over points that are drawn independently; it knows nothing of other
    data sets, nor of the error of the reliabilities. The formula is exact for values;
    for ranks of scores that are near normal it is close. Few points may agree in order
    by chance, so that a correlation is taken to be at most half the smallest step from
    ±1, ``6 / (n³ − n)``. Over 20,000 samples for each of 4 to 10 normal points and
    true correlations of 0 to 0.97, nominal 95 % intervals covered in 93.9 to 100 %.

    References
    ----------
    Spearman, "The proof and measurement of association between two things" (1904),
    American Journal of Psychology 15, for both; Bonett and Wright, "Sample size
    requirements for estimating Pearson, Kendall and Spearman correlations" (2000),
    Psychometrika 65, for the interval.

    Examples
    --------
    >>> first, second = [1, 2, 3, 4, 5], [1, 2, 3, 5, 4]
    >>> agreement = rank_agreement(first, second, reliabilities=(0.9, 1.0))
    >>> round(agreement.estimate, 3), round(agreement.bound, 3)
    (0.9, 0.949)
    >>> round(agreement.disattenuated, 3)
    0.949
    """
    confidence = as_confidence(confidence)
    bound = _bound_iv(reliabilities)
    pair = _pair_iv(first, second)
    points = pair.shape[1]
    from scipy import stats  # takes long to import

    ranks = stats.rankdata(pair, axis=1)
    if points < 4 or (np.ptp(ranks, axis=1) == 0).any():
        return RankAgreement(points, *_UNKNOWN)
    estimate = float(np.corrcoef(*ranks).item(0, 1))
    _, *ends = rank_correlation_interval(estimate, points, confidence)
    low, high = map(float, ends)
    possible = bound if bound > 0 else float("nan")
    return RankAgreement(
        points,
        estimate,
        low,
        high,
        bound,
        estimate / possible,
        low / possible,
        high / possible,
    )


def rank_correlation_interval(
    estimate: npt.ArrayLike, count: npt.ArrayLike, confidence: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return standard error, low and high of correlations of so many ranks.

    NaN where there are fewer than four.
    """
    correlation, points = np.asarray(estimate), np.asarray(count, dtype=np.float64)
    points = np.where(points > 3, points, np.nan)
    # Of untied ranks the largest below 1 is twice as far from it.
    most = 1 - 6 / (points**3 - points)
    center = np.clip(correlation, -most, most)
    error = np.sqrt((1 + center**2 / 2) / (points - 3))
    half = float(special.ndtri((1 + confidence) / 2)) * error
    low = np.minimum(np.tanh(np.arctanh(center) - half), correlation)
    high = np.maximum(np.tanh(np.arctanh(center) + half), correlation)
    return error * (1 - center**2), low, high


def _bound_iv(reliabilities: tuple[float, float]) -> float:
    values = numbers_iv(reliabilities, "reliabilities")
    known = values[~np.isnan(values)]
    if values.shape != (2,) or ((known < 0) | (known > 1)).any():
        raise ValueError(
            f"`reliabilities` must be two numbers in [0, 1]; got {reliabilities!r}"
        )
    return float(np.sqrt(values.prod()))


def _pair_iv(first: npt.ArrayLike, second: npt.ArrayLike) -> npt.NDArray[np.float64]:
    a, b = numbers_iv(first, "first"), numbers_iv(second, "second")
    if a.shape != b.shape or a.ndim != 1:
        raise ValueError(
            "`first` and `second` must have one shape, (points,); "
            f"got {a.shape} and {b.shape}"
        )
    known = ~(np.isnan(a) | np.isnan(b))
    return np.stack([a[known], b[known]])
