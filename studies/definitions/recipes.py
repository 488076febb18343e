"""How each family of models is trained, and what its trained models tell.

Every recipe has `train(points, member, seeds, share=, start=, untrained=)`, which gives
models with `scores()`, `losses()`, `test_loss()` and `hidden()`; where a family has
them, `right()`, `gradients(run)` and `start(run)`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse
from sklearn.tree import DecisionTreeClassifier
from torch import nn
from torch.nn import functional

import memmetrics as mm
from studies.definitions.points import Points

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Start: TypeAlias = dict[str, npt.NDArray[Any]]

# Runs that are trained together: results do not depend on it, time does.
STACK = 64


@dataclass(frozen=True)
class Toy:
    """The tied autoencoder, on sparse points or on images."""

    hidden: int
    steps: int
    learning_rate: float

    # The schedule depends on the number of steps, so that a shorter training is one
    # of its own: these shares cost their sum.
    history: ClassVar[tuple[float, ...]] = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
    history_cost: ClassVar[float] = sum(history)

    def train(
        self,
        points: Points,
        member: Bools,
        seeds: Sequence[int],
        *,
        share: float = 1.0,
        start: Start | None = None,
        untrained: bool = False,
    ) -> ToyModels:
        """Train one model a row of `member`."""
        trainer = mm.ToyTrainer(
            hidden=self.hidden,
            steps=max(1, round(share * self.steps)),
            learning_rate=self.learning_rate,
            threads=1,
        )
        if untrained:
            trainer = replace(trainer, steps=1, learning_rate=0.0, weight_decay=0.0)
        init = None if start is None else _repeated(start, len(member))
        data = sparse.csr_array(points.inputs)
        stack = trainer.fit(data, member, seeds=seeds, init=init)
        return ToyModels(stack, points)


def _repeated(start: Start, runs: int) -> tuple[Any, Any]:
    weights, bias = (start[name][np.newaxis] for name in ("weights", "bias"))
    return np.repeat(weights, runs, axis=0), np.repeat(bias, runs, axis=0)


@dataclass(frozen=True, eq=False)
class ToyModels:
    """Trained tied autoencoders."""

    stack: Any
    points: Points

    def scores(self) -> Floats:
        """Minus the squared error of every point, (runs, points)."""
        return -self.losses()

    def losses(self) -> Floats:
        """Squared error of every point, (runs, points)."""
        return _array(self.stack.losses(sparse.csr_array(self.points.inputs)))

    def test_loss(self) -> Floats:
        """Mean squared error of held-out points, (runs,)."""
        held_out = sparse.csr_array(self.points.test_inputs)
        return np.asarray(_array(self.stack.losses(held_out)).mean(1))

    def hidden(self) -> Floats:
        """Hidden vectors, (runs, points, hidden)."""
        return _array(self.stack.hidden(sparse.csr_array(self.points.inputs)))

    def right(self) -> None:
        """Say that no reconstruction is right or wrong."""

    def gradients(self, run: int) -> Floats:
        """Gradient of each point's loss, (points, parameters)."""

        def loss(weights: Any, bias: Any, point: torch.Tensor) -> torch.Tensor:
            answer = torch.relu(weights @ (weights.T @ point) + bias)
            return ((answer - point) ** 2).sum()

        each = torch.func.vmap(torch.func.grad(loss, argnums=(0, 1)), (None, None, 0))
        inputs = torch.as_tensor(self.points.inputs, dtype=self.stack.weights.dtype)
        parts = each(self.stack.weights[run], self.stack.bias[run], inputs)
        return _array(torch.cat([part.flatten(1) for part in parts], dim=1))

    def start(self, run: int) -> Start:
        """Weights of one run, to start others from."""
        return {
            "weights": self.stack.weights[run].cpu().numpy(),
            "bias": self.stack.bias[run].cpu().numpy(),
        }


def mlp(features: int, units: int, classes: int) -> nn.Module:
    """Return a network of one hidden layer, named ``1``."""
    return nn.Sequential(
        nn.Linear(features, units), nn.ReLU(), nn.Linear(units, classes)
    )


def convolutional(features: int, units: int, classes: int) -> nn.Module:
    """Return a small convolutional network; its last hidden layer is named ``4``."""
    side = round(features**0.5)
    half = -(-side // 2)
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(6 * half * half, units),
        nn.ReLU(),
        nn.Linear(units, classes),
    )


def probability(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Probability of the label."""
    chances = functional.softmax(output, dim=-1)
    return chances.gather(-1, target[:, None])[:, 0]


def surprise(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Minus the log-probability of the label."""
    return functional.cross_entropy(output, target, reduction="none")


def _hit(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return (output.argmax(-1) == target).double()


def _built(
    make: Callable[[int, int, int], nn.Module],
    sizes: tuple[int, int, int],
    start: Start | None,
) -> nn.Module:
    module = make(*sizes)
    if start is not None:
        module.load_state_dict({k: torch.as_tensor(v) for k, v in start.items()})
    return module


@dataclass(frozen=True)
class Network:
    """A classifier of images, by torch."""

    make: Callable[[int, int, int], nn.Module]
    layer: str
    units: int
    steps: int
    images: bool = False
    learning_rate: float = 1e-2
    batch_size: int = 16

    # A shorter training is the beginning of a longer one: all this is read in passing.
    history: ClassVar[tuple[float, ...]] = tuple(step / 8 for step in range(1, 9))
    history_cost: ClassVar[float] = 1.0

    def train(
        self,
        points: Points,
        member: Bools,
        seeds: Sequence[int],
        *,
        share: float = 1.0,
        start: Start | None = None,
        untrained: bool = False,
    ) -> NetworkModels:
        """Train one model a row of `member`."""
        sizes = (points.inputs.shape[1], self.units, points.classes)
        trainer = mm.ModuleTrainer(
            partial(_built, self.make, sizes, start),
            score=probability,
            loss=surprise,
            steps=1 if untrained else max(1, round(share * self.steps)),
            batch_size=self.batch_size,
            optimizer_options={
                "lr": 0.0 if untrained else self.learning_rate,
                "weight_decay": 0.0,
            },
            hidden=self.layer,
        )
        data = self._data(points.inputs, points.labels)
        stack = trainer.fit(data, member, seeds=seeds)
        held_out = self._data(points.test_inputs, points.test_labels)
        module = partial(_built, self.make, sizes, None)
        return NetworkModels(stack, data, held_out, module)

    def _data(self, inputs: Floats, labels: Any) -> tuple[Any, Any]:
        rows = inputs.astype(np.float32)
        if self.images:
            side = round(rows.shape[1] ** 0.5)
            rows = rows.reshape(-1, 1, side, side)
        return rows, labels


@dataclass(frozen=True, eq=False)
class NetworkModels:
    """Trained classifiers."""

    stack: Any
    data: tuple[Any, Any]
    held_out: tuple[Any, Any]
    module: Callable[[], nn.Module]

    def scores(self) -> Floats:
        """Probability of every point's label, (runs, points)."""
        return _array(self.stack.scores(self.data))

    def losses(self) -> Floats:
        """Cross-entropy of every point, (runs, points)."""
        return _array(self.stack.losses(self.data))

    def test_loss(self) -> Floats:
        """Mean cross-entropy of held-out points, (runs,)."""
        return np.asarray(_array(self.stack.losses(self.held_out)).mean(1))

    def hidden(self) -> Floats:
        """Hidden vectors, (runs, points, hidden)."""
        return _array(self.stack.hidden(self.data))

    def right(self) -> Bools:
        """Whether every point is classified as labelled, (runs, points)."""
        recipe = replace(self.stack.recipe, score=_hit)
        return _array(replace(self.stack, recipe=recipe).scores(self.data)) > 0.5

    def gradients(self, run: int) -> Floats:
        """Gradient of each point's loss, (points, parameters)."""
        module = self.module().eval()
        state = {name: value[run] for name, value in self.stack.parameters.items()}

        def loss(state: Any, point: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
            output = torch.func.functional_call(module, state, (point[None],))
            return surprise(output, label[None])[0]

        each = torch.func.vmap(torch.func.grad(loss), (None, 0, 0))
        parts = each(state, *map(torch.as_tensor, self.data))
        flat = [part.flatten(1) for part in parts.values()]
        return _array(torch.cat(flat, dim=1))

    def start(self, run: int) -> Start:
        """Weights of one run, to start others from."""
        named = self.stack.parameters.items()
        return {name: value[run].detach().cpu().numpy() for name, value in named}


@dataclass(frozen=True)
class Tree:
    """A decision tree of scikit-learn, whose hidden vector says which leaf."""

    leaf: int = 3

    history: ClassVar[tuple[float, ...]] = ()
    history_cost: ClassVar[float] = 0.0

    def train(self, points: Points, member: Bools, seeds: Sequence[int]) -> TreeModels:
        """Train one tree a row of `member`; no tree has a history or starts warm."""
        function = partial(_tree, points, self.leaf)
        stack = mm.FunctionTrainer(function).fit(points.inputs, member, seeds=seeds)
        return TreeModels(stack.values, len(points))


@dataclass(frozen=True, eq=False)
class TreeModels:
    """What trees said: probability and leaf of training and held-out points."""

    values: Floats
    points: int

    def scores(self) -> Floats:
        """Probability of every point's label, (runs, points)."""
        return self.values[:, : self.points, 0]

    def losses(self) -> Floats:
        """Probability of all other labels: a logarithm could be infinite."""
        return 1 - self.scores()

    def test_loss(self) -> Floats:
        """Mean probability of wrong labels for held-out points, (runs,)."""
        means: Floats = 1 - self.values[:, self.points :, 0].mean(1)
        return means

    def hidden(self) -> Floats:
        """One coordinate a leaf, 1 for that of the point: (runs, points, leaves)."""
        leaves = self.values[:, : self.points, 1].astype(int)
        coordinates: Floats = np.eye(leaves.max() + 1)[leaves]
        return coordinates

    def right(self) -> None:
        """Say that a tree has no history."""


def _tree(points: Points, leaf: int, indices: Any, seed: int) -> Floats:
    model = DecisionTreeClassifier(min_samples_leaf=leaf, random_state=seed % 2**32)
    model.fit(points.inputs[indices], points.labels[indices])
    inputs = np.concatenate([points.inputs, points.test_inputs])
    labels = np.concatenate([points.labels, points.test_labels])
    chances = np.zeros((len(inputs), points.classes))
    chances[:, model.classes_] = model.predict_proba(inputs)
    return np.stack([chances[np.arange(len(labels)), labels], model.apply(inputs)], 1)


def _array(values: Any) -> Floats:
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu().numpy()
    return np.asarray(values, dtype=np.float64)
