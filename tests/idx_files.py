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


def write_set(folder, *, compress=False, train=12, test=5, labels=None):
    rng = np.random.default_rng(0)
    written = {}
    for name, count in zip(NAMES, (train, labels or train, test, test), strict=True):
        shape = (count, 4, 3) if "images" in name else (count,)
        written[name] = rng.integers(1, 10, shape)
        content = idx(written[name])
        path = folder / (f"{name}.gz" if compress else name)
        path.write_bytes(gzip.compress(content) if compress else content)
    return written
