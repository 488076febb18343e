"""Selection rules: which points go when one point's kind is taken out of the data.

A rule is any function ``rule(data, point)`` of the training data and a point's index;
it returns a boolean mask ``(points,)`` or an array of indices that holds the point
itself. The rules here form families of growing breadth: a point, its near-duplicates,
its nearest neighbors, its cluster, its class. `memorized_share` says in one number what
they found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from memmetrics._arrays.validation import (
    as_confidence,
    as_labels,
    require_finite,
    to_numpy,
)
from memmetrics.statistics.ratio import ratio_limits
from memmetrics.trainers.base import Data

__all__ = [
    "Nearest",
    "Rule",
    "Same",
    "Within",
    "memorized_share",
    "near_duplicate_families",
    "this_point",
]

Rule: TypeAlias = Callable[[Data, int], npt.ArrayLike]

_ROWS = 1024  # made dense, and compared, at a time
_NUMBERS = 2**20  # of differences at a time


def this_point(data: Data, point: int) -> npt.NDArray[np.intp]:  # noqa: ARG001 - a rule
    """Select the point alone.

    Examples
    --------
    >>> this_point(np.eye(3), 1)
    array([1])
    """
    return np.array([point])


@dataclass(frozen=True)
class Within:
    """Rule: all points whose inputs lie within a Euclidean distance of the point's.

    Parameters
    ----------
    distance : float
        In the unit of the inputs, not negative; 0 selects exact copies. The inputs
        are the first array of the data, flattened point by point.

    Raises
    ------
    ValueError
        If `distance` is negative or NaN.

    Examples
    --------
    >>> Within(1.5)(np.array([[0.0], [1.0], [2.0]]), 0)
    array([ True,  True, False])
    """

    distance: float

    def __post_init__(self) -> None:
        """Check the distance."""
        _distance_iv(self.distance)

    def __call__(self, data: Data, point: int) -> npt.NDArray[np.bool_]:
        """Return the mask (points,)."""
        near: npt.NDArray[np.bool_] = _distances(data, point) <= self.distance
        return near


@dataclass(frozen=True)
class Nearest:
    """Rule: the point and so many points nearest to it.

    Parameters
    ----------
    count : int
        How many others, at least 1. Of equally near ones, the first.

    Raises
    ------
    ValueError
        If `count` is less than 1; in a call, if there are not so many others.

    Examples
    --------
    >>> Nearest(1)(np.array([[0.0], [1.0], [3.0]]), 2)
    array([2, 1])
    """

    count: int

    def __post_init__(self) -> None:
        """Check the count."""
        if self.count < 1:
            raise ValueError(f"`count` must be at least 1; got {self.count!r}")

    def __call__(self, data: Data, point: int) -> npt.NDArray[np.intp]:
        """Return the indices, nearest first."""
        distances = _distances(data, point)
        if self.count >= len(distances):
            raise ValueError(
                f"`count` must leave some of the {len(distances)} points; "
                f"got {self.count}"
            )
        distances[point] = -1  # before its copies
        return np.argsort(distances, kind="stable")[: self.count + 1]


@dataclass(frozen=True, eq=False)
class Same:
    """Rule: all points with the point's label, such as a class or a cluster.

    Parameters
    ----------
    labels : array (points,)
        Of any type, for instance what `near_duplicate_families` or a clustering of
        scikit-learn returns.

    Raises
    ------
    ValueError
        If `labels` has not one axis; in a call, if it is not as long as the data.

    Examples
    --------
    >>> Same(np.array(["cat", "dog", "cat"]))(np.eye(3), 0)
    array([ True, False,  True])
    """

    labels: npt.NDArray[Any]

    def __post_init__(self) -> None:
        """Standardize and check the labels."""
        labels = as_labels(self.labels, "labels")
        if labels.ndim != 1:
            raise ValueError(
                f"`labels` must have one axis, points; got shape {labels.shape}"
            )
        object.__setattr__(self, "labels", labels)

    def __call__(self, data: Data, point: int) -> npt.NDArray[np.bool_]:
        """Return the mask (points,)."""
        points = _inputs(data).shape[0]
        if len(self.labels) != points:
            raise ValueError(
                f"`labels` must give one label for each of the {points} points; "
                f"got {len(self.labels)}"
            )
        return np.asarray(self.labels == self.labels[point])


def near_duplicate_families(data: Data, distance: float) -> npt.NDArray[np.int64]:
    """Put points into one family that are linked by steps of at most `distance`.

    Parameters
    ----------
    data : array (points, ...), csr_array (points, features), or tuple of arrays
        The inputs are the first array, flattened point by point.
    distance : float
        Euclidean, in the unit of the inputs, not negative.

    Returns
    -------
    int64 array (points,)
        Number of each point's family, from 0: for `Same`, or as ``groups=`` of
        `memmetrics.retrain`.

    Raises
    ------
    ValueError
        If `distance` is negative or NaN, or the inputs are not finite.

    Notes
    -----
    The connected components of the graph whose edges a k-d tree finds: single-linkage
    clustering cut at `distance`. Sparse inputs are made dense.

    Examples
    --------
    >>> near_duplicate_families(np.array([[0.0], [5.0], [0.1], [0.2]]), 0.15)
    array([0, 1, 0, 0])
    """
    _distance_iv(distance)
    rows = _dense(_inputs(data), slice(None))
    require_finite(rows, "data")
    if np.isinf(distance):
        return np.zeros(len(rows), dtype=np.int64)
    distinct, copy = _distinct(rows)
    family = _linked(distinct, distance)[copy]
    # Numbered in the order of their first points.
    _, first, place = np.unique(family, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[place], dtype=np.int64)


def memorized_share(table: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    r"""Summarize each point's spectrum in one number, with an interval.

    .. math::
        m_i = \mathrm{lost}(i, R_{first}) / \mathrm{lost}(i, R_{last})

    What the first, narrowest rule alone takes away, of all that the last and broadest
    one does: 1 means memorized (without this very point the score is gone), 0
    generalized (it is gone only with everything of its kind).

    Parameters
    ----------
    table : DataFrame
        As `memmetrics.spectrum` returns it; the rules in their order.
    confidence : float, default 0.95
        Confidence of the intervals.

    Returns
    -------
    DataFrame
        One row for each point: ``metric`` ("memorized_share"), ``index``,
        ``estimate``, ``low`` and ``high``, dimensionless. Where both rules select the
        same set, the share is 1. The interval is unbounded where the broadest rule's
        loss cannot be told from 0: a ratio to nothing. A loss that is NaN has neither
        share nor interval.

    Raises
    ------
    ValueError
        If `table` lacks a column, has fewer than two rules, does not have each point
        once under the first and the last one, or `confidence` is not within (0, 1).

    Notes
    -----
    Fieller's interval: all shares m for which ``lost(first) − m · lost(last)`` cannot
    be told from 0, its standard error being that of independent losses. They share the
    runs on all points, which makes the error of the difference smaller for every share
    above 0; the interval is then wider than need be, never narrower.

    References
    ----------
    Fieller, "Some problems in interval estimation", Journal of the Royal Statistical
    Society B 16 (1954).

    Examples
    --------
    >>> table = pd.DataFrame({
    ...     "index": [7, 7], "rule": ["point", "class"], "removed": [1, 20],
    ...     "estimate": [0.3, 0.6], "standard_error": [0.01, 0.02], "n_in": [8, 8]})
    >>> memorized_share(table).round(3)[["index", "estimate", "low", "high"]]
       index  estimate    low   high
    0      7       0.5  0.447  0.559
    """
    confidence = as_confidence(confidence)
    needed = ["index", "rule", "removed", "estimate", "standard_error", "n_in"]
    if missing := [name for name in needed if name not in table]:
        raise ValueError(f"`table` must have the columns {missing}; as of a spectrum")
    from scipy import stats  # takes long to import

    rules = table["rule"].unique()
    if len(rules) < 2:
        raise ValueError(f"`table` must hold at least 2 rules; got {len(rules)}")
    first, last = (
        table[table["rule"] == rule].set_index("index")
        for rule in (rules[0], rules[-1])
    )
    _check_points(first.index, last.index)
    last = last.loc[first.index]
    same = (first["removed"] == last["removed"]).to_numpy()
    over, under = (each["estimate"].to_numpy(float) for each in (first, last))
    # Runs that diverged may leave fewer without a set than on all points.
    counts = [name for name in ("n_in", "n_out") if name in table]
    errors = (
        stats.t.ppf((1 + confidence) / 2, each[counts].min(axis=1).to_numpy(float) - 1)
        * each["standard_error"].to_numpy(float)
        for each in (first, last)
    )
    low, high = ratio_limits(over, under, *errors)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = over / under
    return pd.DataFrame(
        {
            "metric": "memorized_share",
            "index": first.index.to_numpy(),
            "estimate": np.where(same, 1.0, estimate),
            "low": np.where(same, 1.0, low),
            "high": np.where(same, 1.0, high),
        }
    )


def _check_points(first: pd.Index[Any], last: pd.Index[Any]) -> None:
    """Raise unless both rules have every point, and none twice."""
    for index in (first, last):
        if index.has_duplicates:
            twice = index[index.duplicated()][0]
            raise ValueError(
                f"`table` must have one row for each rule and point; point {twice} "
                "has several"
            )
    if len(missing := first.symmetric_difference(last)):
        raise ValueError(
            "`table` must have every point under its first and its last rule; point "
            f"{missing[0]} is under one of them"
        )


def _distinct(
    rows: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Return rows without copies, whose pairs are many, and where each row went."""
    if len(np.unique(rows.sum(axis=1))) == len(rows):  # copies have one sum
        return rows, np.arange(len(rows))
    distinct, copy = np.unique(rows, axis=0, return_inverse=True)
    return distinct, copy.ravel()


def _linked(rows: npt.NDArray[np.float64], distance: float) -> npt.NDArray[np.int32]:
    """Return the connected component of each row, (rows,)."""
    # The tree rounds otherwise than `Within`, which decides.
    reach = distance * (1 + 1e-9)
    pairs = cKDTree(rows).query_pairs(reach, output_type="ndarray")
    step = max(1, _NUMBERS // rows.shape[1])
    near = [
        _lengths(rows[part[:, 0]] - rows[part[:, 1]]) <= distance
        for part in np.split(pairs, range(step, len(pairs), step))
    ]
    first, second = pairs[np.concatenate(near)].T
    links = scipy.sparse.coo_array(
        (np.ones(len(first), dtype=bool), (first, second)),
        shape=(len(rows), len(rows)),
    )
    components: npt.NDArray[np.int32] = connected_components(links, directed=False)[1]
    return components


def _lengths(differences: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.linalg.norm(differences, axis=1))


def _distance_iv(distance: float) -> None:
    if not distance >= 0:
        raise ValueError(f"`distance` must not be negative; got {distance!r}")


def _inputs(data: Data) -> Any:
    """Return the first array, sparse rows or a NumPy array."""
    first = data[0] if isinstance(data, (tuple, list)) else data
    if scipy.sparse.issparse(first):
        return scipy.sparse.csr_array(first)
    return to_numpy(first)


def _dense(inputs: Any, rows: slice) -> npt.NDArray[np.float64]:
    block = inputs[rows]
    dense = block.toarray() if scipy.sparse.issparse(block) else block
    return np.asarray(dense, dtype=np.float64).reshape(len(dense), -1)


def _distances(data: Data, point: int) -> npt.NDArray[np.float64]:
    """Return everyone's distance from the point, (points,)."""
    inputs = _inputs(data)
    center = _dense(inputs, slice(point, point + 1))
    # By differences: near-duplicates would drown in the rounding of |x|² + |y|² − 2xy.
    return np.concatenate(
        [
            _lengths(_dense(inputs, slice(start, start + _ROWS)) - center)
            for start in range(0, inputs.shape[0], _ROWS)
        ]
    )
