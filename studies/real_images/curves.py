"""Leverages of images that a network was trained on, and of others like them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

import memmetrics as mm
from studies._kit.chapter import Begin, Chapter, Settings
from studies._kit.images import Images, known_labels
from studies._kit.trainings import Training
from studies.real_images.leverages import summarize
from studies.real_images.networks import MODELS, Classifier, autoencoder, images_of
from studies.real_images.pictures import gallery, ratios, tails

_TEXT = """
Two networks are trained on images scaled to length 1: a classifier with one hidden
layer, as in Olah's comment on the paper, and the tied autoencoder of the toy model.
The maximal datapoint dimensionality of an image is its leverage h (HᵀH)⁺ h in the
hidden layer: how much of a direction it can have to itself. Of a held-out image it is
what the image would have if it were added to the training set. If the network treated
training images like any others, both curves would be one. A held-out image with a
leverage of 1 uses a direction that no training image does. Each data set is another
split of the images, so that their intervals are somewhat too narrow.
"""


@dataclass(frozen=True)
class Curves:
    """The scale at which to look; hidden units of the classifier and autoencoder."""

    sizes: tuple[int, ...] = (150, 300, 600, 1100)
    units: int = 64
    hidden: int = 8
    epochs: int = 150
    steps: int = 2000
    test_points: int = 500
    data_sets: int = 6

    def check(self, settings: Settings) -> None:
        """Read the images, so that what is wrong with them is known at once."""
        known_labels(*self._images(settings, max(self.sizes), 0))

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds at each size: one data set, timed with a tenth of the work."""
        costs = {}
        for points in self.sizes:
            train, _ = self._images(settings, points, 0)
            training = self._autoencoder(settings, train, 0)
            if training.is_done(settings.store):
                costs[_named(points)] = 0.0
                continue
            started = time.perf_counter()
            Classifier(self.units, max(self.epochs // 10, 1)).fit(train, seed=0)
            classifier = 10 * (time.perf_counter() - started)
            seconds = classifier + training.seconds(settings.store)
            costs[_named(points)] = self.data_sets * seconds
        return costs

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Measure all images by their leverage, in both models."""
        tables = []
        for points in self.sizes:
            begin(_named(points))
            for data_set in range(self.data_sets):
                table = self._measure(settings, points, data_set)
                tables.append(table.assign(points=points, data_set=data_set))
        table = pd.concat(tables, ignore_index=True)
        train, _ = self._images(settings, max(self.sizes), 0)
        return Chapter(
            name="curves",
            title="The curve of held-out images",
            text=_TEXT,
            table=table,
            summary=summarize(table),
            pictures=[tails(table), ratios(table), gallery(table, train)],
            configuration=vars(self),
        )

    def _images(
        self, settings: Settings, points: int, data_set: int
    ) -> tuple[Images, Images]:
        return images_of(settings, points, self.test_points, data_set)

    def _autoencoder(
        self, settings: Settings, train: Images, data_set: int
    ) -> Training:
        return autoencoder(
            settings, train, data_set, hidden=self.hidden, steps=self.steps
        )

    def _measure(self, settings: Settings, points: int, data_set: int) -> pd.DataFrame:
        """Leverages in both models, with the classifier's accuracies."""
        train, test = self._images(settings, points, data_set)
        training = self._autoencoder(settings, train, data_set)
        trained = training.run(settings.store)
        path = None
        if settings.store is not None:
            recipe = f"units{self.units}-epochs{self.epochs}-tests{self.test_points}"
            path = settings.store / f"{training.identity()}-{recipe}.npz"
        classifier = Classifier(self.units, self.epochs)
        layer = classifier.layer(path, train, test, training.seeds[0])
        weights, bias = layer["weights"], layer["bias"]
        frames = [
            _leverages(
                "classifier",
                np.maximum(train.unit_rows() @ weights + bias, 0),
                np.maximum(test.unit_rows() @ weights + bias, 0),
            ),
            _leverages(
                "autoencoder",
                np.asarray(trained.hidden(train.unit_rows())[0], dtype=float),
                np.asarray(trained.hidden(test.unit_rows())[0], dtype=float),
            ),
        ]
        names = ("train_accuracy", "test_accuracy")
        frames += [
            pd.DataFrame({"metric": [name], "estimate": [value], "model": MODELS[0]})
            for name, value in zip(names, layer["accuracies"].tolist(), strict=True)
        ]
        return pd.concat(frames).assign(run=0)


def _named(points: int) -> str:
    return f"images, {points:,} points"


def _leverages(model: str, train: Any, test: Any) -> pd.DataFrame:
    """Leverage of every image; `train` and `test` are (images, hidden)."""
    frames = [
        mm.Result(name, unit="dimensions", estimate=values).to_frame()
        for name, values in (
            ("leverage", mm.leverage(train)),
            ("held_out_leverage", mm.leverage(test, reference=train)),
        )
    ]
    return pd.concat(frames)[["metric", "unit", "index", "estimate"]].assign(
        model=model
    )
