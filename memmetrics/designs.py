"""Designs: which points each run trains on.

A design is a pure function of the seed, so membership is never stored: it is drawn
again. All designs extend: the first runs of a longer plan are those of a shorter one
(``balanced``: up to the last whole block of 16).

``balanced`` (default)
    Every point is in exactly ``fraction * runs`` runs, rounded at random, point by
    point, where that is no whole number. Points are independent of one another, so
    memorization and influence are unbiased, and no arm is empty by chance.
``bernoulli``
    Every point enters every run with probability ``fraction``, independently. Unbiased,
    a little less precise; an arm may be empty.
``exact``
    Every run trains on a subset of one fixed size, as in Feldman and Zhang (2020).
    Biased for influence: a run that holds point i holds one companion fewer, so each
    entry off the diagonal is shifted by −memorization / (points − 1). For comparison
    with published numbers on many points.

A run that would have no points at all is drawn again (with ``balanced``, its whole
block, on which no earlier block depends), since no model can be trained on nothing.
That happens with a handful of points only; everything is then conditional on runs not
being empty.

Balanced columns are drawn in blocks of 16 runs. Within a block a point's memberships
are correlated by −1/15, which costs influence 1/15 in variance beside independent
draws, memorization nothing; a block of 2 would be complementary pairs, at twice the
variance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import numpy.typing as npt

from memmetrics._seeds import Stream, generator
from memmetrics.trainers.base import Bools

BLOCK = 16  # runs; part of the results, like the streams of seeds

_ATTEMPTS = 10_000
_CHUNK = 1 << 12  # units drawn at a time, so that a draw stays in the cache


def draw_members(
    design: str,
    *,
    runs: int,
    points: int,
    fraction: float,
    entropy: int,
    groups: npt.NDArray[np.int64] | None = None,
) -> Bools:
    """Draw who trains on what.

    Parameters
    ----------
    design : {"balanced", "bernoulli", "exact"}
        See the module's docstring.
    runs, points : int
        Number of runs and of training points.
    fraction : float
        Expected share of the runs that a point is in, strictly between 0 and 1.
    entropy : int
        The measurement's seed.
    groups : int array (points,), optional
        Points of one group enter and leave together.

    Returns
    -------
    bool array, (runs, points)
        No row is empty.

    Raises
    ------
    ValueError
        If the design is unknown, or the fraction leaves runs empty.

    Examples
    --------
    >>> member = draw_members("balanced", runs=6, points=4, fraction=0.5, entropy=0)
    >>> member.sum(axis=0)
    array([3, 3, 3, 3])
    """
    draw = _DESIGNS[check_design(design)]
    if groups is None:
        return draw(runs, points, fraction, entropy)
    labels, unit = np.unique(groups, return_inverse=True)
    return np.ascontiguousarray(draw(runs, len(labels), fraction, entropy)[:, unit])


def check_design(design: object) -> str:
    """Return `design` if there is one of that name, else raise listing them."""
    if not isinstance(design, str) or design not in _DESIGNS:
        known = ", ".join(sorted(_DESIGNS))
        raise ValueError(f"unknown `design` {design!r}; there are {known}")
    return design


def _balanced(runs: int, units: int, fraction: float, entropy: int) -> Bools:
    member = np.empty((runs, units), dtype=bool)
    counts = _block_counts(runs, units, fraction, entropy)
    for block, inside in enumerate(counts):
        start, stop = block * BLOCK, min((block + 1) * BLOCK, runs)
        draw = partial(_balanced_block, entropy, start, stop, inside)
        member[start:stop] = _nonempty(draw, fraction, units)
    return member


def _block_counts(
    runs: int, units: int, fraction: float, entropy: int
) -> list[npt.NDArray[np.int64]]:
    """Return in how many runs of each block each unit is.

    Counts up to run r are floor(fraction * r + u) with one u per unit: over all runs
    exactly fraction * runs where that is whole, and unbiased where it is not. A block
    of too few members to fill its runs is rounded again, and only what follows it:
    blocks never depend on later ones.
    """
    offset = generator(entropy, Stream.ROUNDING, 0).random(units)
    counts = []
    for start in range(0, runs, BLOCK):
        stop = min(start + BLOCK, runs)
        offset = _filling(start, stop, fraction, entropy, offset)
        before, after = (_counts(fraction, end, offset) for end in (start, stop))
        counts.append(after - before)
    return counts


def _filling(
    start: int,
    stop: int,
    fraction: float,
    entropy: int,
    offset: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return offsets of the same counts up to `start`, to fill the runs to `stop`."""
    before = _counts(fraction, start, offset)
    needed = before.sum() + stop - start
    kept = offset
    for attempt in range(1, _ATTEMPTS):
        if _counts(fraction, stop, kept).sum() >= needed:
            return kept
        place = (start,) if start else ()
        lots = generator(entropy, Stream.ROUNDING, attempt, *place).random(len(offset))
        kept = _with_counts(before, fraction * start, lots)
    raise _unfilled(fraction, len(offset))


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


def _balanced_block(
    entropy: int, start: int, stop: int, inside: npt.NDArray[np.int64], attempt: int
) -> Bools:
    """Shuffle each unit's column on its own: `inside` trues among the block's runs."""
    rng = generator(entropy, Stream.SUBSETS, start, stop, attempt)
    runs = stop - start
    block = np.empty((runs, len(inside)), dtype=bool)
    for first in range(0, len(inside), _CHUNK):
        some = inside[first : first + _CHUNK]
        lots = rng.integers(0, 2**64, size=(len(some), BLOCK), dtype=np.uint64)
        # The last bits are the run's number, so that no two lots of a unit are equal.
        lots = (lots[:, :runs] & ~np.uint64(BLOCK - 1)) | np.arange(runs, dtype="u8")
        # (units, runs): a unit is in the runs of its `inside` lowest lots.
        ranked = np.sort(lots, axis=1)
        highest = np.take_along_axis(ranked, np.maximum(some - 1, 0)[:, None], axis=1)
        chosen = (lots <= highest) & (some > 0)[:, None]
        block[:, first : first + _CHUNK] = chosen.T
    return block


def _bernoulli(runs: int, units: int, fraction: float, entropy: int) -> Bools:
    rows = (
        _nonempty(
            partial(_bernoulli_row, entropy, run, units, fraction), fraction, units
        )
        for run in range(runs)
    )
    return _stacked(rows, runs, units)


def _bernoulli_row(
    entropy: int, run: int, units: int, fraction: float, attempt: int
) -> Bools:
    rng = generator(entropy, Stream.SUBSETS, run, attempt)
    return rng.random((1, units)) < fraction


def _exact(runs: int, units: int, fraction: float, entropy: int) -> Bools:
    size = round(fraction * units)
    if not 0 < size < units:
        raise ValueError(
            f"`fraction` {fraction} of {units} points or groups makes subsets of "
            f"{size}; the design 'exact' needs at least 1 inside and 1 outside"
        )
    template = np.arange(units) < size  # (units,)
    rows = (
        generator(entropy, Stream.SUBSETS, run).permutation(template)
        for run in range(runs)
    )
    return _stacked(rows, runs, units)


def _stacked(rows: Iterator[Bools], runs: int, units: int) -> Bools:
    member = np.empty((runs, units), dtype=bool)
    for run, row in enumerate(rows):
        member[run] = row
    return member


def _nonempty(draw: Callable[[int], Bools], fraction: float, units: int) -> Bools:
    for attempt in range(_ATTEMPTS):
        member = draw(attempt)
        if member.any(axis=1).all():
            return member
    raise _unfilled(fraction, units)


def _unfilled(fraction: float, units: int) -> ValueError:
    return ValueError(
        f"`fraction` {fraction} of {units} points or groups leaves some runs without "
        "any training point; use more points, or a larger fraction"
    )


_DESIGNS: dict[str, Callable[[int, int, float, int], Bools]] = {
    "balanced": _balanced,
    "bernoulli": _bernoulli,
    "exact": _exact,
}
