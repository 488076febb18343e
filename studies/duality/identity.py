"""The identity: points and features of random-feature ridge regression, exchanged."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from memmetrics.plotting import COLORS
from studies._kit.chapter import Begin, Chapter, Picture, Settings
from studies._kit.estimates import Estimate, median_of
from studies._kit.pictures import BAND, draw_band
from studies._kit.randomness import generator, stream_of
from studies.duality.ridge import expected_losses, power_law

NAME = "duality"
_STREAM = stream_of(NAME)
_DRAWS = 0


@dataclass(frozen=True)
class Identity:
    """The scale at which to look."""

    sizes: tuple[int, ...] = (10, 20, 40, 57, 80, 113, 160, 320)
    ridges: tuple[float, ...] = (0.0, 0.1, 1.0, 10.0)
    latents: int = 1000
    exponent: float = 1.0
    noise: float = 0.3
    data_sets: int = 6

    def check(self, settings: Settings) -> None:
        """Nothing outside the program can go wrong here."""

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds of a data set, from the largest of its losses."""
        started = time.perf_counter()
        self._losses(settings.seed, 0, self.sizes[-1:], self.ridges[-1:])
        largest = time.perf_counter() - started
        return {"ridge regression": largest * self.data_sets * len(self.sizes)}

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Compute every loss, and that with points and features exchanged."""
        begin("ridge regression")
        table = pd.concat(
            self._losses(settings.seed, data_set, self.sizes, self.ridges)
            for data_set in range(self.data_sets)
        )
        table = table.assign(exponent=self.exponent, noise=self.noise)
        return Chapter(
            name="identity",
            title="The identity, computed",
            text=_TEXT,
            table=table.reset_index(drop=True),
            summary=summarize(table),
            pictures=[peaks(table), scaling(table), asymmetry(table)],
            configuration=vars(self),
        )

    def _losses(
        self,
        seed: int,
        data_set: int,
        sizes: tuple[int, ...],
        ridges: tuple[float, ...],
    ) -> pd.DataFrame:
        """Losses of one data set; smaller sizes are the first of its draws."""
        rng = generator(seed, _STREAM, _DRAWS, data_set)
        points = rng.normal(size=(self.latents, max(self.sizes)))
        features = rng.normal(size=(max(self.sizes), self.latents))
        scales = power_law(self.latents, self.exponent)
        rows = []
        for many, few, ridge in itertools.product(sizes, sizes, ridges):
            seen, asked = points[:, :many], features[:few]
            here = expected_losses(seen, asked, scales, ridge=ridge)
            there = expected_losses(asked.T, seen.T, scales, ridge=ridge)
            noisy = [error + self.noise**2 * added for error, added in (here, there)]
            for metric, value in (
                ("loss", here[0]),
                ("relative_difference", abs(here[0] / there[0] - 1)),
                ("loss_with_noise", noisy[0]),
                ("noisy_ratio", noisy[0] / noisy[1]),
            ):
                rows.append((metric, many, few, ridge, value))
        columns = ["metric", "points", "features", "ridge", "estimate"]
        return pd.DataFrame(rows, columns=columns).assign(data_set=data_set)


_TEXT = """
Latent variables with a power-law spectrum, points and random features drawn from them,
linear targets: the squared error of ridge regression can be written down and has
points and features in the same places (Maloney et al. 2022), so that exchanging the
very matrices must leave it as it is, with any ridge. Each data set is one draw of both
matrices. Label noise is averaged over exactly.
"""


def _losses(table: pd.DataFrame, ridge: float | None = None) -> pd.DataFrame:
    """Losses by (data set, points, features), at the best ridge if none is given."""
    rows = table[table["metric"] == "loss"]
    if ridge is not None:
        rows = rows[rows["ridge"] == ridge]
    keys = ["data_set", "points", "features"]
    return rows.groupby(keys)["estimate"].min().reset_index().assign(metric="loss")


def _middle(table: pd.DataFrame) -> int:
    """Return the number of features in the middle of the sizes, on a log scale."""
    sizes = np.array(sorted(table["features"].unique()))
    middle = np.sqrt(sizes[0] * sizes[-1])
    return int(sizes[np.abs(np.log(sizes / middle)).argmin()])


def largest_difference(table: pd.DataFrame, *, ridge: bool) -> Estimate:
    """Largest relative change of the loss by exchanging points and features.

    Without a ridge the squares are left out: there the matrix is nearly singular, and
    rounding is multiplied by its condition.
    """
    rows = table[
        (table["metric"] == "relative_difference") & ((table["ridge"] > 0) == ridge)
    ]
    if not ridge:
        rows = rows[rows["points"] != rows["features"]]
    return median_of(rows.groupby("data_set")["estimate"].max())


def noisy_ratio(table: pd.DataFrame) -> Estimate:
    """Loss with a quarter as many points as features over that of the exchange.

    Labels are noisy, and the ridge is the one with the least median loss.
    """
    ratios = table[table["metric"] == "noisy_ratio"]
    ratios = ratios[ratios["points"] * 4 == ratios["features"]]
    if ratios.empty:
        return median_of([])
    sizes = ratios["features"].unique()
    features = sizes[np.abs(np.log(sizes / _middle(table))).argmin()]
    chosen = (ratios["features"] == features) & (ratios["ridge"] == _best_ridge(table))
    return median_of(ratios[chosen]["estimate"])


def _best_ridge(table: pd.DataFrame) -> float:
    """Return the ridge with the least median loss of noisy labels, over all sizes."""
    rows = table[table["metric"] == "loss_with_noise"]
    return float(rows.groupby("ridge")["estimate"].median().idxmin())


def peak(table: pd.DataFrame) -> Estimate:
    """Points at the largest loss without a ridge, over the number of features."""
    losses = _losses(table, 0.0)
    middle = _middle(table)
    rows = losses[losses["features"] == middle]
    by_set = rows.pivot_table(index="data_set", columns="points", values="estimate")
    # Few points are worse than any peak would be, if there were none.
    beyond = by_set.loc[:, by_set.columns >= middle / 2]
    return median_of(beyond.idxmax(axis=1) / middle)


def exponent(table: pd.DataFrame, along: str) -> Estimate:
    """Slope of log loss at the best ridge, where the other number is the largest.

    From the sizes of at most an eighth of it, over minus the spectrum's exponent.
    """
    other = "features" if along == "points" else "points"
    losses = _losses(table)
    most = losses[other].max()
    rows = losses[(losses[other] == most) & (losses[along] * 8 <= most)]
    if rows[along].nunique() < 2:
        return median_of([])
    slopes = [
        np.polyfit(np.log(one[along]), np.log(one["estimate"]), 1)[0]
        for _, one in rows.groupby("data_set")
    ]
    return median_of(-np.array(slopes) / table["exponent"].dropna().iloc[0])


def best_shape(table: pd.DataFrame) -> Estimate:
    """Points over features at the least loss, among shapes of one area."""
    losses = _losses(table)
    area = _middle(table) ** 2
    shapes = losses[np.abs(losses["points"] * losses["features"] / area - 1) < 0.02]
    if shapes["points"].nunique() < 3:
        return median_of([])
    best = shapes.loc[shapes.groupby("data_set")["estimate"].idxmin()]
    return median_of(best["points"] / best["features"])


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Median loss at the best ridge, one row a number of features."""
    frame = _losses(table).pivot_table(
        index="features", columns="points", values="estimate", aggfunc="median"
    )
    frame.columns = [f"{points} points" for points in frame.columns]
    return frame.round(4).reset_index()


def peaks(table: pd.DataFrame) -> Picture:
    """Loss against points at the middle number of features, for each ridge."""
    figure = Figure(figsize=(7, 3.8), layout="constrained")
    ax = figure.subplots()
    middle = _middle(table)
    colors = ("vermillion", "orange", "green", "blue", "purple")
    ridges = sorted(table["ridge"].unique())
    for ridge, color in zip(ridges, colors, strict=False):
        rows = _losses(table, ridge)
        rows = rows[rows["features"] == middle]
        label = f"ridge {ridge:g}" if ridge else "no ridge"
        draw_band(
            rows, "points", metric="loss", ax=ax, color=COLORS[color], label=label
        )
    ax.axvline(middle, linestyle="--", color=COLORS["gray"])
    ax.set(yscale="log", xlabel="points (number)", ylabel="loss (squared error)")
    ax.legend()
    worst = peak(table)
    caption = (
        f"{BAND} {middle} features (dashed: as many points). Without a ridge the loss "
        f"beyond half as many points is largest at {worst.value:.3g} times as many "
        "points as features."
    )
    return Picture(
        "peaks", "Where points and features are equally many", caption, figure
    )


def scaling(table: pd.DataFrame) -> Picture:
    """Loss against the smaller of the two numbers, at the best ridge."""
    figure = Figure(figsize=(7, 3.8), layout="constrained")
    ax = figure.subplots()
    losses = _losses(table).groupby(["points", "features"])["estimate"].median()
    frame = losses.reset_index()
    smaller = frame[["points", "features"]].min(axis=1)
    for label, color, marker, chosen in (
        ("fewer points", "blue", "o", frame["points"] < frame["features"]),
        ("fewer features", "orange", "x", frame["points"] > frame["features"]),
        ("as many", "black", "s", frame["points"] == frame["features"]),
    ):
        ax.plot(
            smaller[chosen],
            frame["estimate"][chosen],
            marker,
            color=COLORS[color],
            label=label,
            markersize=5,
            alpha=0.8,
        )
    ends = np.array([smaller.min(), smaller.max()], dtype=float)
    power = float(table["exponent"].iloc[0])
    first = frame["estimate"][smaller == ends[0]].min()
    ax.plot(
        ends,
        first * (ends / ends[0]) ** -power,
        color=COLORS["gray"],
        linestyle="--",
        label=f"power −{power:g}",
    )
    ax.set(xscale="log", yscale="log")
    ax.set(xlabel="the smaller of points and features", ylabel="loss (squared error)")
    ax.legend()
    slopes = [exponent(table, along).value for along in ("points", "features")]
    caption = (
        "Medians over data sets at the best of the ridges. Where the other number is "
        f"at least eight times as large the power is −{slopes[0] * power:.2f} in "
        f"points and −{slopes[1] * power:.2f} in features."
    )
    return Picture("scaling", "The smaller number decides", caption, figure)


def asymmetry(table: pd.DataFrame) -> Picture:
    """Loss over that of the exchange, with and without noisy labels."""
    figure = Figure(figsize=(7, 3.8), layout="constrained")
    ax = figure.subplots()
    middle = _middle(table)
    ridge = _best_ridge(table)
    rows = table[(table["features"] == middle) & (table["ridge"] == ridge)]
    noisy = rows[rows["metric"] == "noisy_ratio"]
    draw_band(
        noisy,
        "points",
        metric="noisy_ratio",
        ax=ax,
        color=COLORS["vermillion"],
        label=f"noise of {table['noise'].iloc[0]:g} on the labels",
    )
    clean = rows[rows["metric"] == "relative_difference"]
    clean = clean.assign(estimate=1 + clean["estimate"])
    draw_band(
        clean,
        "points",
        metric="relative_difference",
        ax=ax,
        color=COLORS["blue"],
        label="no noise",
    )
    ax.set(xlabel="points (number)", ylabel="loss over that of the exchange")
    ax.legend()
    change = largest_difference(table, ridge=True)
    caption = (
        f"{BAND} {middle} features, ridge {ridge:g}. Without noise exchanging points "
        f"and features changes no loss by more than {change.value:.1g} of itself, at "
        "any size and ridge above 0; noise breaks the symmetry."
    )
    return Picture("asymmetry", "What noise does to the symmetry", caption, figure)
