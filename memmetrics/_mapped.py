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

MAPPED_BYTES = 1 << 28  # smaller arrays simply are in memory


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
        return np.memmap(file, dtype=dtype, mode="w+", shape=shape)


def release(array: npt.NDArray[Any]) -> None:
    """Let go of the memory of an array that is mapped from a file; keep its content.

    It is read from the file again when needed. Other arrays stay as they are, and so do
    those mapped in mode "c", whose changes are in memory only.
    """
    base: Any = array
    private = False
    while isinstance(base, np.ndarray):
        private = private or getattr(base, "mode", None) == "c"
        base = base.base
    mapped = isinstance(base, mmap.mmap) and not private
    if mapped and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
