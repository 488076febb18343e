"""Compile the fused training step for one hidden size (numba; CPU)."""

from __future__ import annotations

import functools
import types
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from memmetrics.toy import _kernel_source as source

if TYPE_CHECKING:
    from collections.abc import Callable

# Sums may be reordered and contracted; NaN and infinity keep their meaning, so that
# a run that diverges is seen to.
_FASTMATH = {"reassoc", "contract", "nsz", "arcp"}

# Threads where the source says prange, and nowhere else: looking for more of them
# doubles the time to compile.
_PRANGE_ONLY = {
    name: name == "prange"
    for name in (
        "comprehension",
        "fusion",
        "inplace_binop",
        "numpy",
        "prange",
        "reduction",
        "setitem",
        "stencil",
    )
}


def padded_hidden(hidden: int) -> int:
    """Hidden size that the kernel works with: the next whole block, if large."""
    if hidden <= source.LARGEST_UNROLLED:
        return hidden
    return -(-hidden // source.HIDDEN_BLOCK) * source.HIDDEN_BLOCK


def block_size(hidden: int) -> int:
    """Points handled together: as many as leave all sums in vector registers."""
    return 4 if hidden <= 3 or hidden > source.LARGEST_UNROLLED else 2


@functools.cache
def training_kernel(hidden: int, *, parallel: bool) -> Callable[..., None]:
    """Return the training loop for `hidden` units, for many threads or for one.

    Numba keeps the machine code on disk beside this module (or in the user's cache
    directory), so each hidden size is compiled once per machine, not per process.
    """
    name = f"train_{hidden}_{'parallel' if parallel else 'serial'}"
    text = _source_text(hidden).replace("NAME", name)
    namespace: dict[str, Any] = {
        "__name__": source.__name__,
        "np": np,
        "prange": numba.prange,
        "unsigned": np.uint64,
        "TILE": source.TILE,
        "STRIDE": source.STRIDE,
        "HIDDEN": hidden,
        "HIDDEN_BLOCK": source.HIDDEN_BLOCK,
        "POINTS": block_size(hidden),
    }
    # Said to come from the file of the source text, because numba keeps its cache
    # for as long as that file stays unchanged.
    exec(compile(text, source.__file__, "exec"), namespace)  # noqa: S102 - our own text
    options: dict[str, Any] = {
        "fastmath": _FASTMATH,
        "error_model": "numpy",
        "nogil": True,
    }
    for inner, function in list(namespace.items()):
        if inner != name and isinstance(function, types.FunctionType):
            namespace[inner] = numba.njit(**options)(function)
    return _with_cache(
        namespace[name], parallel=_PRANGE_ONLY if parallel else False, **options
    )


def _with_cache(function: Callable[..., None], **options: Any) -> Callable[..., None]:
    njit: Any = numba.njit
    try:
        compiled: Callable[..., None] = njit(cache=True, **options)(function)
    except RuntimeError:  # no folder that numba may write to
        compiled = njit(**options)(function)
    return compiled


def _source_text(hidden: int) -> str:
    if hidden <= source.LARGEST_UNROLLED:
        step, units = source.UNROLLED, hidden
    else:
        step, units = source.TILED, source.HIDDEN_BLOCK
    step = source.expand(step, hidden=units, points=block_size(hidden))
    return step + source.ADAMW + source.TRAIN
