"""Networks trained one from the other: each size begins where another size ended."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import joblib
import numpy as np
import pandas as pd
import torch
from scipy import sparse

import memmetrics as mm
from memmetrics.trainers import ToyStack
from studies._kit.chapter import Begin, Chapter, Picture, Settings
from studies._kit.randomness import generator, stream_of
from studies._kit.toy import Cell, Trained, measure_cells
from studies._kit.trainings import Arrays, kept

STUDY_NAME = "optimization_failure"
FROM_SCRATCH = "from scratch"
_DATA = 0


@dataclass(frozen=True)
class Nested(Cell):
    """A cell whose points are the first of `most`, so that larger sizes hold them.

    `branch` says how its network came about.
    """

    most: int = 0
    branch: str = FROM_SCRATCH

    def conditions(self) -> dict[str, object]:
        """Columns of the table: the usual, the branch, and the share of warm-up."""
        own = {"branch": self.branch, "warmup": self.trainer.warmup}
        return super().conditions() | own

    def data(self, seed: int, stream: int) -> sparse.csr_array:
        """Return the points, (points, features)."""
        rng = generator(seed, stream, _DATA, self.data_set)
        return mm.sparse_features(self.most, self.features, self.sparsity, rng=rng)[
            : self.points
        ]


@dataclass(frozen=True)
class Chain:
    """Cells of one data set: the first is trained from scratch, each other goes on."""

    cells: tuple[Nested, ...]

    def name(self) -> str:
        """Words for the progress bar; chains of one shape share a name and a cost."""
        first, last = self.cells[0], self.cells[-1]
        recipe = f"{first.branch}, rate {first.trainer.learning_rate:g}"
        sizes = (
            f"{first.points:,}"
            if len(self.cells) == 1
            else f"{first.points:,} to {last.points:,}"
        )
        return f"{recipe}, {sizes} points of {first.features:,}"

    def seconds(self, settings: Settings, stream: int) -> float:
        """How long it will take, nothing if the store has it."""
        path = self._path(settings, stream)
        if path is not None and path.exists():
            return 0.0
        trainings = [cell.training(settings.seed, stream) for cell in self.cells]
        return sum(training.seconds(None) for training in trainings)

    def train(self, settings: Settings, stream: int) -> dict[Nested, Trained]:
        """Train all cells, or read them from the store."""
        arrays = kept(
            self._path(settings, stream), lambda: self._train(settings.seed, stream)
        )
        backend = str(arrays["backend"])
        return {
            cell: Trained(
                ToyStack(torch.from_numpy(weights), torch.from_numpy(bias), backend),
                cell.data(settings.seed, stream),
            )
            for cell, weights, bias in zip(
                self.cells, arrays["weights"], arrays["bias"], strict=True
            )
        }

    def _train(self, seed: int, stream: int) -> Arrays:
        stacks: list[ToyStack] = []
        for cell in self.cells:
            training = cell.training(seed, stream)
            if stacks:
                last = stacks[-1]
                training = replace(
                    training, init=(last.weights.numpy(), last.bias.numpy())
                )
            stacks.append(training.run(None))
        return {
            "weights": np.stack([stack.weights.numpy() for stack in stacks]),
            "bias": np.stack([stack.bias.numpy() for stack in stacks]),
            "backend": np.asarray(stacks[0].backend),
        }

    def _path(self, settings: Settings, stream: int) -> Path | None:
        if settings.store is None:
            return None
        digest = hashlib.blake2b(digest_size=12)
        for cell in self.cells:
            digest.update(cell.training(settings.seed, stream).identity().encode())
        return settings.store / f"{digest.hexdigest()}.npz"


class Scale(Protocol):
    """Sizes and steps: a frozen dataclass that knows the chains they make."""

    def chains(self) -> Sequence[Chain]:
        """Return all that is trained."""


@dataclass(frozen=True)
class Chains:
    """A part that trains chains, as many side by side as there are processor cores."""

    name: str
    title: str
    text: str
    scale: Scale
    summarize: Callable[[pd.DataFrame], pd.DataFrame]
    draw: Callable[[pd.DataFrame, Mapping[Nested, Trained]], Sequence[Picture]]
    measure: Callable[[Mapping[Nested, Trained]], pd.DataFrame] | None = None
    test_points: int = 1000

    def check(self, settings: Settings) -> None:
        """Nothing outside the program can go wrong here."""

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds of the chains of each name; the first is timed for all of them."""
        stream = stream_of(STUDY_NAME)
        costs = {}
        for name, chains in _by_name(self.scale.chains()):
            # In order: a study that was stopped has the first ones.
            alike = list(chains)
            seconds = alike[-1].seconds(settings, stream)
            costs[name] = seconds * len(alike) / settings.n_jobs
        return costs

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Train, measure, draw."""
        stream = stream_of(STUDY_NAME)
        networks: dict[Nested, Trained] = {}
        for name, chains in _by_name(self.scale.chains()):
            begin(name)
            # The kernel leaves the interpreter to others while it works.
            with joblib.Parallel(settings.n_jobs, prefer="threads") as parallel:
                for trained in parallel(
                    joblib.delayed(chain.train)(settings, stream) for chain in chains
                ):
                    networks |= trained
        table = measure_cells(
            dict[Cell, Trained](networks.items()),
            settings.seed,
            stream,
            test_points=self.test_points,
        )
        if self.measure is not None:
            table = pd.concat([table, self.measure(networks)], ignore_index=True)
        return Chapter(
            name=self.name,
            title=self.title,
            text=self.text,
            table=table,
            summary=self.summarize(table),
            pictures=self.draw(table, networks),
            configuration=vars(self.scale),
        )


def _by_name(chains: Iterable[Chain]) -> Iterable[tuple[str, Iterable[Chain]]]:
    return itertools.groupby(sorted(chains, key=Chain.name), key=Chain.name)
