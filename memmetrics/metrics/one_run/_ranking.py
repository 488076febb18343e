"""What a ranking of scores says of two arms: guesses, area, rate at a threshold."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


class Guesses(NamedTuple):
    """How many guesses were made, and how many of them are right."""

    made: int
    right: int


def guesses(scores: Floats, entered: Bools, most: int) -> Guesses:
    """Guess that the highest scores entered and the lowest did not, at most so many.

    The guessed items are those furthest from the middle of the ranking. Equal scores
    are all guessed at or none, and in the middle none: whatever else could decide
    among them, such as the order of the items, may know of the coins.

    Examples
    --------
    >>> guesses(np.arange(6.0), np.arange(6) > 1, most=4)
    Guesses(made=4, right=4)
    >>> guesses(np.array([1.0, 1.0, 0.0]), np.array([True, False, False]), most=2)
    Guesses(made=1, right=1)
    """
    from scipy import stats  # takes long to import

    from_middle = stats.rankdata(scores) - (len(scores) + 1) / 2
    distance = np.abs(from_middle)
    as_far = len(scores) + 1 - stats.rankdata(distance, method="min")
    guessed = (as_far <= most) & (distance > 0)
    right = (from_middle > 0) == entered
    return Guesses(int(guessed.sum()), int((guessed & right).sum()))


def area(scores: Floats, entered: Bools) -> float:
    """Return the chance that one that entered scores above one that did not.

    A tie counts half.
    """
    from scipy import stats  # takes long to import

    n_in = int(entered.sum())
    ranks = stats.rankdata(scores)[entered].sum()
    return float((ranks - n_in * (n_in + 1) / 2) / n_in / (len(scores) - n_in))


def area_variance(value: float, n_in: int, n_out: int) -> float:
    """Return the variance of an area by Hanley and McNeil's formula."""
    two_in = value / (2 - value) - value**2
    two_out = 2 * value**2 / (1 + value) - value**2
    one = value * (1 - value)
    return (one + (n_in - 1) * two_in + (n_out - 1) * two_out) / (n_in * n_out)


def area_limits(
    value: float, n_in: int, n_out: int, confidence: float
) -> tuple[float, float]:
    """Return the areas from which `value` is just so many standard errors away.

    Examples
    --------
    >>> low, high = area_limits(1.0, 20, 20, 0.95)
    >>> print(f"{low:.2f} to {high:.2f}")
    0.90 to 1.00
    """
    z = float(special.ndtri((1 + confidence) / 2))

    def excess(true: float) -> float:
        return (value - true) ** 2 - z**2 * area_variance(true, n_in, n_out)

    # The variance is 0 at both ends, so an estimate there would be a root itself.
    inside = min(max(value, 1e-12), 1 - 1e-12)
    low = optimize.brentq(excess, 0, inside) if value > 0 else 0.0
    high = optimize.brentq(excess, inside, 1) if value < 1 else 1.0
    return float(low), float(high)


def rate_above_others(
    scores: Floats, entered: Bools, rate: float
) -> tuple[int, int] | None:
    """Return how many entered above a threshold, and how many did not enter there.

    The threshold is the least above which at most this share of those are that did
    not enter. None where the share is less than one of them.
    """
    outside = np.sort(scores[~entered])[::-1]
    allowed = int(rate * len(outside) * (1 + 1e-12))  # 0.07 * 100 is not quite 7
    if allowed < 1:
        return None
    threshold = outside[min(allowed, len(outside) - 1)]
    above = scores > threshold
    return int((above & entered).sum()), int((above & ~entered).sum())


def guaranteed_area_limits(
    value: float, n_in: int, n_out: int, confidence: float
) -> tuple[float, float]:
    """Return the areas that `value` does not refute, for any two distributions.

    The area found is a mean over ways to pair the smaller arm's items off, each of
    which gives as many independent pairs. So Chernoff's bound for as many holds for
    their mean too (Hoeffding 1963, section 5).

    Examples
    --------
    >>> low, high = guaranteed_area_limits(1.0, 20, 20, 0.95)
    >>> print(f"{low:.2f} to {high:.2f}")
    0.83 to 1.00
    """
    most = np.log(2 / (1 - confidence)) / min(n_in, n_out)

    def excess(true: float) -> float:
        divergence = special.rel_entr(value, true)
        return float(divergence + special.rel_entr(1 - value, 1 - true) - most)

    tiny = 1e-12  # at the very ends the divergence is infinite
    low = optimize.brentq(excess, tiny, value) if excess(tiny) > 0 else 0.0
    high = optimize.brentq(excess, value, 1 - tiny) if excess(1 - tiny) > 0 else 1.0
    return float(low), float(high)


def guaranteed_rate_limits(
    scores: Floats, entered: Bools, rate: float, confidence: float
) -> tuple[float, float]:
    """Return limits of the true-positive rate at a false-positive rate of all items.

    Two scores of items that did not enter enclose the threshold that has this rate
    among all that there could be, whatever their distribution; at each of them the
    rate of those that entered has its exact limit. Each of the four steps errs with a
    quarter of ``1 - confidence``.

    Examples
    --------
    >>> scores, entered = np.arange(1000.0), np.arange(1000) >= 500
    >>> low, high = guaranteed_rate_limits(scores, entered, 0.1, 0.95)
    >>> print(f"{low:.2f} to {high:.2f}")
    0.99 to 1.00
    >>> guaranteed_rate_limits(scores[400:600], entered[400:600], 0.01, 0.95)
    (0.0, 1.0)
    """
    tail = (1 - confidence) / 4
    inside, outside = scores[entered], np.sort(scores[~entered])[::-1]
    places = np.arange(len(outside) + 1)
    below = special.bdtr(places, len(outside), rate)  # so many or fewer above it
    low, high = 0.0, 1.0
    if surely := int((below <= tail).sum()):  # at least so many are above it
        above = int((inside > outside[surely - 1]).sum())
        low, _ = clopper_pearson(above, len(inside), 1 - 2 * tail)
    most = int((below < 1 - tail).sum())  # and at most so many
    if most < len(outside):
        above = int((inside > outside[most]).sum())
        _, high = clopper_pearson(above, len(inside), 1 - 2 * tail)
    return low, high


def clopper_pearson(
    successes: int, trials: int, confidence: float
) -> tuple[float, float]:
    """Return the exact interval of a proportion."""
    tail, failures = (1 - confidence) / 2, trials - successes
    low = special.betaincinv(successes, failures + 1, tail) if successes else 0.0
    high = special.betaincinv(successes + 1, failures, 1 - tail) if failures else 1.0
    return float(low), float(high)
