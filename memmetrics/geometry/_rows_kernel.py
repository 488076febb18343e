"""Second moment and dimensionality of short rows (numba; CPU).

With hidden of a few, a matrix product spends its time on everything but products.
Here blocks of rows are turned into float64 columns that stay in the first-level cache,
and all sums run along these.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

from memmetrics._arrays.compiled import cached_njit

_POINTS = 512  # of a block
_SHORT = 1e-140  # squared length of vectors whose fourth power vanishes

_njit: Any = numba.njit
_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "fastmath": {"reassoc", "contract", "nsz"},  # NaN and infinity keep their meaning
    "error_model": "numpy",  # a check of every divisor would stop vectorization
}
Function = TypeVar("Function", bound=Callable[..., Any])


def _compiled(function: Function) -> Function:
    compiled: Function = _njit(**_OPTIONS)(function)
    return compiled


@_compiled
def _load(rows: Any, columns: Any) -> None:
    """Copy rows (points, hidden) into columns (hidden, _POINTS), and 0 beyond them."""
    for k in range(rows.shape[1]):
        column = columns[k]
        for point in range(rows.shape[0]):
            column[point] = rows[point, k]
        for point in range(rows.shape[0], _POINTS):
            column[point] = 0.0


@_compiled
def _dot(first: Any, second: Any) -> Any:
    total = 0.0
    for point in range(_POINTS):
        total += first[point] * second[point]
    return total


@_compiled
def _add_square(values: Any, weight: float, total: Any) -> None:
    for point in range(_POINTS):
        total[point] += weight * values[point] * values[point]


@_compiled
def _project(direction: Any, columns: Any, along: Any) -> None:
    """Fill `along (_POINTS,)` with direction · h."""
    along[:] = 0.0
    for k in range(direction.size):
        component, column = direction[k], columns[k]
        for point in range(_POINTS):
            along[point] += component * column[point]


@_compiled
def _divide(norm: Any, overlap: Any, own: float, tiny: float, result: Any) -> None:
    for point in range(result.size):
        square = norm[point] * norm[point]
        # A zero row overlaps with nothing, itself included: 0 / tiny, not 0 / 0.
        among = max(overlap[point] + own * square, tiny)
        result[point] = min(square / among, 1.0)


@_compiled
def _vanish(norm: Any, rows: Any) -> Any:
    """Whether the fourth power of some vector's length vanishes, but not the vector."""
    count = 0
    for point in range(rows.shape[0]):
        count += norm[point] < _SHORT
    if count == 0:
        return False
    for point in range(rows.shape[0]):
        if norm[point] < _SHORT:
            for k in range(rows.shape[1]):
                if rows[point, k] != 0.0:
                    return True
    return False


def _second_moment(rows: Any) -> Any:
    """Return Σ h hᵀ `(hidden, hidden)` of rows `(points, hidden)`."""
    points, hidden = rows.shape
    columns = np.empty((hidden, _POINTS))
    moment = np.zeros((hidden, hidden))
    for start in range(0, points, _POINTS):
        _load(rows[start : start + _POINTS], columns)
        for i in range(hidden):
            for j in range(i + 1):
                moment[i, j] += _dot(columns[i], columns[j])
    for i in range(hidden):
        for j in range(i):
            moment[j, i] = moment[i, j]
    return moment


def _dimensionality(  # noqa: PLR0917 (compiled functions take no keywords)
    rows: Any, directions: Any, values: Any, own: float, tiny: float, result: Any
) -> Any:
    """Fill `result (points,)` with ‖h‖⁴ / (own ‖h‖⁴ + Σ_k value_k (direction_k · h)²).

    `rows` is `(points, hidden)`, `directions` `(hidden, hidden)`, one in each row.
    Return whether ‖h‖⁴ vanishes for no vector but zero.
    """
    exact = True
    points, hidden = rows.shape
    columns = np.empty((hidden, _POINTS))
    norm, overlap = np.empty(_POINTS), np.empty(_POINTS)
    along = np.empty(_POINTS)
    for start in range(0, points, _POINTS):
        block = rows[start : start + _POINTS]
        _load(block, columns)
        norm[:] = 0.0
        overlap[:] = 0.0
        for k in range(hidden):
            _add_square(columns[k], 1.0, norm)
            _project(directions[k], columns, along)
            _add_square(along, values[k], overlap)
        _divide(norm, overlap, own, tiny, result[start : start + _POINTS])
        if _vanish(norm, block):
            exact = False
    return exact


second_moment = cached_njit(_second_moment, **_OPTIONS)
"""Second moment of rows: see `_second_moment`."""

dimensionality = cached_njit(_dimensionality, **_OPTIONS)
"""Dimensionality of rows: see `_dimensionality`."""
