"""Both arms of every point in one streaming pass over the scores (numba; CPU).

Blocks of points are taken through all runs, a few runs at a time, so that every score
is read from memory once and the sums of a block stay in cache. Each arm's scores are
counted from the first of them: sums of squares and cubes then lose nothing to a large
mean, and are exactly zero where all runs are alike. No point's numbers depend on which
others share its block.

How the loops are written decides whether the compiler vectorizes them: a fixed number
of points, one flat array for all sums with rows at constant offsets (so that it can see
that they do not overlap), and selects in place of branches. Rows of scores are copied
into such arrays first, whatever their strides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

from memmetrics._arrays.compiled import cached_njit

POINTS = 1024  # of a block

# Runs that are added at a time: the rows of the buffers.
RUNS = 4
FIRST, SECOND, THIRD, FOURTH = (row * POINTS for row in range(RUNS))

# Rows of an arm's sums, and of its extremes.
ORIGIN, LINEAR, SQUARE, CUBE = (row * POINTS for row in range(4))
LOWEST, AT_LOWEST, HIGHEST, AT_HIGHEST = (row * POINTS for row in range(4))

OUT, IN, NEITHER = 0, 1, 2  # what the buffer `arm` says of a score

_njit: Any = numba.njit
Function = TypeVar("Function", bound=Callable[..., Any])


def _compiled(function: Function) -> Function:
    # A check of every divisor would stop vectorization.
    compiled: Function = _njit(nogil=True, error_model="numpy")(function)
    return compiled


def _vectorized(function: Function) -> Function:
    # NaN and infinity keep their meaning: they have to reach the mean.
    allowed = {"reassoc", "contract", "nsz"}
    compiled: Function = _njit(nogil=True, fastmath=allowed)(function)
    return compiled


@_compiled
def _copy(source: Any, target: Any) -> None:
    for point in range(source.size):
        target[point] = source[point]


@_compiled
def _copy_truth(source: Any, target: Any) -> None:
    """Copy the bytes of Booleans, of which any but 0 is true, as 0 and 1."""
    for point in range(source.size):
        target[point] = source[point] != 0


@_vectorized
def _add_sums(score: Any, arm: Any, which: Any, sums: Any) -> None:
    """Add a few runs to the sums of powers of one arm's deviations."""
    for point in range(POINTS):
        origin = sums[ORIGIN + point]
        a = np.float64(score[FIRST + point]) - origin
        b = np.float64(score[SECOND + point]) - origin
        c = np.float64(score[THIRD + point]) - origin
        d = np.float64(score[FOURTH + point]) - origin
        a = a if arm[FIRST + point] == which else 0.0
        b = b if arm[SECOND + point] == which else 0.0
        c = c if arm[THIRD + point] == which else 0.0
        d = d if arm[FOURTH + point] == which else 0.0
        sums[LINEAR + point] += (a + b) + (c + d)
        sums[SQUARE + point] += (a * a + b * b) + (c * c + d * d)
        sums[CUBE + point] += (a * a * a + b * b * b) + (c * c * c + d * d * d)


@_vectorized
def _add_lowest(score: Any, arm: Any, which: Any, ends: Any, kind: Any) -> None:
    """Add a few runs to the lowest score of one arm, and to how many runs are at it."""
    one, zero, beyond = kind(1), kind(0), kind(np.inf)
    for point in range(POINTS):
        # A score of the other arm is put beyond the end, where it changes nothing.
        a = score[FIRST + point] if arm[FIRST + point] == which else beyond
        b = score[SECOND + point] if arm[SECOND + point] == which else beyond
        c = score[THIRD + point] if arm[THIRD + point] == which else beyond
        d = score[FOURTH + point] if arm[FOURTH + point] == which else beyond
        before = ends[LOWEST + point]
        end = min(a, b, c, d, before)
        runs = ends[AT_LOWEST + point] if before == end else zero
        runs += (one if a == end else zero) + (one if b == end else zero)
        runs += (one if c == end else zero) + (one if d == end else zero)
        ends[LOWEST + point] = end
        ends[AT_LOWEST + point] = runs


@_vectorized
def _add_highest(score: Any, arm: Any, which: Any, ends: Any, kind: Any) -> None:
    """Do as `_add_lowest` at the other end."""
    one, zero, beyond = kind(1), kind(0), kind(-np.inf)
    for point in range(POINTS):
        a = score[FIRST + point] if arm[FIRST + point] == which else beyond
        b = score[SECOND + point] if arm[SECOND + point] == which else beyond
        c = score[THIRD + point] if arm[THIRD + point] == which else beyond
        d = score[FOURTH + point] if arm[FOURTH + point] == which else beyond
        before = ends[HIGHEST + point]
        end = max(a, b, c, d, before)
        runs = ends[AT_HIGHEST + point] if before == end else zero
        runs += (one if a == end else zero) + (one if b == end else zero)
        runs += (one if c == end else zero) + (one if d == end else zero)
        ends[HIGHEST + point] = end
        ends[AT_HIGHEST + point] = runs


@_vectorized
def _add_count(arm: Any, count: Any) -> None:
    """Add a few runs to how many are in the arm IN."""
    for point in range(POINTS):
        first = (arm[FIRST + point] & IN) + (arm[SECOND + point] & IN)
        last = (arm[THIRD + point] & IN) + (arm[FOURTH + point] & IN)
        count[point] += np.int32(first + last)


@_compiled
def _take_origins(score: Any, arm: Any, seen: Any, sums: Any) -> Any:
    """Set the origin of points whose first run in an arm this is.

    Returns whether all points have a run in both arms, as `seen` tells by its bits.
    """
    all_seen = np.uint8(3)
    for point in range(POINTS):
        bit = np.uint8(arm[point] + 1)  # 1 is OUT, 2 is IN
        new = seen[point] & bit == 0
        is_in = arm[point] == IN
        sums[OUT, point] = score[point] if new and not is_in else sums[OUT, point]
        sums[IN, point] = score[point] if new and is_in else sums[IN, point]
        seen[point] |= bit
        all_seen &= seen[point]
    return all_seen == 3


@_compiled
def _moments(runs: Any, sums: Any, ends: Any, floats: Any, integers: Any) -> None:
    """Turn one arm's sums into moments about the mean; all arrays `(…, points)`."""
    for point in range(runs.size):
        count = runs[point]
        shift = sums[LINEAR + point] / max(count, 1)  # mean − origin
        square = sums[SQUARE + point]
        squares = max(square - shift * sums[LINEAR + point], 0.0)
        bias = shift * (3 * square - 2 * shift * sums[LINEAR + point])
        empty = count == 0
        floats[0, point] = np.nan if empty else sums[ORIGIN + point] + shift
        floats[1, point] = np.nan if empty else squares
        floats[2, point] = np.nan if empty else sums[CUBE + point] - bias
        floats[3, point] = np.nan if empty else ends[LOWEST + point]
        floats[4, point] = np.nan if empty else ends[HIGHEST + point]
        integers[0, point] = count
        integers[1, point] = 0 if empty else np.int64(ends[AT_LOWEST + point])
        integers[2, point] = 0 if empty else np.int64(ends[AT_HIGHEST + point])


def _stream(  # noqa: PLR0917 (compiled functions take no keywords)
    scores: Any,
    member: Any,
    runs: Any,
    start: int,
    stop: int,
    floats: Any,
    integers: Any,
) -> None:
    """Fill the moments of both arms, OUT first, for the points from start to stop.

    `scores` and `member (runs, points)`, the latter as bytes; of them the rows `runs`
    are read. `floats (2, 5, points)` receives mean, squares, cubes, lowest, highest;
    `integers (2, 3, points)` count, at_lowest, at_highest.
    """
    kind = scores.dtype.type
    score = np.zeros(RUNS * POINTS, scores.dtype)
    arm = np.empty(RUNS * POINTS, np.uint8)
    sums = np.empty((2, 4 * POINTS))
    ends = np.empty((2, 4 * POINTS), scores.dtype)
    count = np.empty((2, POINTS), np.int32)
    for first in range(start, stop, POINTS):
        last = min(first + POINTS, stop)
        width = last - first
        sums[:] = 0.0
        ends[:] = kind(0)
        ends[:, LOWEST : LOWEST + POINTS] = kind(np.inf)
        ends[:, HIGHEST : HIGHEST + POINTS] = kind(-np.inf)
        count[:] = 0

        seen = np.zeros(POINTS, np.uint8)
        seen[width:] = 3
        for run in runs:
            _copy(scores[run, first:last], score[:width])
            _copy_truth(member[run, first:last], arm[:width])
            if _take_origins(score, arm, seen, sums):
                break

        for group in range(0, runs.size, RUNS):
            arm[:] = NEITHER
            for row in range(min(RUNS, runs.size - group)):
                run, at = runs[group + row], row * POINTS
                _copy(scores[run, first:last], score[at : at + width])
                _copy_truth(member[run, first:last], arm[at : at + width])
            _add_count(arm, count[IN])
            for which in range(2):
                byte = np.uint8(which)
                _add_sums(score, arm, byte, sums[which])
                _add_lowest(score, arm, byte, ends[which], kind)
                _add_highest(score, arm, byte, ends[which], kind)

        count[OUT] = runs.size - count[IN]
        for which in range(2):
            _moments(
                count[which, :width],
                sums[which],
                ends[which],
                floats[which, :, first:last],
                integers[which, :, first:last],
            )


stream = cached_njit(_stream, nogil=True)
"""Moments of both arms: see `_stream`."""
