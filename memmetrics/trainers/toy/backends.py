"""Which implementation trains a stack, chosen once from what is installed."""

from __future__ import annotations

import functools
import importlib.util
import shutil
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from memmetrics.trainers.toy.problem import Problem

__all__ = ["BACKENDS", "BackendWarning", "choose", "training_function"]

BACKENDS = ("auto", "fused", "compiled", "eager")


class BackendWarning(UserWarning):
    """A faster way to train exists, but something that it needs is not installed."""


def choose(backend: str, device: torch.device) -> str:
    """Return the backend that "auto" stands for on `device`, or `backend` itself.

    Raises
    ------
    ValueError
        If `backend` does not exist, or cannot work on `device` or as installed.
    """
    if backend not in BACKENDS:
        raise ValueError(f"`backend` must be one of {BACKENDS}; got {backend!r}")
    if backend == "auto":
        return _best("cuda" if device.type == "cuda" else "cpu")
    if backend == "fused" and device.type != "cpu":
        raise ValueError(
            f'`backend` "fused" works on the CPU only; got device {str(device)!r}'
        )
    if backend == "fused" and not _installed("numba"):
        raise ValueError(
            '`backend` "fused" needs numba: pip install "memmetrics[fast]"'
        )
    return backend


@functools.cache
def _best(kind: str) -> str:
    if kind == "cpu":
        if _installed("numba"):
            return "fused"
        missing = 'numba (pip install "memmetrics[fast]")'
    else:
        if _installed("triton") and _c_compiler():
            return "compiled"
        missing = "triton and a C compiler"
    warnings.warn(
        f"training runs in eager torch, several times slower than it could: "
        f"{missing} not found",
        BackendWarning,
        stacklevel=2,
    )
    return "eager"


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def _c_compiler() -> bool:
    return any(shutil.which(name) for name in ("cc", "gcc", "clang", "cl"))


def training_function(
    backend: str,
) -> Callable[[Problem], tuple[torch.Tensor, torch.Tensor]]:
    """Return the function (problem) -> (weights, bias); imports it only now.

    Both have the steps that are kept as their first axis.
    """
    module = importlib.import_module(f"memmetrics.trainers.toy.{backend}")
    function: Callable[[Problem], tuple[torch.Tensor, torch.Tensor]] = module.train
    return function
