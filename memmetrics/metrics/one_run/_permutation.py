"""An exact interval for an effect that all items share, from all ways to toss coins.

Had the coins fallen otherwise, with as many heads, j of the items that entered would
have changed places with j that did not. An effect τ is rejected where too few of these
ways give a difference as large as the one that was seen, once τ is taken off the scores
of those that entered. Such a way and the one that was seen tie at one value of τ: the
mean of the j scores that leave minus the mean of the j that come. So the limits are
order statistics of these values, over all j and all choices; no τ has to be tried.
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy import special

Floats = npt.NDArray[np.float64]


def assignments(n_in: int, n_out: int) -> float:
    """Return in how many ways as many of the coins show heads, infinite if very many.

    Examples
    --------
    >>> assignments(5, 5)
    252.0
    """
    # Not math.comb, whose digits alone would take longer than all else.
    return float(special.binom(n_in + n_out, n_in))


def tied_effects(inside: Floats, outside: Floats) -> Floats:
    """Return the effect at which each other way to toss ties with the one seen.

    Parameters
    ----------
    inside, outside : float array (n_in,), (n_out,)
        Scores of the items that entered, and of those that did not.

    Returns
    -------
    float array (assignments - 1,)

    Examples
    --------
    >>> tied_effects(np.array([3.0, 5.0]), np.array([1.0]))
    array([2., 4.])
    """
    values = []
    for changed in range(1, min(len(inside), len(outside)) + 1):
        leaving, coming = _means(inside, changed), _means(outside, changed)
        values.append(np.subtract.outer(leaving, coming).ravel())
    return np.concatenate(values)


def limits(effects: Floats, confidence: float) -> tuple[float, float]:
    """Return the ends of the interval; NaN where there are too few ways to toss.

    Parameters
    ----------
    effects : float array (assignments - 1,)
        Of `tied_effects`.
    confidence : float
        The interval covers a constant effect at least so often.

    Examples
    --------
    >>> limits(tied_effects(np.arange(4.0, 8.0), np.arange(4.0)), 0.9)
    (2.0, 6.0)
    """
    # At the k-th value the way that was seen has k - 1 others as extreme, or more.
    rejected = math.floor((1 - confidence) / 2 * (len(effects) + 1) * (1 + 1e-12))
    if rejected < 1:
        return math.nan, math.nan
    ends = np.partition(effects, (rejected - 1, len(effects) - rejected))
    return float(ends[rejected - 1]), float(ends[len(effects) - rejected])


def _means(scores: Floats, size: int) -> Floats:
    """Return the mean of every choice of so many scores."""
    chosen = np.array(list(combinations(range(len(scores)), size)))
    means: Floats = scores[chosen].mean(axis=1)
    return means
