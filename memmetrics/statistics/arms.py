"""What the scores with and without a point leave behind: mean, spread, skew, extremes.

Per point and arm (IN: the runs that trained on the point, OUT: those that did not) a
handful of numbers is enough for every estimate and interval. They are gathered in one
pass over the scores, never copying them, and those of more runs can be merged in, so
runs × points scores need never sit in memory together.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from memmetrics._arrays.mapped import release

__all__ = ["Arm", "Arms", "failed_runs"]

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

# Fewer scores than this are summed before a kernel would be loaded or compiled.
_KERNEL_PAYS = 2**23

_POINTS = 1024  # of a block in NumPy, whose temporaries are (runs, _POINTS)

_BLOCKS_OF_A_TASK = 16  # of the kernel: small enough for threads to end together


@dataclass(frozen=True, eq=False)
class Arm:
    """Statistics of one arm, arrays `(points,)`, which those of more runs can join.

    Attributes
    ----------
    count : int64 array
        Runs in the arm. Where it is 0, all the floats are NaN and the counts 0.
    mean : float64 array
        Mean score.
    squares, cubes : float64 array
        Sums of squared and of cubed deviations from the mean.
    lowest, highest : float64 array
        Smallest and largest score. If either is infinite, mean and sums are NaN.
    at_lowest, at_highest : int64 array
        Runs whose score equals `lowest` and `highest`.
    """

    count: npt.NDArray[Any]
    mean: Floats
    squares: Floats
    cubes: Floats
    lowest: Floats
    highest: Floats
    at_lowest: npt.NDArray[Any]
    at_highest: npt.NDArray[Any]

    @cached_property
    def runs(self) -> Floats:
        """The count as floats, to reckon with."""
        return np.asarray(self.count, dtype=np.float64)

    @cached_property
    def variance(self) -> Floats:
        """Unbiased variance; NaN where there are fewer than two runs."""
        enough = self.count > 1
        return np.where(
            enough, self.squares / np.where(enough, self.count - 1, 1), np.nan
        )

    @cached_property
    def third_moment(self) -> Floats:
        """Third central moment, the mean cubed deviation; NaN of an empty arm."""
        moment: Floats = self.cubes / np.maximum(self.count, 1)
        return moment

    @property
    def infinite(self) -> npt.NDArray[np.bool_]:
        """Whether some score is infinite, so that there is no mean."""
        return np.isinf(self.lowest) | np.isinf(self.highest)

    def take(self, chosen: slice | npt.NDArray[Any]) -> Arm:
        """Return the statistics of some of the points."""
        return _columnwise(lambda column: column[chosen], self)

    def merge(self, other: Arm) -> Arm:
        """Return the statistics of the runs of both.

        References
        ----------
        Pébay, "Formulas for robust, one-pass parallel computation of covariances and
        arbitrary-order statistical moments", SAND2008-6212 (2008), eq. 2.1 and 2.2.
        """
        runs = self.count + other.count
        share = other.count / np.maximum(runs, 1)
        gap = other.mean - self.mean
        both = self.count * share * gap**2  # n₁ n₂ / n · gap²
        skew = share * self.squares - (1 - share) * other.squares
        joined = Arm(
            count=runs,
            mean=self.mean + share * gap,
            squares=self.squares + other.squares + both,
            cubes=(
                self.cubes + other.cubes + both * gap * (1 - 2 * share) - 3 * gap * skew
            ),
            lowest=np.minimum(self.lowest, other.lowest),
            highest=np.maximum(self.highest, other.highest),
            at_lowest=_at_end(self, other, "lowest", np.less),
            at_highest=_at_end(self, other, "highest", np.greater),
        )
        # Nothing is to be learnt from an empty arm, whose numbers are NaN.
        joined = _instead(joined, self, where=other.count == 0)
        return _instead(joined, other, where=self.count == 0)


class Arms(NamedTuple):
    """Statistics of the runs with a point (`inside`) and without it (`outside`).

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.array([[1.0], [0.0], [0.5], [0.7]])
    >>> member = np.array([[True], [False], [False], [True]])
    >>> first = Arms.from_scores(scores[:3], member[:3])
    >>> arms = first.merge(Arms.from_scores(scores[3:], member[3:]))
    >>> arms.inside.mean, arms.outside.count
    (array([0.85]), array([2]))
    """

    inside: Arm
    outside: Arm

    @classmethod
    def from_scores(
        cls, scores: npt.NDArray[Any], member: npt.NDArray[np.bool_]
    ) -> Arms:
        """Return the statistics of `scores (runs, points)`, split by `member`.

        Both are read once, in blocks, and never copied. NaN says that a run did not
        score a point, and does not count. An infinite score counts, but leaves its
        own point's arm without a mean.
        """
        runs = np.flatnonzero(~failed_runs(scores))
        large = runs.size * scores.shape[1] >= _KERNEL_PAYS
        gather = _by_kernel if large and _kernel_fits(scores) else _by_blocks
        with np.errstate(over="ignore", invalid="ignore"):  # judged below
            arms = gather(scores, member, runs)
            # A NaN or infinite score spoils the mean of its arm: nothing else has to
            # be looked at to find the few points that need care.
            without = [~np.isfinite(arm.mean) & (arm.count > 0) for arm in arms]
            spoiled = np.flatnonzero(without[0] | without[1])
            if spoiled.size:
                parts = _by_blocks(scores, member, runs, spoiled)
                arms = cls(
                    *(_mended(*both, spoiled) for both in zip(arms, parts, strict=True))
                )
        return arms

    def merge(self, other: Arms) -> Arms:
        """Return the statistics of the runs of both, for the same points."""
        return Arms(self.inside.merge(other.inside), self.outside.merge(other.outside))


def failed_runs(scores: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Return which runs have scores that are NaN throughout, `(runs,)`."""
    place: tuple[Any, ...] = (slice(None), *(0,) * (scores.ndim - 1))
    first = scores[place]
    failed: npt.NDArray[np.bool_] = np.isnan(first)
    for run in np.flatnonzero(failed):
        failed[run] = np.isnan(scores[run]).all()
    return failed


def _columnwise(function: Callable[..., npt.NDArray[Any]], *arms: Arm) -> Arm:
    """Apply a function to each of the numbers of some arms."""
    names = [field.name for field in fields(Arm)]
    return Arm(*(function(*(getattr(arm, name) for arm in arms)) for name in names))


def _mended(arm: Arm, part: Arm, points: Integers) -> Arm:
    """Return `arm` with the numbers of `points` taken from `part`.

    Where a score is infinite, there is no mean.
    """

    def put(column: npt.NDArray[Any], values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        column = column.copy()
        column[points] = values
        return column

    mended = _columnwise(put, arm, part)
    for sums in (mended.mean, mended.squares, mended.cubes):
        sums[mended.infinite] = np.nan
    return mended


def _instead(first: Arm, second: Arm, *, where: npt.NDArray[np.bool_]) -> Arm:
    if not where.any():
        return first

    def chosen(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.where(where, other, one)

    return _columnwise(chosen, first, second)


def _at_end(first: Arm, second: Arm, end: str, beyond: np.ufunc) -> Integers:
    mine, theirs = getattr(first, end), getattr(second, end)
    at_mine, at_theirs = getattr(first, f"at_{end}"), getattr(second, f"at_{end}")
    return np.where(beyond(theirs, mine), 0, at_mine) + np.where(
        beyond(mine, theirs), 0, at_theirs
    )


def _by_blocks(
    scores: npt.NDArray[Any],
    member: npt.NDArray[np.bool_],
    runs: Integers,
    points: Integers | None = None,
) -> Arms:
    """Gather all points, or some of them, for which only what was scored counts."""
    parts = []
    count = scores.shape[1] if points is None else len(points)
    for start in range(0, count, _POINTS):
        block = slice(start, start + _POINTS)
        place: Any = (runs, block) if points is None else np.ix_(runs, points[block])
        values = scores[place].astype(np.float64)  # (runs, points of the block)
        inside = member[place]
        outside = ~inside
        release(scores)
        if points is not None:
            scored = ~np.isnan(values)
            inside, outside = inside & scored, outside & scored
        parts.append((_arm_of_block(values, inside), _arm_of_block(values, outside)))
    return Arms(
        *(
            _columnwise(lambda *columns: np.concatenate(columns), *arms)
            for arms in zip(*parts, strict=True)
        )
    )


def _arm_of_block(values: Floats, chosen: npt.NDArray[np.bool_]) -> Arm:
    count = chosen.sum(0)
    # Selects and products: reductions with `where=` and powers take ten times as long.
    lowest = np.where(chosen, values, np.inf).min(0, initial=np.inf)
    highest = np.where(chosen, values, -np.inf).max(0, initial=-np.inf)
    filled = np.maximum(count, 1)
    # From the lowest score rather than 0, so that equal scores have that very mean.
    rise = np.where(chosen, values - lowest, 0)
    mean = rise.sum(0) / filled
    deviation = np.where(chosen, rise - mean, 0)
    squares = deviation * deviation
    arm = Arm(
        count=count,
        mean=lowest + mean,
        squares=squares.sum(0),
        cubes=(squares * deviation).sum(0),
        lowest=lowest,
        highest=highest,
        at_lowest=((values == lowest) & chosen).sum(0),
        at_highest=((values == highest) & chosen).sum(0),
    )
    empty = count == 0

    def emptied(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.where(empty, np.nan if column.dtype.kind == "f" else 0, column)

    return _columnwise(emptied, arm) if empty.any() else arm


def _kernel_fits(scores: npt.NDArray[Any]) -> bool:
    native = scores.dtype in (np.float32, np.float64) and scores.dtype.isnative
    return native and importlib.util.find_spec("numba") is not None


def _by_kernel(
    scores: npt.NDArray[Any], member: npt.NDArray[np.bool_], runs: Integers
) -> Arms:
    from memmetrics.statistics import _arms_kernel as kernel

    points = scores.shape[1]
    floats = np.empty((2, 5, points))
    integers = np.empty((2, 3, points), dtype=np.int64)
    step = _BLOCKS_OF_A_TASK * kernel.POINTS

    def fill(start: int) -> None:
        stop = min(start + step, points)
        kernel.stream(
            scores, member.view(np.uint8), runs, start, stop, floats, integers
        )
        release(scores)

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # 1 in a joblib worker
        list(pool.map(fill, range(0, points, step)))
    outside, inside = (
        Arm(count, *numbers, *at_ends)
        for numbers, (count, *at_ends) in zip(floats, integers, strict=True)
    )
    return Arms(inside, outside)
