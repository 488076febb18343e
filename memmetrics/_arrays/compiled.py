"""Functions that numba compiles once per machine rather than once per process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

__all__ = ["cached_njit"]


def cached_njit(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:
    """Compile a function, and keep the machine code on disk where that is possible."""
    njit: Any = numba.njit
    try:
        compiled: Callable[..., Any] = njit(cache=True, **options)(function)
    except RuntimeError:  # no folder that numba may write to
        compiled = njit(**options)(function)
    return compiled
