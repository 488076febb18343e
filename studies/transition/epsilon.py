"""Adam's epsilon joins the two: a sweep with losses summed over features."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

import memmetrics as mm
from memmetrics.plotting import COLORS
from studies._kit.chapter import Picture
from studies._kit.grid import Grid, medians
from studies._kit.pictures import BAND, draw_band, log_from_one
from studies._kit.toy import Cell, by_data_set

_DEFAULT_EPSILON = 1e-8

_TEXT = """
Adam divides by the root of the mean squared gradient plus epsilon. Averaging over
features divides gradients by their number, which is the same as summing with an epsilon
larger by that factor. The sum is trained with a sweep of epsilons, the mean with the
usual 1e-8, at one number of points in the middle regime.
"""


@dataclass(frozen=True)
class Epsilon:
    """The scale at which to look: one number of points, several epsilons."""

    points: int
    epsilons: tuple[float, ...]
    features: int = 1000
    sparsity: float = 0.99
    hidden: int = 2
    data_sets: int = 6
    steps: int = 10_000

    def cells(self, threads: int) -> list[Cell]:
        """Return the sum with each epsilon, and the mean with its default."""
        recipes = [("sum", epsilon) for epsilon in self.epsilons]
        # The equivalent of the mean is always among them.
        recipes.append(("sum", _DEFAULT_EPSILON * self.features))
        recipes.append(("mean", _DEFAULT_EPSILON))
        return [
            Cell(
                mm.ToyTrainer(
                    hidden=self.hidden,
                    steps=self.steps,
                    loss_reduction=reduction,
                    adam_epsilon=epsilon,
                    threads=threads,
                ),
                self.points,
                data_set,
                self.features,
                self.sparsity,
            )
            for reduction, epsilon in recipes
            for data_set in range(self.data_sets)
        ]


def epsilon(scale: Epsilon) -> Grid:
    """Return the part of the study at this scale."""
    return Grid(
        study="transition",
        name="epsilon",
        title="Adam's epsilon joins the two",
        text=_TEXT,
        scale=scale,
        summarize=summarize,
        draw=lambda table, _: [sweep(table)],
    )


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets, one row a reduction and epsilon."""
    shown = {
        "train_loss": "train loss",
        "test_loss": "test loss",
        "weight_length": "length of weights",
    }
    frame = medians(table, ["loss_reduction", "adam_epsilon"], shown)
    frame["adam epsilon"] = [f"{value:.0e}" for value in frame["adam epsilon"]]
    return frame


def sweep(table: pd.DataFrame) -> Picture:
    """Test loss and train loss against epsilon, with the mean's level."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    axes = figure.subplots(1, 2)
    summed = table[table["loss_reduction"] == "sum"]
    averaged = table[table["loss_reduction"] == "mean"]
    levels = {}
    for ax, metric in zip(axes, ("test_loss", "train_loss"), strict=True):
        draw_band(
            summed,
            "adam_epsilon",
            metric=metric,
            ax=ax,
            color=COLORS["vermillion"],
            label="sum over features",
        )
        levels[metric] = float(by_data_set(averaged, metric, "points").median().iloc[0])
        ax.axhline(
            levels[metric],
            linestyle="--",
            color=COLORS["blue"],
            label="mean over features, ε = 1e-8",
        )
        ax.set_xlabel("Adam's ε")
        ax.xaxis.set_major_formatter("{x:.0e}")
    log_from_one(axes[0], linear=0.02)
    axes[0].legend()
    test = by_data_set(summed, "test_loss", "adam_epsilon").median()
    caption = (
        f"{BAND} With the sum the test loss goes from {test.iloc[0]:.4g} at "
        f"ε = {test.index[0]:.0e} to {test.iloc[-1]:.4g} at ε = {test.index[-1]:.0e}; "
        f"the mean has {levels['test_loss']:.4g}."
    )
    return Picture("epsilon", "From the replications to the paper", caption, figure)
