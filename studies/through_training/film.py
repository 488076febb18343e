"""Features and points as they move, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from scipy import sparse

from memmetrics.plotting import COLORS, draw_vectors
from memmetrics.trainers.toy.stack import ToyStack
from studies._kit.films import Film, frames_of
from studies.through_training.pictures import LOSSES, of_size, step_axis

# Sizes side by side, as many as can be told apart.
_PANELS = 4
# Longer vectors than all but this share come from a few steps at most.
_WITHIN = 0.999


def film_of(
    networks: Sequence[tuple[int, ToyStack, sparse.csr_array]],
    table: pd.DataFrame,
    steps: Sequence[int],
) -> Film:
    """Draw features, points and losses of some sizes at every step.

    `networks` are points, a stack with one run a step, and data.
    """
    places = np.linspace(0, len(networks) - 1, min(_PANELS, len(networks)))
    shown = [networks[round(place)] for place in places]
    vectors = [
        (np.asarray(stack.weights), np.asarray(stack.hidden(data)))
        for _, stack, data in shown
    ]
    figure = Figure(figsize=(11, 8), layout="constrained")
    axes = figure.subplots(3, len(shown), squeeze=False)
    for column, (points, _, _) in zip(axes.T, shown, strict=True):
        _draw_losses(column[2], table, points)
    axes[2, 0].set_ylabel("loss (squared error)")
    axes[2, 0].legend(fontsize=8)
    marks = [ax.axvline(0, color=COLORS["gray"], linewidth=1) for ax in axes[2]]

    moving = []
    for column, (points, _, _), (weights, hidden) in zip(
        axes.T, shown, vectors, strict=True
    ):
        moving.append((_draw_vectors(column[0], weights, "vermillion"), weights))
        moving.append((_draw_vectors(column[1], hidden, "blue"), hidden))
        column[0].set_title(f"{points:,} points")
    axes[0, 0].set_ylabel("features")
    axes[1, 0].set_ylabel("points")

    def draw(index: int) -> None:
        for (lines, dots), along in moving:
            lines.set_segments(list(np.stack([0 * along[index], along[index]], 1)))
            dots.set_offsets(along[index])
        for mark in marks:
            mark.set_xdata([steps[index], steps[index]])

    return Film(
        "film",
        "Features and points, step by step",
        "Above, the vectors of all features; in the middle, the hidden vectors of all "
        "points, on a scale that stays; below, train and test loss with the step "
        "marked, all of the first data set. Move the slider, with the arrow keys if "
        "you like, or let it play.",
        frames_of(figure, draw, len(steps)),
        [f"step {step:,}" for step in steps],
    )


def _draw_losses(ax: Axes, table: pd.DataFrame, points: int) -> None:
    for metric, color in LOSSES.items():
        row = of_size(table, metric, points).loc[0]
        ax.plot(row.index, row, color=color, label=metric.replace("_", " "))
        step_axis(ax, row.index[-1])
    ax.set_xlabel("step")


def _draw_vectors(
    ax: Axes, along: npt.NDArray[np.floating], color: str
) -> tuple[LineCollection, PathCollection]:
    """Draw the vectors of the last step, (steps, vectors, 2), on a scale for all."""
    draw_vectors(along[-1], ax=ax, color=COLORS[color])
    lengths = np.linalg.norm(along, axis=2)  # (steps, vectors)
    limit = 1.1 * float(np.quantile(lengths.max(axis=1), _WITHIN))
    ax.set(xlim=(-limit, limit), ylim=(-limit, limit))
    ax.tick_params(labelsize=8)
    lines, dots = ax.collections
    return cast("LineCollection", lines), cast("PathCollection", dots)
