"""Points that occur several times among points that do not (Jermyn's comment)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import memmetrics as mm
from memmetrics.plotting import COLORS, draw_vectors
from studies._kit.chapter import Picture, Study
from studies._kit.estimates import Estimate, median_of
from studies._kit.grid import Grid, Networks, medians
from studies._kit.pictures import BAND, draw_band
from studies._kit.toy import Cell, by_data_set
from studies._kit.verdicts import Claim

_NAME = "repeated_points"
_JERMYN = "Jermyn, comments on the paper"
# A repeated point is memorized if its dimensionality is this large: a fifth of two.
MEMORIZED = 0.2


@dataclass(frozen=True)
class Scale:
    """The scale at which to look: three points a feature, as in Jermyn's example."""

    points: int = 1200
    copies: tuple[int, ...] = (1, 2, 3, 5, 8, 12)
    several: tuple[int, ...] = (2, 4, 7)
    copies_of_several: int = 12
    features: int = 400
    sparsity: float = 0.975
    data_sets: int = 6
    steps: int = 5000

    def cells(self, threads: int) -> list[Cell]:
        """Return one point repeated more and more, then several."""
        trainer = mm.ToyTrainer(hidden=2, steps=self.steps, threads=threads)
        patterns: list[tuple[int, ...]] = [(copies,) for copies in self.copies]
        patterns += [(self.copies_of_several,) * number for number in self.several]
        return [
            Cell(
                trainer,
                self.points,
                data_set,
                self.features,
                self.sparsity,
                copies=pattern,
            )
            for pattern in patterns
            for data_set in range(self.data_sets)
        ]


def part(scale: Scale) -> Grid:
    """Return the study at this scale."""
    return Grid(
        study=_NAME,
        name="repeated",
        title="One point and several points, repeated",
        text=(
            "Losses are summed over features, as in Jermyn's recipe. Dimensionality "
            "counts each different point once: copies of a point share its direction, "
            "and would divide its dimensionality among themselves. A repeated point "
            f"counts as memorized above {MEMORIZED:g}."
        ),
        scale=scale,
        summarize=lambda table: medians(
            table,
            ["repeated", "copies"],
            {
                "largest_repeated_dimensionality": "repeated point's dimensionality",
                "repeated_and_memorized": "repeated points memorized",
                "features_of_their_own": "features above 0.15",
                "test_loss": "test loss",
            },
        ),
        draw=lambda table, networks: [
            one_point(table),
            several_points(table),
            slots(networks),
        ],
        measure=repeated_dimensionalities,
        test_points=1000,
    )


def repeated_dimensionalities(networks: Networks) -> pd.DataFrame:
    """Dimensionality of the repeated points of every network."""
    tables = []
    for cell, network in networks.items():
        hidden = np.asarray(network.stack.hidden(network.data))
        of_points = np.asarray(mm.datapoint_dimensionality(hidden))
        of_repeated = of_points[:, : len(cell.copies)]  # (runs, repeated)
        memorized = (of_repeated > MEMORIZED).sum(1).astype(float)
        for name, unit, values in (
            ("largest_repeated_dimensionality", "dimensions", of_repeated.max(1)),
            ("repeated_and_memorized", "points", memorized),
        ):
            result = mm.Result(name, unit=unit, estimate=values, axes=("run",))
            tables.append(
                result.to_frame().drop(columns="index").assign(**cell.conditions())
            )
    return pd.concat(tables, ignore_index=True)


def one_point(table: pd.DataFrame) -> Picture:
    """Dimensionality of the repeated point, and features left, against copies."""
    rows = table[table["repeated"] == 1]
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for ax, metric, color, ylabel in (
        (
            left,
            "largest_repeated_dimensionality",
            COLORS["blue"],
            "repeated point's dimensionality",
        ),
        (
            right,
            "features_of_their_own",
            COLORS["vermillion"],
            "features above 0.15 (number)",
        ),
    ):
        draw_band(rows, "copies", metric=metric, ax=ax, color=color)
        ax.set(xlabel="copies of the point (number)", ylabel=ylabel)
    left.axhline(MEMORIZED, linestyle="--", color=COLORS["gray"])
    right.set_ylim(bottom=0)
    counts = by_data_set(rows, "features_of_their_own", "copies").median()
    caption = (
        f"{BAND} Once the point is memorized it takes a place among the features: "
        f"there are {counts.iloc[0]:g} with {counts.index[0]} copy and "
        f"{counts.iloc[-1]:g} with {counts.index[-1]} (medians)."
    )
    return Picture("one_point", "One point, repeated", caption, figure)


def several_points(table: pd.DataFrame) -> Picture:
    """Repeated points memorized and features left, against how many are repeated."""
    most = table["copies"].max()
    rows = table[table["copies"] == most]
    figure = Figure(figsize=(7, 3.8), layout="constrained")
    ax = figure.subplots()
    for metric, color, label in (
        ("repeated_and_memorized", COLORS["blue"], "repeated points memorized"),
        ("features_of_their_own", COLORS["vermillion"], "features above 0.15"),
    ):
        draw_band(rows, "repeated", metric=metric, ax=ax, color=color, label=label)
    ax.set(xscale="linear", xlabel="points repeated (number)", ylabel="number")
    ax.set_ylim(bottom=0)
    ax.legend()
    left = by_data_set(rows, "features_of_their_own", "repeated").median()
    caption = (
        f"{BAND} Each repeated point occurs {most} times. With {left.index[-1]} of "
        f"them {left.iloc[-1]:g} features are left (median)."
    )
    return Picture("several_points", "Several points, repeated", caption, figure)


def slots(networks: Networks) -> Picture:
    """Features, and the repeated points among all points, of one data set."""
    shown = [
        (cell, network) for cell, network in networks.items() if cell.data_set == 0
    ]
    chosen = [
        max(shown, key=lambda pair: (len(pair[0].copies) == 1, -max(pair[0].copies))),
        max(shown, key=lambda pair: (len(pair[0].copies) == 1, max(pair[0].copies))),
        max(shown, key=lambda pair: len(pair[0].copies)),
    ]
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots(2, len(chosen))
    for (above, below), (cell, network) in zip(axes.T, chosen, strict=True):
        weights = np.asarray(network.stack.weights[0])
        hidden = np.asarray(network.stack.hidden(network.data)[0])
        draw_vectors(weights, ax=above, color=COLORS["vermillion"])
        draw_vectors(hidden, ax=below, color=COLORS["sky"])
        repeated = hidden[: len(cell.copies)]
        below.plot(*repeated.T, "o", color=COLORS["blue"], markersize=6)
        number = len(cell.copies)
        things = "point" if number == 1 else "points"
        above.set_title(f"{number} {things} × {max(cell.copies)}", loc="center")
    axes[0, 0].set_ylabel("features")
    axes[1, 0].set_ylabel("points; dark: repeated")
    caption = (
        "Above, the vectors of the features; below, the hidden vectors of all points, "
        "the repeated ones as dark dots, of the first data set's networks."
    )
    return Picture("slots", "Which place they take", caption, figure)


def _of_one(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    return by_data_set(table[table["repeated"] == 1], metric, "copies")


def memorized_once(table: pd.DataFrame) -> Estimate:
    """Largest dimensionality of a point that occurs one, two or three times."""
    found = _of_one(table, "largest_repeated_dimensionality")
    return median_of(found.loc[:, found.columns <= 3].max(axis=1))


def memorized_often(table: pd.DataFrame) -> Estimate:
    """Dimensionality of the point that occurs most often."""
    return median_of(_of_one(table, "largest_repeated_dimensionality").iloc[:, -1])


def features_displaced(table: pd.DataFrame) -> Estimate:
    """Features of their own with no point repeated, less those with one."""
    counts = _of_one(table, "features_of_their_own")
    return median_of(counts.iloc[:, 0] - counts.iloc[:, -1])


def features_left(table: pd.DataFrame) -> Estimate:
    """Features of their own with more than five points repeated."""
    rows = table[table["repeated"] > 5]
    if rows.empty:
        return median_of([])
    return median_of(by_data_set(rows, "features_of_their_own", "repeated").iloc[:, -1])


CLAIMS = (
    Claim(
        "Up to three copies change nothing: the point is not memorized "
        "(its largest dimensionality)",
        _JERMYN,
        "no change",
        memorized_once,
        at_most=MEMORIZED,
    ),
    Claim(
        "A point with many copies is memorized (its dimensionality)",
        _JERMYN,
        "one of five slots, about 0.4",
        memorized_often,
        at_least=MEMORIZED,
    ),
    Claim(
        "It takes the place of one feature (features lost)",
        _JERMYN,
        "1",
        features_displaced,
        at_least=1,
        at_most=1,
    ),
    Claim(
        "More than five repeated points leave no feature (features left)",
        _JERMYN,
        "0",
        features_left,
        at_most=0,
    ),
)

STUDY = Study(
    name=_NAME,
    title="Repeated points",
    text="""
Where there are enough points for features, what becomes of a point that occurs more
than once? Jermyn's comment on the paper reports that two or three copies change
nothing, that a point with five takes one of the five places of the pentagon, and that
more than five such points leave no room for features: points memorized and features
learned live side by side.
""",
    presets={
        "quick": (
            part(
                Scale(
                    points=60,
                    copies=(1, 3, 10),
                    several=(2, 6),
                    copies_of_several=10,
                    features=40,
                    sparsity=0.9,
                    data_sets=2,
                    steps=200,
                )
            ),
        ),
        "laptop": (part(Scale()),),
        "paper": (
            part(
                Scale(
                    points=30_000,
                    copies=(1, 2, 3, 5, 8, 12),
                    features=10_000,
                    sparsity=0.999,
                    data_sets=2,
                    steps=50_000,
                )
            ),
        ),
    },
    claims=CLAIMS,
)
