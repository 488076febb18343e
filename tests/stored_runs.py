"""Runs in a store, and the files that they are in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from simple_trainers import NearestMean

from memmetrics.experiment.retraining import retrain
from memmetrics.experiment.store.manifest import trainer_configuration

POINTS = np.random.default_rng(0).normal(size=(20, 3))


class Untouchable(NearestMean):
    """The same recipe by its configuration, but it may not train."""

    def configuration(self):
        return trainer_configuration(NearestMean())

    def fit(self, *_, **__):
        pytest.fail("training began")


def run(directory, trainer=None, *, runs=12, **options):
    arguments = {"stack_size": 4, "rng": 0, "data": POINTS, **options}
    return retrain(trainer or NearestMean(), runs=runs, store=directory, **arguments)


def stacks(directory):
    return sorted((Path(directory) / "stacks").iterdir())
