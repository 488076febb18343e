"""What a study is, and what a part of it hands back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
from matplotlib.figure import Figure

from studies._kit.films import Film
from studies._kit.verdicts import Claim

# Called when a piece of work begins, with its name in `Part.cost`.
Begin = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    """What the user chose on the command line.

    `store` is the folder of finished trainings, from which a study goes on when it is
    run again.
    """

    preset: str
    seed: int
    n_jobs: int
    out: Path
    data: Path | None = None
    classes: tuple[str, ...] | None = None
    store: Path | None = None

    def store_of(self, *names: object) -> Path | None:
        """Return the store of one call of `memmetrics.measure`, if there is one."""
        return self.store and self.store / "-".join(map(str, names))


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
    films: Sequence[Film] = ()
    configuration: Mapping[str, Any] = field(default_factory=dict)


class Part(Protocol):
    """A part of a study at one scale: a frozen dataclass of sizes and steps."""

    def check(self, settings: Settings) -> None:
        """Raise ValueError or OSError now for what would fail after long work."""

    def cost(self, settings: Settings) -> Mapping[str, float]:
        """Seconds that each piece of work will take here, measured."""

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Do the work, telling `begin` which piece comes next."""


@dataclass(frozen=True)
class Study:
    """A question, the parts that answer it at each scale, and what was claimed.

    Claims are judged by the table of all parts together. Studies of one `group` are
    run and reported together. The picture named `cover` stands at the head of the page.
    `data` is what a study may be given: "images", "documents", or nothing.
    """

    name: str
    title: str
    text: str
    presets: Mapping[str, Sequence[Part]]
    claims: Sequence[Claim] = ()
    group: str = "paper"
    cover: str = ""
    data: str = ""
