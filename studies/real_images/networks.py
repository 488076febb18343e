"""The two networks that images are shown to, and what they make of each image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.neural_network import MLPClassifier

import memmetrics as mm
from studies._kit.chapter import Settings
from studies._kit.classifier import train_classifier
from studies._kit.images import Images, load_images
from studies._kit.randomness import generator, run_seeds, stream_of
from studies._kit.trainings import Training, kept

NAME = "real_images"
STREAM = stream_of(NAME)
MODELS = ("classifier", "autoencoder")
_SPLIT, _TRAIN, _TEST, _TRAINING = range(4)
# Five times the paper's rate gets as far in far fewer steps (Hobbhahn's setting).
_LEARNING_RATE = 5e-3


def images_of(
    settings: Settings, points: int, test_points: int, data_set: int
) -> tuple[Images, Images]:
    """Images to train on and held-out ones: another split for each data set."""

    def stream(purpose: int) -> np.random.Generator:
        return generator(settings.seed, STREAM, purpose, data_set)

    train, test = load_images(settings.data, stream(_SPLIT), settings.classes)
    return (
        train.sample(points, stream(_TRAIN)),
        test.sample(test_points, stream(_TEST)),
    )


def autoencoder(
    settings: Settings, train: Images, data_set: int, *, hidden: int, steps: int
) -> Training:
    """Return the training of the toy model on all the images."""
    trainer = mm.ToyTrainer(
        hidden=hidden,
        steps=steps,
        learning_rate=_LEARNING_RATE,
        threads=settings.n_jobs,
    )
    key = (_TRAINING, data_set, len(train))
    seeds = run_seeds(settings.seed, STREAM, *key, runs=1)
    return Training(trainer, train.unit_rows(), seeds)


@dataclass(frozen=True)
class Classifier:
    """A classifier with one hidden layer: how many units, and how long to train."""

    units: int
    epochs: int

    def fit(self, images: Images, seed: int) -> MLPClassifier:
        """Train it."""
        return train_classifier(
            images.unit_rows(),
            images.labels,
            units=self.units,
            epochs=self.epochs,
            seed=seed,
        )

    def layer(
        self, path: Path | None, train: Images, test: Images, seed: int
    ) -> dict[str, npt.NDArray[Any]]:
        """Weights and bias of the hidden layer, and the accuracies on both parts.

        Read from the file at `path`, if that is there.
        """

        def compute() -> dict[str, npt.NDArray[Any]]:
            model = self.fit(train, seed)
            accuracies = [
                model.score(part.unit_rows(), part.labels) for part in (train, test)
            ]
            return {
                "weights": model.coefs_[0],
                "bias": model.intercepts_[0],
                "accuracies": np.array(accuracies),
            }

        return kept(path, compute)
