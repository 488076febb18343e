"""A GPU of its own for every worker, where a trainer says "cuda" and there are several.

The worker makes it torch's current one, which is what "cuda" means. So the trainer, and
with it the recipe that a store knows, stays as it is, whoever trains what.
"""

from __future__ import annotations

import multiprocessing
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from memmetrics.trainers.base import Trainer

__all__ = ["own_gpu"]

# Processes that joblib starts and numbers from 1. Other schedulers share GPUs out
# themselves.
_WORKER = re.compile(r"(?:Loky|.*PoolWorker).*-(\d+)")

_threads: set[int] = set()  # numbers of the tasks side by side in this process
_change = threading.Lock()


@contextmanager
def own_gpu(trainer: Trainer) -> Iterator[int]:
    """Run the body with this worker's GPU as torch's current one; give its number.

    Workers take GPUs round robin, in the order of their own numbers. Nothing changes,
    and the number is 0, for a trainer whose ``device`` is not "cuda" without a number,
    and on machines with one GPU or none.
    """
    count = torch.cuda.device_count() if _on_any_gpu(trainer) else 0
    if count < 2:
        yield 0
        return
    with _thread_number() as thread:
        number = (_process_number() + thread) % count
        with torch.cuda.device(number):
            yield number


def _on_any_gpu(trainer: Trainer) -> bool:
    return str(getattr(trainer, "device", None)) == "cuda"


def _process_number() -> int:
    """Return which of joblib's processes this is, from 0; 0 for any other."""
    found = _WORKER.fullmatch(multiprocessing.current_process().name)
    return int(found[1]) - 1 if found else 0


@contextmanager
def _thread_number() -> Iterator[int]:
    """Give the smallest number that no other task of this process has now."""
    with _change:
        number = next(n for n in range(len(_threads) + 1) if n not in _threads)
        _threads.add(number)
    try:
        yield number
    finally:
        with _change:
            _threads.remove(number)
