"""Millions of vectors with a few components each: by a compiled kernel, on threads.

It serves where no gradient is asked for and numba is installed; elsewhere the blocks of
`memmetrics.geometry.second_moment` do. Threads take tasks whose bounds are fixed, and
whose sums are added in order, so that no result depends on how many threads there are.
"""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from memmetrics._arrays.validation import Array

__all__ = ["fill_dimensionality"]

_LONGEST = 32  # components; far beyond, matrix products are faster
_PAYS = 2**22  # fewer numbers are done before a kernel would be loaded or compiled
_TASK = 2**16  # rows

Rows = npt.NDArray[Any]


def rows_for_kernel(array: Array) -> Rows | None:
    """Return the rows as a NumPy view if the kernel serves them, else None."""
    points, hidden = array.shape[-2:]
    if array.ndim != 2 or hidden > _LONGEST or points * hidden < _PAYS:
        return None
    return numpy_view(array) if importlib.util.find_spec("numba") else None


def numpy_view(array: Array) -> Rows | None:
    """Return the same memory as a NumPy array, if it holds single or double floats."""
    if isinstance(array, torch.Tensor):
        simple = array.device.type == "cpu" and array.layout == torch.strided
        if not simple or array.dtype not in (torch.float32, torch.float64):
            return None
        return array.detach().numpy()
    return array if array.dtype in (np.float32, np.float64) else None


def second_moment_of_rows(rows: Rows) -> torch.Tensor:
    """Return Σ h hᵀ in float64, `(hidden, hidden)`, of rows `(points, hidden)`."""
    from memmetrics.geometry import _rows_kernel as kernel

    def of_task(start: int) -> Rows:
        moment: Rows = kernel.second_moment(rows[start : start + _TASK])
        return moment

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        moments = list(pool.map(of_task, range(0, len(rows), _TASK)))
    return torch.from_numpy(np.sum(moments, axis=0))


def fill_dimensionality(
    result: Rows,
    rows: Rows,
    directions: Rows,
    values: Rows,
    *,
    held_out: bool,
    tiny: float,
) -> bool:
    """Fill `result (points,)` from the spectrum of the second moment.

    Returns whether it could: not if there are vectors whose fourth power vanishes.

    Takes rows `(points, hidden)`, eigenvectors as rows `(hidden, hidden)`, eigenvalues
    `(hidden,)`. A row that is `held_out` overlaps with itself on top of the others.
    """
    from memmetrics.geometry import _rows_kernel as kernel

    def fill(start: int) -> bool:
        task = slice(start, start + _TASK)
        exact = kernel.dimensionality(
            rows[task], directions, values, float(held_out), tiny, result[task]
        )
        return bool(exact)

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:  # 1 in a joblib worker
        return all(list(pool.map(fill, range(0, len(rows), _TASK))))
