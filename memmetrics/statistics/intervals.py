"""Confidence intervals for the difference of two means, from streamed statistics.

The interval of a point needs the eight numbers that an `Arm` has and never the scores
themselves. All of them can be accumulated run by run and merged, so that runs × points
scores never have to sit in memory.

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

Asked for by name, for those who have to name a published method, it is instead

``"welch"``
    Welch's t interval (1947) of every point.
``"newcombe"``
    Newcombe's hybrid score interval (1998, method 10), of two-valued scores only.

What a sample lacks is said in a flag, also where there is an interval: see `FLAGS`.
A result that reports such intervals carries ``interval``, ``flag`` and ``p_value`` as
columns; `memmetrics.statistics.discoveries` works on the last.

References
----------
Welch (1947), Biometrika 34:28-35. Newcombe (1998), Statistics in Medicine 17:873-890.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
import torch
from scipy import special

from memmetrics._arrays.validation import as_confidence
from memmetrics.statistics._proportions import (
    newcombe_limits,
    proportion_error,
    proportion_limits,
    proportion_p_value,
)
from memmetrics.statistics._samples import (
    FLAGS,
    INTERVALS,
    Floats,
    Indices,
    Kind,
    Lack,
    Sample,
    choose,
    classify,
)
from memmetrics.statistics._skewness import mean_difference, stands_apart
from memmetrics.statistics.arms import Arm

__all__ = [
    "FLAGS",
    "INTERVALS",
    "DifferenceInterval",
    "Interval",
    "difference_interval",
    "interval_iv",
    "options_iv",
]

Interval: TypeAlias = Literal["automatic", "welch", "newcombe"]
"""Which interval may be asked for."""

_BLOCK = 1 << 15  # points at a time, so that temporaries stay in cache


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

    def of_result(self) -> dict[str, Any]:
        """Return all of it as arguments of a `Result`."""
        columns = {"interval": self.interval, "flag": self.flag}
        return {
            "standard_error": self.standard_error,
            "low": self.low,
            "high": self.high,
            "columns": {**columns, "p_value": self.p_value},
        }


def difference_interval(
    inside: Arm,
    outside: Arm,
    *,
    confidence: float,
    minimum: float = 0.0,
    interval: Interval = "automatic",
) -> DifferenceInterval:
    """Interval for the difference of two means, point by point.

    Parameters
    ----------
    inside, outside : Arm
        Statistics of the runs with and without the point; arrays ``(points,)``.
    confidence : float
        Nominal coverage of the two-sided interval, strictly between 0 and 1.
    minimum : float, default 0
        Difference that `p_value` tests against, in the unit of the score.
    interval : {"automatic", "welch", "newcombe"}
        Which interval: the one that fits each point, or a published one for all.

    Returns
    -------
    DifferenceInterval
        Arrays ``(points,)``.

    Raises
    ------
    ValueError
        If `confidence` lies outside (0, 1), `minimum` is not finite, the arms have
        different shapes, or `interval` is unknown, or ``"newcombe"`` and a point has
        scores of more than two values.

    Examples
    --------
    Four runs with the point scored 1, 1, 1, 0; of five without it, one scored 1:

    >>> from memmetrics.statistics import Arms
    >>> scores = np.array([1, 1, 1, 0, 0, 0, 1, 0, 0.0])[:, np.newaxis]
    >>> member = np.arange(9)[:, np.newaxis] < 4
    >>> found = difference_interval(*Arms.from_scores(scores, member), confidence=0.95)
    >>> found.interval.item(), found.flag.item()
    ('proportions', '')
    >>> print(f"{found.low.item():.2f} to {found.high.item():.2f}")
    -0.06 to 0.82
    """
    confidence = options_iv(confidence, minimum, interval)
    points = _points_iv(inside, outside)
    numbers = np.full((4, points), np.nan)
    names = np.empty((2, points), dtype=object)

    def fill(start: int) -> None:
        part = slice(start, start + _BLOCK)
        sample = classify(inside.take(part), outside.take(part))
        choose(sample, interval, start)
        for kind, compute in _COMPUTED.items():
            chosen = np.flatnonzero(sample.kind == kind)
            if chosen.size:
                found = compute(sample, chosen, confidence, minimum)
                numbers[:, part][:, chosen] = found
        names[:, part] = sample.interval, sample.flag

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # 1 in a joblib worker
        list(pool.map(fill, range(0, points, _BLOCK)))
    return DifferenceInterval(*numbers, *names)


def options_iv(confidence: float, minimum: float, interval: str) -> float:
    """Check the options of an interval; return the confidence as a float."""
    if not np.isfinite(minimum):
        raise ValueError(f"`minimum` must be finite; got {minimum!r}")
    interval_iv(interval, get_args(Interval))
    return as_confidence(confidence)


def interval_iv(interval: str, known: Sequence[str]) -> None:
    """Raise ValueError unless the interval is among those known."""
    if interval not in known:
        names = ", ".join(map(repr, known))
        raise ValueError(f"`interval` must be one of {names}; got {interval!r}")


def _points_iv(inside: Arm, outside: Arm) -> int:
    shape, other = np.shape(inside.count), np.shape(outside.count)
    if len(shape) != 1 or shape != other:
        raise ValueError(
            "`inside` and `outside` must have one and the same axis, points; "
            f"got shapes {shape} and {other}"
        )
    return int(shape[0])


def _means(
    sample: Sample, chosen: Indices, confidence: float, minimum: float
) -> tuple[Floats, ...]:
    inside, outside = sample.inside.take(chosen), sample.outside.take(chosen)
    apart = stands_apart(inside) | stands_apart(outside)
    sample.lack[chosen[apart]] = Lack.REPETITION
    difference = mean_difference(inside, outside)
    if sample.kind[chosen[0]] == Kind.WELCH:
        difference = replace(difference, skewness=np.zeros(len(chosen)))
    limits = difference.limits(confidence)
    return difference.standard_error, *limits, difference.p_value(minimum)


def _proportions(
    sample: Sample, chosen: Indices, confidence: float, minimum: float
) -> tuple[Floats, ...]:
    published = sample.kind[chosen[0]] == Kind.NEWCOMBE
    limits = newcombe_limits if published else proportion_limits
    shares = sample.share_in[chosen], sample.share_out[chosen]
    runs = sample.inside.runs[chosen], sample.outside.runs[chosen]
    span = (sample.upper - sample.lower)[chosen]
    low, high = limits(*shares, *runs, special.ndtri((1 + confidence) / 2))
    error = proportion_error(*shares, *runs)
    p_value = proportion_p_value(*shares, *runs, minimum / span, limits=limits)
    return span * error, span * low, span * high, p_value


_COMPUTED = {
    Kind.MEANS: _means,
    Kind.PROPORTIONS: _proportions,
    Kind.WELCH: _means,
    Kind.NEWCOMBE: _proportions,
}
