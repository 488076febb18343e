"""Points on a regular polygon: exact for orthonormal points, and only for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import sparse

import memmetrics as mm
from memmetrics.plotting import COLORS, draw_vectors
from studies._kit.chapter import Begin, Chapter, Picture, Settings
from studies._kit.estimates import Estimate, median_of
from studies._kit.grid import medians
from studies._kit.pictures import BAND, draw_band
from studies._kit.randomness import generator, run_seeds, stream_of
from studies._kit.toy import by_data_set
from studies._kit.trainings import Training
from studies.whose_hypothesis.solutions import (
    Floats,
    disjoint_points,
    losses,
    point_features,
    uneven_angles,
)

NAME = "whose_hypothesis"
_STREAM = stream_of(NAME)
_DATA, _TRAINING = 0, 1
KINDS = ("orthonormal", "sparse")
_COLORS = {"orthonormal": COLORS["blue"], "sparse": COLORS["vermillion"]}


@dataclass(frozen=True)
class Polygon:
    """The scale at which to look."""

    sizes: tuple[int, ...] = (4, 5, 6, 8, 10, 12)
    features: int = 200
    active: int = 10
    steps: int = 10_000
    starts: int = 8
    data_sets: int = 6

    def check(self, settings: Settings) -> None:
        """Nothing outside the program can go wrong here."""

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds of all sizes, from one data set of the largest."""
        training = self._training(settings, KINDS[0], max(self.sizes), 0)
        each = training.seconds(settings.store)
        return {"polygons": each * len(KINDS) * len(self.sizes) * self.data_sets}

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Construct polygons and train for them, on both kinds of points."""
        begin("polygons")
        rows, shown = [], {}
        for points in self.sizes:
            for kind in KINDS:
                for data_set in range(self.data_sets):
                    training = self._training(settings, kind, points, data_set)
                    hidden, found = _measure(training, settings)
                    if data_set == 0:
                        shown[kind, points] = hidden
                    rows.append(
                        pd.DataFrame(
                            found.items(), columns=["metric", "estimate"]
                        ).assign(kind=kind, points=points, data_set=data_set)
                    )
        table = pd.concat(rows, ignore_index=True).assign(features=self.features)
        return Chapter(
            name="polygon",
            title="Orthonormal points",
            text=_TEXT,
            table=table,
            summary=summarize(table),
            pictures=[curves(table), polygons(shown)],
            configuration=vars(self),
        )

    def _training(
        self, settings: Settings, kind: str, points: int, data_set: int
    ) -> Training:
        key = (KINDS.index(kind), data_set, points)
        rng = generator(settings.seed, _STREAM, _DATA, *key)
        if kind == KINDS[0]:
            data = sparse.csr_array(
                disjoint_points(points, self.features, self.active, rng)
            )
        else:
            sparsity = 1 - self.active / self.features
            data = mm.sparse_features(points, self.features, sparsity, rng=rng)
        trainer = mm.ToyTrainer(hidden=2, steps=self.steps, threads=settings.n_jobs)
        seeds = run_seeds(settings.seed, _STREAM, _TRAINING, *key, runs=self.starts)
        return Training(trainer, data, seeds)


_TEXT = """
Points that share no feature are orthonormal, and for them one feature a point is an
exact answer: the points on a regular polygon, each turned back into itself. Here it is
written down (no training), and looked for by training with the paper's recipe, the
best of several starts by train loss; and the same for sparse points as in the paper,
which are only nearly orthogonal.
"""


def _measure(training: Training, settings: Settings) -> tuple[Floats, dict[str, float]]:
    """Return the hidden vectors of the best start, and what is asked of it."""
    stack = training.run(settings.store)
    trained = np.asarray(stack.losses(training.data), dtype=float).mean(axis=1)
    best = int(trained.argmin())
    hidden = np.asarray(stack.hidden(training.data), dtype=float)[best]
    dense = training.data.toarray()
    return hidden, {
        "constructed_loss": float(losses(*point_features(dense), dense).mean()),
        "trained_loss": float(trained[best]),
        "uneven_angles": uneven_angles(hidden),
    }


def _kind(table: pd.DataFrame, metric: str, kind: str) -> pd.DataFrame:
    """Return (data sets, points)."""
    rows = table[(table["part"] == "polygon") & (table["kind"] == kind)]
    return by_data_set(rows, metric, "points")


def constructed(table: pd.DataFrame, kind: str) -> Estimate:
    """Largest loss of the constructed polygon over the sizes."""
    return median_of(_kind(table, "constructed_loss", kind).max(axis=1))


def trained_angles(table: pd.DataFrame, points: int) -> Estimate:
    """Unevenness of the angles that training finds for orthonormal points."""
    return median_of(_kind(table, "uneven_angles", KINDS[0]).get(points, []))


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets, one row a kind and size."""
    # Six digits: a loss of 1e-30 is zero.
    return medians(table, ["kind", "points"], digits=6)


def curves(table: pd.DataFrame) -> Picture:
    """Losses and angles of both kinds against the number of points."""
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    for ax, metric, ylabel in zip(
        figure.subplots(1, 3),
        ("constructed_loss", "trained_loss", "uneven_angles"),
        (
            "train loss, constructed polygon",
            "train loss, best of the trained",
            "largest deviation of an angle",
        ),
        strict=True,
    ):
        for kind in KINDS:
            rows = table[table["kind"] == kind]
            draw_band(
                rows, "points", metric=metric, ax=ax, color=_COLORS[kind], label=kind
            )
        ax.set(xlabel="points (number)", ylabel=ylabel)
    figure.axes[0].legend()
    medians = table.pivot_table(
        index=["metric", "kind"], columns="points", values="estimate", aggfunc="median"
    )
    exact = medians.loc["constructed_loss", KINDS[0]].max()
    worst = medians.loc["constructed_loss", KINDS[1]].max()
    caption = (
        f"{BAND} Losses are squared errors, summed over features. The constructed "
        f"polygon has a loss of at most {exact:.0e} on orthonormal points and up to "
        f"{worst:.3g} on sparse ones (medians)."
    )
    return Picture("polygon", "One feature a point", caption, figure)


def polygons(shown: dict[tuple[str, int], Floats]) -> Picture:
    """Hidden vectors of the best start, first data set."""
    sizes = sorted({points for _, points in shown})
    figure = Figure(figsize=(2 * len(sizes), 4.4), layout="constrained")
    axes = figure.subplots(len(KINDS), len(sizes), squeeze=False)
    for row, kind in zip(axes, KINDS, strict=True):
        for ax, points in zip(row, sizes, strict=True):
            draw_vectors(shown[kind, points], ax=ax, color=_COLORS[kind])
            ax.set_title(f"{points} points", loc="center")
        row[0].set_ylabel(kind)
    caption = (
        "Hidden vectors of the points in the trained network with the least train "
        "loss, first data set. Each panel has its own scale."
    )
    return Picture("vectors", "What training finds", caption, figure)
