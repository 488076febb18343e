"""Small image files in the IDX format, for tests."""

from __future__ import annotations

import gzip
import struct

import numpy as np

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def idx(values):
    header = bytes([0, 0, 8, values.ndim]) + struct.pack(
        f">{values.ndim}I", *values.shape
    )
    return header + values.astype(np.uint8).tobytes()


def write_set(
    folder, *, compress=False, train=12, test=5, labels=None, size=(4, 3), classes=9
):
    rng = np.random.default_rng(0)
    written = {}
    for name, count in zip(NAMES, (train, labels or train, test, test), strict=True):
        is_image = "images" in name
        shape = (count, *size) if is_image else (count,)
        first, last = (1, 10) if is_image else (0, classes)
        written[name] = rng.integers(first, last, shape)
        content = idx(written[name])
        path = folder / (f"{name}.gz" if compress else name)
        path.write_bytes(gzip.compress(content) if compress else content)
    return written
