"""What the tests of the store share."""

from __future__ import annotations

import pytest
from simple_trainers import NearestMean
from stored_runs import POINTS

from memmetrics.experiment.retraining import retrain


@pytest.fixture
def expected():
    return retrain(NearestMean(), POINTS, runs=12, rng=0, stack_size=4)
