"""Rates and schedules swept at several sizes: which train loss is the lowest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import memmetrics as mm
from studies._kit.chapter import Picture
from studies._kit.estimates import Estimate, median_of
from studies.optimization_failure.chains import Chain, Chains, Nested

# A network with fewer features of their own than this memorizes: where features are
# learned there are five, or nearly.
FEWEST_FEATURES = 3
_RECIPE = ["learning_rate", "warmup"]

_TEXT = """
Each size is trained with several learning rates from starts of its own, and with one
slower schedule, whose rate rises for half of the steps. Points are added to the same
points. Of all networks of a data set the one with the lowest train loss is kept. A
network with fewer than three features of their own (dimensionality above 0.15) counts
as memorizing.
"""


@dataclass(frozen=True)
class Sweep:
    """The scale at which to look; `recipes` are learning rates and warm-ups."""

    sizes: tuple[int, ...] = (100, 200, 400, 800, 1600)
    recipes: tuple[tuple[float, float], ...] = (
        (1e-3, 0.05),
        (1e-2, 0.05),
        (3e-2, 0.05),
        (6e-2, 0.05),
        (6e-2, 0.5),
    )
    features: int = 400
    sparsity: float = 0.975
    data_sets: int = 6
    steps: int = 10_000

    def chains(self) -> list[Chain]:
        """Return every recipe at every size on every data set."""
        return [
            Chain(
                (
                    Nested(
                        mm.ToyTrainer(
                            steps=self.steps,
                            learning_rate=rate,
                            warmup=warmup,
                            threads=1,
                        ),
                        points,
                        data_set,
                        self.features,
                        self.sparsity,
                        most=max(self.sizes),
                    ),
                )
            )
            for points in self.sizes
            for rate, warmup in self.recipes
            for data_set in range(self.data_sets)
        ]


def swept(scale: Sweep) -> Chains:
    """Return the part of the study at this scale."""
    return Chains(
        name="sweep",
        title="Rates and schedules swept",
        text=(
            f"{scale.features:,} features with sparsity {scale.sparsity:g}, "
            f"{scale.steps:,} steps. {_TEXT.strip()}"
        ),
        scale=scale,
        summarize=summarize,
        draw=lambda table, _: [maps(table)],
    )


def wide(table: pd.DataFrame) -> pd.DataFrame:
    """One row a network, one column a metric."""
    conditions = ["part"] if "part" in table else []
    conditions += ["data_set", "points", "branch", *_RECIPE, "steps", "sparsity"]
    return table.pivot_table(
        index=conditions, columns="metric", values="estimate"
    ).reset_index()


def memorizing(networks: pd.DataFrame) -> pd.Series:
    """Which networks, of a `wide` table, have no features to speak of."""
    return networks["features_of_their_own"] < FEWEST_FEATURES


def _at_sweep(table: pd.DataFrame) -> pd.DataFrame:
    return wide(table[table["part"] == "sweep"] if "part" in table else table)


def best(networks: pd.DataFrame) -> pd.DataFrame:
    """Return the network with the lowest train loss of each data set and size."""
    places = networks.groupby(["data_set", "points"])["train_loss"].idxmin()
    return networks.loc[places]


def _name(rate: float, warmup: float, usual: float) -> str:
    return f"{rate:g}" if warmup == usual else f"{rate:g}, slow rise"


def _recipes(networks: pd.DataFrame) -> dict[tuple[float, float], str]:
    found = networks[_RECIPE].drop_duplicates().sort_values(_RECIPE)
    usual = found["warmup"].min()
    return {
        (rate, warmup): _name(rate, warmup, usual)
        for rate, warmup in found.itertuples(index=False)
    }


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets, one row a size, and how often the best memorizes."""
    networks = _at_sweep(table)
    losses = networks.pivot_table(
        index="points", columns=_RECIPE, values="train_loss", aggfunc="median"
    )
    names = _recipes(networks)
    losses.columns = [f"train loss, rate {names[key]}" for key in losses]
    chosen = best(networks)
    losses["test loss of the best"] = chosen.groupby("points")["test_loss"].median()
    shares = memorizing(chosen).groupby(chosen["points"]).mean()
    losses["best memorizes (share of data sets)"] = shares
    return losses.round(4).reset_index()


def maps(table: pd.DataFrame) -> Picture:
    """Train loss above the best of its size, by rate and size; what was learned."""
    networks = _at_sweep(table)
    names = _recipes(networks)
    panels: Mapping[str, pd.DataFrame] = {
        name: networks.pivot_table(
            index=_RECIPE, columns="points", values=name, aggfunc="median"
        ).loc[list(names)]
        for name in ("train_loss", "features_of_their_own", "test_loss")
    }
    figure = Figure(figsize=(13, 3.9), layout="constrained")
    losses = panels["train_loss"]
    above = losses - losses.min()
    shades = {
        "train_loss": above,
        "features_of_their_own": panels["features_of_their_own"],
        "test_loss": np.log10((panels["test_loss"] - 1.0).clip(lower=1e-3)),
    }
    titles = {
        "train_loss": "train loss (best of each size framed)",
        "features_of_their_own": "features above 0.15 (number)",
        "test_loss": "test loss",
    }
    for ax, (metric, values) in zip(figure.subplots(1, 3), panels.items(), strict=True):
        shade = shades[metric].to_numpy(float)
        ax.imshow(shade, cmap="viridis", origin="lower", aspect="auto")
        middle = (shade.min() + shade.max()) / 2
        for row, column in np.ndindex(shade.shape):
            value = values.iloc[row, column]
            ax.text(
                column,
                row,
                f"{value:.4f}" if metric == "train_loss" else f"{value:.3g}",
                ha="center",
                va="center",
                fontsize=8,
                color="black" if shade[row, column] > middle else "white",
            )
        ax.set_xticks(range(shade.shape[1]), [f"{size:,}" for size in values])
        ax.set_yticks(
            range(shade.shape[0]), names.values() if metric == "train_loss" else []
        )
        ax.set_xlabel("training points (number)")
        ax.set_title(titles[metric])
        ax.grid(visible=False)
    first = figure.axes[0]
    first.set_ylabel("highest learning rate")
    for column, row in enumerate(losses.to_numpy().argmin(axis=0)):
        first.plot(
            [column - 0.48, column + 0.48, column + 0.48, column - 0.48, column - 0.48],
            [row - 0.48, row - 0.48, row + 0.48, row + 0.48, row - 0.48],
            color="red",
            linewidth=1.5,
        )
    shares = memorizing(best(networks)).groupby(best(networks)["points"]).mean()
    found = "; ".join(f"{share:.0%} at {size:,}" for size, share in shares.items())
    caption = (
        "Medians over data sets (squared error). Shares of data sets in which the "
        f"network with the lowest train loss memorizes: {found} points."
    )
    return Picture("sweep", "What each rate finds", caption, figure)


def onset(networks: pd.DataFrame) -> pd.Series:
    """Points from which on the lowest rate learns features, one a data set.

    NaN for a data set in which it has none at the largest size.
    """
    rows = networks[networks["learning_rate"] == networks["learning_rate"].min()]
    learned = ~memorizing(rows)
    by_size = rows.assign(learned=learned).pivot_table(
        index="data_set", columns="points", values="learned", aggfunc="min"
    )
    stays = by_size.astype(bool).iloc[:, ::-1].cummin(axis=1).iloc[:, ::-1]
    return stays.idxmax(axis=1).where(stays.any(axis=1)).astype(float)


def wins_up_to(table: pd.DataFrame) -> Estimate:
    """Largest size at which the best network memorizes, over the onset of features."""
    networks = _at_sweep(table)
    chosen = best(networks)
    won = chosen[memorizing(chosen)].groupby("data_set")["points"].max()
    return median_of(won.reindex(chosen["data_set"].unique()) / onset(networks))


def gain_at_onset(table: pd.DataFrame) -> Estimate:
    """Train loss of the lowest rate less the best of the larger ones, at the onset."""
    networks = _at_sweep(table)
    is_lowest = networks["learning_rate"] == networks["learning_rate"].min()
    lowest, larger = (
        best(rows).pivot_table(index="data_set", columns="points", values="train_loss")
        for rows in (networks[is_lowest], networks[~is_lowest])
    )
    return median_of(
        [
            np.nan
            if np.isnan(size)
            else lowest.loc[each, size] - larger.loc[each, size]
            for each, size in onset(networks).items()
        ]
    )


def reaches(table: pd.DataFrame, ratio: float) -> bool:
    """Whether the largest size is so many times every data set's onset of features."""
    networks = _at_sweep(table)
    # NaN, where a data set has no onset, compares as False.
    return bool((networks["points"].max() >= ratio * onset(networks)).all())
