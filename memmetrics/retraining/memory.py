"""Finished runs in memory, and what every keeper of runs can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from memmetrics.retraining.worker import Finished


class Store(Protocol):
    """Where finished runs are kept. Runs are told apart by number and key."""

    def expect(self, keys: Sequence[str]) -> None:
        """Say which runs there are to be, by the key of each."""
        ...

    def missing(self) -> list[int]:
        """Return the runs not yet finished."""
        ...

    def holds(self, runs: tuple[int, ...]) -> bool:
        """Whether somebody has finished this very stack."""
        ...

    def add(self, finished: Finished) -> None:
        """Keep a finished stack."""
        ...

    def gather(self, name: str) -> npt.NDArray[Any] | None:
        """Return one output of all runs, None if the stacks have no such output."""
        ...


class MemoryStore:
    """Finished runs in memory, gone with the process."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.done: dict[int, str] = {}
        self.arrays: dict[str, npt.NDArray[Any]] = {}

    def expect(self, keys: Sequence[str]) -> None:
        """See `Store`."""
        self.keys = list(keys)

    def missing(self) -> list[int]:
        """See `Store`."""
        return [run for run, key in enumerate(self.keys) if self.done.get(run) != key]

    def holds(self, runs: tuple[int, ...]) -> bool:
        """See `Store`."""
        return all(self.done.get(run) == self.keys[run] for run in runs)

    def add(self, finished: Finished) -> None:
        """See `Store`."""
        runs = list(finished.runs)
        for name, array in contents(finished).items():
            held = self.arrays.get(name)
            if held is None or len(held) < len(self.keys):
                larger = np.empty((len(self.keys), *array.shape[1:]), array.dtype)
                if held is not None:
                    larger[: len(held)] = held
                self.arrays[name] = held = larger
            held[runs] = array
        self.done.update((run, self.keys[run]) for run in runs)

    def gather(self, name: str) -> npt.NDArray[Any] | None:
        """See `Store`."""
        array = self.arrays.get(name)
        return None if array is None else array[: len(self.keys)]


def contents(finished: Finished) -> dict[str, npt.NDArray[Any]]:
    """Return all that is kept of a stack."""
    return {**finished.arrays, "diverged": finished.diverged}
