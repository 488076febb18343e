"""Toy models along their training: what is measured at each step that is kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from scipy import sparse

import memmetrics as mm
from memmetrics.trainers.toy.stack import ToyStack
from studies._kit.chapter import Begin, Chapter, Settings
from studies._kit.randomness import stream_of
from studies._kit.toy import Cell, held_out, measure_stack
from studies._kit.trainings import Training
from studies.through_training import events, pictures
from studies.through_training.film import film_of

NAME = "through_training"
_STREAM = stream_of(NAME)
# Jermyn's criterion: a repeated point is memorized if its dimensionality is among the
# largest of this share of the points.
TOP = 0.001
_METRICS = (
    "train_loss",
    "test_loss",
    "largest_feature_dimensionality",
    "features_of_their_own",
    "largest_datapoint_dimensionality",
    "median_datapoint_dimensionality",
    "weight_length",
    "bias_length",
)
_TEXT = """
Each network is looked at after some of the steps of its training, closer together at
its beginning. Losses are summed over features, as in Jermyn's recipe; the learning rate
rises over the first twentieth of the steps and then falls to zero along a cosine. The
gap is the test loss less the train loss. In the last rows of the table one point occurs
several times; as in the comment it counts as memorized while its dimensionality is
among the largest 0.1%, each different point counted once. A near miss is a point that
was memorized at some step after the rise of the learning rate and is not at the end,
with less than half of the dimensionality that it had.
"""


@dataclass(frozen=True)
class Along:
    """The scale at which to look; the first point of the largest size is repeated."""

    sizes: tuple[int, ...] = (30, 100, 200, 400, 1200)
    copies: tuple[int, ...] = (2, 3, 4, 5)
    features: int = 400
    sparsity: float = 0.975
    data_sets: int = 6
    steps: int = 6000
    snapshots: int = 61
    test_points: int = 1000

    def check(self, settings: Settings) -> None:
        """Nothing outside the program can go wrong here."""

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds of the cells of each shape, one of which is timed."""
        costs: dict[str, float] = {}
        for cell in self.cells(settings.n_jobs):
            training = self._training(cell, settings)
            if training.is_done(settings.store):
                costs.setdefault(cell.name(), 0.0)
            elif not costs.get(cell.name()):
                costs[cell.name()] = training.seconds(settings.store)
        shapes = [cell.name() for cell in self.cells(settings.n_jobs)]
        return {name: seconds * shapes.count(name) for name, seconds in costs.items()}

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Train, measure every snapshot, draw."""
        stacks: dict[Cell, ToyStack] = {}
        tables = []
        for cell in self.cells(settings.n_jobs):
            if cell.name() not in {done.name() for done in stacks}:
                begin(cell.name())
            stacks[cell] = along(self._training(cell, settings), settings)
            tables.append(self._measure(cell, stacks[cell], settings))
        table = pd.concat(tables, ignore_index=True)
        return Chapter(
            name="along",
            title="From the first step to the last",
            text=_TEXT,
            table=table,
            summary=events.summarize(table),
            pictures=[
                pictures.losses(table),
                pictures.geometry(table),
                pictures.near_misses(table),
            ],
            films=[film_of(self._shown(stacks, settings), table, self.steps_kept())],
            configuration=vars(self),
        )

    def steps_kept(self) -> tuple[int, ...]:
        """Return the numbers of steps, from 0 to all: their roots are equally far."""
        places = np.linspace(0.0, 1.0, self.snapshots) ** 2 * self.steps
        return tuple(sorted({round(place) for place in places}))

    def cells(self, threads: int) -> list[Cell]:
        """Return every size, then the largest with one point repeated."""
        trainer = mm.ToyTrainer(hidden=2, steps=self.steps, threads=threads)
        shapes: list[tuple[int, tuple[int, ...]]] = [(size, ()) for size in self.sizes]
        shapes += [(max(self.sizes), (copies,)) for copies in self.copies]
        return [
            Cell(trainer, points, data_set, self.features, self.sparsity, copies=copies)
            for points, copies in shapes
            for data_set in range(self.data_sets)
        ]

    def _training(self, cell: Cell, settings: Settings) -> Training:
        return replace(cell.training(settings.seed, _STREAM), at=self.steps_kept())

    def _measure(self, cell: Cell, stack: ToyStack, settings: Settings) -> pd.DataFrame:
        """One row a step and metric."""
        test = held_out(
            self.test_points, self.features, self.sparsity, settings.seed, _STREAM
        )
        data = cell.data(settings.seed, _STREAM)
        table = pd.concat([measure_stack(stack, data, test), repeated(stack, data)])
        table = table[table["metric"].isin([*_METRICS, *REPEATED])]
        steps = np.asarray(self.steps_kept())[table["run"].to_numpy(int)]
        return table.assign(run=0, step=steps, **cell.conditions())

    def _shown(
        self, stacks: Mapping[Cell, ToyStack], settings: Settings
    ) -> list[tuple[int, ToyStack, sparse.csr_array]]:
        """Points, networks and data of the first data set, nothing repeated."""
        return [
            (cell.points, stack, cell.data(settings.seed, _STREAM))
            for cell, stack in stacks.items()
            if cell.data_set == 0 and not cell.copies
        ]


REPEATED = ("first_point_dimensionality", "first_point_memorized")


def along(training: Training, settings: Settings) -> ToyStack:
    """Return one network at all its steps, as a stack with one run a step."""
    snapshots = training.snapshots(settings.store)
    weights = np.stack([np.asarray(stack.weights[0]) for stack in snapshots])
    bias = np.stack([np.asarray(stack.bias[0]) for stack in snapshots])
    return ToyStack(
        torch.from_numpy(weights), torch.from_numpy(bias), snapshots[0].backend
    )


def repeated(stack: ToyStack, data: sparse.csr_array) -> pd.DataFrame:
    """Dimensionality of the first point, and whether it is among the largest."""
    of_points = np.asarray(mm.datapoint_dimensionality(np.asarray(stack.hidden(data))))
    top = math.ceil(TOP * of_points.shape[1])
    least = np.sort(of_points, axis=1)[:, -top]
    values = of_points[:, 0], (of_points[:, 0] >= least).astype(float)
    return pd.concat(
        mm.Result(name, unit=unit, estimate=estimate, axes=("run",))
        .to_frame()
        .drop(columns="index")
        for name, unit, estimate in zip(
            REPEATED, ("dimensions", "points"), values, strict=True
        )
    )
