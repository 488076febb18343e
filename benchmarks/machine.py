"""What machine this is, and the most that it can do, measured."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.clock import Race

__all__ = [
    "arithmetic_rate",
    "copy_rate",
    "cores",
    "cpu_name",
    "gpu_name",
    "versions",
    "wait_for_quiet",
]

_PACKAGES = ("memmetrics", "torch", "numba", "numpy", "jax", "dattri", "pyDVL")


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_name() -> str:
    """Name of the processor, as far as the system tells."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                family = _family(information)
                return line.partition(":")[2].strip() + family
    return platform.processor() or platform.machine()


def gpu_name() -> str | None:
    """Name of the GPU, if there is one."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def versions() -> dict[str, str]:
    """Version of Python and of each package that is timed."""
    found = {"Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def arithmetic_rate(rounds: int = 5) -> float:
    """Operations per second of a large product of float32 matrices, on all threads."""
    size = 1536
    matrix, result = torch.rand(size, size), torch.empty(size, size)
    race = Race({"product": partial(torch.mm, matrix, matrix, out=result)}).run(rounds)
    return 2 * size**3 / race.best("product")


def copy_rate(rounds: int = 5) -> float:
    """Bytes per second, read plus written, of copying more than any cache holds."""
    source = np.ones(2**25, np.float32)
    target = np.empty_like(source)
    race = Race({"copy": partial(np.copyto, target, source)}).run(rounds)
    return 2 * source.nbytes / race.best("copy")


def wait_for_quiet(load: float, seconds: float) -> None:
    """Wait until the machine has little else to do, but no longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while os.getloadavg()[0] > load and time.monotonic() < deadline:
        time.sleep(5)


def _family(information: Path) -> str:
    """Family and model, which tell processors apart that share a name."""
    numbers: dict[str, str] = {}
    for line in information.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        numbers.setdefault(key.strip(), value.strip())
    if "cpu family" not in numbers:
        return ""
    return f" (family {numbers['cpu family']}, model {numbers['model']})"
