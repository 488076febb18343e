"""Data that are sparse in a rotated basis, and read-outs that can say so or cannot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from scipy import stats

import memmetrics as mm
from memmetrics.plotting import COLORS
from studies._kit.chapter import Begin, Chapter, Picture, Settings
from studies._kit.estimates import Estimate, median_of
from studies._kit.grid import medians
from studies._kit.pictures import BAND, draw_band, log_from_one
from studies._kit.randomness import generator, stream_of
from studies._kit.toy import by_data_set, constant_loss, held_out
from studies.whose_hypothesis.polygon import NAME
from studies.whose_hypothesis.solutions import Floats

_STREAM = stream_of(NAME)
_DATA, _BASIS, _TRAINING = 4, 5, 6
# Basis in which the data are sparse, and basis of the read-out.
WORLDS = {
    "axes, read in axes": (False, False),
    "rotated, read rotated": (True, True),
    "rotated, read in axes": (True, False),
}
_COLORS = dict(
    zip(WORLDS, (COLORS["vermillion"], COLORS["green"], COLORS["gray"]), strict=True)
)


class RotatedReadOut(torch.nn.Module):
    """The tied autoencoder whose ReLU acts in the basis B: Bᵀ ReLU(B W Wᵀ y + b).

    With the identity as B it is the toy model. Weights and what the optimizer does to
    them are in the basis of the data, whatever B is; `basis` is (features, features).
    """

    def __init__(self, basis: torch.Tensor, hidden: int) -> None:
        super().__init__()
        weight = torch.empty(len(basis), hidden)
        self.weight = torch.nn.Parameter(torch.nn.init.xavier_normal_(weight))
        self.bias = torch.nn.Parameter(torch.zeros(len(basis)))
        self.register_buffer("basis", basis)

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        """Reconstruct points, (batch, features)."""
        basis: Any = self.basis
        answers = points @ self.weight @ self.weight.T @ basis.T
        reconstructed: torch.Tensor = torch.relu(answers + self.bias) @ basis
        return reconstructed


def minus_squared_error(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Score of each point: minus the squared error, summed over features."""
    return -((output - target) ** 2).sum(1)


def warm_up_and_cosine(optimizer: Any, steps: int, warmup: float = 0.05) -> Any:
    """Return the paper's schedule: a linear rise, then a cosine to zero."""

    def factor(step: int) -> float:
        rise = warmup * steps
        if step < rise:
            return (step + 1) / rise
        return 0.5 * (1 + math.cos(math.pi * (step - rise) / (steps - rise)))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


@dataclass(frozen=True)
class Rotated:
    """The scale at which to look."""

    sizes: tuple[int, ...] = (20, 30, 40, 60, 80, 120, 200)
    features: int = 60
    sparsity: float = 0.9
    hidden: int = 2
    steps: int = 1000
    learning_rate: float = 5e-3
    test_points: int = 2000
    data_sets: int = 6

    def check(self, settings: Settings) -> None:
        """Nothing outside the program can go wrong here."""

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds at each size, by what they took on two cores."""
        del settings
        elements = self.features * self.data_sets * self.steps * len(WORLDS)
        return {_named(points): 1e-7 * points * elements for points in self.sizes}

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Train in every world on the same sparse points."""
        tables = []
        for points in self.sizes:
            begin(_named(points))
            for world in WORLDS:
                table = self._losses(settings, points, world)
                tables.append(table.assign(points=points, world=world))
        table = pd.concat(tables, ignore_index=True)
        table = table.assign(features=self.features, sparsity=self.sparsity)
        return Chapter(
            name="rotated",
            title="Sparse in a rotated basis",
            text=_TEXT,
            table=table,
            summary=summarize(table),
            pictures=[curves(table)],
            configuration=vars(self),
        )

    def _losses(self, settings: Settings, points: int, world: str) -> pd.DataFrame:
        """Train and test loss of one network a data set."""
        turned, read = WORLDS[world]
        rotation = self._rotation(settings.seed)
        still = np.eye(self.features, dtype=np.float32)
        sets = [
            mm.sparse_features(
                points,
                self.features,
                self.sparsity,
                rng=generator(settings.seed, _STREAM, _DATA, data_set, points),
            ).toarray()
            for data_set in range(self.data_sets)
        ]
        test = held_out(
            self.test_points, self.features, self.sparsity, settings.seed, _STREAM
        )
        basis = rotation if turned else still
        train_points = np.concatenate(sets).astype(np.float32) @ basis
        test_points = test.toarray().astype(np.float32) @ basis
        # Each network has the points of its own data set, and no others.
        member = np.kron(np.eye(self.data_sets), np.ones(points)).astype(bool)
        trainer = mm.ModuleTrainer(
            partial(
                RotatedReadOut,
                torch.from_numpy(rotation if read else still),
                self.hidden,
            ),
            score=minus_squared_error,
            steps=self.steps,
            optimizer_options={"lr": self.learning_rate, "weight_decay": 1e-2},
            schedule=partial(warm_up_and_cosine, steps=self.steps),
        )
        targets = np.concatenate([train_points, test_points])
        retrainings = mm.retrain(
            trainer,
            (train_points, train_points),
            runs=self.data_sets,
            design=member,
            targets=(targets, targets),
            rng=generator(settings.seed, _STREAM, _TRAINING, points),
            n_jobs=settings.n_jobs,
            store=settings.store_of("rotated", world.replace(", ", "-"), points),
        )
        lost = -np.asarray(retrainings.scores, dtype=float)
        on_train, on_test = np.split(lost, [len(train_points)], axis=1)
        test_loss = on_test.mean(axis=1)
        metrics = {
            "train_loss": np.array(
                [row[own].mean() for row, own in zip(on_train, member, strict=True)]
            ),
            "test_loss": test_loss,
            "test_loss_above_constant": test_loss - constant_loss(test),
        }
        frames = [
            pd.DataFrame(
                {"estimate": values, "data_set": range(self.data_sets)}
            ).assign(metric=metric)
            for metric, values in metrics.items()
        ]
        return pd.concat(frames)

    def _rotation(self, seed: int) -> Floats:
        """Return a random rotation, (features, features): rows are the sparse basis."""
        rng = generator(seed, _STREAM, _BASIS)
        rotation: Floats = stats.ortho_group.rvs(self.features, random_state=rng)
        return rotation.astype(np.float32)


_TEXT = """
A change of basis has to be undone at the end, and with tied weights it must be a
rotation. Sparse points are turned by a random rotation, the same for all data sets.
The toy model's output, ReLU(W Wᵀ y + b), has no negative coordinates, which such data
do have. So its read-out is changed, and nothing else: the output is rotated into the
basis of the sparse features, bias and ReLU act there, and it is rotated back. The
rotation is given, not learned; weights are trained in the basis of the data, so that
Adam, which treats coordinates one by one, sees other coordinates than the features.
Beside it stand the toy model itself, and the rotated data read out in the axes. All
three have the same sparse points and starting weights.
"""


def _named(points: int) -> str:
    return f"rotated, {points:,} points"


def _world(table: pd.DataFrame, metric: str, world: str) -> pd.DataFrame:
    """Return (data sets, points)."""
    rows = table[(table["part"] == "rotated") & (table["world"] == world)]
    return by_data_set(rows, metric, "points")


def onset(table: pd.DataFrame, world: str) -> pd.Series:
    """Points from which on the test loss is below the best constant's, by data set.

    NaN for a data set that does not get there.
    """
    better = _world(table, "test_loss_above_constant", world) < 0
    stays = better.iloc[:, ::-1].cummin(axis=1).iloc[:, ::-1]
    return stays.idxmax(axis=1).where(stays.any(axis=1)).astype(float)


def onset_ratio(table: pd.DataFrame) -> Estimate:
    """Points at the onset in the rotated world over those in the world of axes."""
    axes, turned, _ = WORLDS
    return median_of(onset(table, turned) / onset(table, axes))


def at_the_end(table: pd.DataFrame, world: str) -> Estimate:
    """Test loss with the most points, less the best constant's."""
    return median_of(_world(table, "test_loss_above_constant", world).iloc[:, -1])


def lowest(table: pd.DataFrame, world: str) -> Estimate:
    """Least test loss over the sizes, less the best constant's."""
    return median_of(_world(table, "test_loss_above_constant", world).min(axis=1))


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets, one row a world and size."""
    return medians(table, ["world", "points"])


def curves(table: pd.DataFrame) -> Picture:
    """Test loss in the three worlds against the number of points."""
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    ax = figure.subplots()
    for world in WORLDS:
        rows = table[table["world"] == world]
        draw_band(
            rows, "points", metric="test_loss", ax=ax, color=_COLORS[world], label=world
        )
    wide = table.pivot_table(
        index=["world", "points", "data_set"], columns="metric", values="estimate"
    )
    constant = (wide["test_loss"] - wide["test_loss_above_constant"]).median()
    ax.axhline(
        constant, linestyle="--", color=COLORS["black"], label="best constant answer"
    )
    ax.set(xlabel="points (number)", ylabel="test loss (squared error)")
    log_from_one(ax, linear=0.05)
    ax.legend()
    ratio = onset_ratio(table.assign(part="rotated"))
    each = round(1 - float(table["sparsity"].iloc[0]), 12)
    ends = [
        f"{onset(table.assign(part='rotated'), world).median() * each:.3g}"
        for world in list(WORLDS)[:2]
    ]
    caption = (
        f"{BAND} The test loss falls below the best constant's from {ends[0]} "
        f"occurrences of each feature on in the axes and from {ends[1]} on in the "
        f"rotated basis (medians; nan: not everywhere); ratio {ratio.value:.3g}."
    )
    return Picture("rotated", "The same features in another basis", caption, figure)
