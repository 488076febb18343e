"""A run's own random numbers, drawn without touching the global generator."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

import numpy as np
import torch

Purpose: TypeAlias = Literal["order", "noise"]
_STREAMS: dict[Purpose, int] = {"order": 1, "noise": 2}


def derived_seed(seed: int, purpose: Purpose) -> int:
    """Return a seed for one purpose: ``SeedSequence(seed, spawn_key=(stream,))``.

    Streams are 1 for the order of batches and 2 for noise such as dropout; the run's
    seed itself draws the initial weights.

    Examples
    --------
    >>> derived_seed(0, "order") != derived_seed(0, "noise")
    True
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(_STREAMS[purpose],))
    return int(sequence.generate_state(1, np.uint64)[0])


def generator(seed: int, purpose: Purpose) -> torch.Generator:
    """Return a run's own generator for one purpose."""
    return torch.Generator().manual_seed(derived_seed(seed, purpose))


# Layers draw their weights from the one global generator: threads take turns.
_turn = threading.RLock()


@contextmanager
def private_randomness(seed: int, device: str) -> Iterator[None]:
    """Seed torch's global generators inside, and leave them as they were after."""
    accelerator = torch.device(device)
    if accelerator.type != "cuda":
        with _turn, torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            yield
        return
    # torch seeds the GPU that is current, whichever is named.
    with (
        _turn,
        torch.cuda.device(accelerator),
        torch.random.fork_rng(devices=[accelerator]),
    ):
        torch.default_generator.manual_seed(seed)
        torch.cuda.manual_seed(seed)
        yield
