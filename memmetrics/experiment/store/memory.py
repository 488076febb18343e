"""Finished runs in memory, with all that a keeper of runs can do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics.errors import RetrainingError
from memmetrics.experiment.execution.stacks import Finished, describe_runs

__all__ = ["Layout", "MemoryStore"]


class Layout:
    """What stacks must have alike, so that nothing is lost when put together.

    Their numbers may differ in precision: the greatest is that of all.
    """

    def __init__(self) -> None:
        self.runs: tuple[int, ...] = ()
        self.names: list[str] = []
        self.shapes: dict[str, tuple[int, ...]] = {}

    def check(
        self, runs: tuple[int, ...], arrays: Mapping[str, npt.NDArray[Any]]
    ) -> None:
        """Compare a whole stack with the first one.

        Raises
        ------
        RetrainingError
            If it has other arrays, or the shape of one model's differs.
        """
        self.check_names(runs, arrays)
        for name, array in arrays.items():
            self.check_shape(runs, name, array)

    def check_names(self, runs: tuple[int, ...], names: Iterable[str]) -> None:
        """Compare which arrays there are."""
        if not self.names:
            self.runs, self.names = runs, sorted(names)
        if sorted(names) != self.names:
            raise RetrainingError(
                f"stacks differ: {describe_runs(self.runs)} have "
                f"{', '.join(self.names)}, {describe_runs(runs)} have "
                f"{', '.join(sorted(names))}"
            )

    def check_shape(
        self, runs: tuple[int, ...], name: str, array: npt.NDArray[Any]
    ) -> None:
        """Compare the shape of what one model gave."""
        shape = self.shapes.setdefault(name, array.shape[1:])
        if array.shape[1:] != shape:
            raise RetrainingError(
                f"`{name}` differ in shape: {shape} in {describe_runs(self.runs)}, "
                f"{array.shape[1:]} in {describe_runs(runs)}; every stack must give "
                "the same (pad tokens with NaN to one length)"
            )


class MemoryStore:
    """Finished runs in memory, gone with the process.

    Runs are told apart by number and key.
    """

    def __init__(self) -> None:
        self.layout = Layout()
        self.keys: list[str] = []
        self.done: dict[int, str] = {}
        self.arrays: dict[str, npt.NDArray[Any]] = {}

    def expect(self, keys: Sequence[str]) -> None:
        """Say which runs there are to be, by the key of each."""
        self.keys = list(keys)

    def missing(self) -> list[int]:
        """Return the runs not yet finished."""
        return [run for run, key in enumerate(self.keys) if self.done.get(run) != key]

    def holds(self, runs: tuple[int, ...]) -> bool:
        """Whether somebody has finished this very stack."""
        return all(self.done.get(run) == self.keys[run] for run in runs)

    def claim(self, runs: tuple[int, ...]) -> bool:
        """Whether this process is to train this stack: nobody has, and nobody is."""
        return not self.holds(runs)

    def claiming(self) -> AbstractContextManager[None]:
        """Allow claims in the body; all are given back at its end."""
        return nullcontext()

    def add(self, finished: Finished) -> None:
        """Keep a finished stack."""
        runs = list(finished.runs)
        arrays = finished.contents()
        self.layout.check(finished.runs, arrays)
        for name, array in arrays.items():
            held = self.arrays.get(name, array[:0])
            dtype = np.result_type(held, array)
            if dtype != held.dtype or len(held) < len(self.keys):
                length = max(len(held), len(self.keys))
                larger = np.empty((length, *array.shape[1:]), dtype)
                with np.errstate(invalid="ignore"):  # rows to be filled hold anything
                    larger[: len(held)] = held
                self.arrays[name] = held = larger
            held[runs] = array
        self.done.update((run, self.keys[run]) for run in runs)

    def gather(self, name: str) -> npt.NDArray[Any] | None:
        """Return one output of all runs, None if the stacks have no such output."""
        array = self.arrays.get(name)
        return None if array is None else array[: len(self.keys)]
