"""The hidden × hidden second moment Σ h hᵀ, for vectors too many to hold twice.

Overlaps with every other vector, Σ_j (h·h_j)², are a quadratic form in this matrix, so
nothing here ever grows with points². Vectors are read in blocks that stay in cache, as
float64 columns: with hidden of a few, sums along contiguous memory are ten times faster
than sums over rows of two.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from memmetrics._arrays.validation import Array, require_finite
from memmetrics.geometry.short_rows import (
    numpy_view,
    rows_for_kernel,
    second_moment_of_rows,
)

__all__ = [
    "Runs",
    "Vectors",
    "second_moment",
    "spectrum",
    "triangular_factor",
    "unit_rows",
    "vectors_iv",
]

# Float64 eigenvalues of the second moment are good to 1e-16 of the largest. Beyond this
# condition number the small ones are taken from a QR factor, which does not square it.
_LARGEST_CONDITION = 1e8

# Fourth powers of magnitudes between these bounds neither overflow nor underflow.
_SAFE = (1e-60, 1e60)


# What selects runs: all of them, or an array of their indices.
Runs: TypeAlias = slice | npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Vectors:
    """Vectors `(..., points, hidden)` with what it takes to read them in blocks.

    `scale` divides every vector; `weight (..., points)` multiplies its outer product.
    """

    array: Array
    scale: float = 1.0
    weight: torch.Tensor | None = None

    @property
    def differentiable(self) -> bool:
        """Whether a gradient may be asked for."""
        return (
            isinstance(self.array, torch.Tensor)
            and self.array.requires_grad
            and torch.is_grad_enabled()
        )

    @property
    def precision(self) -> float:
        """Spacing of numbers at 1, in the type that the vectors came in."""
        if isinstance(self.array, torch.Tensor):
            return torch.finfo(self.array.dtype).eps
        return float(np.finfo(self.array.dtype).eps)

    def columns(self) -> Iterator[tuple[torch.Tensor, slice]]:
        """Yield blocks `(..., hidden, rows)` in float64, and the rows they hold."""
        points = self.array.shape[-2]
        rows = points if self.differentiable else self._rows_per_block()
        if points <= rows and not getattr(self.array, "requires_grad", False):
            yield self._only_block, slice(0, points)
            return
        for start in range(0, points, rows):
            place = slice(start, min(start + rows, points))
            block = self.unscaled_columns(place)
            yield (block if self.scale == 1 else block / self.scale), place

    @cached_property
    def _only_block(self) -> torch.Tensor:
        block = self.unscaled_columns(slice(None))
        return block if self.scale == 1 else block / self.scale

    def weighted_columns(self) -> Iterator[torch.Tensor]:
        """Yield blocks whose outer products carry the weights: √w h."""
        for block, place in self.columns():
            if self.weight is None:
                yield block
            else:
                yield block * self.weight[..., None, place].sqrt()

    def rows_for_kernel(self) -> npt.NDArray[Any] | None:
        """Return the vectors as they are if the kernel for short rows serves them."""
        plain = self.scale == 1 and self.weight is None and not self.differentiable
        return rows_for_kernel(self.array) if plain else None

    def flat(self) -> Vectors:
        """Return the same with one leading axis, `(runs, points, hidden)`."""
        points, hidden = self.array.shape[-2:]
        weight = None if self.weight is None else self.weight.reshape(-1, points)
        return Vectors(self.array.reshape(-1, points, hidden), self.scale, weight)

    def unscaled(self) -> Vectors:
        """Return the same in the scale that they came in."""
        return self if self.scale == 1 else replace(self, scale=1.0)

    def unscaled_columns(self, place: slice) -> torch.Tensor:
        """Return some rows as columns `(..., hidden, rows)`, as they came in."""
        return _transposed(self.array[..., place, :])

    def of_runs(self, runs: Runs) -> Vectors:
        """Return some of the runs of a flat one."""
        if isinstance(runs, slice):  # all of them
            return self
        weight = None if self.weight is None else self.weight[runs]
        return Vectors(self.array[runs], self.scale, weight)

    def _rows_per_block(self) -> int:
        *leading, _, hidden = self.array.shape
        on_cpu = not (isinstance(self.array, torch.Tensor) and self.array.is_cuda)
        numbers = 2**17 if on_cpu else 2**24
        # At least a few rows per column, or QR factors would outweigh the blocks.
        return max(4 * hidden, numbers // (hidden * math.prod(leading)))


class Spectrum(NamedTuple):
    """Second moment, and its eigenvectors as rows with their eigenvalues.

    Gradients flow through `moment` alone; the others are constants.
    """

    moment: torch.Tensor  # (..., hidden, hidden)
    directions: torch.Tensor  # (..., hidden, hidden)
    values: torch.Tensor  # (..., hidden)


def vectors_iv(
    arrays: Sequence[Array], names: Sequence[str], *, merge: bool
) -> list[Vectors]:
    """Check that `arrays` are finite, and give them one common scale.

    With `merge`, k identical vectors weigh 1/k each, so that they count as one.

    Raises
    ------
    ValueError
        If a value is NaN or infinite.
    """
    largest = max(map(_largest_magnitude, arrays, names))
    safe = largest == 0 or _SAFE[0] < largest < _SAFE[1]
    scale = 1.0 if safe else largest
    return [
        Vectors(array, scale, _weight_of_copies(array) if merge else None)
        for array in arrays
    ]


def unit_rows(block: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Divide columns `(..., hidden, rows)` by their largest entries `(..., rows)`.

    Returns both; zero vectors stay zero.
    """
    largest = block.detach().abs().amax(-2)
    return block / torch.where(largest > 0, largest, 1.0)[..., None, :], largest


def second_moment(blocks: Iterable[torch.Tensor]) -> torch.Tensor:
    """Return Σ_j h_j h_jᵀ, `(..., hidden, hidden)`.

    The blocks are columns `(..., hidden, rows)`.
    """
    return functools.reduce(torch.add, (block @ block.mT for block in blocks))


def triangular_factor(blocks: Iterable[torch.Tensor]) -> torch.Tensor:
    """Return R with RᵀR = Σ_j h_j h_jᵀ by Householder QR of the stacked blocks.

    The blocks are columns `(..., hidden, rows)`. R is never formed from the second
    moment, so small singular values keep the accuracy they have in the vectors.
    """
    blocks = iter(blocks)
    factor = _upper(next(blocks))
    for block in blocks:
        factor = _upper(torch.cat([factor.mT, block], dim=-1))
    return factor


def spectrum(vectors: Vectors) -> Spectrum:
    """Return the second moment with its eigenvectors and eigenvalues, none negative.

    There must be as many vectors as they have entries, or more.
    """
    rows = vectors.rows_for_kernel()
    if rows is None:
        moment = second_moment(vectors.weighted_columns())
    else:
        moment = second_moment_of_rows(rows)
    with torch.no_grad():
        values, directions = torch.linalg.eigh(moment)
        if bool((values[..., 0] * _LARGEST_CONDITION >= values[..., -1]).all()):
            return Spectrum(moment, directions.mT, values)
        factor = triangular_factor(vectors.weighted_columns())
        _, singular, directions = torch.linalg.svd(factor)
        return Spectrum(moment, directions, singular.square())


def _upper(columns: torch.Tensor) -> torch.Tensor:
    factor: torch.Tensor = torch.linalg.qr(columns.mT, mode="r").R
    return factor


def _transposed(array: Array) -> torch.Tensor:
    if isinstance(array, torch.Tensor):
        # Apple's GPUs have no float64.
        wide = torch.float32 if array.device.type == "mps" else torch.float64
        return array.mT.to(wide, memory_format=torch.contiguous_format)
    swapped = np.swapaxes(array, -1, -2)
    return torch.from_numpy(np.array(swapped, dtype=np.float64, order="C"))


def _largest_magnitude(array: Array, name: str) -> float:
    view = numpy_view(array)
    if view is not None:  # NumPy takes a fifth of torch's time
        array = view
    if isinstance(array, torch.Tensor):
        low, high = (float(bound) for bound in torch.aminmax(array.detach()))
    else:
        low, high = float(array.min()), float(array.max())
    # NaN and infinity both come through the extremes, which have to be read anyway.
    if not (math.isfinite(low) and math.isfinite(high)):
        require_finite(array, name)
    return max(-low, high)


def _weight_of_copies(array: Array) -> torch.Tensor:
    *leading, points, hidden = array.shape
    tensor = (
        torch.as_tensor(np.array(array)) if isinstance(array, np.ndarray) else array
    )
    weights = []
    for run in tensor.detach().reshape(-1, points, hidden):
        # Adding 0.0 turns -0.0 into 0.0: the two are the same vector.
        _, inverse, counts = torch.unique(
            run + 0.0, dim=0, return_inverse=True, return_counts=True
        )
        weights.append(counts[inverse].to(torch.float64).reciprocal())
    return torch.stack(weights).reshape(*leading, points)
