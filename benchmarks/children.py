"""Measurements that need a process to themselves: peak memory, and cold starts.

Run as ``python -m benchmarks.children NAME``, which prints one JSON object.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

__all__ = ["measure_in_child", "retrainings"]

_ROOT = Path(__file__).resolve().parent.parent


def measure_in_child(
    name: str, environment: Mapping[str, str] | None = None
) -> dict[str, float]:
    """Return what the measurement `name` gives in a fresh process."""
    finished = subprocess.run(  # noqa: S603 - this very file
        [sys.executable, "-m", "benchmarks.children", name],
        cwd=_ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode != 0:
        raise RuntimeError(f"measurement {name!r} failed:\n{finished.stderr}")
    values: dict[str, float] = json.loads(finished.stdout.splitlines()[-1])
    return values


def _large_step() -> dict[str, float]:
    """Peak memory of training on 100,000 points of 10,000 features, hidden 2."""
    import memmetrics as mm

    before = _peak_bytes()
    data = mm.sparse_features(100_000, 10_000, 0.999, rng=0)
    trainer = mm.ToyTrainer(hidden=2, steps=2)
    trainer.fit(data, np.ones((1, 100_000), bool), seeds=[0])
    return {"bytes": _peak_bytes() - before}


def _counterfactual_memory() -> dict[str, float]:
    """Peak memory of counterfactual memorization, beyond scores and membership."""
    import memmetrics as mm

    scores, member = retrainings(200, 200_000)
    # Loads what it needs, which stays loaded.
    mm.counterfactual_memorization(scores[:, :50_000], member[:, :50_000])
    before = _peak_bytes()
    mm.counterfactual_memorization(scores, member)
    return {"bytes": _peak_bytes() - before, "scores": scores.nbytes}


def _first_fit() -> dict[str, float]:
    """Seconds that the first training of a shape takes beyond the second."""
    import memmetrics as mm

    data = mm.sparse_features(50, 600, 0.99, rng=0)
    member = np.ones((1, 50), bool)
    times = []
    for _ in range(2):
        began = time.perf_counter()
        mm.ToyTrainer(hidden=7, steps=5).fit(data, member, seeds=[0])
        times.append(time.perf_counter() - began)
    return {"seconds": times[0] - times[1]}


def retrainings(
    runs: int, points: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Return scores (runs, points) float32 and membership (runs, points)."""
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((runs, points), np.float32)
    member = rng.integers(0, 2, (runs, points), np.uint8).astype(bool)
    return scores, member


def _peak_bytes() -> int:
    """Most memory that this process has held."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says there begins with the parent's peak
        line = re.search(r"^VmHWM:\s*(\d+) kB", status.read_text(), re.MULTILINE)
        if line:
            return 1024 * int(line[1])
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


_MEASUREMENTS: dict[str, Callable[[], dict[str, float]]] = {
    "large step": _large_step,
    "counterfactual memory": _counterfactual_memory,
    "first fit": _first_fit,
}

if __name__ == "__main__":
    print(json.dumps(_MEASUREMENTS[sys.argv[1]]()))
