"""Both kinds of solution continued over the sizes: two branches and their crossing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import memmetrics as mm
from memmetrics.plotting import COLORS
from studies._kit.chapter import Picture
from studies._kit.estimates import Estimate, median_of
from studies._kit.grid import medians
from studies._kit.pictures import BAND, draw_band, log_from_one
from studies._kit.toy import Trained, by_data_set
from studies.optimization_failure.chains import Chain, Chains, Nested
from studies.optimization_failure.clusters import draw_clusters, measure_clusters
from studies.optimization_failure.sweep import FEWEST_FEATURES, memorizing, wide

SCRATCH = "memorizing, from scratch"
DOWN = "memorizing, points taken away"
UP = "memorizing, points added"
FEATURES_DOWN = "features, points taken away"
FEATURES_UP = "features, points added again"
_COLORS = {
    SCRATCH: COLORS["vermillion"],
    DOWN: COLORS["orange"],
    UP: COLORS["purple"],
    FEATURES_DOWN: COLORS["blue"],
    FEATURES_UP: COLORS["sky"],
}
_MARKERS = {SCRATCH: "o", DOWN: "<", UP: ">", FEATURES_DOWN: "<", FEATURES_UP: ">"}


@dataclass(frozen=True)
class Recipe:
    """Highest learning rate and steps."""

    learning_rate: float
    steps: int

    def words(self) -> str:
        """Say it in words."""
        return f"rate {self.learning_rate:g}, {self.steps:,} steps"

    def trainer(self) -> mm.ToyTrainer:
        """Return a trainer by this recipe."""
        return mm.ToyTrainer(
            steps=self.steps, learning_rate=self.learning_rate, threads=1
        )


@dataclass(frozen=True)
class Branches:
    """The scale at which to look.

    The memorizing branch begins anew at every size, and is carried down from `top` and
    up from the smallest size by `carried`; the branch of features begins at the largest
    size, goes down to the smallest and up again by `followed`.
    """

    sizes: tuple[int, ...] = (100, 200, 400, 800, 1600)
    top: int = 800
    features: int = 400
    sparsity: float = 0.975
    data_sets: int = 6
    memorizing: Recipe = Recipe(6e-2, 10_000)
    learning: Recipe = Recipe(1e-2, 4000)
    carried: Recipe = Recipe(1e-2, 3000)
    # A small rate: a large one leaves a solution that another one undercuts.
    followed: Recipe = Recipe(1e-3, 3000)
    loop: bool = True
    name: str = field(default="branches")

    def chains(self) -> list[Chain]:
        """Return all branches of every data set."""
        down = tuple(sorted(self.sizes, reverse=True))
        up = down[::-1]
        memorizing, chains = self.memorizing, []
        for data_set in range(self.data_sets):

            def cells(
                branch: str,
                first: Recipe,
                others: Recipe,
                sizes: tuple[int, ...],
                own: int = data_set,
            ) -> tuple[Nested, ...]:
                return tuple(
                    Nested(
                        (others if place else first).trainer(),
                        points,
                        own,
                        self.features,
                        self.sparsity,
                        most=max(self.sizes),
                        branch=branch,
                    )
                    for place, points in enumerate(sizes)
                )

            chains += [
                Chain(cells(SCRATCH, memorizing, memorizing, (size,))) for size in up
            ]
            learned = cells(FEATURES_DOWN, self.learning, self.followed, down)
            if self.loop:
                learned += cells(FEATURES_UP, self.followed, self.followed, up[1:])
                below = tuple(size for size in down if size <= self.top)
                chains.append(Chain(cells(DOWN, memorizing, self.carried, below)))
                chains.append(Chain(cells(UP, memorizing, self.carried, up)))
            chains.append(Chain(learned))
        return chains


def both_branches(scale: Branches, text: str, title: str) -> Chains:
    """Return the part of the study at this scale."""
    return Chains(
        name=scale.name,
        title=title,
        text=(
            f"{scale.features:,} features with sparsity {scale.sparsity:g}. From "
            f"scratch, memorizing: {scale.memorizing.words()}; features: "
            f"{scale.learning.words()}. Carried to the next size: "
            f"{scale.carried.words()}; with features {scale.followed.words()}. "
            f"{text.strip()}"
        ),
        scale=scale,
        summarize=summarize,
        draw=lambda table, networks: _draw(scale, table, networks),
        measure=lambda networks: measure_clusters(_clustered(scale, networks)),
    )


def _clustered(
    scale: Branches, networks: Mapping[Nested, Trained]
) -> dict[Nested, Trained]:
    """Return the networks in which clusters are looked for."""
    if not scale.loop:
        return {}
    return {
        cell: trained
        for cell, trained in networks.items()
        if cell.branch in (SCRATCH, FEATURES_DOWN)
    }


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets, one row a size and branch."""
    shown = {
        "train_loss": "train loss",
        "test_loss": "test loss",
        "features_of_their_own": "features above 0.15",
        "weight_length": "length of weights",
    }
    return medians(table, ["points", "branch"], shown)


def _draw(
    scale: Branches, table: pd.DataFrame, networks: Mapping[Nested, Trained]
) -> list[Picture]:
    pictures = [losses(scale.name, table)]
    if scale.loop:
        pictures.append(draw_clusters(table, _clustered(scale, networks), SCRATCH))
    return pictures


def losses(name: str, table: pd.DataFrame) -> Picture:
    """Train loss, its difference between branches, features and test loss."""
    figure = Figure(figsize=(12, 7.5), layout="constrained")
    (train, apart), (own, test) = figure.subplots(2, 2)
    for ax, metric in (
        (train, "train_loss"),
        (own, "features_of_their_own"),
        (test, "test_loss"),
    ):
        _draw_branches(table, metric, ax)
    log_from_one(test, linear=0.02)
    own.set_ylabel("features above 0.15 (number)")
    _draw_difference(table, apart)
    for ax in (train, apart, own, test):
        ax.set_xlabel("training points (number)")
    train.legend(fontsize=8)
    found = crossing(table)
    where = (
        f"They cross at {found.value:.0f} points [{found.low:.0f}, {found.high:.0f}]."
        if np.isfinite([found.value, found.low, found.high]).all()
        else "Not every data set has a crossing within these sizes."
    )
    sets = table["data_set"].nunique()
    # Fewer than six cannot have an interval of 95%.
    bands = BAND if sets >= 6 else f"Bands are the range over {sets} data sets."
    caption = (
        f"{bands} Top right, the lowest train loss without features less the lowest "
        f"with features at the same points: memorizing wins below zero. {where}"
    )
    return Picture(name, "Two branches", caption, figure)


def _draw_branches(table: pd.DataFrame, metric: str, ax: Axes) -> None:
    for branch, color in _COLORS.items():
        rows = table[table["branch"] == branch]
        if rows.empty:
            continue
        draw_band(rows, "points", metric=metric, ax=ax, color=color, label=branch)
        ax.lines[-1].set_marker(_MARKERS[branch])


def _draw_difference(table: pd.DataFrame, ax: Axes) -> None:
    found = difference(table)
    sizes = found.columns.to_numpy(float)
    ax.plot(sizes, found.to_numpy().T, color=COLORS["gray"], linewidth=0.8)
    ax.plot(sizes, found.median(), color=COLORS["black"], marker="o", markersize=4)
    ax.axhline(0.0, linestyle="--", color=COLORS["black"], linewidth=0.8)
    place = crossing(table)
    if np.isfinite([place.low, place.high]).all():
        ax.axvspan(place.low, place.high, color=COLORS["green"], alpha=0.25)
        ax.axvline(place.value, color=COLORS["green"], label="crossing")
        ax.legend()
    ax.set(xscale="log", ylabel="train loss, memorizing less features")
    ax.set_xticks(sizes, [f"{size:,.0f}" for size in sizes], rotation=45)
    ax.minorticks_off()


def difference(table: pd.DataFrame) -> pd.DataFrame:
    """Lowest train loss without features less the lowest with: (data sets, sizes).

    NaN where a data set has no network of one kind at a size.
    """
    networks = wide(table)
    lowest = {
        kind: rows.pivot_table(
            index="data_set", columns="points", values="train_loss", aggfunc="min"
        ).reindex(
            index=sorted(table["data_set"].unique()),
            columns=sorted(table["points"].unique()),
        )
        for kind, rows in networks.groupby(memorizing(networks))
    }
    if len(lowest) < 2:  # one kind only: nothing to compare
        return next(iter(lowest.values())) * np.nan
    return lowest[True] - lowest[False]


def crossing(table: pd.DataFrame) -> Estimate:
    """Points at which the branches cross, each data set's last sign change.

    Between two sizes the difference is taken to be linear in the logarithm of the
    points. NaN if in some data set memorizing wins wherever both can be compared.
    """
    return median_of(
        [_last_crossing(row.dropna()) for _, row in difference(table).iterrows()]
    )


def _last_crossing(differences: pd.Series) -> float:
    wins = np.flatnonzero(differences < 0)
    if wins.size == 0 or wins[-1] + 1 == len(differences):
        return np.nan
    place = slice(wins[-1], wins[-1] + 2)
    before, after = differences.iloc[place]
    first, second = np.log(differences.index[place].to_numpy(float))
    return float(np.exp(first + (second - first) * before / (before - after)))


def coexistence(table: pd.DataFrame) -> Estimate:
    """Largest over smallest size that has a network of each kind on the same points."""
    found = difference(table).notna()
    ratios = [
        row.index[row].max() / row.index[row].min() if row.any() else np.nan
        for _, row in found.iterrows()
    ]
    return median_of(ratios)


def at(table: pd.DataFrame, branch: str, metric: str, points: int) -> Estimate:
    """One metric of one branch at one size."""
    rows = table[table["branch"] == branch]
    return median_of(by_data_set(rows, metric, "points").get(points, []))


def added_points(table: pd.DataFrame) -> Estimate:
    """Train loss with points added less that from scratch, at the second size."""
    pairs = [
        by_data_set(table[table["branch"] == branch], "train_loss", "points")
        for branch in (UP, SCRATCH)
    ]
    second = sorted(table["points"].unique())[1]
    return median_of(pairs[0][second] - pairs[1][second])


def kept_features(table: pd.DataFrame) -> pd.Series:
    """Smallest size down to which features stay, as points are taken away.

    One a data set; NaN for one that has none at the largest size.
    """
    counts = by_data_set(
        table[table["branch"] == FEATURES_DOWN], "features_of_their_own", "points"
    )
    stays = (counts >= FEWEST_FEATURES).iloc[:, ::-1].cummin(axis=1)
    smallest = [
        row.index[row].min() if row.any() else np.nan for _, row in stays.iterrows()
    ]
    return pd.Series(smallest, index=stays.index, dtype=float)
