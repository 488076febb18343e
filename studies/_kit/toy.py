"""Toy models over a grid of conditions: the table that most studies of the paper need.

A `Cell` is one condition on one data set. `measure_cells` trains them all and returns
what is asked of every network: losses, lengths, dimensionalities.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

import memmetrics as mm
from memmetrics.trainers.toy.stack import ToyStack
from studies._kit.chapter import Begin, Settings
from studies._kit.randomness import generator, run_seeds
from studies._kit.trainings import Training

# A feature above this dimensionality has a direction of its own.
OWN_DIRECTION = 0.15
# A point is at the origin if its vector is this short, of the longest.
AT_ORIGIN = 0.1

_DATA, _TEST, _TRAINING = range(3)
Floats: TypeAlias = npt.NDArray[np.floating[Any]]
CONDITIONS = (
    "points",
    "features",
    "sparsity",
    "hidden",
    "loss_reduction",
    "adam_epsilon",
    "weight_decay",
    "learning_rate",
    "steps",
    "data_set",
)


@dataclass(frozen=True)
class Cell:
    """One condition on one data set.

    Cells that differ in the trainer alone share their data and their starting weights,
    so that they can be compared pair by pair. The first points occur as often as
    `copies` says, all others once.
    """

    trainer: mm.ToyTrainer
    points: int
    data_set: int
    features: int
    sparsity: float
    starts: int = 1
    copies: tuple[int, ...] = ()

    def conditions(self) -> dict[str, object]:
        """Columns of the table that say which cell a row comes from."""
        recipe = self.trainer.configuration()
        own = {"points", "features", "sparsity", "data_set"}
        return {
            name: getattr(self, name) if name in own else recipe[name]
            for name in CONDITIONS
        } | {"copies": max(self.copies, default=1), "repeated": len(self.copies)}

    def name(self) -> str:
        """Words for the progress bar; cells of one shape share a name and a cost."""
        return (
            f"hidden {self.trainer.hidden}, {self.points:,} points "
            f"of {self.features:,}, {self.trainer.steps:,} steps"
        )

    def data(self, seed: int, stream: int) -> sparse.csr_array:
        """Return the different points, (points, features)."""
        key = (stream, _DATA, self.data_set, self.points)
        return mm.sparse_features(
            self.points, self.features, self.sparsity, rng=generator(seed, *key)
        )

    def training(self, seed: int, stream: int) -> Training:
        """Say what to train: one network a start, on all points and copies."""
        times = np.ones(self.points, dtype=int)
        times[: len(self.copies)] = self.copies
        seeds = run_seeds(
            seed, stream, _TRAINING, self.data_set, self.points, runs=self.starts
        )
        data = self.data(seed, stream)
        return Training(
            self.trainer, data[np.repeat(np.arange(self.points), times)], seeds
        )


@dataclass(frozen=True, eq=False)
class Trained:
    """Networks of a cell, and its different points (points, features)."""

    stack: ToyStack
    data: sparse.csr_array


def cell_costs(
    cells: Iterable[Cell], settings: Settings, stream: int
) -> dict[str, float]:
    """Seconds of all cells; those of one shape are timed once."""
    costs: dict[str, float] = {}
    each: dict[tuple[object, ...], float] = {}
    for cell in dict.fromkeys(cells):
        training = cell.training(settings.seed, stream)
        seconds = 0.0
        if not training.is_done(settings.store):
            shape = (cell.name(), cell.starts)
            if shape not in each:
                each[shape] = training.seconds(settings.store)
            seconds = each[shape]
        costs[cell.name()] = costs.get(cell.name(), 0.0) + seconds
    return costs


def train_cells(
    cells: Sequence[Cell], settings: Settings, begin: Begin, stream: int
) -> dict[Cell, Trained]:
    """Train every cell, or read it from the store."""
    trained = {}
    begun = ""
    # In order of their names, so that each piece of work begins once.
    for cell in sorted(dict.fromkeys(cells), key=Cell.name):
        if cell.name() != begun:
            begun = cell.name()
            begin(begun)
        stack = cell.training(settings.seed, stream).run(settings.store)
        trained[cell] = Trained(stack, cell.data(settings.seed, stream))
    return trained


def measure_cells(
    cells: Mapping[Cell, Trained], seed: int, stream: int, *, test_points: int
) -> pd.DataFrame:
    """Return one tidy table of all networks, with the conditions of each."""
    tables = []
    for cell, trained in cells.items():
        test = held_out(test_points, cell.features, cell.sparsity, seed, stream)
        table = measure_stack(trained.stack, trained.data, test)
        tables.append(table.assign(**cell.conditions()))
    return pd.concat(tables, ignore_index=True)


@lru_cache(maxsize=8)
def held_out(
    points: int, features: int, sparsity: float, seed: int, stream: int
) -> sparse.csr_array:
    """Return the test points of one distribution: the same for all its cells."""
    rng = generator(seed, stream, _TEST, features)
    return mm.sparse_features(points, features, sparsity, rng=rng)


def constant_loss(test: sparse.csr_array) -> float:
    """Loss of the best network that ignores its input and answers one number.

    All features have the same distribution, so they share one mean. Points have
    length 1, so the loss is 1 less the squared length of the mean point. The zero
    model's loss is 1.
    """
    points, features = test.shape
    mean: float = test.sum() / (points * features)
    return float(1.0 - features * mean**2)


def measure_stack(
    stack: ToyStack, data: sparse.csr_array, test: sparse.csr_array
) -> pd.DataFrame:
    """One row a network and metric; `data` holds each different point once."""
    weights, hidden = np.asarray(stack.weights), np.asarray(stack.hidden(data))
    losses = np.asarray(stack.losses(test))  # (runs, test points)
    dimensionalities = mm.feature_dimensionality(weights)  # (runs, features)
    of_points = mm.datapoint_dimensionality(hidden)  # (runs, points)
    lengths = np.linalg.norm(hidden, axis=2)  # (runs, points)
    longest = lengths.max(axis=1, keepdims=True)
    constant = constant_loss(test)
    metrics: dict[str, tuple[str, Any]] = {
        "train_loss": ("squared error", np.asarray(stack.losses(data)).mean(1)),
        "test_loss": ("squared error", losses.mean(1)),
        "median_test_loss": ("squared error", np.median(losses, axis=1)),
        "test_loss_above_constant": ("squared error", losses.mean(1) - constant),
        "largest_feature_dimensionality": ("dimensions", dimensionalities.max(1)),
        "features_of_their_own": (
            "features",
            (np.asarray(dimensionalities) > OWN_DIRECTION).sum(1).astype(float),
        ),
        "largest_datapoint_dimensionality": ("dimensions", of_points.max(1)),
        "median_datapoint_dimensionality": ("dimensions", np.median(of_points, 1)),
        "points_at_origin": ("points", (lengths < AT_ORIGIN * longest).sum(1) * 1.0),
        "weight_length": ("length", np.linalg.norm(weights, axis=(1, 2))),
        "bias_length": ("length", np.linalg.norm(np.asarray(stack.bias), axis=1)),
    }
    return pd.concat(
        mm.Result(name, unit=unit, estimate=np.asarray(values), axes=("run",))
        .to_frame()
        .drop(columns="index")
        for name, (unit, values) in metrics.items()
    )


def by_data_set(
    table: pd.DataFrame, metric: str, condition: str | list[str]
) -> pd.DataFrame:
    """One row a data set, one column a value of `condition`: the mean over starts."""
    rows = table[table["metric"] == metric]
    return rows.pivot_table(
        index="data_set", columns=condition, values="estimate", aggfunc="mean"
    )
