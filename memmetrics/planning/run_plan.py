"""What a measurement will take, in numbers and in words."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class RunPlan:
    """What a measurement will take.

    Parameters
    ----------
    runs : int
        Models to train.
    half_width : float
        Expected half-width of the intervals of memorization at so many runs, that
        `points` do not exceed, in the unit of the scores; NaN if not estimated.
    seconds : float
        Time for all of it with `workers` workers.
    memory_bytes : int
        Memory beyond what Python and torch take, all workers together.
    stored_bytes : int
        Size of a store of all runs.
    workers, stack_size : int
        Workers, and runs that one of them trains together.
    seconds_per_stack : float
        Time of a whole stack, as measured.
    least_runs, most_runs : int
        Four of five first looks like this one would have said a number in between.
    runs_looked_at : int
        Runs that were trained for this plan.
    points : str
        Which points `half_width` is about.
    """

    runs: int
    half_width: float
    seconds: float
    memory_bytes: int
    stored_bytes: int
    workers: int
    stack_size: int
    seconds_per_stack: float
    least_runs: int
    most_runs: int
    runs_looked_at: int
    points: str

    def to_frame(self) -> pd.DataFrame:
        """Return one row with a column for each field."""
        return pd.DataFrame([vars(self)])

    def __str__(self) -> str:
        """Return the plan in words, one thing a line."""
        stacks = -(-self.runs // self.stack_size)
        workers = f"{self.workers} worker{'s' if self.workers > 1 else ''}"
        each = _duration(self.seconds_per_stack)
        lines = [
            f"runs        {self.runs:,} in {stacks:,} stacks of {self.stack_size}",
            f"time        {_duration(self.seconds)} with {workers}, {each} a stack",
            f"memory      {_size(self.memory_bytes)}",
            f"store       {_size(self.stored_bytes)}",
        ]
        if not math.isnan(self.half_width):
            lines.insert(1, f"half-width  {self.half_width:.3g} ({self.points})")
        if self.least_runs < self.most_runs:
            likely = f"{self.least_runs:,} to {self.most_runs:,} runs"
            lines.insert(
                1, f"likely      {likely}, after a look at {self.runs_looked_at}"
            )
        return "\n".join(lines)


def _duration(seconds: float) -> str:
    for unit, length in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.3g} seconds"


def _size(count: int) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count / 1e3:.3g} kB"
