"""Random streams of a study: a pure function of the seed and of what they are for."""

from __future__ import annotations

import zlib

import numpy as np


def stream_of(name: str) -> int:
    """Return the number of a study's stream, so that no two studies share one.

    The study alone says it: a new one needs no free number from a list.
    """
    return zlib.crc32(name.encode())


def generator(seed: int, *key: int) -> np.random.Generator:
    """Return the generator for one purpose, which `key` identifies."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def run_seeds(seed: int, *key: int, runs: int) -> list[int]:
    """Return one seed a run; the first few stay when runs are added."""
    return [
        int(generator(seed, *key, run).integers(2**63, dtype=np.int64))
        for run in range(runs)
    ]
