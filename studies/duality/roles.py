"""The toy model on a matrix and on its transpose: points become features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import sparse, stats

import memmetrics as mm
from memmetrics.plotting import COLORS
from studies._kit.chapter import Begin, Chapter, Picture, Settings
from studies._kit.estimates import Estimate, median_of
from studies._kit.grid import medians
from studies._kit.pictures import BAND, draw_band
from studies._kit.randomness import generator, run_seeds, stream_of
from studies._kit.toy import by_data_set
from studies._kit.trainings import Training
from studies.duality.identity import NAME
from studies.duality.ridge import Floats

_STREAM = stream_of(NAME)
_DATA, _TRAINING, _TRANSPOSED = 1, 2, 3
# Whose dimensionality is compared with that of the same things in the other role.
THINGS = ("points", "features")
_COLORS = {"points": COLORS["blue"], "features": COLORS["vermillion"]}


@dataclass(frozen=True)
class Roles:
    """The scale at which to look; half of the starts say how steady a ranking is."""

    sizes: tuple[int, ...] = (25, 50, 100, 200, 400, 800)
    features: int = 200
    sparsity: float = 0.95
    hidden: int = 2
    steps: int = 2000
    learning_rate: float = 3e-3
    starts: int = 4
    data_sets: int = 6

    def check(self, settings: Settings) -> None:
        """Nothing outside the program can go wrong here."""

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds at each size, from one data set."""
        return {
            _named(points): self.data_sets
            * sum(
                training.seconds(settings.store)
                for training in self._trainings(settings, points, 0)
            )
            for points in self.sizes
        }

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Train on every matrix and on its transpose, and compare."""
        tables = []
        shown: dict[int, list[list[dict[str, Floats]]]] = {}
        for points in self.sizes:
            begin(_named(points))
            for data_set in range(self.data_sets):
                found = [
                    _dimensionalities(training, settings)
                    for training in self._trainings(settings, points, data_set)
                ]
                shown.setdefault(points, []).append(found)
                table = compare(*found)
                tables.append(table.assign(points=points, data_set=data_set))
        table = pd.concat(tables, ignore_index=True).assign(features=self.features)
        return Chapter(
            name="roles",
            title="The toy model with the roles exchanged",
            text=_TEXT,
            table=table,
            summary=summarize(table),
            pictures=[curves(table), distributions(shown)],
            configuration=vars(self),
        )

    def _trainings(
        self, settings: Settings, points: int, data_set: int
    ) -> tuple[Training, Training]:
        """Say what to train on the matrix, and on its transpose."""
        key = (data_set, points)
        rng = generator(settings.seed, _STREAM, _DATA, *key)
        matrix = mm.sparse_features(
            points, self.features, self.sparsity, rng=rng
        ).toarray()
        # What never occurs cannot be scaled to length 1 in the other role.
        matrix = matrix[matrix.any(axis=1)][:, matrix.any(axis=0)]
        trainer = mm.ToyTrainer(
            hidden=self.hidden,
            steps=self.steps,
            learning_rate=self.learning_rate,
            threads=settings.n_jobs,
        )
        one, other = (
            Training(
                trainer,
                _unit_rows(data),
                run_seeds(settings.seed, _STREAM, purpose, *key, runs=self.starts),
            )
            for data, purpose in ((matrix, _TRAINING), (matrix.T, _TRANSPOSED))
        )
        return one, other


_TEXT = """
The same networks as the paper's are trained on a matrix whose rows are points and on
its transpose, in which the features are points, rows scaled to length 1 both times.
If the toy model were dual like ridge regression, the dimensionality of a point would
be that of the same thing as a feature of the transpose. Two comparisons: thing by
thing (rank correlation, dimensionalities averaged over starts; it cannot be higher
than two halves of the starts agree with each other) and as a whole (the distance of
Kolmogorov and Smirnov between the distributions: that to the same thing in the other
role, and that to what has the same role in the transpose).
"""


def _named(points: int) -> str:
    return f"roles, {points:,} points"


def _unit_rows(matrix: Floats) -> sparse.csr_array:
    return sparse.csr_array(matrix / np.linalg.norm(matrix, axis=1, keepdims=True))


def _dimensionalities(training: Training, settings: Settings) -> dict[str, Floats]:
    """Return (starts, points) and (starts, features)."""
    stack = training.run(settings.store)
    of_points: Any = mm.datapoint_dimensionality(stack.hidden(training.data))
    of_features: Any = mm.feature_dimensionality(stack.weights)
    return {"points": np.asarray(of_points), "features": np.asarray(of_features)}


def compare(original: dict[str, Floats], transposed: dict[str, Floats]) -> pd.DataFrame:
    """Compare the things of a matrix with themselves in the other role.

    Each argument has dimensionalities of points and of features, (starts, things).
    """
    rows = []
    for thing, other in zip(THINGS, reversed(THINGS), strict=True):
        here, there = original[thing], transposed[other]
        halves = [_halves(array) for array in (here, there)]
        rows += [
            (thing, "rank_agreement", _ranks(here.mean(0), there.mean(0))),
            # Noise in both rankings bounds what their agreement can be.
            (thing, "rank_ceiling", np.sqrt(np.prod(np.maximum(halves, 0)))),
            (thing, "distance_exchanged", _distance(here, there)),
            (thing, "distance_same_role", _distance(here, transposed[thing])),
        ]
    return pd.DataFrame(rows, columns=["thing", "metric", "estimate"])


def _ranks(one: Floats, other: Floats) -> float:
    """Spearman's correlation; 0 if one of them is constant and ranks nothing."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(stats.spearmanr(one, other).statistic)


def _halves(values: Floats) -> float:
    """Reliability of the mean over starts, by Spearman and Brown from two halves."""
    half = len(values) // 2
    agreement = _ranks(values[:half].mean(0), values[half:].mean(0))
    return 2 * agreement / (1 + agreement) if agreement > 0 else 0.0


def _distance(one: Floats, other: Floats) -> float:
    return float(stats.ks_2samp(one.ravel(), other.ravel()).statistic)


def _at(table: pd.DataFrame, metric: str, thing: str, points: int) -> pd.Series:
    rows = table[(table["metric"] == metric) & (table["thing"] == thing)]
    return by_data_set(rows, metric, "points").get(points, pd.Series(dtype=float))


def agreement(table: pd.DataFrame, thing: str) -> Estimate:
    """Rank agreement with itself in the other role, with as many points as features."""
    square = int(table["features"][table["metric"] == "rank_agreement"].iloc[0])
    return median_of(_at(table, "rank_agreement", thing, square))


def ceiling(table: pd.DataFrame, thing: str) -> Estimate:
    """Return what the rank agreement could be at most, at the same size."""
    square = int(table["features"][table["metric"] == "rank_agreement"].iloc[0])
    return median_of(_at(table, "rank_ceiling", thing, square))


def relative_distance(table: pd.DataFrame, thing: str, *, most: bool) -> Estimate:
    """Distance to the other role over that to the same role, at an end of the sizes."""
    sizes = table["points"][table["metric"] == "distance_exchanged"]
    points = int(sizes.max() if most else sizes.min())
    exchanged = _at(table, "distance_exchanged", thing, points)
    same = _at(table, "distance_same_role", thing, points)
    return median_of(exchanged / same)


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets, one row a thing and size."""
    return medians(table, ["thing", "points"], digits=2)


def curves(table: pd.DataFrame) -> Picture:
    """Agreement thing by thing and as a whole, against the number of points."""
    figure = Figure(figsize=(10, 6.6), layout="constrained")
    for column, thing in zip(figure.subplots(2, 2).T, THINGS, strict=True):
        rows = table[table["thing"] == thing]
        for ax, pairs, ylabel in (
            (
                column[0],
                (
                    ("rank_agreement", _COLORS[thing], "with itself, roles exchanged"),
                    ("rank_ceiling", COLORS["gray"], "what noise allows"),
                ),
                "rank correlation",
            ),
            (
                column[1],
                (
                    ("distance_exchanged", _COLORS[thing], "to itself, exchanged"),
                    ("distance_same_role", COLORS["gray"], "to the same role"),
                ),
                "distance of distributions",
            ),
        ):
            for metric, color, label in pairs:
                draw_band(
                    rows, "points", metric=metric, ax=ax, color=color, label=label
                )
            ax.set(xlabel="points (number)", ylabel=ylabel)
            ax.set_title(f"{thing} of the matrix")
            ax.legend()
    features = int(table["features"].iloc[0])
    caption = (
        f"{BAND} {features} features. Colored: a thing against itself in the network "
        "of the transpose. With as many points as features the rank correlation of "
        + " and ".join(
            f"{thing} is {agreement(table, thing).value:.2f} of at most "
            f"{ceiling(table, thing).value:.2f}"
            for thing in THINGS
        )
        + "."
    )
    return Picture("roles", "Points and features exchanged", caption, figure)


def distributions(
    shown: dict[int, list[list[dict[str, Floats]]]],
) -> Picture:
    """Distributions of dimensionality at the fewest, middle and most points."""
    sizes = sorted(shown)
    chosen = [sizes[0], sizes[len(sizes) // 2], sizes[-1]]
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    axes = figure.subplots(1, len(chosen), sharey=True)
    for ax, points in zip(axes, chosen, strict=True):
        for index, style, where in ((0, "-", "matrix"), (1, "--", "transpose")):
            for role in THINGS:
                # A point is a feature of the transpose: one thing, one color.
                thing = role if index == 0 else THINGS[1 - THINGS.index(role)]
                values = np.concatenate(
                    [found[index][role].ravel() for found in shown[points]]
                )
                ax.plot(
                    np.sort(np.maximum(values, 1e-5)),
                    np.linspace(0, 1, len(values)),
                    style,
                    color=_COLORS[thing],
                    label=f"{role} of the {where}",
                )
        ax.set(xscale="log", xlabel="dimensionality", title=f"{points:,} points")
    axes[0].set_ylabel("share of them below")
    axes[0].legend(fontsize=8)
    caption = (
        "All data sets and starts. One color is one thing: blue the rows of the "
        "matrix, red its columns. If the model were dual, lines of one color would lie "
        "on each other. Values below 0.00001 are drawn there."
    )
    return Picture("distributions", "One thing in two roles", caption, figure)
