"""Data of any accepted layout, as plain NumPy arrays and back.

Plain arrays are what joblib maps into the memory of its workers (a tensor would be
pickled with every task), what a fingerprint can be taken of, and what a trainer gets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse
import torch

from memmetrics._arrays.fingerprint import fingerprint
from memmetrics._arrays.validation import refuse_masked, require_finite, to_numpy
from memmetrics.trainers.base import Data
from memmetrics.trainers.torch_data import as_arrays

__all__ = ["Packed", "check_layout", "concatenate", "pack"]

_SPARSE_PARTS = 3  # values, column indices, row starts


@dataclass(frozen=True)
class Packed:
    """Data taken apart.

    Parameters
    ----------
    leaves : tuple of arrays
        All arrays, in order; three for a sparse one.
    shapes : tuple
        For each array of the data, the shape of a sparse one, or None if dense.
    alone : bool
        Whether the data are one array rather than a tuple of them.
    """

    leaves: tuple[npt.NDArray[Any], ...]
    shapes: tuple[tuple[int, int] | None, ...]
    alone: bool

    @property
    def points(self) -> int:
        """Length of the first axis."""
        return self.shapes[0][0] if self.shapes[0] else len(self.leaves[0])

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(leaf.nbytes for leaf in self.leaves)

    def unpack(self) -> Data:
        """Return the data in the layout they came in, without copying."""
        arrays = self.arrays()
        return arrays[0] if self.alone else tuple(arrays)

    def layout(self) -> Packed:
        """Return the same without the arrays themselves."""
        return Packed((), self.shapes, self.alone)

    def arrays(self) -> list[Any]:
        """Return every array, dense or sparse, without copying."""
        leaves = iter(self.leaves)
        return [
            next(leaves)
            if shape is None
            else scipy.sparse.csr_array(
                tuple(next(leaves) for _ in range(_SPARSE_PARTS)), shape=shape
            )
            for shape in self.shapes
        ]

    def fingerprint(self) -> dict[str, Any]:
        """Return layout and hash: equal if and only if the data are the same."""
        kinds = ["dense" if shape is None else "sparse" for shape in self.shapes]
        shapes = [list(map(int, array.shape)) for array in self.arrays()]
        return {"kinds": kinds, "shapes": shapes, "hash": fingerprint(*self.leaves)}


def pack(data: Data, name: str, *, nonzero: bool = True) -> Packed:
    """Take data apart and check them.

    Parameters
    ----------
    data : csr_array, dense array, tensor, tuple of these, or dataset
        First axis points, of one length throughout; a dataset as `as_arrays` takes it.
    name : str
        Parameter name, for the messages.
    nonzero : bool, default True
        Whether to refuse inputs (the first array) that are zero throughout.

    Raises
    ------
    TypeError
        If an array is of no numeric type.
    ValueError
        If there are no points, the lengths differ, values are NaN or infinite, or
        the inputs are zero throughout.
    """
    data = as_arrays(data, name)
    alone = not isinstance(data, (tuple, list))
    arrays = [data] if alone else list(data)
    if not arrays:
        raise ValueError(f"`{name}` must hold at least one array; got an empty tuple")
    leaves: list[npt.NDArray[Any]] = []
    shapes: list[tuple[int, int] | None] = []
    lengths: list[int] = []
    for position, array in enumerate(arrays):
        label = name if alone else f"{name}[{position}]"
        parts, shape = _take_apart(array, label)
        _require_values(parts[0], label, nonzero=nonzero and position == 0)
        lengths.append(shape[0] if shape else len(parts[0]))
        leaves.extend(parts)
        shapes.append(shape)
    if len(set(lengths)) > 1:
        raise ValueError(f"arrays of `{name}` must be equally long; got {lengths}")
    return Packed(tuple(leaves), tuple(shapes), alone)


def _require_values(values: npt.NDArray[Any], label: str, *, nonzero: bool) -> None:
    if values.dtype.kind == "f":
        require_finite(values, label)
    if nonzero and not values.any():
        raise ValueError(f"`{label}` is zero throughout: there is nothing to learn")


def _take_apart(
    array: Any, label: str
) -> tuple[list[npt.NDArray[Any]], tuple[int, int] | None]:
    if scipy.sparse.issparse(array):
        rows = scipy.sparse.csr_array(array)
        if not rows.has_canonical_format:
            rows = rows.copy()  # the caller's own stays as it is
            rows.sum_duplicates()
        _require_points(rows.shape, label)
        return [rows.data, rows.indices, rows.indptr], rows.shape
    refuse_masked(array, label)
    if isinstance(array, torch.Tensor) and (
        array.is_complex() or array.layout != torch.strided
    ):
        raise TypeError(
            f"`{label}` must be a dense tensor of real numbers; "
            f"got {array.dtype}, {array.layout}"
        )
    dense = to_numpy(array)
    if dense.dtype.kind not in "biuf":
        raise TypeError(f"`{label}` must hold numbers; got dtype {dense.dtype}")
    _require_points(dense.shape, label)
    return [dense], None


def _require_points(shape: tuple[int, ...], label: str) -> None:
    if not shape or 0 in shape:
        raise ValueError(
            f"`{label}` must have a first axis of points and not be empty; "
            f"got shape {shape}"
        )


def check_layout(targets: Packed, data: Packed, name: str = "targets") -> None:
    """Raise ValueError unless the points of `name` are laid out like the data."""
    theirs, ours = _layout(targets), _layout(data)
    if theirs != ours:
        raise ValueError(
            f"`{name}` must have the layout of `data`, apart from the number of "
            f"points; `data` is {' and '.join(ours)}, `{name}` {' and '.join(theirs)}"
        )


def concatenate(first: Packed, second: Packed) -> Packed:
    """Return the points of `first` followed by those of `second`, in one layout."""
    joined = [
        np.concatenate([ours, theirs])
        if isinstance(ours, np.ndarray)
        else scipy.sparse.vstack([ours, theirs], format="csr")
        for ours, theirs in zip(first.arrays(), second.arrays(), strict=True)
    ]
    return pack(joined[0] if first.alone else tuple(joined), "targets", nonzero=False)


def _layout(packed: Packed) -> list[str]:
    return [
        f"{'dense' if isinstance(array, np.ndarray) else 'sparse'} "
        f"({', '.join(['points', *map(str, array.shape[1:])])})"
        for array in packed.arrays()
    ]
