"""The sparse points of a run, as the kernel takes them."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["NonZeros"]

Floats: TypeAlias = npt.NDArray[np.floating[Any]]


class NonZeros(NamedTuple):
    """A run's sparse points, by row and by column, with the way between the two."""

    row_starts: npt.NDArray[np.int64]  # (points + 1,)
    positions: npt.NDArray[np.uint32]  # by row: place of the weight in the parameters
    places: npt.NDArray[np.uint32]  # by row: where it comes by column
    row_values: Floats
    column_starts: npt.NDArray[np.int64]  # (features + 1,)
    rows: npt.NDArray[np.uint32]  # by column: its point
    column_values: Floats
    active: Floats  # by column: x where the output is active; the kernel's
