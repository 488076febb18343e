"""What goes to a worker and comes back: frozen dataclasses of plain arrays."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from memmetrics.designs import Bools
from memmetrics.trainers.base import Trainer

__all__ = ["Failed", "Finished", "Job", "MissingOutputError", "Task", "describe_runs"]


class MissingOutputError(TypeError):
    """A trainer's stack cannot give what was asked for: no retry can help."""


@dataclass(frozen=True)
class Job:
    """One kind of training on one data set, the same for all stacks.

    Parameters
    ----------
    trainer : Trainer
        The recipe.
    outputs : tuple of str
        What to take from each stack: ``scores``, ``weights``, ``hidden``,
        ``train_losses``, ``test_losses``.
    optional : tuple of str
        Those of `outputs` that a stack may lack.
    key : str
        What a worker knows the trainer by that it has bound to the data.
    """

    trainer: Trainer
    outputs: tuple[str, ...]
    optional: tuple[str, ...] = ()
    key: str = field(default_factory=lambda: secrets.token_hex(8))


@dataclass(frozen=True)
class Task:
    """The runs of one stack.

    Parameters
    ----------
    runs : tuple of int
        Numbers of the runs.
    member : bool array (runs, points)
        Who trains on what.
    seeds : tuple of int
        One for each run.
    """

    runs: tuple[int, ...]
    member: Bools
    seeds: tuple[int, ...]

    def one_by_one(self) -> list[Task]:
        """Return a stack for each run."""
        return [
            Task((run,), self.member[i : i + 1], self.seeds[i : i + 1])
            for i, run in enumerate(self.runs)
        ]


@dataclass(frozen=True)
class Finished:
    """What one stack gave: every array has the runs first.

    Parameters
    ----------
    runs : tuple of int
        Its runs.
    arrays : dict of arrays
        What was asked for.
    diverged : bool array (runs,)
        Runs whose numbers are not to be used.
    seconds, busy_seconds : float
        How long it took, and for how long of it its thread was at work.
    """

    runs: tuple[int, ...]
    arrays: dict[str, npt.NDArray[Any]]
    diverged: Bools
    seconds: float = 0.0
    busy_seconds: float = 0.0

    def contents(self) -> dict[str, npt.NDArray[Any]]:
        """Return all that is kept of a stack."""
        return {**self.arrays, "diverged": self.diverged}


@dataclass(frozen=True)
class Failed:
    """A stack that raised, or killed its worker.

    Parameters
    ----------
    runs : tuple of int
        Its runs.
    reason : str
        One line.
    details : str
        The whole traceback.
    hopeless : bool
        Whether it would fail again for certain.
    killed : bool
        Whether the worker died of it.
    """

    runs: tuple[int, ...]
    reason: str
    details: str = ""
    hopeless: bool = False
    killed: bool = False


def describe_runs(runs: Iterable[int]) -> str:
    """Return run numbers as words, consecutive ones as a range.

    Examples
    --------
    >>> describe_runs([0, 1, 2, 7])
    'runs 0-2, 7'
    """
    ordered = sorted(runs)
    parts = []
    for _, group in itertools.groupby(
        enumerate(ordered), lambda pair: pair[1] - pair[0]
    ):
        members = [run for _, run in group]
        first, last = members[0], members[-1]
        parts.append(f"{first}" if first == last else f"{first}-{last}")
    return ("run " if len(ordered) == 1 else "runs ") + ", ".join(parts)
