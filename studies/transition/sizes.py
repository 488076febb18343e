"""Losses, lengths and dimensionalities against the number of points, both ways."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd
from matplotlib.figure import Figure

import memmetrics as mm
from memmetrics.plotting import COLORS
from studies._kit.chapter import Picture
from studies._kit.estimates import median_of
from studies._kit.grid import Grid, medians
from studies._kit.pictures import BAND, draw_band, log_from_one, log_lengths
from studies._kit.toy import Cell, by_data_set
from studies.transition.published import PUBLISHED, at_papers_size

REDUCTIONS = {"mean": COLORS["blue"], "sum": COLORS["vermillion"]}

_WIDER = """
The paper's heat map has a higher ridge, at more points, with more hidden dimensions.
Here are data of the same distribution, and networks that have more room.
"""

_TEXT = """
At each size, the same data sets and starting weights with losses averaged over
features, as the published curves turn out to be, and summed, as the text says. Losses
are reported summed in both cases: a reconstruction of zero has a loss of 1.
"""


@dataclass(frozen=True)
class Sizes:
    """The scale at which to look."""

    sizes: tuple[int, ...]
    features: int = 1000
    sparsity: float = 0.99
    hidden: int = 2
    # Six data sets are the fewest whose range covers the median in 95% of cases.
    data_sets: int = 6
    steps: int = 10_000

    def cells(self, threads: int) -> list[Cell]:
        """Return both reductions at each size, on each data set."""
        return [
            Cell(
                mm.ToyTrainer(
                    hidden=self.hidden,
                    steps=self.steps,
                    loss_reduction=reduction,
                    threads=threads,
                ),
                points,
                data_set,
                self.features,
                self.sparsity,
            )
            for points in self.sizes
            for data_set in range(self.data_sets)
            for reduction in REDUCTIONS
        ]


def sizes(scale: Sizes) -> Grid:
    """Return the part of the study at this scale."""
    return Grid(
        study="transition",
        name="sizes",
        title="Summed or averaged over features",
        text=_TEXT,
        scale=scale,
        summarize=summarize,
        draw=lambda table, _: [losses(table), lengths(table), dimensionalities(table)],
    )


def wider(scale: Sizes) -> Grid:
    """Return the same with more hidden dimensions, as a part of its own."""
    return Grid(
        study="transition",
        name="wider",
        title=f"The same with {scale.hidden} hidden dimensions",
        text=_WIDER,
        scale=scale,
        summarize=summarize,
        draw=lambda table, _: [
            replace(losses(table), name="losses_wider"),
            replace(dimensionalities(table), name="dimensionalities_wider"),
        ],
    )


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets, one row a size and reduction.

    At the paper's own number of features its published losses stand beside ours.
    """
    shown = {
        "train_loss": "train loss",
        "test_loss": "test loss",
        "median_test_loss": "median point's test loss",
        "largest_feature_dimensionality": "largest feature dimensionality",
        "features_of_their_own": "features above 0.15",
        "weight_length": "length of weights",
        "bias_length": "length of bias",
    }
    small = medians(table, ["points", "loss_reduction"], shown)
    if at_papers_size(table) and set(table["hidden"]) == {2}:
        small["paper's test loss"] = small["points"].map(PUBLISHED)
    return small


def losses(table: pd.DataFrame) -> Picture:
    """Test loss and train loss against points, for both reductions."""
    figure = Figure(figsize=(9, 7), layout="constrained")
    test, train = figure.subplots(2, 1, sharex=True)
    peaks = []
    for reduction, color in REDUCTIONS.items():
        rows = table[table["loss_reduction"] == reduction]
        label = f"{reduction} over features"
        draw_band(rows, "points", metric="test_loss", ax=test, color=color, label=label)
        draw_band(rows, "points", metric="train_loss", ax=train, color=color)
        typical = by_data_set(rows, "median_test_loss", "points").median()
        test.plot(
            typical.index,
            typical,
            ":",
            color=color,
            label=f"{reduction}: the median test point's",
        )
        highest = by_data_set(rows, "test_loss", "points").median()
        lowest = by_data_set(rows, "train_loss", "points").median()
        size = int(highest.idxmax())
        peaks.append(
            f"With the {reduction} the test loss is highest, {highest.max():.4g}, at "
            f"{size:,} points, with a train loss of {lowest[size]:.4f}."
        )
    test.axhline(1.0, linestyle="--", color=COLORS["gray"], label="zero model")
    log_from_one(test, linear=0.02)
    test.set_xlabel("")
    test.legend()
    train.set_xlabel("training points (number)")
    caption = (
        f"{BAND} The networks see the same data and start from the same weights. "
        f"{' '.join(peaks)} The axis of the test loss is linear near 1 and logarithmic "
        "far from it."
    )
    return Picture("losses", "Test loss and train loss", caption, figure)


def lengths(table: pd.DataFrame) -> Picture:
    """Lengths of weights and bias against points, for both reductions."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    axes = figure.subplots(1, 2)
    for ax, metric in zip(axes, ("weight_length", "bias_length"), strict=True):
        for reduction, color in REDUCTIONS.items():
            rows = table[table["loss_reduction"] == reduction]
            label = f"{reduction} over features"
            draw_band(rows, "points", metric=metric, ax=ax, color=color, label=label)
        log_lengths(ax).set_xlabel("training points (number)")
    axes[0].set_ylabel("length of the weights, ‖W‖")
    axes[1].set_ylabel("length of the bias, ‖b‖")
    axes[0].legend()
    longest = {
        reduction: by_data_set(
            table[table["loss_reduction"] == reduction], "weight_length", "points"
        ).median()
        for reduction in REDUCTIONS
    }
    found = " and ".join(
        f"{values.max():.3g} at {values.idxmax():,} points with the {name}"
        for name, values in longest.items()
    )
    caption = (
        f"{BAND} The weights are longest, {found}. In the paper's Figure 4 they are "
        "longest near 30 points and fall from there; in Jermyn's replication they rise "
        "up to the transition."
    )
    return Picture("lengths", "Length of weights and bias", caption, figure)


def dimensionalities(table: pd.DataFrame) -> Picture:
    """Largest dimensionality of a feature, and the median one of points."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    features, points = figure.subplots(1, 2)
    for reduction, color in REDUCTIONS.items():
        rows = table[table["loss_reduction"] == reduction]
        label = f"{reduction} over features"
        for ax, metric in (
            (features, "largest_feature_dimensionality"),
            (points, "median_datapoint_dimensionality"),
        ):
            draw_band(rows, "points", metric=metric, ax=ax, color=color, label=label)
    sizes = sorted(table["points"].unique())
    hidden = int(table["hidden"].iloc[0])
    share = [min(hidden / size, 1) for size in sizes]
    label = f"{hidden} / points"
    points.plot(sizes, share, ":", color=COLORS["black"], label=label)
    log_lengths(points).set_ylabel("median datapoint dimensionality")
    features.set_ylabel("largest feature dimensionality")
    for ax in (features, points):
        ax.set_xlabel("training points (number)")
        ax.legend()
    counts = by_data_set(
        table[table["points"] == max(sizes)], "features_of_their_own", "loss_reduction"
    )
    found = " and ".join(
        f"{median_of(counts[name]).value:g} with the {name}" for name in counts
    )
    caption = (
        f"{BAND} At {max(sizes):,} points the number of features with a dimensionality "
        f"above 0.15 is {found} (medians)."
    )
    return Picture("dimensionalities", "From points to features", caption, figure)
