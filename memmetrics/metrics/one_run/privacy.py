"""A lower bound on ε from guesses of who was in, by one training run.

Where training is ε-differentially private and each item entered by a fair coin, nothing
computed from the model can guess a coin right with more than the probability
q = e^ε / (1 + e^ε), whatever is known of the other coins. So of r guesses no more are
right than Binomial(r, q), in distribution, and more right guesses speak against ε.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from memmetrics._arrays.validation import as_confidence

__all__ = ["epsilon_lower_bound", "guesses_p_value"]

_LARGEST = 64.0  # q is 1 in float64 long before
_HALVINGS = 60


def epsilon_lower_bound(
    right: int, guesses: int, *, items: int, delta: float = 0.0, confidence: float
) -> float:
    """Return the largest ε that this many right guesses speak against.

    Parameters
    ----------
    right, guesses : int
        How many guesses were right, of how many.
    items : int
        Items with a coin of their own, guessed at or not.
    delta : float, default 0
        The δ of (ε, δ)-differential privacy.
    confidence : float
        An (ε, δ)-private training is given a bound above ε at most so rarely as
        ``1 - confidence``.

    Returns
    -------
    float
        0 where the guesses speak against no ε.

    Raises
    ------
    ValueError
        If the counts are not ``0 <= right <= guesses <= items``, `delta` is not in
        [0, 1) or `confidence` not in (0, 1).

    Notes
    -----
    For randomized response with ε of ½, 1, 2 and 4, audited 1,000 times with 100 and
    with 500 items and the searched number of guesses of `one_run_audit`, the bound
    stayed at or below ε in 97.9 to 100 % of the audits at a confidence of 95 %. Its
    median at 500 items and δ = 0 was 0.30, 0.78, 1.70 and 3.28.

    References
    ----------
    Steinke, Nasr and Jagielski, "Privacy auditing with one (1) training run" (2023),
    arXiv 2305.08846, theorem 5.2.

    Examples
    --------
    >>> print(f"{epsilon_lower_bound(90, 100, items=100, confidence=0.95):.2f}")
    1.63
    """
    level = 1 - as_confidence(confidence)
    low, high = 0.0, _LARGEST
    if guesses_p_value(right, guesses, low, items=items, delta=delta) > level:
        return 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        p_value = guesses_p_value(right, guesses, middle, items=items, delta=delta)
        low, high = (middle, high) if p_value <= level else (low, middle)
    return low


def guesses_p_value(
    right: int, guesses: int, epsilon: float, *, items: int, delta: float = 0.0
) -> float:
    r"""Return at most how probable so many right guesses are under (ε, δ)-privacy.

    .. math::
        P[B \ge v] + 2 n \delta \max_{1 \le i \le v} \frac{P[v - i \le B < v]}{i},
        \qquad B \sim \mathrm{Binomial}(r, e^\epsilon / (1 + e^\epsilon))

    for `v` right guesses among `r`, and `n` items: with δ, some coins are given away,
    at most :math:`2 n \delta` in the mean, and the second term is the most that these
    can add.

    Parameters
    ----------
    right, guesses : int
        How many guesses were right, of how many.
    epsilon, delta : float
        The privacy that is tested.
    items : int
        Items with a coin of their own.

    Raises
    ------
    ValueError
        As `epsilon_lower_bound` raises.

    Examples
    --------
    >>> guesses_p_value(10, 10, 0.0, items=10) == 0.5**10
    True
    """
    if not 0 <= right <= guesses <= items:
        raise ValueError(
            "`right`, `guesses` and `items` must be counts that rise from 0; "
            f"got {right}, {guesses} and {items}"
        )
    if np.isnan(epsilon):
        raise ValueError(f"`epsilon` must be a number; got {epsilon!r}")
    if not 0 <= delta < 1:
        raise ValueError(f"`delta` must lie within [0, 1); got {delta!r}")
    from scipy import stats  # takes long to import

    chance = special.expit(epsilon)
    if right == 0:
        return 1.0
    tail = float(special.bdtrc(right - 1, guesses, chance))
    if delta == 0:
        return tail
    below = stats.binom.pmf(np.arange(right - 1, -1, -1), guesses, chance)
    most = (np.cumsum(below) / np.arange(1, right + 1)).max()
    return min(tail + 2 * items * delta * float(most), 1.0)
