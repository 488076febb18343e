"""Point features or axis features: which explains more, and which foresees more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import sparse

import memmetrics as mm
from memmetrics.plotting import COLORS
from studies._kit.chapter import Begin, Chapter, Picture, Settings
from studies._kit.estimates import Estimate, median_of
from studies._kit.grid import medians
from studies._kit.pictures import BAND, draw_band, log_from_one
from studies._kit.randomness import generator, run_seeds, stream_of
from studies._kit.toy import OWN_DIRECTION, by_data_set, constant_loss, held_out
from studies._kit.trainings import Training
from studies.whose_hypothesis.polygon import NAME
from studies.whose_hypothesis.solutions import Floats, axis_features, losses

_STREAM = stream_of(NAME)
_DATA, _TRAINING = 2, 3
SOLUTIONS = ("points", "axes")
_LABELS = {"points": "no features, only points", "axes": "axis-aligned features"}
_COLORS = {"points": COLORS["blue"], "axes": COLORS["vermillion"]}
# A network with so many features of their own is axis-aligned; one with at most one,
# which may be chance among so many, holds points. Others are between, and left out.
_AXES, _POINTS = 4, 1


@dataclass(frozen=True)
class Bets:
    """The scale at which to look; each start is trained at each learning rate."""

    sizes: tuple[int, ...] = (10, 20, 50, 100, 140, 200, 280, 400, 800)
    features: int = 200
    sparsity: float = 0.95
    learning_rates: tuple[float, ...] = (1e-2, 3e-2)
    starts: int = 4
    steps: int = 3000
    test_points: int = 4000
    data_sets: int = 6

    def check(self, settings: Settings) -> None:
        """Nothing outside the program can go wrong here."""

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds at each size, from one data set and rate."""
        return {
            _named(points): next(self._trainings(settings, points, 0)).seconds(
                settings.store
            )
            * self.data_sets
            * len(self.learning_rates)
            for points in self.sizes
        }

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Find the best network of each kind, on every data set."""
        test = held_out(
            self.test_points, self.features, self.sparsity, settings.seed, _STREAM
        )
        tables = []
        for points in self.sizes:
            begin(_named(points))
            for data_set in range(self.data_sets):
                table = self._best(settings, points, data_set, test)
                tables.append(table.assign(points=points, data_set=data_set))
        table = pd.concat(tables, ignore_index=True).assign(features=self.features)
        return Chapter(
            name="bets",
            title="Which hypothesis is the better bet",
            text=_TEXT,
            table=table,
            summary=summarize(table),
            pictures=[curves(table)],
            configuration=vars(self),
        )

    def _trainings(
        self, settings: Settings, points: int, data_set: int
    ) -> Iterator[Training]:
        """Yield one training a rate, all of the same starts and points."""
        key = (data_set, points)
        rng = generator(settings.seed, _STREAM, _DATA, *key)
        data = mm.sparse_features(points, self.features, self.sparsity, rng=rng)
        seeds = run_seeds(settings.seed, _STREAM, _TRAINING, *key, runs=self.starts)
        for rate in self.learning_rates:
            trainer = mm.ToyTrainer(
                hidden=2,
                steps=self.steps,
                learning_rate=rate,
                threads=settings.n_jobs,
            )
            yield Training(trainer, data, seeds)

    def _best(
        self, settings: Settings, points: int, data_set: int, test: sparse.csr_array
    ) -> pd.DataFrame:
        """Losses of the best network of each kind by train loss, if there is one."""
        trainings = list(self._trainings(settings, points, data_set))
        dense = trainings[0].data.toarray()
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in SOLUTIONS}
        written = axis_features(dense)
        found["axes"].append(_both(*written, dense, test.toarray()))
        for training in trainings:
            stack = training.run(settings.store)
            own = np.asarray(mm.feature_dimensionality(stack.weights)) > OWN_DIRECTION
            pairs = zip(
                np.asarray(stack.losses(training.data), dtype=float).mean(axis=1),
                np.asarray(stack.losses(test), dtype=float).mean(axis=1),
                strict=True,
            )
            for count, pair in zip(own.sum(axis=1), pairs, strict=True):
                if count >= _AXES:
                    found["axes"].append(pair)
                elif count <= _POINTS:
                    found["points"].append(pair)
        constant = constant_loss(test)
        rows = []
        for name, networks in found.items():
            rows.append((name, "networks_found", float(len(networks))))
            if networks:
                train_loss, test_loss = min(networks)
                rows += [
                    (name, "train_loss", train_loss),
                    (name, "test_loss", test_loss),
                    (name, "test_loss_above_constant", test_loss - constant),
                ]
        return pd.DataFrame(rows, columns=["solution", "metric", "estimate"])


_TEXT = f"""
Sparse points as in the paper. Among networks trained from random starts at several
learning rates, those with at most one feature of its own (dimensionality above
{OWN_DIRECTION:g}) can only hold points; those with at least {_AXES} are axis-aligned,
as is a pentagon of the five most frequent features that is written down rather than
trained, so that there always is one. Of each kind the network with the least train
loss stands for its hypothesis. The zero model answers 0; the constant one answers the
mean. Where no point network was found at any rate, points have no entry.
"""


def _named(points: int) -> str:
    return f"bets, {points:,} points"


def _both(
    weights: Floats, bias: Floats, train: Floats, test: Floats
) -> tuple[float, float]:
    of_train, of_test = (losses(weights, bias, data) for data in (train, test))
    return float(of_train.mean()), float(of_test.mean())


def _solution(table: pd.DataFrame, metric: str, solution: str) -> pd.DataFrame:
    """Return (data sets, points), NaN where no such network was found."""
    rows = table[(table["part"] == "bets") & (table["solution"] == solution)]
    return by_data_set(rows, metric, "points")


def crossing(table: pd.DataFrame, metric: str) -> Estimate:
    """Points over features from which on axis features have the lower loss.

    Where no point network was found, they have it.
    """
    axes = _solution(table, metric, "axes")
    points = _solution(table, metric, "points").reindex_like(axes)
    better = ~(points < axes)
    stays = better.iloc[:, ::-1].cummin(axis=1).iloc[:, ::-1]
    if not stays.iloc[:, -1].all():
        return median_of([])
    features = table["features"][table["part"] == "bets"].iloc[0]
    return median_of(stays.idxmax(axis=1).astype(float) / features)


def explains_below(table: pd.DataFrame) -> Estimate:
    """Share of the sizes below as many points as features that points explain better.

    By the train loss. Where no point network was found, they do not.
    """
    axes = _solution(table, "train_loss", "axes")
    points = _solution(table, "train_loss", "points").reindex_like(axes)
    features = table["features"][table["part"] == "bets"].iloc[0]
    better = (points < axes).loc[:, axes.columns < features]
    return median_of(better.mean(axis=1)) if better.size else median_of([])


def axes_above_constant(table: pd.DataFrame) -> Estimate:
    """Test loss of axis features with the most points, less the best constant's."""
    return median_of(_solution(table, "test_loss_above_constant", "axes").iloc[:, -1])


def points_above_constant(table: pd.DataFrame) -> Estimate:
    """Least test loss of point networks, where found, less the best constant's."""
    lowest = _solution(table, "test_loss_above_constant", "points").min(axis=1)
    return median_of(lowest)


def points_above_zero(table: pd.DataFrame) -> Estimate:
    """Least test loss of point networks, where found, less the zero model's."""
    return median_of(_solution(table, "test_loss", "points").min(axis=1) - 1.0)


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets, one row a kind and size."""
    return medians(table, ["solution", "points"])


def curves(table: pd.DataFrame) -> Picture:
    """Train and test loss of both kinds against points over features."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    features = int(table["features"].iloc[0])
    for ax, metric, ylabel in (
        (left, "train_loss", "train loss (squared error)"),
        (right, "test_loss", "test loss (squared error)"),
    ):
        for solution in SOLUTIONS:
            rows = table[(table["solution"] == solution) & (table["metric"] == metric)]
            if rows.empty:
                continue
            draw_band(
                rows,
                "points",
                metric=metric,
                ax=ax,
                color=_COLORS[solution],
                label=_LABELS[solution],
            )
        ax.axvline(features, linestyle=":", color=COLORS["gray"])
        ax.set(xlabel="points (number)", ylabel=ylabel)
    rows = table[table["metric"].isin(["test_loss", "test_loss_above_constant"])]
    wide = rows.pivot_table(
        index=["solution", "points", "data_set"], columns="metric", values="estimate"
    )
    constant = (wide["test_loss"] - wide["test_loss_above_constant"]).median()
    right.axhline(
        constant, linestyle="--", color=COLORS["gray"], label="best constant answer"
    )
    log_from_one(right, linear=0.05)
    right.legend(loc="upper right")
    caption = (
        f"{BAND} {features} features (dotted: as many points). The network of each "
        "kind with the least train loss; where points have no entry, no start at any "
        f"rate gave such a network. The best constant answer has {constant:.4f}, the "
        "zero model 1."
    )
    return Picture("bets", "Which explains, and which foresees", caption, figure)
