"""A number from several data sets, with the interval that they give it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A number and its interval."""

    value: float
    low: float
    high: float


def median_of(values: npt.ArrayLike) -> Estimate:
    """Median of independent values, with the interval of order statistics.

    The median of a continuous distribution lies between the r-th smallest and the
    r-th largest of k values with probability 1 − 2 P(B < r), B binomial (k, ½),
    whatever the distribution: losses near the transition are far from normal. r is
    the largest that makes this 95%. Fewer than six values cannot; their interval is
    the whole range, which covers less: 1 − 2^(1−k).

    Values that are NaN make the estimate NaN: a data set without an answer.

    Examples
    --------
    >>> median_of([3.0, 1.0, 2.0, 6.0, 5.0, 4.0])
    Estimate(value=3.5, low=1.0, high=6.0)
    """
    ordered = np.sort(np.asarray(values, dtype=float))  # (data sets,), NaN last
    count = len(ordered)
    if count == 0 or np.isnan(ordered[-1]):
        return Estimate(np.nan, np.nan, np.nan)
    below = int(stats.binom.ppf((1 - CONFIDENCE) / 2, count, 0.5))
    # P(B < r) must not exceed half of what is left.
    rank = max(below, 1)
    return Estimate(
        float(np.median(ordered)), float(ordered[rank - 1]), float(ordered[-rank])
    )


def best_of_others(values: pd.DataFrame) -> pd.Series:
    """Return the column with the largest median over all other data sets, for each.

    `values` has one row a data set and one column a candidate. What is best is chosen
    without the data set that it is judged by: the largest of many medians lies above
    the number that it stands for. A data set alone chooses for itself.

    Examples
    --------
    >>> values = pd.DataFrame({"a": [0.0, 1.0, 1.0], "b": [9.0, 0.0, 0.0]})
    >>> best_of_others(values).tolist()
    ['a', 'b', 'b']
    """
    if len(values) == 1:
        return values.idxmax(axis=1)
    return pd.Series(
        {each: values.drop(index=each).median().idxmax() for each in values.index}
    )


def chosen(values: pd.DataFrame, names: pd.Series) -> Estimate:
    """Return the median over data sets of the column that each of them is given."""
    return median_of([values.loc[each, name] for each, name in names.items()])
