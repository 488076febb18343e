"""Mean memorization from one run: those that a coin let in against those it kept out.

    mem(stratum) = mean score of its items that entered − mean score of those that did
    not

Over the coins this is unbiased for the mean memorization of the stratum's items: of
each, E[score | in] − E[score | out], given this run's other randomness. The interval is
of this run: what changes all items at once, as a seed does, is not in it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import as_confidence
from memmetrics.errors import warn_of
from memmetrics.evidence import OneRun
from memmetrics.metrics.base import FunctionMetric
from memmetrics.metrics.one_run import _permutation
from memmetrics.metrics.one_run._arguments import one_run_iv, result_of_rows, scored
from memmetrics.result import Result
from memmetrics.statistics.arms import Arms
from memmetrics.statistics.intervals import difference_interval

__all__ = ["OneRunMemorization", "one_run_memorization"]

_MOST_ASSIGNMENTS = 200_000  # 20 items, half of them in, have 184,756
_TOO_FEW = "too few items for this confidence"


def one_run_memorization(
    scores: npt.ArrayLike | OneRun,
    entered: Any = None,
    *,
    strata: npt.ArrayLike | None = None,
    reference_scores: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Result:
    r"""Mean memorization of each stratum, with an interval valid over the coins.

    .. math::
        \widehat{mem} = \bar s^{in} - \bar s^{out}, \qquad
        SE^2 = s_{in}^2 / n_{in} + s_{out}^2 / n_{out}

    Parameters
    ----------
    scores : array (items,) or OneRun
        Score of every item under the one model; higher is better (for a loss, its
        negative). NaN where an item was not scored: it does not count. Evidence stands
        for all arrays.
    entered : bool array (items,) or ledger
        Whether each item was in the training set. Every item of a stratum must have
        had the same chance, by a coin of its own. A ledger of `memmetrics.plant`
        gives the strata, too.
    strata : int or str array (items,), optional
        Kind of each item, such as its number of copies. Default: one stratum, "all".
    reference_scores : array (items,), optional
        Scores under a model that saw none of the items, such as the same model before
        training. What is compared then is the gain over it: the estimand is the same,
        and the spread far smaller where items differ in difficulty.
    confidence : float, default 0.95
        Confidence of the intervals.

    Returns
    -------
    Result
        One row for each stratum, in rising order of the labels, numbers in texts by
        their value ("x 4" before "x 16"); positive means memorized, in the unit of the
        scores. ``n_in`` and ``n_out`` count items. Columns: ``stratum``; ``p_value``,
        one-sided, of no memorization; ``flag``, what a stratum lacks; ``interval``:

        ``"permutation"``
            Where at most 200,000 ways to toss the coins give as many that entered (20
            items, say): exact for an effect that all items share, by inversion of the
            randomization test.
        ``"skewness-adjusted"``
            In larger strata: Neyman's standard error and Welch's degrees of freedom,
            with the limit on the side of the longer tail moved outwards.
        ``"proportions"``
            Where scores take two values only, such as 0 and 1; see
            `memmetrics.statistics.intervals`.
        ``"none"``
            The stratum supports no interval, and the flag says why.

    Raises
    ------
    TypeError, ValueError
        As for `OneRun`, or if `confidence` is not within (0, 1).

    Warns
    -----
    RuntimeWarning
        If a stratum has no item in one of the arms; its estimate is NaN.

    Notes
    -----
    Items that influence one another, such as near-duplicates, must share a coin, and
    are one item here: give the mean of their scores. One run says nothing of a single
    item. Nor does it say how much another run would have memorized: whatever makes a
    run memorize more or less of all items, by its seed or by coins that change the
    whole model, is not in the interval. For a tiny GPT-2 that added a sixth of the
    memorization as standard deviation between runs, and only 40 to 88 % of the 95 %
    intervals held the mean over 40 retrainings.

    Neyman's variance leaves out the variance of the effects themselves, which no one
    run can show, so intervals are conservative where items differ in how much they
    are memorized. Over 1,000 simulated runs for each of 10, 15, 20, 21, 30, 50, 100,
    200 and 500 items, nominal 95 % intervals covered

    - a constant effect, with scores that are normal, Student's t with 3 degrees of
      freedom, or log-normal: 94.3 to 97.2 %;
    - effects that vary as much as normal scores do: 95.7 to 97.8 % (93.9 to 96.3 % for
      the mean effect in the population that the items are drawn from);
    - a tenth of the items memorized by 4 standard deviations, the others not: 94.9 to
      98.2 % (93.2 to 96.0 % for the population);
    - scores of 0 and 1 without any effect, 10 to 200 items: 93.0 to 94.7 %; with an
      effect, which then cannot be constant, at least 98.4 % (91.8 to 97.7 % for the
      population, the least at 10 and 21 items).

    Of 10 items, 1 to 3 % of the runs had fewer than two in an arm, and no interval.

    References
    ----------
    Neyman (1923), Statistical Science 5:465-472 (1990), for the variance; Sävje,
    Aronow and Hudgens (2021), Annals of Statistics 49:673-701, for what is estimated
    where items influence one another; Tritchler (1984), Journal of the American
    Statistical Association 79:200-207, for intervals from permutations.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> entered, copies = rng.random(200) < 0.5, np.repeat([1, 4], 100)
    >>> scores = rng.normal(size=200) + copies * entered
    >>> found = one_run_memorization(scores, entered, strata=copies)
    >>> found.to_frame()[["stratum", "estimate", "low", "high"]].round(1)
       stratum  estimate  low  high
    0        1       1.0  0.6   1.5
    1        4       4.1  3.7   4.5
    """
    evidence = one_run_iv(scores, entered, strata, reference_scores)
    confidence = as_confidence(confidence)
    values, known = scored(evidence)
    labels: npt.NDArray[Any] = np.array(["all"])
    members = [np.flatnonzero(known)]
    if evidence.strata is not None:
        labels, place = np.unique(evidence.strata, return_inverse=True)
        order = np.argsort(place[known], kind="stable")
        ends = np.cumsum(np.bincount(place[known], minlength=len(labels)))
        members = np.split(members[0][order], ends[:-1])
    rising = sorted(range(len(labels)), key=lambda stratum: _in_order(labels[stratum]))
    labels, members = labels[rising], [members[stratum] for stratum in rising]
    rows = [
        _row(values[items], evidence.entered[items], confidence) for items in members
    ]
    warn_of(
        np.array([row.n_in == 0 or row.n_out == 0 for row in rows]),
        "strata have no scored item in one of the two arms; their estimate is NaN",
    )
    name, unit = OneRunMemorization.name, OneRunMemorization.unit
    return result_of_rows(name, unit, rows, stratum=labels)


@dataclass(frozen=True)
class OneRunMemorization(FunctionMetric):
    """Metric of `one_run_memorization`; needs `OneRun`.

    Examples
    --------
    >>> entered = np.arange(40) % 2 == 0
    >>> evidence = OneRun(np.arange(40) / 40 + 3 * entered, entered)
    >>> OneRunMemorization()(evidence).estimate
    array([2.975])
    """

    confidence: float = 0.95

    name: ClassVar[str] = "one_run_memorization"
    needs: ClassVar[type[OneRun]] = OneRun
    cost: ClassVar[str] = "items * log(items)"
    function = staticmethod(one_run_memorization)


def _in_order(label: Any) -> list[Any]:
    """Return what to sort a label by: its numbers count as numbers."""
    if not isinstance(label, str):
        return [label]
    # Every second part is a number, so that like is compared with like.
    parts = re.split(r"([0-9]+)", label)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]


class _Row(NamedTuple):
    """What is known of one stratum."""

    n_in: int
    n_out: int
    interval: str
    flag: str
    estimate: float = math.nan
    standard_error: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p_value: float = math.nan


def _row(
    values: npt.NDArray[np.float64], entered: npt.NDArray[np.bool_], confidence: float
) -> _Row:
    n_in, n_out = int(entered.sum()), int((~entered).sum())
    if not n_in or not n_out:
        return _Row(n_in, n_out, "none", "no item in an arm")
    arms = Arms.from_scores(values[:, np.newaxis], entered[:, np.newaxis])
    found = difference_interval(arms.inside, arms.outside, confidence=confidence)
    row = _Row(
        n_in,
        n_out,
        found.interval[0],
        found.flag[0].replace("run", "item"),
        float((arms.inside.mean - arms.outside.mean)[0]),
        float(found.standard_error[0]),
        float(found.low[0]),
        float(found.high[0]),
        float(found.p_value[0]),
    )
    few = _permutation.assignments(n_in, n_out) <= _MOST_ASSIGNMENTS
    if row.interval == "skewness-adjusted" and few:
        return _permuted(row, values[entered], values[~entered], confidence)
    return row


def _permuted(
    row: _Row,
    inside: npt.NDArray[np.float64],
    outside: npt.NDArray[np.float64],
    confidence: float,
) -> _Row:
    effects = _permutation.tied_effects(inside, outside)
    low, high = _permutation.limits(effects, confidence)
    # Ways that tie with the one seen but for rounding are as extreme.
    largest = max(np.abs(inside).max(), np.abs(outside).max())
    rounding = (len(inside) + len(outside)) * np.finfo(np.float64).eps * largest
    as_extreme = 1 + (effects <= rounding).sum()
    row = row._replace(p_value=as_extreme / (1 + len(effects)))
    if np.isnan(low):
        return row._replace(low=low, high=high, interval="none", flag=_TOO_FEW)
    # One score far from all others, in the larger arm, can leave the estimate outside.
    low, high = min(low, row.estimate), max(high, row.estimate)
    return row._replace(low=low, high=high, interval="permutation")
