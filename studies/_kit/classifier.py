"""A classifier with one hidden layer, for images of any study."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

_LEARNING_RATE = 5e-3


def train_classifier(
    images: npt.NDArray[np.floating[Any]],
    labels: npt.NDArray[np.int64],
    *,
    units: int,
    epochs: int,
    seed: int,
) -> MLPClassifier:
    """Train on images (points, features) and their labels (points,)."""
    model = MLPClassifier(
        (units,),
        max_iter=epochs,
        alpha=0.0,
        learning_rate_init=_LEARNING_RATE,
        batch_size=min(64, len(images)),
        tol=0.0,
        n_iter_no_change=epochs,
        random_state=seed % 2**32,
    )
    with warnings.catch_warnings():
        # The number of epochs is what is asked for.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(images, labels)
