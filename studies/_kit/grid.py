"""A part that trains toy models over a grid of cells: most studies of the paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from studies._kit.chapter import Begin, Chapter, Picture, Settings
from studies._kit.randomness import stream_of
from studies._kit.toy import Cell, Trained, cell_costs, measure_cells, train_cells

Networks = Mapping[Cell, Trained]


class Scale(Protocol):
    """Sizes and steps: a frozen dataclass that knows the cells they make."""

    def cells(self, threads: int) -> Sequence[Cell]:
        """Return all that is trained, with so many threads."""


@dataclass(frozen=True)
class Grid:
    """Cells at one scale, and what is made of their table.

    `summarize` makes the small table, `draw` the pictures from the table and the
    trained networks; `measure` returns rows beside the usual ones.
    """

    study: str
    name: str
    title: str
    text: str
    scale: Scale
    summarize: Callable[[pd.DataFrame], pd.DataFrame]
    draw: Callable[[pd.DataFrame, Networks], Sequence[Picture]]
    measure: Callable[[Networks], pd.DataFrame] | None = None
    test_points: int = 2000

    def check(self, settings: Settings) -> None:
        """Nothing outside the program can go wrong here."""

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds of the cells of each shape."""
        cells = self.scale.cells(settings.n_jobs)
        return cell_costs(cells, settings, stream_of(self.study))

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Train, measure, draw."""
        stream = stream_of(self.study)
        cells = self.scale.cells(settings.n_jobs)
        networks = train_cells(cells, settings, begin, stream)
        table = measure_cells(
            networks, settings.seed, stream, test_points=self.test_points
        )
        if self.measure is not None:
            table = pd.concat([table, self.measure(networks)], ignore_index=True)
        return Chapter(
            name=self.name,
            title=self.title,
            text=self.text,
            table=table,
            summary=self.summarize(table),
            pictures=self.draw(table, networks),
            configuration=vars(self.scale),
        )


def medians(
    table: pd.DataFrame,
    conditions: Sequence[str],
    shown: Mapping[str, str] | None = None,
    *,
    digits: int = 4,
) -> pd.DataFrame:
    """One row a combination of conditions: medians over data sets of each metric.

    `shown` chooses metrics, in order, and says what to call them.
    """
    frame = table.pivot_table(
        index=list(conditions), columns="metric", values="estimate", aggfunc="median"
    )
    if shown is not None:
        frame = frame[list(shown)].rename(columns=dict(shown))
    frame = frame.round(digits).reset_index()
    frame.columns = [str(name).replace("_", " ") for name in frame.columns]
    return frame
