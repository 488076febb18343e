"""Arrays larger than memory should bear, in a file that has no name.

The file is gone with the array, and what was read of it leaves memory when told to:
ordinary NumPy arrays to whoever uses them.
"""

from __future__ import annotations

import math
import mmap
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["allocate", "release"]

MAPPED_BYTES = 1 << 28  # smaller arrays simply are in memory


class _OwnFile(mmap.mmap):
    """A file of this module's own: what was written to it can be read again."""


def allocate(
    shape: tuple[int, ...], dtype: npt.DTypeLike, directory: Path
) -> npt.NDArray[Any]:
    """Return an array to fill; a large one is mapped from a file in `directory`.

    Raises
    ------
    OSError
        If the disk has not enough room.

    Examples
    --------
    >>> allocate((2, 3), float, Path()).shape
    (2, 3)
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size <= MAPPED_BYTES:
        return np.empty(shape, dtype)
    where = directory if os.access(directory, os.W_OK) else None
    with tempfile.TemporaryFile(dir=where) as file:
        if hasattr(os, "posix_fallocate"):
            # Without room set aside, a full disk would be a fatal signal later.
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            file.truncate(size)
        return np.ndarray(shape, dtype, buffer=_OwnFile(file.fileno(), size))


def release(array: npt.NDArray[Any]) -> None:
    """Let go of the memory of an array that `allocate` mapped; keep its content.

    It is read from the file again when needed. All other arrays stay as they are: of
    somebody else's mapping nobody can say whether its content is in a file.
    """
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, _OwnFile) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
