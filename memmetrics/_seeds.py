"""One stateless seed for every purpose and run.

A seed is a pure function of the measurement's entropy, the stream and the run, never of
what was drawn before it. So a run can be repeated alone, runs can be appended, and the
order in which workers finish changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import TypeAlias

import numpy as np

__all__ = ["RNG", "Stream", "entropy_from", "generator", "run_seeds"]

RNG: TypeAlias = int | np.integer | np.random.Generator | np.random.SeedSequence | None


class Stream(IntEnum):
    """What a seed is for. The values are part of the results: never renumber them."""

    SUBSETS = 0
    TRAINING = 1
    FITS = 2
    ROUNDING = 3
    PLANTING = 4
    HALVES = 5
    BATCHES = 6


def entropy_from(rng: RNG) -> int:
    """Turn any accepted ``rng=`` into one non-negative integer.

    Parameters
    ----------
    rng : int, numpy.random.Generator, numpy.random.SeedSequence or None
        An integer is taken as it is. A Generator is advanced by one draw. A
        SeedSequence gives its state. None takes fresh entropy from the system.

    Raises
    ------
    TypeError
        If `rng` is of another type.
    ValueError
        If it is a negative integer.

    Examples
    --------
    >>> entropy_from(7)
    7
    >>> entropy_from(np.random.default_rng(0)) == entropy_from(np.random.default_rng(0))
    True
    """
    if isinstance(rng, (bool, np.bool_)):
        raise TypeError(f"`rng` must be an integer or a NumPy generator; got {rng!r}")
    if isinstance(rng, (int, np.integer)):
        if rng < 0:
            raise ValueError(f"`rng` must not be negative; got {rng}")
        return int(rng)
    if isinstance(rng, np.random.Generator):
        return int.from_bytes(rng.bytes(16), "little")
    if isinstance(rng, np.random.SeedSequence):
        return int.from_bytes(rng.generate_state(4, np.uint32).tobytes(), "little")
    if rng is None:
        return entropy_from(np.random.SeedSequence())
    raise TypeError(
        f"`rng` must be an integer, a numpy.random.Generator, a SeedSequence or None; "
        f"got {type(rng).__name__}"
    )


def generator(entropy: int, stream: Stream, *key: int) -> np.random.Generator:
    """Return the generator of one stream, at one place.

    Examples
    --------
    >>> first = generator(0, Stream.SUBSETS, 3).random()
    >>> first == generator(0, Stream.SUBSETS, 3).random()
    True
    >>> first == generator(0, Stream.TRAINING, 3).random()
    False
    """
    sequence = np.random.SeedSequence(entropy, spawn_key=(stream, *key))
    return np.random.default_rng(sequence)


def run_seeds(entropy: int, stream: Stream, runs: Iterable[int]) -> list[int]:
    """Return one seed in [0, 2**64) for each run; torch accepts all of them.

    Examples
    --------
    >>> alone, among = run_seeds(0, Stream.TRAINING, [5]), [4, 5, 6]
    >>> alone[0] == run_seeds(0, Stream.TRAINING, among)[1]
    True
    """
    return [
        int(
            np.random.SeedSequence(entropy, spawn_key=(stream, run)).generate_state(
                1, np.uint64
            )[0]
        )
        for run in runs
    ]
