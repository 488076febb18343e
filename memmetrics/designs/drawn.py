"""Designs that are drawn by lot, each point with the same chance."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from memmetrics._seeds import Stream, generator
from memmetrics.designs.base import Bools, Part

__all__ = ["BLOCK", "Balanced", "Bernoulli", "Exact"]

BLOCK = 16  # runs; part of the results, like the streams of seeds

_ATTEMPTS = 10_000
_CHUNK = 1 << 12  # points drawn at a time, so that a draw stays in the cache


class _Drawn:
    """What is drawn by lot, each point with the same chance."""

    block: ClassVar[int] = 1
    of_points: ClassVar[bool] = False
    name: ClassVar[str]
    fraction: float

    def __post_init__(self) -> None:
        """Check the share."""
        object.__setattr__(self, "fraction", _fraction_iv(self.fraction))

    def configuration(self) -> dict[str, Any]:
        """See `Design`."""
        return {"design": self.name, "fraction": self.fraction}


@dataclass(frozen=True)
class Balanced(_Drawn):
    """Every point is in exactly its share of the runs.

    Parameters
    ----------
    fraction : float, default 0.5
        Share of the runs that a point is in, strictly between 0 and 1.

    Examples
    --------
    >>> from memmetrics.designs import draw_members
    >>> draw_members(Balanced(0.25), 3, runs=8, points=5).sum(axis=0)
    array([2, 2, 2, 2, 2])
    """

    fraction: float = 0.5
    block: ClassVar[int] = BLOCK
    name: ClassVar[str] = "balanced"

    def members(self, seed: int, part: Part) -> Bools:
        """See `Design`."""
        member = np.empty(part.shape, dtype=bool)
        again: list[tuple[int, int]] = []
        for start in range(0, part.runs.stop if part.runs else 0, BLOCK):
            block = range(start, min(start + BLOCK, part.all_runs))
            again = self._rounded(seed, again, block, part.all_points)
            wanted = range(max(start, part.runs.start), min(block.stop, part.runs.stop))
            if wanted:
                # Kept, since many draws may be needed for one that leaves no run empty.
                inside = lru_cache(2)(partial(self._inside, seed, again, block))
                draw = partial(_shuffled, seed, block, inside)
                drawn = _nonempty(draw, part, self.fraction)
                rows = [run - part.runs.start for run in wanted]
                member[rows] = drawn[wanted.start - start : wanted.stop - start]
        return member

    def _rounded(
        self, seed: int, before: list[tuple[int, int]], block: range, points: int
    ) -> list[tuple[int, int]]:
        """Return which blocks' counts are rounded again, with which lots, up to this.

        A block of too few members to fill its runs is rounded again, and only what
        follows it: blocks never depend on later ones.
        """
        for attempt in range(_ATTEMPTS):
            again = [*before, (block.start, attempt)] if attempt else before
            members = 0
            for some in _pieces(0, points):
                members += self._inside(seed, again, block, some).sum()
                if members >= len(block):
                    return again
        raise _unfilled(self.fraction, points)

    def _inside(
        self, seed: int, again: list[tuple[int, int]], block: range, points: range
    ) -> npt.NDArray[np.int64]:
        """Return in how many runs of a block each point is.

        Counts up to run r are floor(fraction * r + u) with one u per point: over all
        runs exactly fraction * runs where that is whole, and unbiased where it is not.
        """
        offset = _lots(seed, Stream.ROUNDING, (0,), points)
        for start, attempt in again:
            place = (start,) if start else ()
            lots = _lots(seed, Stream.ROUNDING, (attempt, *place), points)
            offset = _with_counts(
                _counts(self.fraction, start, offset), self.fraction * start, lots
            )
        before, after = (
            _counts(self.fraction, end, offset) for end in (block.start, block.stop)
        )
        return after - before


@dataclass(frozen=True)
class Bernoulli(_Drawn):
    """Every point enters every run by a coin of its own.

    Parameters
    ----------
    fraction : float, default 0.5
        The coin's probability, strictly between 0 and 1.

    Examples
    --------
    >>> from memmetrics.designs import draw_members
    >>> draw_members(Bernoulli(0.5), 0, runs=100, points=3).mean(axis=0)
    array([0.5 , 0.49, 0.63])
    """

    fraction: float = 0.5
    name: ClassVar[str] = "bernoulli"

    def members(self, seed: int, part: Part) -> Bools:
        """See `Design`."""
        member = np.empty(part.shape, dtype=bool)
        for row, run in zip(member, part.runs, strict=True):
            draw = partial(self._draw, seed, run)
            row[:] = _nonempty(draw, part, self.fraction)[0]
        return member

    def _draw(self, seed: int, run: int, attempt: int, points: range) -> Bools:
        lots = _lots(seed, Stream.SUBSETS, (run, attempt), points)
        return np.asarray(lots < self.fraction)[np.newaxis]


@dataclass(frozen=True)
class Exact(_Drawn):
    """Every run trains on a subset of one size.

    One run's subset is drawn for all points at once, whatever part of it is asked for.

    Parameters
    ----------
    fraction : float, default 0.5
        Size of the subsets, as a share of the points; strictly between 0 and 1.

    Examples
    --------
    >>> from memmetrics.designs import draw_members
    >>> draw_members(Exact(0.5), 0, runs=3, points=10).sum(axis=1)
    array([5, 5, 5])
    """

    fraction: float = 0.5
    name: ClassVar[str] = "exact"

    def members(self, seed: int, part: Part) -> Bools:
        """See `Design`."""
        points = part.all_points
        size = round(self.fraction * points)
        if not 0 < size < points:
            raise ValueError(
                f"`fraction` {self.fraction} of {points} points or groups makes "
                f"subsets of {size}; the design 'exact' needs at least 1 inside and 1 "
                "outside"
            )
        template = np.arange(points) < size
        member = np.empty(part.shape, dtype=bool)
        for row, run in zip(member, part.runs, strict=True):
            whole = generator(seed, Stream.SUBSETS, run).permutation(template)
            row[:] = whole[part.points.start : part.points.stop]
        return member


def _fraction_iv(fraction: Any) -> float:
    """Return a share strictly between 0 and 1."""
    try:
        value = math.nan if isinstance(fraction, str) else float(fraction)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not 0 < value < 1:
        raise ValueError(
            f"`fraction` must lie strictly between 0 and 1; got {fraction!r}"
        )
    return value


def _lots(
    seed: int, stream: Stream, key: tuple[int, ...], points: range
) -> npt.NDArray[np.float64]:
    """Return a uniform number for each point of a range: its own, wherever it begins.

    Every number takes one step of the generator, which can skip any number of steps.
    """
    rng = generator(seed, stream, *key)
    _skip(rng, points.start)
    return rng.random(len(points))


def _skip(rng: np.random.Generator, steps: int) -> None:
    """Go on as if so many numbers had been drawn."""
    # Ours are all PCG64, which has it; the type of any bit generator has not.
    rng.bit_generator.advance(steps)  # type: ignore[attr-defined]


def _pieces(start: int, stop: int) -> Iterator[range]:
    for first in range(start, stop, _CHUNK):
        yield range(first, min(first + _CHUNK, stop))


def _shuffled(
    seed: int,
    block: range,
    inside: Callable[[range], npt.NDArray[np.int64]],
    attempt: int,
    points: range,
) -> Bools:
    """Return a balanced block, (runs of the block, points).

    Each point's column is shuffled on its own, with `inside` trues among the runs.
    """
    rng = generator(seed, Stream.SUBSETS, block.start, block.stop, attempt)
    _skip(rng, points.start * BLOCK)
    counts = inside(points)
    drawn = np.empty((len(block), len(points)), dtype=bool)
    for first in range(0, len(points), _CHUNK):
        some = counts[first : first + _CHUNK]
        lots = rng.integers(0, 2**64, size=(len(some), BLOCK), dtype=np.uint64)
        # The last bits are the run's number, so that no two lots are equal.
        lots &= ~np.uint64(BLOCK - 1)
        lots = lots[:, : len(block)] | np.arange(len(block), dtype=np.uint64)
        # (points, runs): a point is in the runs of its `inside` lowest lots.
        last = np.maximum(some - 1, 0)[:, np.newaxis]
        highest = np.take_along_axis(np.sort(lots, axis=1), last, axis=1)
        chosen = (lots <= highest) & (some > 0)[:, np.newaxis]
        drawn[:, first : first + _CHUNK] = chosen.T
    return drawn


def _nonempty(
    draw: Callable[[int, range], Bools], part: Part, fraction: float
) -> Bools:
    """Draw until no run is empty, of all points; return the points of the part."""
    before, after = (0, part.points.start), (part.points.stop, part.all_points)
    for attempt in range(_ATTEMPTS):
        member = draw(attempt, part.points)
        filled = member.any(axis=1)
        for elsewhere in chain(_pieces(*before), _pieces(*after)):
            if filled.all():
                break
            filled |= draw(attempt, elsewhere).any(axis=1)
        if filled.all():
            return member
    raise _unfilled(fraction, part.all_points)


def _unfilled(fraction: float, points: int) -> ValueError:
    return ValueError(
        f"`fraction` {fraction} of {points} points or groups leaves some runs without "
        "any training point; use more points, or a larger fraction"
    )


def _with_counts(
    counts: npt.NDArray[np.int64], expected: float, lots: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return uniform offsets, given that floor(expected + offset) is `counts`."""
    if _whole(expected):
        return lots
    rest = 1 - expected % 1  # rounded up from this offset on
    up = counts > expected
    return np.where(up, rest + (1 - rest) * lots, rest * lots)


def _whole(expected: float) -> bool:
    return abs(expected - round(expected)) < 1e-9  # 0.3 * 10 is not quite 3


def _counts(
    fraction: float, runs: int, offset: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    expected = fraction * runs
    if _whole(expected):
        return np.full(len(offset), round(expected))
    return np.floor(expected + offset).astype(np.int64)
