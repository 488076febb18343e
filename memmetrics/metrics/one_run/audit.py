"""What one run's scores give away of who was in: an audit, one statistic a row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import as_confidence
from memmetrics.errors import warn_of
from memmetrics.evidence import OneRun
from memmetrics.metrics.base import FunctionMetric, rates_iv
from memmetrics.metrics.one_run import _ranking
from memmetrics.metrics.one_run._arguments import one_run_iv, result_of_rows, scored
from memmetrics.metrics.one_run.privacy import epsilon_lower_bound
from memmetrics.result import Result

__all__ = ["OneRunAudit", "one_run_audit"]

_SHARES = (1, 2, 4, 8)  # all items guessed at, half of them, ...
_UNFAIR = 1e-6  # p-value of a fair coin


def one_run_audit(
    scores: npt.ArrayLike | OneRun,
    entered: Any = None,
    *,
    reference_scores: npt.ArrayLike | None = None,
    false_positive_rates: Sequence[float] = (0.01,),
    guesses: int | Sequence[int] | None = None,
    delta: float = 0.0,
    confidence: float = 0.95,
    guaranteed: bool = False,
) -> Result:
    r"""How well one run's scores tell which items entered, and the ε that it rules out.

    Parameters
    ----------
    scores, entered, reference_scores
        As for `one_run_memorization`; every coin must have been a fair one. Strata are
        not looked at: for one of them give its items.
    false_positive_rates : sequence of float, default (0.01,)
        Where to read off the true-positive rate, within (0, 1).
    guesses : int or sequence of int, optional
        At most how many guesses to make for the bound on ε, from 1 to the number of
        items; the other items are abstained from. Of several, the one with the largest
        bound is reported, and each is given an equal share of ``1 - confidence``, so
        that the search costs no validity. Default: all items, half, a quarter and an
        eighth of them.
    delta : float, default 0
        The δ that the bound on ε allows for.
    confidence : float, default 0.95
        Confidence of each row by itself.
    guaranteed : bool, default False
        Whether the intervals of the area and of the true-positive rates hold for any
        number of items and any distribution of their scores. They are wider, and a low
        false-positive rate needs many items: for 0.01, a lower limit at 95 % takes 437
        that did not enter.

    Returns
    -------
    Result
        One row for each ``statistic``, with ``n_in`` and ``n_out`` items, and the
        columns ``guesses`` (or items judged) and ``right``, 0 where there are none,
        ``interval`` and ``flag``:

        ``"advantage"``
            Right guesses minus wrong ones, as a share, where the upper half of the
            ranking is guessed to have entered and the lower half not to (equal scores
            share their mean rank): with fair coins true-positive minus false-positive
            rate of that attack, 0 by chance. Clopper–Pearson.
        ``"auc"``
            Chance that an item that entered scores above one that did not, ½ by
            chance. A score interval with Hanley and McNeil's variance, not exact; with
            `guaranteed`, Chernoff's bound, the area being a mean over pairings.
        ``"tpr_at_fpr_0.01"``
            Share of items that entered above the least threshold that at most this
            share of the others exceeds. Clopper–Pearson, the threshold taken as given:
            that it was found from ``n_out`` items adds uncertainty of its own to its
            false-positive rate, and with `guaranteed` to the interval, which then is of
            the rate at the threshold that has this false-positive rate among all items
            there could be. NaN below ``1 / n_out``, of which nothing can be said.
        ``"epsilon_lower_bound"``
            Training is not (ε, δ)-differentially private for a smaller ε. One-sided:
            `estimate` and `low` are the bound, `high` is NaN. See
            `memmetrics.metrics.one_run.privacy`.

    Raises
    ------
    TypeError, ValueError
        As for `OneRun`, or if no scored item entered, or all did, or an option is out
        of range.

    Warns
    -----
    RuntimeWarning
        If a fair coin would hardly have let so many in, or so few.

    Notes
    -----
    Exact is meant over the coins, where the guess of one item is right or wrong
    whatever the other coins. Guesses depend on scores only, never on the order of the
    items; among equal scores there is no guess.

    Over 1,000 simulated runs for each of 20, 50, 200 and 500 items, of normal scores
    and an effect of one standard deviation, the 95 % intervals of the advantage covered
    in 95.7 to 96.5 %, those of the area in 94.8 to 96.1 %. The guaranteed intervals of
    the area, and of the true-positive rate at 0.1 and 0.2, covered in 99.8 % or more.

    References
    ----------
    Steinke, Nasr and Jagielski (2023), arXiv 2305.08846, for ε; Yeom et al. (2018),
    arXiv 1709.01604, for the advantage; Hanley and McNeil (1982), Radiology 143:29-36,
    and Newcombe (2006), Statistics in Medicine 25:559-573, for the area; Hoeffding
    (1963), Journal of the American Statistical Association 58:13-30, for its guarantee.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> entered = rng.random(400) < 0.5
    >>> audit = one_run_audit(rng.normal(size=400) + 3 * entered, entered)
    >>> audit.to_frame()[["statistic", "estimate", "low", "high"]].round(2)
                 statistic  estimate   low  high
    0            advantage      0.84  0.78  0.89
    1                  auc      0.99  0.97  0.99
    2      tpr_at_fpr_0.01      0.89  0.83  0.93
    3  epsilon_lower_bound      3.81  3.81   NaN
    """
    confidence = as_confidence(confidence)
    rates = rates_iv(false_positive_rates)
    evidence = one_run_iv(scores, entered, None, reference_scores)
    values, known = scored(evidence)
    items = _Items(values[known], evidence.entered[known])
    _check_coins(items)
    caps = _guesses_iv(guesses, len(items.scores))
    rows = [
        _advantage(items, confidence),
        _area(items, confidence, guaranteed),
        *(_rate(items, rate, confidence, guaranteed) for rate in rates),
        _epsilon(items, caps, delta, confidence),
    ]
    return result_of_rows(OneRunAudit.name, OneRunAudit.unit, rows)


@dataclass(frozen=True)
class OneRunAudit(FunctionMetric):
    """Metric of `one_run_audit`; needs `OneRun`.

    Examples
    --------
    >>> entered = np.arange(40) % 2 == 0
    >>> evidence = OneRun(np.arange(40) / 40 + 3 * entered, entered)
    >>> OneRunAudit()(evidence).estimate.round(1)
    array([1. , 1. , nan, 2.2])
    """

    false_positive_rates: tuple[float, ...] = (0.01,)
    guesses: int | tuple[int, ...] | None = None
    delta: float = 0.0
    confidence: float = 0.95
    guaranteed: bool = False

    name: ClassVar[str] = "one_run_audit"
    needs: ClassVar[type[OneRun]] = OneRun
    unit: ClassVar[str] = "dimensionless"
    cost: ClassVar[str] = "items * log(items)"
    function = staticmethod(one_run_audit)


class _Row(NamedTuple):
    """One statistic of an audit."""

    n_in: int
    n_out: int
    statistic: str
    interval: str = "none"
    flag: str = ""
    guesses: int = 0
    right: int = 0
    estimate: float = math.nan
    standard_error: float = math.nan
    low: float = math.nan
    high: float = math.nan


class _Items(NamedTuple):
    """Scores `(items,)`, and who of them entered."""

    scores: npt.NDArray[np.float64]
    entered: npt.NDArray[np.bool_]

    @property
    def arms(self) -> tuple[int, int]:
        """How many entered, and how many did not."""
        n_in = int(self.entered.sum())
        return n_in, len(self.entered) - n_in

    def row(self, statistic: str, **found: Any) -> _Row:
        """Return one statistic of these items."""
        return _Row(*self.arms, statistic, **found)


def _advantage(items: _Items, confidence: float) -> _Row:
    made, right = _ranking.guesses(*items, len(items.scores))
    if not made:
        return items.row("advantage", flag="all items alike")
    share = right / made
    low, high = _ranking.clopper_pearson(right, made, confidence)
    return items.row(
        "advantage",
        interval="clopper-pearson",
        guesses=made,
        right=right,
        estimate=2 * share - 1,
        standard_error=2 * math.sqrt(share * (1 - share) / made),
        low=2 * low - 1,
        high=2 * high - 1,
    )


def _area(items: _Items, confidence: float, guaranteed: bool) -> _Row:
    value = _ranking.area(*items)
    find = _ranking.guaranteed_area_limits if guaranteed else _ranking.area_limits
    low, high = find(value, *items.arms, confidence)
    return items.row(
        "auc",
        interval="chernoff" if guaranteed else "score",
        estimate=value,
        standard_error=math.sqrt(_ranking.area_variance(value, *items.arms)),
        low=low,
        high=high,
    )


def _rate(items: _Items, rate: float, confidence: float, guaranteed: bool) -> _Row:
    statistic = f"tpr_at_fpr_{rate:g}"
    found = _ranking.rate_above_others(*items, rate)
    if found is None:
        return items.row(statistic, flag="less than one false positive")
    n_in, (true, false) = items.arms[0], found
    share = true / n_in
    if guaranteed:
        low, high = _ranking.guaranteed_rate_limits(*items, rate, confidence)
    else:
        low, high = _ranking.clopper_pearson(true, n_in, confidence)
    return items.row(
        statistic,
        interval="order statistics" if guaranteed else "clopper-pearson",
        flag="too few out for a lower limit" if guaranteed and low == 0 else "",
        guesses=true + false,
        right=true,
        estimate=share,
        standard_error=math.sqrt(share * (1 - share) / n_in),
        low=low,
        high=high,
    )


def _epsilon(items: _Items, caps: list[int], delta: float, confidence: float) -> _Row:
    shared = 1 - (1 - confidence) / len(caps)
    found = []
    for cap in caps:
        made, right = _ranking.guesses(*items, cap)
        # With a δ the theorem wants a number of guesses that was fixed before.
        counted, coins = cap if delta else made, len(items.scores)
        bound = epsilon_lower_bound(
            right, counted, items=coins, delta=delta, confidence=shared
        )
        found.append((bound, made, right))
    bound, made, right = max(found)
    numbers = {"guesses": made, "right": right, "estimate": bound, "low": bound}
    return items.row("epsilon_lower_bound", interval="binomial tail", **numbers)


def _check_coins(items: _Items) -> None:
    """Raise if there is nothing to compare, warn if the coins are unfair."""
    from scipy import stats  # takes long to import

    n_in, count = items.arms[0], len(items.entered)
    if not 0 < n_in < count:
        raise ValueError(
            "`entered` must let some scored items in and keep some out; "
            f"got {n_in} of {count} in"
        )
    if stats.binomtest(n_in, count).pvalue < _UNFAIR:
        words = (
            "items entered, as fair coins hardly decide; the advantage and the bound "
            "on ε hold for fair coins only"
        )
        warn_of(items.entered, words, stacklevel=4)


def _guesses_iv(guesses: int | Sequence[int] | None, items: int) -> list[int]:
    if guesses is None:
        return sorted({items // share for share in _SHARES} - {0, 1})
    caps: list[Any] = np.atleast_1d(np.array(guesses, dtype=object)).tolist()
    for cap in caps:
        whole = isinstance(cap, (int, np.integer)) and not isinstance(cap, bool)
        if not whole or not 1 <= cap <= items:
            raise ValueError(
                f"`guesses` must lie between 1 and the {items} scored items; "
                f"got {cap!r}"
            )
    if not caps:
        raise ValueError("`guesses` must name at least one number; got none")
    return sorted({int(cap) for cap in caps})
