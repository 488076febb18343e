"""What an implementation looks like from outside."""

from __future__ import annotations

import dataclasses
import importlib.util
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from benchmarks.tasks import Task

__all__ = ["Peer", "Trained", "is_installed"]


@dataclasses.dataclass(frozen=True, eq=False)
class Trained:
    """What came of it, as NumPy arrays.

    Attributes
    ----------
    member : bool array (runs, points)
        The points that each run was trained on: those of the task, except for tools
        that insist on drawing subsets themselves.
    weights : array (runs, features, hidden)
    bias : array (runs, features)
    """

    member: npt.NDArray[np.bool_]
    weights: npt.NDArray[Any]
    bias: npt.NDArray[Any]


class Peer(Protocol):
    """One way to train the models of a task."""

    @property
    def name(self) -> str:
        """How tables and pictures call it."""
        ...

    def available(self) -> bool:
        """Whether what it needs is installed."""
        ...

    def train(self, task: Task) -> Trained:
        """Train every model of the task from its starting values."""
        ...


def is_installed(module: str) -> bool:
    """Whether a module could be imported; imports nothing."""
    return importlib.util.find_spec(module) is not None
