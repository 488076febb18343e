"""Compile the fused training step for one hidden size (numba; CPU)."""

from __future__ import annotations

import functools
import types
import zlib
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from memmetrics._arrays.compiled import cached_njit
from memmetrics.trainers.toy import _kernel_source as source
from memmetrics.trainers.toy._barrier import pass_barrier

if TYPE_CHECKING:
    from collections.abc import Callable

# Sums may be reordered and contracted; NaN and infinity keep their meaning, so that
# a run that diverges is seen to.
_FASTMATH = {"reassoc", "contract", "nsz", "arcp"}

# Up to here every hidden unit has a local variable of its own: while all sums over a
# block of points stay in vector registers, and where a non-zero needs a few numbers.
_LARGEST_UNROLLED = 6
_LARGEST_UNROLLED_SPARSE = 8


def padded_hidden(hidden: int) -> int:
    """Hidden size that the kernel works with: the next whole block, if large."""
    if hidden <= _LARGEST_UNROLLED:
        return hidden
    return -(-hidden // source.HIDDEN_BLOCK) * source.HIDDEN_BLOCK


def block_size(hidden: int) -> int:
    """Points handled together: as many as leave all sums in vector registers."""
    return min(4, 12 // hidden) if hidden <= _LARGEST_UNROLLED else 4


@functools.cache
def training_kernel(hidden: int, data: str) -> Callable[..., None]:
    """Return the training loop for `hidden` units and "sparse" or "dense" `data`.

    Numba keeps the machine code on disk beside this module (or in the user's cache
    directory), so each is compiled once per machine, not per process.
    """
    constants = {
        "TILE": source.TILE,
        "STRIDE": source.STRIDE,
        "HIDDEN": hidden,
        "UNITS": _units(hidden),
        "POINTS": block_size(hidden),
    }
    text = _source_text(hidden, data)
    # Numba looks a function up by its file and name, so the name says what is in it.
    content = repr((text, constants, sorted(_FASTMATH))).encode()
    name = f"train_{data}_{hidden}_{zlib.crc32(content):08x}"
    text = text.replace("NAME", name)
    namespace: dict[str, Any] = {
        "__name__": source.__name__,
        "np": np,
        "pass_barrier": pass_barrier,
        "unsigned": np.uint64,
        **constants,
    }
    # Said to come from the file of the source text: numba keeps a cache beside it.
    exec(compile(text, source.__file__, "exec"), namespace)  # noqa: S102 - our own text
    options: dict[str, Any] = {
        "fastmath": _FASTMATH,
        "error_model": "numpy",
        "nogil": True,
    }
    for inner, function in list(namespace.items()):
        if inner != name and isinstance(function, types.FunctionType):
            namespace[inner] = numba.njit(**options)(function)
    return cached_njit(namespace[name], **options)


def _units(hidden: int) -> int:
    """Hidden units that are written out together."""
    return hidden if hidden <= _LARGEST_UNROLLED else source.HIDDEN_BLOCK


def _source_text(hidden: int, data: str) -> str:
    few = hidden <= _LARGEST_UNROLLED
    expand = functools.partial(source.expand, points=block_size(hidden), data=data)
    rectify = expand(source.UNROLLED if few else source.TILED, units=_units(hidden))
    if data == "dense":
        around = expand(source.DENSE, units=_units(hidden))
    elif hidden <= _LARGEST_UNROLLED_SPARSE:
        around = expand(source.SPARSE_UNROLLED, units=hidden)
    else:
        around = source.SPARSE
    return around + rectify + source.ADAMW + source.TRAIN
