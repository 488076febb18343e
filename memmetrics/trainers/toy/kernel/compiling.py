"""Compile the fused training step for one hidden size (numba; CPU)."""

from __future__ import annotations

import functools
import inspect
import sys
import types
import zlib
from collections.abc import Callable
from typing import Any

import numba

from memmetrics._arrays.compiled import cached_njit
from memmetrics.trainers.toy.kernel import (
    barrier,
    dense,
    nonzeros,
    rectified,
    shape,
    sparse,
    step,
    unrolling,
)

# Each may import from those before it.
MODULES = (shape, sparse, dense, rectified, step)

# Sums may be reordered and contracted; NaN and infinity keep their meaning, so that
# a run that diverges is seen to.
_OPTIONS: dict[str, Any] = {
    "fastmath": {"reassoc", "contract", "nsz", "arcp"},
    "error_model": "numpy",
    "nogil": True,
}

# Up to here every hidden unit has a local variable of its own: while all sums over a
# block of points stay in vector registers.
_LARGEST_UNROLLED = 6
# Of more hidden units, so many are worked on together.
_HIDDEN_BLOCK = 4


def padded_hidden(hidden: int) -> int:
    """Hidden size that the kernel works with: the next whole block, if large."""
    if hidden <= _LARGEST_UNROLLED:
        return hidden
    return -(-hidden // _HIDDEN_BLOCK) * _HIDDEN_BLOCK


def block_size(hidden: int) -> int:
    """Points handled together: as many as leave all sums in vector registers."""
    return min(4, 12 // hidden) if hidden <= _LARGEST_UNROLLED else 4


def constants(hidden: int, data: str) -> dict[str, int]:
    """Return the kernel's constants, see `shape`."""
    return {
        "HIDDEN": hidden,
        "UNITS": hidden if hidden <= _LARGEST_UNROLLED else _HIDDEN_BLOCK,
        "POINTS": block_size(hidden),
        "DENSE": data == "dense",
    }


@functools.cache
def training_kernel(hidden: int, data: str) -> Callable[..., None]:
    """Return the training loop for `hidden` units and "sparse" or "dense" `data`.

    Numba keeps the machine code on disk beside this module (or in the user's cache
    directory), so each is compiled once per machine, not per process.
    """
    values = constants(hidden, data)
    namespace = unrolling.specialized(MODULES, values)
    # Numba looks a function up by its file and name, and sees changes in that file
    # only; so the name says what else is in it. What it keeps also names the modules of
    # the arguments' types, and could not be read once these had moved.
    modules = (*MODULES, unrolling, barrier, nonzeros, sys.modules[__name__])
    sources = [(module.__name__, inspect.getsource(module)) for module in modules]
    content = repr((sources, values, sorted(_OPTIONS["fastmath"]))).encode()
    form = f"{data}_{hidden}_{zlib.crc32(content):08x}"
    # All of them, the inner ones too: machine code of several processes is linked by
    # these names, and two forms of one function would be taken for each other.
    for name, value in namespace.items():
        if isinstance(value, types.FunctionType) and value.__globals__ is namespace:
            value.__qualname__ = f"{value.__name__}_{form}"
            if name != "train":
                namespace[name] = numba.njit(**_OPTIONS)(value)
    return cached_njit(namespace["train"], **_OPTIONS)
