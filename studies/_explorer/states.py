"""What the page shows: some of each model's vectors, at some of its steps."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

import memmetrics as mm
from studies._kit.chapter import Settings
from studies._kit.randomness import stream_of
from studies._kit.toy import OWN_DIRECTION, Cell, held_out
from studies._kit.trainings import Training

_STREAM = stream_of("explorer")
# Dimensionalities lie between 0 and 1, and are sent as whole numbers of this.
DIMENSION = 1e-4
_LARGEST = 2**15 - 1
Floats: TypeAlias = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Choices:
    """All that can be chosen; each seed has data and starting weights of its own."""

    points: tuple[int, ...] = (5, 10, 30, 100, 300, 1000)
    hidden: tuple[int, ...] = (2, 3)
    sparsity: tuple[float, ...] = (0.95, 0.975)
    reduction: tuple[str, ...] = ("sum", "mean")
    seed: tuple[int, ...] = (0, 1, 2)
    features: int = 200
    steps: int = 4000
    snapshots: int = 13
    shown: int = 40
    test_points: int = 500

    def steps_kept(self) -> tuple[int, ...]:
        """Return the numbers of steps, from 0 to all: their roots are equally far."""
        places = np.linspace(0.0, 1.0, self.snapshots) ** 2 * self.steps
        return tuple(sorted({round(place) for place in places}))

    def options(self) -> dict[str, tuple[Any, ...]]:
        """Return what can be chosen, by the name of its control."""
        names = ("points", "hidden", "sparsity", "reduction", "seed")
        return {name: getattr(self, name) for name in names}

    def cells(self, threads: int) -> Iterator[tuple[str, Cell]]:
        """Yield all combinations; the key is what the controls say."""
        for chosen in product(*self.options().values()):
            points, hidden, sparsity, reduction, seed = chosen
            trainer = mm.ToyTrainer(
                hidden=hidden,
                steps=self.steps,
                loss_reduction=reduction,
                threads=threads,
            )
            cell = Cell(trainer, points, seed, self.features, sparsity)
            yield "|".join(map(str, chosen)), cell


@dataclass(frozen=True, eq=False)
class State:
    """One model at all the steps that are kept.

    Vectors are (steps, shown, 2), the same features and points at every step;
    dimensionalities (steps, shown); everything else (steps,).
    """

    features: Floats
    points: Floats
    feature_dimensionality: Floats
    point_dimensionality: Floats
    train_loss: Floats
    test_loss: Floats
    own_directions: Floats
    length: Floats

    def packed(self) -> dict[str, Any]:
        """Return it as text and short numbers, for the page."""
        vectors = {"features": self.features, "points": self.points}
        scales = {
            name: max(float(np.abs(values).max()), 1e-12)
            for name, values in vectors.items()
        }
        return {
            "scale": scales,
            **{
                name: _text(values / scales[name] * _LARGEST)
                for name, values in vectors.items()
            },
            "feature_dimensionality": _text(self.feature_dimensionality / DIMENSION),
            "point_dimensionality": _text(self.point_dimensionality / DIMENSION),
            **{
                name: [float(f"{value:.4g}") for value in getattr(self, name)]
                for name in ("train_loss", "test_loss", "own_directions", "length")
            },
        }


def _text(numbers: Floats) -> str:
    """Whole numbers of two bytes each, the lower first, as text."""
    return base64.b64encode(np.rint(numbers).astype("<i2").tobytes()).decode("ascii")


def training_of(choices: Choices, cell: Cell, settings: Settings) -> Training:
    """Return the training of one combination."""
    return replace(cell.training(settings.seed, _STREAM), at=choices.steps_kept())


def state_of(choices: Choices, cell: Cell, settings: Settings) -> State:
    """Train one combination, or read it from the store, and look at it."""
    snapshots = training_of(choices, cell, settings).snapshots(settings.store)
    data = cell.data(settings.seed, _STREAM)
    test = held_out(
        choices.test_points, cell.features, cell.sparsity, settings.seed, _STREAM
    )
    weights = np.stack([np.asarray(stack.weights[0], float) for stack in snapshots])
    hidden = np.stack([np.asarray(stack.hidden(data)[0], float) for stack in snapshots])
    of_features = np.asarray(mm.feature_dimensionality(weights))
    of_points = np.asarray(mm.datapoint_dimensionality(hidden))
    axes = main_axes(np.concatenate([weights[-1], hidden[-1]]))
    features, points = largest(weights, choices.shown), largest(hidden, choices.shown)
    return State(
        features=weights[:, features] @ axes,
        points=hidden[:, points] @ axes,
        feature_dimensionality=of_features[:, features],
        point_dimensionality=of_points[:, points],
        train_loss=np.array([float(it.losses(data).mean()) for it in snapshots]),
        test_loss=np.array([float(it.losses(test).mean()) for it in snapshots]),
        own_directions=(of_features > OWN_DIRECTION).sum(axis=1).astype(float),
        length=np.linalg.norm(weights, axis=(1, 2)),
    )


def largest(vectors: Floats, count: int) -> npt.NDArray[np.intp]:
    """Positions of the vectors that are longest at some step; (steps, vectors, 2)."""
    lengths = np.linalg.norm(vectors, axis=2).max(axis=0)
    return np.sort(np.argsort(-lengths, kind="stable")[:count])


def main_axes(vectors: Floats) -> Floats:
    """Two axes to look along, (hidden, 2): of more than two dimensions, the main ones.

    Those in which the vectors (vectors, hidden) are longest together.
    """
    if vectors.shape[1] == 2:
        return np.eye(2)
    _, _, rows = np.linalg.svd(vectors, full_matrices=False)
    axes: Floats = rows[:2].T
    return axes
