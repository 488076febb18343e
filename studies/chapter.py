"""What a part of a study hands back: a table, pictures, and words about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
from matplotlib.figure import Figure

# Called when work is done: a few words on what comes next, and the cost of what is
# done, in the unit of `Part.cost`.
Advance = Callable[[str, float], None]


@dataclass(frozen=True)
class Settings:
    """What the user chose on the command line."""

    preset: str
    seed: int
    n_jobs: int
    out: Path
    data: Path | None = None


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with what to see in it; `caption` is plain text."""

    name: str
    title: str
    caption: str
    figure: Figure


@dataclass(frozen=True, eq=False)
class Chapter:
    """All that one part found.

    `table` is tidy, one estimate a row; `summary` is the small table for reading.
    """

    name: str
    title: str
    text: str
    table: pd.DataFrame
    summary: pd.DataFrame
    pictures: Sequence[Picture]
    configuration: Mapping[str, Any] = field(default_factory=dict)


class Part(Protocol):
    """A part of a study at one scale: a frozen dataclass of sizes and steps."""

    def check(self, settings: Settings) -> None:
        """Raise ValueError or OSError now for what would fail after long work."""

    def cost(self, settings: Settings) -> float:
        """Work to be done, in units of 1e9 multiplications; only ratios matter."""

    def run(self, settings: Settings, advance: Advance) -> Chapter:
        """Do the work, telling `advance` whenever a piece of it is done."""


@dataclass(frozen=True)
class Study:
    """A question, and the parts that answer it at each preset scale."""

    name: str
    title: str
    text: str
    presets: Mapping[str, Sequence[Part]]


def configuration_of(part: Any) -> dict[str, Any]:
    """Fields of a part as plain values, nested parts included."""
    return asdict(part)
