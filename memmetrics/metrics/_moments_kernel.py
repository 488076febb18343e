"""Both arms of every point in one streaming pass over the scores (numba; CPU).

Blocks of points are taken through all runs, so that the sums of a block stay in the
first-level cache and every score is read from memory once. Each arm's scores are
counted from the first of them: sums of squares and cubes then lose nothing to a large
mean, and are exactly zero where all runs are alike.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

__all__ = ["stream"]

POINTS = 512  # of a block: fixed at compile time, so that its loops are vectorized

# Rows of `sums` and of `extremes`, in one flat array each: with rows at a constant
# distance, the compiler sees that they do not overlap.
SUMS, EXTREMES = 5, 4
COUNT, FIRST, LINEAR, SQUARE, CUBE = (row * POINTS for row in range(SUMS))
LOWEST, HIGHEST, AT_LOWEST, AT_HIGHEST = (row * POINTS for row in range(EXTREMES))


def _add_run(score: Any, chosen: Any, sums: Any, extremes: Any, kind: Any) -> None:
    """Add one run of a block to one arm, for the points where `chosen` is 1.

    `kind` is the type of the scores, `score` and `chosen` are `(POINTS,)`.
    """
    one, zero, infinity = kind(1), kind(0), kind(np.inf)
    for point in range(POINTS):
        count = sums[COUNT + point]
        value = np.float64(score[point])
        first = value if count == 0.0 else sums[FIRST + point]
        take = chosen[point]
        deviation = value - first if take == one else 0.0
        square = deviation * deviation
        sums[COUNT + point] = count + np.float64(take)
        sums[FIRST + point] = first
        sums[LINEAR + point] += deviation
        sums[SQUARE + point] += square
        sums[CUBE + point] += square * deviation
    for point in range(POINTS):
        # A score of the other arm is put beyond both ends, where it changes neither.
        take = chosen[point] == one
        low = score[point] if take else infinity
        lowest = extremes[LOWEST + point]
        same = extremes[AT_LOWEST + point] + (one if low == lowest else zero)
        extremes[AT_LOWEST + point] = one if low < lowest else same
        extremes[LOWEST + point] = min(low, lowest)
        high = score[point] if take else -infinity
        highest = extremes[HIGHEST + point]
        same = extremes[AT_HIGHEST + point] + (one if high == highest else zero)
        extremes[AT_HIGHEST + point] = one if high > highest else same
        extremes[HIGHEST + point] = max(high, highest)


_njit: Any = numba.njit
_add = _njit(nogil=True)(_add_run)


def _stream(  # noqa: PLR0917 (compiled functions take no keywords)
    scores: Any, member: Any, runs: Any, start: int, stop: int, sums: Any, extremes: Any
) -> None:
    """Fill `sums (2, SUMS, points)` and `extremes (2, EXTREMES, points)`, IN first.

    Takes `scores` and `member (runs, points)`, of which only `runs` and the points
    from `start` to `stop` are read.
    """
    kind = scores.dtype.type
    score = np.zeros(POINTS, scores.dtype)
    chosen = np.zeros((2, POINTS), scores.dtype)
    block_sums = np.empty((2, SUMS * POINTS))
    block_extremes = np.empty((2, EXTREMES * POINTS), scores.dtype)
    for first in range(start, stop, POINTS):
        width = min(POINTS, stop - first)
        block_sums[:] = 0.0
        block_extremes[:] = kind(0)
        block_extremes[:, LOWEST : LOWEST + POINTS] = kind(np.inf)
        block_extremes[:, HIGHEST : HIGHEST + POINTS] = kind(-np.inf)
        for run in runs:
            scores_of_run = scores[run, first : first + width]
            member_of_run = member[run, first : first + width]
            for point in range(width):
                score[point] = scores_of_run[point]
            for point in range(width):
                chosen[0, point] = kind(1) if member_of_run[point] else kind(0)
            for point in range(width):
                chosen[1, point] = kind(0) if member_of_run[point] else kind(1)
            for arm in range(2):
                _add(score, chosen[arm], block_sums[arm], block_extremes[arm], kind)
        for arm in range(2):
            for row in range(SUMS):
                begin = row * POINTS
                values = block_sums[arm, begin : begin + width]
                sums[arm, row, first : first + width] = values
            for row in range(EXTREMES):
                begin = row * POINTS
                values = block_extremes[arm, begin : begin + width]
                extremes[arm, row, first : first + width] = values


def _with_cache(function: Any) -> Any:
    try:
        return _njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no folder that numba may write to
        return _njit(nogil=True)(function)


stream = _with_cache(_stream)
