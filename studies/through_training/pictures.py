"""Curves over the steps of training."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from memmetrics.plotting import COLORS
from studies._kit.chapter import Picture
from studies._kit.estimates import median_of
from studies._kit.pictures import BAND, log_lengths
from studies.through_training.events import features_vanished, is_near_miss, over_steps

# Shares of the steps that have a number below the axis.
_MARKED = (0.0, 0.02, 0.1, 0.25, 0.5, 1.0)
LOSSES = {"train_loss": COLORS["blue"], "test_loss": COLORS["vermillion"]}
_SIZES = ("blue", "sky", "green", "orange", "vermillion", "purple", "gray")


def step_axis(ax: Axes, last: float) -> Axes:
    """Scale steps by their root, as the steps that are kept lie."""
    ax.set_xscale("function", functions=(_root, np.square))
    ax.set_xlim(0, last)
    ax.xaxis.set_major_locator(FixedLocator([share * last for share in _MARKED]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.tick_params(axis="x", labelsize=8)
    return ax


def _root(steps: object) -> object:
    return np.sqrt(np.maximum(steps, 0.0))  # type: ignore[call-overload]


def draw_over(found: pd.DataFrame, *, ax: Axes, color: str, label: str) -> Axes:
    """Median over data sets at each step with its interval."""
    estimates = [median_of(found[step]) for step in found]
    steps = found.columns.to_numpy(float)
    ax.plot(steps, [it.value for it in estimates], color=color, label=label)
    low, high = [it.low for it in estimates], [it.high for it in estimates]
    ax.fill_between(steps, low, high, color=color, alpha=0.2, linewidth=0)
    return step_axis(ax, steps[-1])


def of_size(table: pd.DataFrame, metric: str, points: int) -> pd.DataFrame:
    """One row a data set of a size with nothing repeated, one column a step."""
    found = over_steps(table, metric).xs((points, 1), level=("points", "copies"))
    return pd.DataFrame(found)


def losses(table: pd.DataFrame) -> Picture:
    """Train and test loss over the steps, one panel a size."""
    sizes = sorted(table["points"].unique())
    figure = Figure(figsize=(11, 6), layout="constrained")
    axes = figure.subplots(2, -(-len(sizes) // 2), squeeze=False).ravel()
    for ax, points in zip(axes, sizes, strict=False):
        for metric, color in LOSSES.items():
            label = metric.replace("_", " ")
            draw_over(of_size(table, metric, points), ax=ax, color=color, label=label)
        ax.set(title=f"{points:,} points", ylabel="squared error", xlabel="step")
    for ax in axes[len(sizes) :]:
        ax.remove()
    axes[0].legend()
    rises = []
    for points in sizes:
        medians = of_size(table, "test_loss", points).median()
        rises.append(f"{medians.min():.3f} and {medians.iloc[-1]:.3f} at {points:,}")
    caption = (
        f"{BAND} Every panel has a scale of its own. The lowest and the last median "
        f"test loss are {'; '.join(rises)} points."
    )
    return Picture("losses", "Losses through training", caption, figure)


def geometry(table: pd.DataFrame) -> Picture:
    """Dimensionalities and lengths over the steps, one line a size."""
    sizes = sorted(table["points"].unique())
    figure = Figure(figsize=(11, 6.6), layout="constrained")
    axes = figure.subplots(2, 2).ravel()
    for ax, (metric, label) in zip(
        axes,
        (
            ("features_of_their_own", "features above 0.15 (number)"),
            ("largest_datapoint_dimensionality", "largest of a point (dimensions)"),
            ("weight_length", "‖W‖"),
            ("bias_length", "‖b‖"),
        ),
        strict=True,
    ):
        for points, color in zip(sizes, _SIZES, strict=False):
            found = of_size(table, metric, points)
            name = f"{points:,} points"
            draw_over(found, ax=ax, color=COLORS[color], label=name)
        ax.set(xlabel="step", ylabel=label)
    for ax in axes[1:]:
        log_lengths(ax)
    # At the first step the bias is zero, which has no logarithm.
    axes[3].set_ylim(bottom=0.05)
    axes[0].legend(ncols=1, fontsize=8)
    alone = features_vanished(table).xs(1, level="copies")
    vanished = [
        f"{values.median():g} [{values.min():g} to {values.max():g}] at {points:,}"
        for points, values in alone.groupby("points")
        if values.max() > 0
    ]
    caption = (
        f"{BAND} Features above 0.15 that are there at some step and no longer at the "
        f"end, median and range over data sets: {'; '.join(vanished) or 'none'} points."
    )
    return Picture("geometry", "Dimensionalities and lengths", caption, figure)


def near_misses(table: pd.DataFrame) -> Picture:
    """Dimensionality of the repeated point over the steps, one line a data set."""
    sizes = over_steps(table, "first_point_dimensionality")
    memorized = over_steps(table, "first_point_memorized")
    missed = is_near_miss(table)
    copies = sorted(table.loc[table["copies"] > 1, "copies"].unique())
    points = table["points"].max()
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    axes = figure.subplots(1, len(copies), squeeze=False, sharey=True)[0]
    for ax, count in zip(axes, copies, strict=True):
        for data_set, row in sizes.loc[(points, count)].iterrows():
            which = (points, count, data_set)
            color = COLORS["vermillion"] if missed[which] else COLORS["blue"]
            ax.plot(row.index, row, color=color, linewidth=0.9)
            top = row[memorized.loc[which] == 1]
            ax.plot(top.index, top, "o", color=color, markersize=3)
        step_axis(ax, sizes.columns[-1])
        ax.set(title=f"{count} copies", xlabel="step")
    axes[0].set_ylabel("point's dimensionality")
    counts = [
        f"{missed.loc[(points, count)].sum():.0f} of {len(missed.loc[(points, count)])}"
        f" with {count}"
        for count in copies
    ]
    caption = (
        f"One point repeated among {points:,}; a line is a data set. Dots: steps at "
        "which its dimensionality is among the largest 0.1%. Red: near misses, "
        f"{', '.join(counts)} copies."
    )
    return Picture("near_misses", "The repeated point", caption, figure)
