"""Few points: polygons of hidden vectors, and how exact they are (Figure 2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

import memmetrics as mm
from memmetrics.plotting import COLORS, draw_vectors
from studies._kit.chapter import Picture
from studies._kit.estimates import Estimate, median_of
from studies._kit.grid import Grid, Networks, medians
from studies._kit.pictures import BAND, draw_band, log_lengths
from studies._kit.toy import Cell, by_data_set
from studies._kit.verdicts import Claim

_NAME = "geometry"
_PAPER = "Henighan et al. 2023, Figure 2"
# What a test loss may differ from one read off a figure, which is a mean of four.
_READING = 0.003


@dataclass(frozen=True)
class Scale:
    """The scale at which to look: as many features as in the paper, few points."""

    sizes: tuple[int, ...] = (3, 5, 6, 8, 10, 15, 30)
    features: int = 10_000
    sparsity: float = 0.999
    data_sets: int = 6
    steps: int = 20_000

    def cells(self, threads: int) -> list[Cell]:
        """Return every size on every data set."""
        trainer = mm.ToyTrainer(
            hidden=2, steps=self.steps, loss_reduction="mean", threads=threads
        )
        return [
            Cell(trainer, points, data_set, self.features, self.sparsity)
            for points in self.sizes
            for data_set in range(self.data_sets)
        ]


def polygon_length(points: int) -> float:
    """‖W‖ of the network that memorizes orthonormal points as a regular polygon.

    Points at radius r and angles 2π/T apart: neighbors must not add to each other,
    which needs the bias −r² cos(2π/T), and a point itself must come back as it is:
    r² (1 − cos(2π/T)) = 1. W has the points' vectors as its rows, so that ‖W‖ = r √T.
    """
    return float(np.sqrt(points / (1.0 - np.cos(2.0 * np.pi / points))))


def few_points(scale: Scale) -> Grid:
    """Return the part of the study at this scale."""
    return Grid(
        study=_NAME,
        name="polygons",
        title="Polygons",
        text=(
            "Losses are averaged over features, which gives the paper's published "
            "curves. A regular polygon gives each of T points the dimensionality 2/T. "
            "A point counts as at the origin if its hidden vector is shorter than a "
            "tenth of the longest."
        ),
        scale=scale,
        summarize=summarize,
        draw=lambda table, networks: [vectors(networks), exactness(table)],
        test_points=500,
    )


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets, one row a size, beside the exact polygon."""
    shown = {
        "median_datapoint_dimensionality": "median datapoint dimensionality",
        "largest_datapoint_dimensionality": "largest datapoint dimensionality",
        "points_at_origin": "points at the origin",
        "weight_length": "length of weights",
        "test_loss": "test loss",
    }
    frame = medians(table, ["points"], shown)
    frame.insert(1, "2 / points", (2 / frame["points"]).round(4))
    exact = frame["points"].map(polygon_length).round(2)
    frame.insert(frame.columns.get_loc("length of weights") + 1, "exact polygon", exact)
    return frame


def vectors(networks: Networks) -> Picture:
    """Features above, points below, at every size: the first data set's network."""
    first = {cell.points: it for cell, it in networks.items() if cell.data_set == 0}
    figure = Figure(figsize=(12, 4.2), layout="constrained")
    axes = figure.subplots(2, len(first), squeeze=False)
    for (above, below), points in zip(axes.T, sorted(first), strict=True):
        network = first[points]
        features = np.asarray(network.stack.weights[0])
        draw_vectors(features, ax=above, color=COLORS["vermillion"])
        hidden = np.asarray(network.stack.hidden(network.data)[0])
        draw_vectors(hidden, ax=below, color=COLORS["blue"])
        above.set_title(f"{points:,} points", loc="center")
        for ax in (above, below):
            ax.xaxis.set_major_locator(MaxNLocator(3))
            ax.yaxis.set_major_locator(MaxNLocator(3))
            ax.tick_params(labelsize=7)
    axes[0, 0].set_ylabel("features")
    axes[1, 0].set_ylabel("training points")
    caption = (
        "Above, the vectors of all features; below, the hidden vectors of the points, "
        "of the network of the first data set at each size. Each panel has its own "
        "scale. The features look like noise where the points form a figure."
    )
    return Picture("vectors", "Features and points, side by side", caption, figure)


def exactness(table: pd.DataFrame) -> Picture:
    """Dimensionalities and lengths against the exact polygon's."""
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    shares, lengths, origin = figure.subplots(1, 3)
    sizes = np.sort(table["points"].unique())
    for ax, metric, ylabel in (
        (shares, "median_datapoint_dimensionality", "median datapoint dimensionality"),
        (lengths, "weight_length", "length of the weights, ‖W‖"),
        (origin, "points_at_origin", "points at the origin (number)"),
    ):
        draw_band(table, "points", metric=metric, ax=ax, color=COLORS["blue"])
        ax.set(xlabel="training points (number)", ylabel=ylabel)
    shares.plot(sizes, 2 / sizes, ":", color=COLORS["black"], label="2 / points")
    exact = [polygon_length(int(size)) for size in sizes]
    lengths.plot(sizes, exact, ":", color=COLORS["black"], label="exact polygon")
    log_lengths(lengths)
    for ax in (shares, lengths):
        ax.legend()
    reached = by_data_set(table, "weight_length", "points").median()
    caption = (
        f"{BAND} At {sizes[-1]} points the weights have {reached.iloc[-1]:.3g} of the "
        f"length {exact[-1]:.3g} that an exact polygon takes."
    )
    return Picture("exactness", "How exact the polygons are", caption, figure)


def share_of_polygon(table: pd.DataFrame, points: int) -> Estimate:
    """Median datapoint dimensionality, in units of 2 / points."""
    medians_of_points = by_data_set(table, "median_datapoint_dimensionality", "points")
    return median_of(medians_of_points.get(points, pd.Series(dtype=float)) * points / 2)


def at_size(table: pd.DataFrame, metric: str, points: int) -> Estimate:
    """Return one metric at one size."""
    return median_of(by_data_set(table, metric, "points").get(points, []))


def length_of_polygon(table: pd.DataFrame, points: int) -> Estimate:
    """‖W‖ in units of the exact polygon's."""
    lengths = by_data_set(table, "weight_length", "points")
    found = lengths.get(points, pd.Series(dtype=float))
    return median_of(found / polygon_length(points))


CLAIMS = (
    *(
        Claim(
            f"{points} points form a regular polygon: each has the dimensionality "
            f"2/{points} (median point's, in units of that)",
            _PAPER,
            f"1 ({2 / points:.3g})",
            partial(share_of_polygon, points=points),
            at_least=0.95,
            at_most=1.05,
        )
        for points in (5, 6, 10)
    ),
    *(
        Claim(
            f"The test loss at {points} points is {loss}",
            "Henighan et al. 2023, Figure 3, read off, mean of 4",
            str(loss),
            partial(at_size, metric="test_loss", points=points),
            at_least=loss - _READING,
            at_most=loss + _READING,
        )
        for points, loss in ((5, 1.0), (15, 1.022), (30, 1.0074))
    ),
    Claim(
        "Of three points the largest dimensionality is 0.81",
        "Henighan et al. 2023, Figure 3",
        "0.81",
        lambda table: at_size(table, "largest_datapoint_dimensionality", 3),
        at_least=0.71,
        at_most=0.91,
    ),
    Claim(
        "Of 30 points several lie at the origin (number)",
        _PAPER,
        "several",
        lambda table: at_size(table, "points_at_origin", 30),
        at_least=2,
    ),
    Claim(
        "At 10 points the weights are as long as the exact polygon's (ratio)",
        "this project; UlisseMini's replication has the radius 2.3",
        "1",
        lambda table: length_of_polygon(table, 10),
        at_least=0.9,
        at_most=1.1,
    ),
    Claim(
        "At 30 points they fall short of it (ratio)",
        "this project",
        "below 1",
        lambda table: length_of_polygon(table, 30),
        at_most=0.9,
    ),
)
