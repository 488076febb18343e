"""Networks with something planted, and the points to tell apart in each.

A `World` has positives, what a detector should find, among other points; ordinary
points never trained on; and, where they are known, the true hidden directions.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

import memmetrics as mm
from memmetrics.trainers.toy.stack import ToyStack
from studies._kit.chapter import Settings
from studies._kit.classifier import train_classifier
from studies._kit.images import Images, known_labels, load_images
from studies._kit.randomness import generator, run_seeds, stream_of
from studies._kit.toy import OWN_DIRECTION
from studies._kit.trainings import Training, kept
from studies.anomaly_detection.detectors import Activations, Floats

NAME = "anomaly_detection"
_STREAM = stream_of(NAME)
_DATA, _ORDINARY, _NEW, _TRAINING, _IMAGES = range(5)


@dataclass(frozen=True, eq=False)
class World:
    """What a detector may see, and what it is judged by.

    `positive` is (points,), over `points`; `directions` is (directions, hidden).
    `beyond_known` is what the features that the network learned leave over of each
    point's hidden vector, for whoever knows them. `shared` says whether the positives
    share one direction or have one each.
    """

    name: str
    points: Activations
    positive: npt.NDArray[np.bool_]
    trained: Activations
    ordinary: Activations
    directions: Floats | None = None
    beyond_known: Floats | None = None
    shared: bool = False


@dataclass(frozen=True)
class Toy:
    """Toy models with repeated points, or with a backdoor feature."""

    points: int = 1000
    features: int = 200
    sparsity: float = 0.95
    hidden: int = 4
    steps: int = 3000
    repeated: int = 6
    copies: int = 12
    backdoors: int = 50

    def repeated_worlds(self, settings: Settings, data_set: int) -> list[World]:
        """Put repeated points among the others, and among odd sums of features."""
        training, data = self.repeated_training(settings, data_set)
        stack = training.run(settings.store)
        own = _own(stack)
        positive = np.arange(self.points) < self.repeated
        trained = _activations(stack, data)
        directions = trained.hidden[positive]
        fresh = self._sparse(settings, _ORDINARY, data_set, self.points)
        ordinary = _activations(stack, fresh)
        odd = _unusual(own, self.points, self._rng(settings, _NEW, data_set))
        planted = data[: self.repeated]
        mixed = sparse.vstack([planted, odd]).tocsr()
        return [
            World(
                name,
                _activations(stack, points),
                is_positive,
                trained,
                ordinary,
                directions,
                _beyond(stack, own, points),
            )
            for name, points, is_positive in (
                ("repeated, among others", data, positive),
                (
                    "repeated, among odd sums",
                    mixed,
                    np.arange(mixed.shape[0]) < self.repeated,
                ),
            )
        ]

    def backdoor_world(self, settings: Settings, data_set: int) -> World:
        """Put new points with the backdoor feature among new points without."""
        training, data = self.backdoor_training(settings, data_set)
        stack = training.run(settings.store)
        own = _own(stack)
        own[-1] = False
        new = self._sparse(settings, _NEW, data_set, self.points)
        positive = np.arange(self.points) < self.points // 10
        points = _with_backdoor(new, positive)
        fresh = self._sparse(settings, _ORDINARY, data_set, self.points)
        without = _with_backdoor(fresh, np.zeros(self.points, dtype=bool))
        return World(
            "backdoor feature",
            _activations(stack, points),
            positive,
            _activations(stack, data),
            _activations(stack, without),
            np.asarray(stack.weights[0, -1:], dtype=float),
            _beyond(stack, own, points),
            shared=True,
        )

    def repeated_training(
        self, settings: Settings, data_set: int
    ) -> tuple[Training, sparse.csr_array]:
        """Say what to train on, and return each different point once."""
        data = self._sparse(settings, _DATA, data_set, self.points)
        times = np.where(np.arange(self.points) < self.repeated, self.copies, 1)
        rows = np.repeat(np.arange(self.points), times)
        return self._training(settings, data[rows], data_set), data

    def backdoor_training(
        self, settings: Settings, data_set: int
    ) -> tuple[Training, sparse.csr_array]:
        """Say what to train on: some points have one more feature."""
        data = self._sparse(settings, _DATA, data_set, self.points)
        data = _with_backdoor(data, np.arange(self.points) < self.backdoors)
        return self._training(settings, data, data_set), data

    def _training(
        self, settings: Settings, data: sparse.csr_array, data_set: int
    ) -> Training:
        trainer = mm.ToyTrainer(
            hidden=self.hidden,
            steps=self.steps,
            learning_rate=3e-3,
            threads=settings.n_jobs,
        )
        seeds = run_seeds(settings.seed, _STREAM, _TRAINING, data_set, runs=1)
        return Training(trainer, data, seeds)

    def _sparse(
        self, settings: Settings, purpose: int, data_set: int, points: int
    ) -> sparse.csr_array:
        rng = self._rng(settings, purpose, data_set)
        return mm.sparse_features(points, self.features, self.sparsity, rng=rng)

    def _rng(
        self, settings: Settings, purpose: int, data_set: int
    ) -> np.random.Generator:
        return generator(settings.seed, _STREAM, purpose, data_set)


@dataclass(frozen=True)
class Classifier:
    """A classifier of images, some of which have a wrong label."""

    points: int = 600
    mislabelled: float = 0.05
    units: int = 32
    epochs: int = 300

    def images(self, settings: Settings, data_set: int) -> tuple[Images, Images]:
        """Return the images to train on, and as many held-out ones as there are."""
        rng = generator(settings.seed, _STREAM, _IMAGES, data_set)
        train, test = load_images(settings.data, rng, settings.classes)
        known_labels(train)  # or nothing could be mislabelled
        held_out = max(1, min(self.points, len(test)))
        return train.sample(self.points, rng), test.sample(held_out, rng)

    def world(self, settings: Settings, data_set: int) -> World:
        """Put mislabelled training images among the others."""
        train, test = self.images(settings, data_set)
        rng = generator(settings.seed, _STREAM, _NEW, data_set)
        wrong = rng.permutation(self.points) < round(self.mislabelled * self.points)
        labels = train.labels.copy()
        classes = np.unique(labels)
        # Another class than the true one, each with the same probability.
        shift = rng.integers(1, len(classes), self.points)
        moved = classes[(np.searchsorted(classes, labels) + shift) % len(classes)]
        labels[wrong] = moved[wrong]
        seed = run_seeds(settings.seed, _STREAM, _TRAINING, data_set, runs=1)[0]
        recipe = f"{settings.seed}-{data_set}-{self!r}-{_digest(train, labels)}"
        path = settings.store and settings.store / f"classifier-{_short(recipe)}.npz"
        arrays = kept(path, lambda: self._fit(train.unit_rows(), labels, seed))
        return World(
            "mislabelled images",
            _of_classifier(arrays, train.unit_rows()),
            wrong,
            _of_classifier(arrays, train.unit_rows()),
            _of_classifier(arrays, test.unit_rows()),
        )

    def _fit(
        self, images: Floats, labels: npt.NDArray[np.int64], seed: int
    ) -> dict[str, npt.NDArray[Any]]:
        model = train_classifier(
            images, labels, units=self.units, epochs=self.epochs, seed=seed
        )
        (inward, outward), (bias, last) = model.coefs_, model.intercepts_
        return {"inward": inward, "bias": bias, "outward": outward, "last": last}


def _own(stack: ToyStack) -> npt.NDArray[np.bool_]:
    """Features that the network learned, (features,)."""
    dimensionalities = np.asarray(mm.feature_dimensionality(stack.weights))[0]
    learned: npt.NDArray[np.bool_] = dimensionalities > OWN_DIRECTION
    return learned


def _activations(stack: ToyStack, points: sparse.csr_array) -> Activations:
    weights = np.asarray(stack.weights[0], dtype=float)
    inputs = points.toarray()
    hidden = inputs @ weights
    outputs = np.maximum(hidden @ weights.T + np.asarray(stack.bias[0]), 0)
    return Activations(inputs, hidden, outputs)


def _beyond(
    stack: ToyStack, own: npt.NDArray[np.bool_], points: sparse.csr_array
) -> Floats:
    """Squared length of what comes from features that the network did not learn."""
    weights = np.asarray(stack.weights[0], dtype=float)
    rest: Floats = points.toarray()[:, ~own] @ weights[~own]
    return np.asarray((rest**2).sum(axis=1))


def _unusual(
    own: npt.NDArray[np.bool_], points: int, rng: np.random.Generator, together: int = 3
) -> sparse.csr_array:
    """Points of a few learned features each and of nothing else.

    Any two of these features seldom come together, and three hardly ever. A network
    that learned fewer has all of them in each point, or the first feature if it
    learned none.
    """
    learned = np.flatnonzero(own) if own.any() else np.arange(1)
    count = min(together, len(learned))
    data = np.zeros((points, len(own)))
    for row in data:
        row[rng.choice(learned, count, replace=False)] = 0.2 + 0.8 * rng.random(count)
    return sparse.csr_array(data / np.linalg.norm(data, axis=1, keepdims=True))


def _with_backdoor(
    data: sparse.csr_array, chosen: npt.NDArray[np.bool_]
) -> sparse.csr_array:
    """Add a last feature, as strong as a usual one, to the chosen points."""
    last = np.where(chosen, 0.4, 0.0)[:, np.newaxis]
    dense = np.hstack([data.toarray(), last])
    lengths = np.linalg.norm(dense, axis=1, keepdims=True)
    return sparse.csr_array(dense / np.where(lengths > 0, lengths, 1))


def _of_classifier(arrays: dict[str, npt.NDArray[Any]], images: Floats) -> Activations:
    hidden = np.maximum(images @ arrays["inward"] + arrays["bias"], 0)
    return Activations(images, hidden, hidden @ arrays["outward"] + arrays["last"])


def _digest(train: Images, labels: npt.NDArray[np.int64]) -> str:
    return _short(repr((train.pixels.tobytes(), labels.tobytes())))


def _short(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()
