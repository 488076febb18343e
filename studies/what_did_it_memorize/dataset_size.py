"""From memorizing points to representing features, as the data set grows.

What the paper shows (Henighan et al. 2023, Figures 2 to 4): a network with two hidden
dimensions arranges few points as a regular polygon, each of datapoint dimensionality
2/points, while its features look like noise. With enough data the picture turns over:
five features form a pentagon, and the points look like noise. In between neither
works, and the test loss has its peak: double descent in the number of points. Jermyn's
replication, with losses summed over features as here, has a peak far higher than the
paper's, and finds that the features appear at about ten occurrences of each feature:
at sparsity 0.99, 1,000 points.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

import memmetrics as mm
from memmetrics.trainers.toy.stack import ToyStack
from studies._kit.chapter import Begin, Chapter, Settings
from studies._kit.randomness import generator, run_seeds
from studies._kit.trainings import Training
from studies.what_did_it_memorize import dataset_size_pictures as pictures

_DATA, _TEST, _TRAINING = range(3)
_STREAM = 1

_TEXT = """
A network with two hidden dimensions has to reconstruct sparse points that it sees as a
whole training set. How it does so depends on how many there are. At each size several
networks are trained from different starts, and the one with the lowest training loss
is looked at. A reconstruction of zero has a loss of 1, since every point has length 1.

Datapoint dimensionality says how much of a hidden dimension one training point has to
itself, feature dimensionality the same of one input feature. The paper (Henighan et
al. 2023, Figure 3) reports that few points are memorized, many make the network learn
features, and that the test loss is worst in between.
"""


@dataclass(frozen=True)
class DatasetSize:
    """The scale at which to look: fields are sizes, steps and numbers of networks."""

    sizes: tuple[int, ...]
    drawn: tuple[int, ...]
    features: int = 1000
    sparsity: float = 0.99
    steps: int = 20_000
    starts: int = 4
    test_points: int = 5000
    hidden: int = field(default=2, init=False)

    def check(self, settings: Settings) -> None:
        """Nothing outside the program can go wrong here."""

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds of the trainings at each size."""
        return {
            _named(points): self._training(settings, points).seconds(settings.store)
            for points in self.sizes
        }

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Train at each size, measure the best network of each."""
        test = self._sample(settings, self.test_points, _TEST)
        tables, models = [], {}
        for points in self.sizes:
            begin(_named(points))
            training = self._training(settings, points)
            stack = training.run(settings.store)
            table, models[points] = _measure(stack, training.data, test)
            tables.append(table.assign(points=points))
        table = pd.concat(tables, ignore_index=True).assign(
            features=self.features, hidden=self.hidden
        )
        return self._chapter(table, models, _best_constant_loss(test))

    def _sample(self, settings: Settings, points: int, purpose: int) -> csr_array:
        rng = generator(settings.seed, _STREAM, purpose, points)
        return mm.sparse_features(points, self.features, self.sparsity, rng=rng)

    def _training(self, settings: Settings, points: int) -> Training:
        return Training(
            mm.ToyTrainer(
                hidden=self.hidden, steps=self.steps, threads=settings.n_jobs
            ),
            self._sample(settings, points, _DATA),
            run_seeds(settings.seed, _STREAM, _TRAINING, points, runs=self.starts),
        )

    def _chapter(
        self, table: pd.DataFrame, models: dict[int, pictures.Vectors], constant: float
    ) -> Chapter:
        summary = summarize(table)
        drawn = {points: models[points] for points in self.drawn}
        return Chapter(
            name="dataset_size",
            title="From memorizing points to representing features",
            text=_TEXT,
            table=table,
            summary=summary,
            pictures=[
                pictures.double_descent(table, summary, constant),
                pictures.vectors(drawn, table),
                pictures.lengths(table),
            ],
            configuration=asdict(self),
        )


def _named(points: int) -> str:
    return f"toy model, {points:,} points"


def _measure(
    stack: ToyStack, data: csr_array, test: csr_array
) -> tuple[pd.DataFrame, pictures.Vectors]:
    """Losses of every network, and dimensionalities of the best, with its vectors."""
    train, held_out = np.asarray(stack.losses(data)), np.asarray(stack.losses(test))
    best = int(np.nanargmin(train.mean(1)))
    vectors = pictures.Vectors(
        features=np.asarray(stack.weights[best]),
        points=np.asarray(stack.hidden(data)[best]),
    )
    fit = mm.Fit(weights=vectors.features, hidden=vectors.points)
    lengths = {
        "weight_length": np.linalg.norm(np.asarray(stack.weights), axis=(1, 2)),
        "bias_length": np.linalg.norm(np.asarray(stack.bias), axis=1),
    }
    of_runs = [
        _mean_loss("train_loss", train),
        _mean_loss("test_loss", held_out),
        mm.TrainTestGap()(mm.Losses(train=train, test=held_out)),
        *(_of_runs(name, "length", values) for name, values in lengths.items()),
    ]
    of_best = [mm.FeatureDimensionality()(fit), mm.DatapointDimensionality()(fit)]
    table = pd.concat(
        [result.to_frame() for result in of_runs]
        + [result.to_frame().assign(run=best) for result in of_best],
        ignore_index=True,
    )
    return table.assign(best=table["run"] == best), vectors


def _mean_loss(name: str, losses: pictures.Floats) -> mm.Result:
    """Mean over points of each run's losses (runs, points), with standard error."""
    error = losses.std(axis=1, ddof=1) / losses.shape[1] ** 0.5
    return _of_runs(name, "squared error", losses.mean(1), standard_error=error)


def _of_runs(
    name: str, unit: str, values: pictures.Floats, **options: Any
) -> mm.Result:
    return mm.Result(name, unit=unit, estimate=values, axes=("run",), **options)


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """One row a size, about its best network."""
    rows = []
    for points, at_size in table[table["best"]].groupby("points"):
        estimates = dict(iter(at_size.groupby("metric")["estimate"]))
        of_features = estimates["feature_dimensionality"]
        rows.append(
            {
                "points": points,
                "train loss": estimates["train_loss"].item(),
                "test loss": estimates["test_loss"].item(),
                "largest datapoint dimensionality": estimates[
                    "datapoint_dimensionality"
                ].max(),
                "largest feature dimensionality": of_features.max(),
                pictures.FEATURES: int((of_features > pictures.OWN_DIRECTION).sum()),
            }
        )
    return pd.DataFrame(rows).round(4)


def _best_constant_loss(test: csr_array) -> float:
    """Loss of a network that ignores its input and says the mean of a feature.

    All features have the same distribution, so they share one mean. Points have
    length 1, so the loss is 1 less the squared length of the mean point.
    """
    points, features = test.shape
    mean: float = test.sum() / (points * features)
    return float(1.0 - features * mean**2)
