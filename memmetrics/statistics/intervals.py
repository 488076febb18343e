"""Confidence intervals for the difference of two means, from streamed statistics.

The interval of a point needs eight numbers per arm and never the scores themselves;
:class:`ArmStatistics` names them. All of them can be accumulated run by run and merged,
so that runs × points scores never have to sit in memory.

:func:`difference_interval` chooses the interval point by point and says which it used:

``"skewness-adjusted"``
    Welch's interval with the limit on the side of the longer tail moved outwards, see
    `memmetrics.statistics._skewness`. For symmetric scores it is Welch's.
``"proportions"``
    Where the scores of both arms take only the same two values, such as 0 and 1: an
    interval as wide as Newcombe's and better centred, see
    `memmetrics.statistics._proportions`.
``"none"``
    The sample cannot support an interval; limits and standard error are NaN.

What a sample lacks is said in a flag, also where there is an interval: see `FLAGS`.
A result that reports such intervals carries ``interval``, ``flag`` and ``p_value`` as
columns; `memmetrics.statistics.discovery` works on the last.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from scipy import special

from memmetrics._arrays.validation import as_confidence
from memmetrics.statistics._proportions import (
    proportion_error,
    proportion_limits,
    proportion_p_value,
)
from memmetrics.statistics._samples import (
    Arm,
    Floats,
    Indices,
    Kind,
    Lack,
    Sample,
    classify,
)
from memmetrics.statistics._skewness import mean_difference, stands_apart

__all__ = [
    "FLAGS",
    "INTERVALS",
    "ArmStatistics",
    "DifferenceInterval",
    "difference_interval",
]

INTERVALS = ("none", "skewness-adjusted", "proportions")
"""Names of the intervals."""

FLAGS = (
    "",
    "fewer than 2 runs in an arm",
    "all runs alike",
    "one run stands apart",
    "a score is infinite",
)
"""Names of what may be wrong with a sample.

``"all runs alike"``: no score differs from another in either arm. Without any noise to
see, a continuous score has no interval; the value 0 or 1 is taken for an outcome.
``"one run stands apart"``: a mode was seen once, so the interval is a rough one.
``"a score is infinite"``: there is no mean, and so no interval.
"""

_NUMBERS = ("standard_error", "low", "high", "p_value")
_BLOCK = 1 << 15  # points at a time, so that temporaries stay in cache


class ArmStatistics(Protocol):
    """What an interval must know of one arm: arrays of shape ``(points,)``.

    Two-valued scores are recognized from the last four: the lowest and the highest
    score, compared exactly, and how many runs attain each. Where all runs of an arm
    are alike, ``lowest == highest`` and both counts equal ``count``. An empty arm has
    count 0 and NaN everywhere else.

    Attributes
    ----------
    count : integer array
        Runs in the arm, ``n``.
    mean : float64 array
        Mean score.
    variance : float64 array
        Unbiased: sum of squared deviations / ``(n - 1)``; NaN where ``n < 2``.
    third_moment : float64 array
        Third central moment: sum of cubed deviations / ``n``.
    lowest, highest : float64 array
        Smallest and largest score.
    at_lowest, at_highest : integer array
        Runs whose score equals ``lowest`` and ``highest``.
    """

    @property
    def count(self) -> npt.NDArray[Any]: ...  # noqa: D102
    @property
    def mean(self) -> npt.NDArray[Any]: ...  # noqa: D102
    @property
    def variance(self) -> npt.NDArray[Any]: ...  # noqa: D102
    @property
    def third_moment(self) -> npt.NDArray[Any]: ...  # noqa: D102
    @property
    def lowest(self) -> npt.NDArray[Any]: ...  # noqa: D102
    @property
    def highest(self) -> npt.NDArray[Any]: ...  # noqa: D102
    @property
    def at_lowest(self) -> npt.NDArray[Any]: ...  # noqa: D102
    @property
    def at_highest(self) -> npt.NDArray[Any]: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class DifferenceInterval:
    """Intervals for the differences inside − outside; arrays of shape ``(points,)``.

    Attributes
    ----------
    standard_error : float64 array
        ``√(variance_in / n_in + variance_out / n_out)`` in the unit of the score. For
        two-valued scores of which neither arm varies, it is that with one run more at
        each value, so that it is not 0.
    low, high : float64 array
        Ends of the interval, in the unit of the score.
    p_value : float64 array
        One-sided p-value of the hypothesis that the difference is at most `minimum`:
        the interval of confidence ``1 - 2 p`` has its lower end there. NaN where there
        is no interval.
    interval : object array of str
        Which interval was used, one of `INTERVALS`.
    flag : object array of str
        What the sample lacks, one of `FLAGS`; empty where nothing.
    """

    standard_error: Floats
    low: Floats
    high: Floats
    p_value: Floats
    interval: npt.NDArray[np.object_]
    flag: npt.NDArray[np.object_]


def difference_interval(
    moments_in: ArmStatistics,
    moments_out: ArmStatistics,
    *,
    confidence: float,
    minimum: float = 0.0,
    outcomes: tuple[float, float] = (0.0, 1.0),
) -> DifferenceInterval:
    """Interval for the difference of two means, point by point.

    Parameters
    ----------
    moments_in, moments_out : ArmStatistics
        Statistics of the runs with and without the point; arrays ``(points,)``.
    confidence : float
        Nominal coverage of the two-sided interval, strictly between 0 and 1.
    minimum : float, default 0
        Difference that `p_value` tests against, in the unit of the score.
    outcomes : pair of float, default (0, 1)
        The two values of a two-valued score. They matter where all runs are alike, and
        only there: such a point has an interval if its one value is among them.

    Returns
    -------
    DifferenceInterval
        Arrays ``(points,)``.

    Raises
    ------
    ValueError
        If `confidence` lies outside (0, 1), `minimum` is not finite, `outcomes` are not
        two different finite numbers, or the arms have different shapes.

    Examples
    --------
    Four runs with the point scored 1, 1, 1, 0; of five without it, one scored 1:

    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> def arm(scores):
    ...     x = np.asarray(scores, dtype=float)
    ...     return SimpleNamespace(
    ...         count=np.array([x.size]), mean=x[:, None].mean(0),
    ...         variance=x[:, None].var(0, ddof=1),
    ...         third_moment=((x[:, None] - x.mean()) ** 3).mean(0),
    ...         lowest=x[:, None].min(0), highest=x[:, None].max(0),
    ...         at_lowest=np.array([(x == x.min()).sum()]),
    ...         at_highest=np.array([(x == x.max()).sum()]))
    >>> found = difference_interval(
    ...     arm([1, 1, 1, 0]), arm([0, 0, 1, 0, 0]), confidence=0.95)
    >>> found.interval.item(), found.flag.item()
    ('proportions', '')
    >>> print(f"{found.low.item():.2f} to {found.high.item():.2f}")
    -0.06 to 0.82
    """
    confidence = as_confidence(confidence)
    if not np.isfinite(minimum):
        raise ValueError(f"`minimum` must be finite; got {minimum!r}")
    outcomes = _outcomes_iv(outcomes)
    points = _points_iv(moments_in, moments_out)
    result = _empty(points)

    def fill(start: int) -> None:
        part = slice(start, start + _BLOCK)
        arms = Arm.take(moments_in, part), Arm.take(moments_out, part)
        sample = classify(*arms, outcomes)
        _fill(result, part, sample, confidence, minimum)

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # 1 in a joblib worker
        list(pool.map(fill, range(0, points, _BLOCK)))
    return result


def _outcomes_iv(outcomes: tuple[float, float]) -> tuple[float, float]:
    values = tuple(float(value) for value in outcomes)
    if len(set(values)) != 2 or len(values) != 2 or not np.isfinite(values).all():
        raise ValueError(
            f"`outcomes` must be two different finite numbers; got {outcomes!r}"
        )
    return min(values), max(values)


def _points_iv(moments_in: ArmStatistics, moments_out: ArmStatistics) -> int:
    shape, other = np.shape(moments_in.count), np.shape(moments_out.count)
    if len(shape) != 1 or shape != other:
        raise ValueError(
            "`moments_in` and `moments_out` must have one and the same axis, points; "
            f"got shapes {shape} and {other}"
        )
    return int(shape[0])


def _empty(points: int) -> DifferenceInterval:
    numbers = [np.full(points, np.nan) for _ in _NUMBERS]
    names = [np.empty(points, dtype=object) for _ in range(2)]
    return DifferenceInterval(*numbers, *names)


def _fill(
    result: DifferenceInterval,
    part: slice,
    sample: Sample,
    confidence: float,
    minimum: float,
) -> None:
    for kind, compute in ((Kind.MEANS, _means), (Kind.PROPORTIONS, _proportions)):
        chosen = np.flatnonzero(sample.kind == kind)
        if chosen.size == 0:
            continue
        found = compute(sample, chosen, confidence, minimum)
        for name, values in zip(_NUMBERS, found, strict=True):
            getattr(result, name)[part][chosen] = values
    result.interval[part] = np.array(INTERVALS, dtype=object)[sample.kind]
    result.flag[part] = np.array(FLAGS, dtype=object)[sample.lack]


def _means(
    sample: Sample, chosen: Indices, confidence: float, minimum: float
) -> tuple[Floats, ...]:
    inside, outside = sample.inside.pick(chosen), sample.outside.pick(chosen)
    apart = stands_apart(inside) | stands_apart(outside)
    sample.lack[chosen[apart]] = Lack.REPETITION
    difference = mean_difference(inside, outside)
    limits = difference.limits(confidence)
    return difference.standard_error, *limits, difference.p_value(minimum)


def _proportions(
    sample: Sample, chosen: Indices, confidence: float, minimum: float
) -> tuple[Floats, ...]:
    shares = sample.share_in[chosen], sample.share_out[chosen]
    runs = sample.inside.runs[chosen], sample.outside.runs[chosen]
    span = (sample.upper - sample.lower)[chosen]
    low, high = proportion_limits(*shares, *runs, special.ndtri((1 + confidence) / 2))
    error = proportion_error(*shares, *runs)
    p_value = proportion_p_value(*shares, *runs, minimum / span)
    return span * error, span * low, span * high, p_value
