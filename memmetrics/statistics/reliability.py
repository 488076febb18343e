"""Reliability: the share of the variance between points that is not noise.

    ρ = Var(true) / Var(estimated) = 1 − Var(noise) / Var(estimated)

It is the correlation that the estimate would have with another of the same precision.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import (
    count_iv,
    numbers_iv,
    safe_exponent,
)
from memmetrics._seeds import RNG, Stream, entropy_from, generator

__all__ = ["reliability_from_errors", "split_half_reliability", "split_halves"]


def split_halves(
    statistic: Callable[[npt.NDArray[np.bool_]], npt.NDArray[np.float64]],
    runs: int,
    *,
    rng: RNG,
    splits: int = 10,
) -> npt.NDArray[np.float64]:
    """Return a per-point statistic of both halves of the runs, for random halves.

    Two statistics of the same runs share their noise, which makes them agree. Of
    different halves they do not: compare the first half's one with the second's other.

    Parameters
    ----------
    statistic : function of a bool array (runs,)
        The statistic of those runs, (points,); as `jackknife_error` takes it.
    runs : int
        How many runs there are, at least 2.
    rng : int, numpy.random.Generator, numpy.random.SeedSequence or None
        Decides on the halves; the same number gives the same halves.
    splits : int
        How many times to halve.

    Returns
    -------
    float64 array (splits, 2, points)

    Raises
    ------
    TypeError, ValueError
        If `runs` or `splits` is too small.

    Examples
    --------
    >>> values = np.array([[1.0], [2.0], [4.0], [8.0]])
    >>> split_halves(lambda kept: values[kept].sum(0), 4, rng=0, splits=3).sum(1)
    array([[15.],
           [15.],
           [15.]])
    """
    runs = count_iv(runs, "runs", least=2)
    splits = count_iv(splits, "splits", least=1)
    entropy = entropy_from(rng)
    pairs = []
    for split in range(splits):
        half = np.zeros(runs, dtype=bool)
        order = generator(entropy, Stream.HALVES, split).permutation(runs)
        half[order[: runs // 2]] = True
        pairs.append([_of_points(statistic(kept)) for kept in (half, ~half)])
    shapes = sorted({values.shape for pair in pairs for values in pair})
    if len(shapes) > 1:
        raise ValueError(
            "`statistic` must give as many points for any runs; "
            f"got shapes {shapes[0]} and {shapes[-1]}"
        )
    return np.asarray(pairs)


def split_half_reliability(
    statistic: Callable[[npt.NDArray[np.bool_]], npt.NDArray[np.float64]],
    runs: int,
    *,
    rng: RNG,
    splits: int = 10,
    ranks: bool = True,
) -> float:
    r"""Return the reliability of a per-point statistic, from halves of the runs.

    .. math:: \hat\rho = \frac{2 \bar r}{1 + \bar r}

    with r the correlation, over points, of the statistic of one half of the runs with
    that of the other, averaged over random halves. The formula (Spearman and Brown)
    goes from the precision of a half to that of all runs.

    Parameters
    ----------
    statistic : function of a bool array (runs,)
        The statistic of those runs, (points,); as `jackknife_error` takes it. Points
        that are NaN in one half do not count.
    runs : int
        How many runs there are, at least 2.
    rng : int, numpy.random.Generator, numpy.random.SeedSequence or None
        Decides on the halves.
    splits : int
        Random halves to average over.
    ranks : bool
        Correlate ranks (Spearman), as rank agreement is about, or values (Pearson).

    Returns
    -------
    float
        At most 1. 0 where the halves do not agree at all, NaN where a half gives all
        points the same.

    Raises
    ------
    TypeError, ValueError
        If `runs` or `splits` is too small.

    References
    ----------
    Spearman, "Correlation calculated from faulty data" (1910), and Brown, "Some
    experimental results in the correlation of mental abilities" (1910), both British
    Journal of Psychology 3.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.normal(size=500)
    >>> runs = truth + 4 * rng.normal(size=(16, 500))  # reliability 1 / (1 + 16/16)
    >>> found = split_half_reliability(lambda kept: runs[kept].mean(0), 16, rng=1)
    >>> bool(abs(found - 0.5) < 0.1)
    True
    """
    halves = split_halves(statistic, runs, rng=rng, splits=splits)
    mean = float(np.mean([_correlation(*pair, ranks=ranks) for pair in halves]))
    return 2 * mean / (1 + mean) if not mean <= 0 else 0.0


def reliability_from_errors(
    estimate: npt.ArrayLike, standard_error: npt.ArrayLike
) -> float:
    r"""Return the reliability of estimates whose standard errors are known.

    .. math:: \hat\rho = 1 - \frac{\overline{SE^2}}{Var(\text{estimate})}

    Parameters
    ----------
    estimate, standard_error : array (points,)
        As a metric's result has them. Points that are NaN in either do not count.

    Returns
    -------
    float
        Of the values, not of their ranks. At most 1; 0 where errors explain all of
        the variance; NaN where fewer than two points are known or all are the same.

    Raises
    ------
    ValueError
        If the shapes differ.

    References
    ----------
    Lord and Novick, Statistical Theories of Mental Test Scores (1968), section 3.4.

    Examples
    --------
    >>> reliability_from_errors([0.0, 2.0, 4.0], [1.0, 1.0, 1.0])
    0.75
    """
    values = numbers_iv(estimate, "estimate")
    errors = numbers_iv(standard_error, "standard_error")
    if values.shape != errors.shape or values.ndim != 1:
        raise ValueError(
            "`estimate` and `standard_error` must have one shape, (points,); "
            f"got {values.shape} and {errors.shape}"
        )
    known = np.isfinite(values) & np.isfinite(errors)
    if known.sum() < 2 or np.ptp(values[known]) == 0:
        return float("nan")
    values, errors = values[known], errors[known]
    exponent = -safe_exponent(values, errors)  # the share has no unit
    values, errors = np.ldexp(values, exponent), np.ldexp(errors, exponent)
    return max(1 - float((errors**2).mean() / values.var(ddof=1)), 0.0)


def _of_points(values: object) -> npt.NDArray[np.float64]:
    numbers = numbers_iv(values, "statistic")
    if numbers.ndim != 1:
        raise ValueError(
            f"`statistic` must give one number a point; got shape {numbers.shape}"
        )
    return numbers


def _correlation(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64], *, ranks: bool
) -> float:
    from scipy import stats  # takes long to import

    known = ~(np.isnan(first) | np.isnan(second))
    pair = np.stack([first[known], second[known]])
    if pair.shape[1] < 2:
        return float("nan")
    if ranks:
        pair = stats.rankdata(pair, axis=1)
    if np.isinf(pair).any() or (np.ptp(pair, axis=1) == 0).any():
        return float("nan")
    pair = np.stack([np.ldexp(each, -safe_exponent(each)) for each in pair])
    return float(np.corrcoef(*pair).item(0, 1))
