"""Vectors of very different lengths, as coordinates in which none is drowned.

Leverage depends on what combinations of the hidden axes the vectors take, not on the
axes: it is the same in any basis. Gaussian elimination with complete pivoting finds a
basis in which every coordinate of every training vector is between −1 and 1 and the
second moment is well conditioned, whatever the lengths. It works on vectors of length
one and never adds a long vector to a short one, so no rounding of the long ones is left
where only short ones are.

References
----------
Demmel, Gu, Eisenstat, Slapničar, Veselić and Drmač, "Computing the singular value
decomposition with high relative accuracy", Linear Algebra and its Applications 299
(1999), for elimination as the step that separates the scales.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from memmetrics.geometry.second_moment import Vectors, unit_rows

__all__ = ["eliminate"]

_LARGEST = 1e140  # of a held-out coordinate: its square is finite


@dataclass(frozen=True, eq=False)
class _Pivot:
    """The vector and the axis that one step of the elimination took, of each run."""

    axis: torch.Tensor  # (runs,)
    row: torch.Tensor  # (runs, axes): what was left of the vector
    size: torch.Tensor  # (runs, axes): of the numbers that this came from
    length: torch.Tensor  # (runs,)
    exists: torch.Tensor  # (runs,): whether there was anything left


@dataclass(eq=False)
class _Rest:
    """What the steps so far have left of vectors, all `(runs, axes, rows)`."""

    values: torch.Tensor
    size: torch.Tensor  # of the largest numbers that a value is a difference of
    noise: float  # a value this much smaller is rounding

    def without(self, pivot: _Pivot) -> torch.Tensor:
        """Take the pivot's vector out; return how often it was in, `(runs, rows)`."""
        runs = torch.arange(len(pivot.axis), device=self.values.device)
        head = pivot.row[runs, pivot.axis]
        head = torch.where(pivot.exists, head, 1.0)[:, None]
        share = self.values[runs, pivot.axis] / head  # (runs, rows)
        ratio = (pivot.row / head)[..., None]  # (runs, axes, 1)
        values = self.values - share[:, None] * pivot.row[..., None]
        head_size = self.size[runs, pivot.axis][:, None] * ratio.abs()
        row_size = share.detach().abs()[:, None] * pivot.size[..., None]
        self.size = torch.maximum(self.size, torch.maximum(head_size, row_size))
        # Constants are taken off, so that the gradient remains that of the difference.
        rounding = values.detach()
        rounding = torch.where(
            rounding.abs() > self.noise * self.size,
            torch.zeros_like(rounding),
            rounding,
        )
        done = torch.ones_like(ratio)
        done[runs, pivot.axis] = 0
        self.values = (values - rounding) * done
        return share

    def largest(self, length: torch.Tensor) -> _Pivot:
        """Return the largest value of all, for vectors that are so long."""
        values = self.values.detach()
        # Logarithms, since products of the smallest numbers vanish.
        size = values.abs().log2() + length.log2()[:, None]
        rows = values.shape[-1]
        place = size.flatten(1).argmax(1)
        axis, row = place // rows, place % rows
        runs = torch.arange(len(axis), device=values.device)
        return _Pivot(
            axis,
            values[runs, :, row],
            self.size[runs, :, row],
            length[runs, row],
            size[runs, axis, row] > -torch.inf,
        )


@dataclass(frozen=True, eq=False)
class Elimination:
    """Pivots found in training vectors, with which others can be taken apart too."""

    span: torch.Tensor  # (runs, rank, hidden)
    noise: float
    pivots: list[_Pivot]

    @property
    def missing(self) -> torch.Tensor:
        """Where a run had nothing left for a pivot: ones on a diagonal, else 0."""
        exist = [pivot.exists for pivot in self.pivots]
        return torch.diag_embed((~torch.stack(exist, -1)).double())

    def coordinates(self, vectors: Vectors) -> Vectors:
        """Return the coordinates of vectors, `(runs, points, rank)`."""
        rest, length = _begin(vectors, self.span, self.noise)
        columns = []
        for pivot in self.pivots:
            ratio = (length / pivot.length[:, None]).clamp(max=_LARGEST)
            column = rest.without(pivot) * torch.where(pivot.exists[:, None], ratio, 0)
            columns.append(column.clamp(-_LARGEST, _LARGEST))
        return Vectors(torch.stack(columns, -1), weight=vectors.weight)


def eliminate(train: Vectors, span: torch.Tensor, noise: float) -> Elimination:
    """Find the pivots of training vectors.

    Parameters
    ----------
    train : Vectors (runs, points, hidden)
        In the scale that they came in.
    span : tensor (runs, rank, hidden)
        Orthonormal basis of what they span.
    noise : float
        Relative size of a difference that is taken for rounding.
    """
    with torch.no_grad():
        rest, length = _begin(train, span, noise)
        pivots = []
        for _ in range(span.shape[-2]):
            pivots.append(rest.largest(length))
            rest.without(pivots[-1])
    return Elimination(span, noise, pivots)


def _begin(
    vectors: Vectors, span: torch.Tensor, noise: float
) -> tuple[_Rest, torch.Tensor]:
    """Return the coordinates of unit vectors in the span, and their lengths."""
    blocks = torch.cat([block for block, _ in vectors.columns()], dim=-1)
    units, length = unit_rows(blocks)
    rank, hidden = span.shape[-2:]
    if rank == hidden:  # any basis serves, and this one keeps zeros
        values = units
        return _Rest(values, values.detach().abs(), noise), length
    values = span @ units
    return _Rest(values, torch.ones_like(values), noise), length
