"""Which digits are memorized, by each definition.

What the thread says: Olah's comment on the paper trains on MNIST and finds that most
training points have about the same maximal datapoint dimensionality (leverage), with
outliers that look odd. Greenblatt asks for the same curve on held-out points: if it
shows memorization, held-out points should lack the upper tail.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

import memmetrics as mm
from memmetrics.trainers.toy.stack import ToyStack
from studies._kit.chapter import Begin, Chapter, Settings
from studies._kit.images import Images, load_images
from studies._kit.randomness import generator, run_seeds
from studies._kit.trainings import Training, retraining_seconds
from studies.what_did_it_memorize import digit_pictures as pictures
from studies.what_did_it_memorize.points import (
    POINT_METRICS,
    measure_points,
    rank_correlations,
    with_intervals,
)

_SPLIT, _TRAIN, _TEST, _MEASURE, _HELD_OUT = range(5)
_STREAM = 3

_TEXT = """
The same model on real gray images, each scaled to length 1, every pixel a feature. A
random sample is trained on, and others are held out. What images have in common need
not be memorized, and what is memorized says something about the image.

Intervals are 95% intervals: for counterfactual memorization, over networks trained
with and without the image; for the other definitions, of the mean over networks that
started differently. In the table, ρ is Spearman's rank correlation with
counterfactual memorization.
"""


@dataclass(frozen=True)
class DigitMemorization:
    """The scale at which to look: fields are sizes, steps and numbers of networks."""

    points: int
    runs: int
    test_points: int = 500
    hidden: int = 8
    steps: int = 1500
    learning_rate: float = 5e-3
    fits: int = 8

    def check(self, settings: Settings) -> None:
        """Read the images, so that what is wrong with them is known at once."""
        self._images(settings)

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds of all trainings."""
        data = self._images(settings)[0].unit_rows()
        seconds = retraining_seconds(
            self._trainer(settings), data, runs=self.runs, fits=2 * self.fits
        )
        return {"digits": seconds}

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Measure every digit by every definition, and held-out digits by leverage."""
        begin("digits")
        train, test = self._images(settings)
        data, held_out = train.unit_rows(), test.unit_rows()
        trainer = self._trainer(settings)
        table = measure_points(
            trainer,
            data,
            held_out,
            runs=self.runs,
            fits=self.fits,
            rng=generator(settings.seed, _STREAM, _MEASURE),
            store=settings.store_of("digits"),
        )
        seeds = run_seeds(settings.seed, _STREAM, _HELD_OUT, runs=self.fits)
        stack = Training(trainer, data, seeds).run(settings.store)
        leverages = _held_out_leverage(stack, data, held_out)
        table = pd.concat([table, leverages], ignore_index=True).assign(
            points=self.points, features=data.shape[1], hidden=self.hidden
        )
        return self._chapter(table, train)

    def _trainer(self, settings: Settings) -> mm.ToyTrainer:
        return mm.ToyTrainer(
            hidden=self.hidden,
            steps=self.steps,
            learning_rate=self.learning_rate,
            threads=settings.n_jobs,
        )

    def _images(self, settings: Settings) -> tuple[Images, Images]:
        """Digits to train on and held-out digits."""
        train, test = load_images(
            settings.data,
            generator(settings.seed, _STREAM, _SPLIT),
            settings.classes,
        )
        return (
            train.sample(self.points, generator(settings.seed, _STREAM, _TRAIN)),
            test.sample(self.test_points, generator(settings.seed, _STREAM, _TEST)),
        )

    def _chapter(self, table: pd.DataFrame, images: Images) -> Chapter:
        scores = with_intervals(table)
        return Chapter(
            name="digits",
            title="Real images: the most and the least memorized",
            text=_TEXT,
            table=table,
            summary=summarize(table, scores, images),
            pictures=[
                pictures.gallery(scores, images, most=True),
                pictures.gallery(scores, images, most=False),
                pictures.ranking(scores, images),
                pictures.tails(table),
                pictures.correlations(table),
                pictures.pixels(table, images),
            ],
            configuration=asdict(self),
        )


def _held_out_leverage(
    stack: ToyStack, data: npt.NDArray[np.float64], held_out: npt.NDArray[np.float64]
) -> pd.DataFrame:
    """Leverage of digits that the network never saw, with the training set's as base.

    A training point is part of its own base, which bounds its leverage by 1; the
    reference form puts held-out points on the same scale.
    """
    values = mm.leverage(
        np.asarray(stack.hidden(held_out)), reference=np.asarray(stack.hidden(data))
    )
    return mm.Result(
        "held_out_leverage", unit="dimensionless", estimate=values
    ).to_frame()


def summarize(
    table: pd.DataFrame, scores: pd.DataFrame, images: Images
) -> pd.DataFrame:
    """One row a definition: its range, its extremes, and whom it agrees with."""
    correlations = rank_correlations(table)
    rows = []
    for metric in POINT_METRICS:
        of_metric = scores[scores["metric"] == metric].set_index("index")["estimate"]
        rows.append(
            {
                "definition": metric.replace("_", " "),
                "smallest": of_metric.min(),
                "median": of_metric.median(),
                "largest": of_metric.max(),
                "label of largest": _label(of_metric, of_metric.max(), images),
                "label of smallest": _label(of_metric, of_metric.min(), images),
                "ρ with memorization": correlations.get(metric, 1.0),
            }
        )
    return pd.DataFrame(rows).round(4)


def _label(estimates: pd.Series, value: float, images: Images) -> str:
    """Labels of the images with this score, if they have one label."""
    places = estimates.index[estimates == value].to_numpy(int)
    labels = np.unique(images.shown()[places])
    return str(labels[0]) if len(labels) == 1 else "several"
