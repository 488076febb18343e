"""Which rows every run sees at every step.

A run visits its own points in an endless row of permutations, each a fresh draw from
the run's own generator, cut into batches of equal length: a batch may begin with the
last points of one epoch and end with the first of the next. So no batch is short, no
point is left out, and every point is seen equally often. A run with fewer points than
`batch_size` takes all of them at every step.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch

from memmetrics.trainers.module.layers.randomness import generator

# Batches drawn ahead at a time: enough to spread the cost of drawing over many steps.
_STEPS_AHEAD = 64


def batch_lengths(own: Sequence[torch.Tensor], batch_size: int | None) -> list[int]:
    """Return how many points a batch of each run holds."""
    return [
        len(rows) if batch_size is None else min(batch_size, len(rows)) for rows in own
    ]


def padded_width(own_points: int, points: int, batch_size: int | None) -> int:
    """Return to how many rows a run's batches are padded in a stack.

    Rounding in sums may depend on this width, so it follows from the run alone, never
    from the runs beside it. Full batches are rounded up to a step of about four
    standard deviations of a random half's size, so that most runs agree on a width.
    """
    if batch_size is not None:
        return min(batch_size, points)
    step = 1 << math.ceil(math.log2(2 * math.sqrt(points)))
    return min(points, step * math.ceil(own_points / step))


def batches(
    own: Sequence[torch.Tensor],
    seeds: Sequence[int],
    *,
    steps: int,
    batch_size: int | None,
    width: int | None = None,
) -> Iterator[torch.Tensor]:
    """Yield the rows of all runs for one step after another.

    Parameters
    ----------
    own : sequence of int64 tensors, (own points,) each
        The rows that each run trains on.
    seeds : sequence of int
        The runs' seeds.
    steps : int
        How many batches.
    batch_size : int or None
        Points in a batch; None for all.
    width : int, optional
        Pad every batch to so many rows, by repeating the run's first point.

    Yields
    ------
    tensor, (runs, width)
        The very same object again where nothing changes between steps.
    """
    lengths = batch_lengths(own, batch_size)
    width = max(lengths) if width is None else width
    if all(length == len(rows) for length, rows in zip(lengths, own, strict=True)):
        whole = torch.stack([_padded(rows[None], width)[0] for rows in own])
        for _ in range(steps):
            yield whole
        return
    orders = [
        _Order(rows, seed, length)
        for rows, seed, length in zip(own, seeds, lengths, strict=True)
    ]
    for start in range(0, steps, _STEPS_AHEAD):
        count = min(_STEPS_AHEAD, steps - start)
        drawn = [_padded(order.take(count), width) for order in orders]
        yield from torch.stack(drawn, dim=1)  # (count, runs, width)


class _Order:
    """One run's points, in one permutation after another, cut into batches."""

    def __init__(self, own: torch.Tensor, seed: int, length: int) -> None:
        self._own = own
        self._length = length
        self._generator = generator(seed, "order")
        self._waiting = own[:0]

    def take(self, count: int) -> torch.Tensor:
        """Return the rows of the next batches, (count, length)."""
        if self._length == len(self._own):  # order would change nothing but rounding
            return self._own.expand(count, -1)
        parts = [self._waiting]
        missing = count * self._length - len(self._waiting)
        while missing > 0:
            order = torch.randperm(len(self._own), generator=self._generator)
            parts.append(self._own[order])
            missing -= len(order)
        row = torch.cat(parts)
        used = count * self._length
        self._waiting = row[used:]
        return row[:used].view(count, self._length)


def _padded(rows: torch.Tensor, width: int) -> torch.Tensor:
    """Pad (count, length) to (count, width)."""
    padding = rows[:, :1].expand(-1, width - rows.shape[1])
    return torch.cat([rows, padding], dim=1)
