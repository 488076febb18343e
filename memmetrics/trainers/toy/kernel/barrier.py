"""A barrier between threads that are inside compiled code.

Threads that train one model together meet several times in every step, which may take
no longer than a fraction of a millisecond: too short to return to Python. They count
themselves with one atomic addition and look at the count until it is complete. A
flag beside it lets them go if one of them will never come.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit, types
from numba.extending import intrinsic

__all__ = ["abandon", "new_barrier", "pass_barrier"]

# Both on a cache line of their own.
_ARRIVED, _ABANDONED, _SIZE = 0, 8, 16
# After so many looks a thread offers its core to others: the one that it waits for may
# have none.
_LOOKS = 4000

_give_way: Any = types.ExternalFunction(
    "SwitchToThread" if os.name == "nt" else "sched_yield", types.int32()
)


def new_barrier() -> npt.NDArray[np.int64]:
    """Return a barrier that nobody has reached."""
    return np.zeros(_SIZE, np.int64)


def abandon(barrier: npt.NDArray[np.int64]) -> None:
    """Let everybody pass from now on, and tell them to stop."""
    barrier[_ABANDONED] = 1


def _address(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Say where the element is that the first two arguments, array and index, name."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(array.data, [arguments[1]])


def _atomic_add(_typing: Any, array: Any, _index: Any, _value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        at = _address(context, builder, signature, arguments)
        return builder.atomic_rmw("add", at, arguments[2], "seq_cst")

    return types.int64(array, types.intp, types.int64), generate


def _atomic_load(_typing: Any, array: Any, _index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        at = _address(context, builder, signature, arguments)
        return builder.load_atomic(at, "seq_cst", 8)

    return types.int64(array, types.intp), generate


# numba's own types do not know that an intrinsic is called without the first argument.
_add: Any = intrinsic(_atomic_add)
_load: Any = intrinsic(_atomic_load)


@njit(nogil=True)
def pass_barrier(barrier: Any, threads: int) -> bool:
    """Wait until all `threads` have come; False if the others were let go."""
    if threads == 1:
        return True
    before = _add(barrier, _ARRIVED, 1)
    complete = (before // threads + 1) * threads
    looks = 0
    while _load(barrier, _ARRIVED) < complete:
        if _load(barrier, _ABANDONED) != 0:
            return False
        looks += 1
        if looks > _LOOKS:
            _give_way()
    return True
