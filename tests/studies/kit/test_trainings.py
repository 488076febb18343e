from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

import memmetrics as mm
from memmetrics.trainers.toy import ToyTrainer
from studies._kit.trainings import Training, retraining_seconds

TRAINER = mm.ToyTrainer(hidden=2, steps=50, threads=1)
DATA = mm.sparse_features(8, 30, 0.8, rng=0)


@pytest.fixture
def fits(monkeypatch):
    """How many times a trainer was asked for more than a few steps."""
    counted = []
    fit = ToyTrainer.fit

    def counting(self, *arguments, **options):
        counted.append(self.steps)
        return fit(self, *arguments, **options)

    monkeypatch.setattr(ToyTrainer, "fit", counting)
    return counted


def test_what_was_trained_is_read_and_the_same(tmp_path, fits):
    direct = Training(TRAINER, DATA, [1, 2]).run(None)
    first = Training(TRAINER, DATA, [1, 2]).run(tmp_path / "store")
    second = Training(TRAINER, DATA, [1, 2]).run(tmp_path / "store")
    assert fits == [50, 50]
    for stack in (first, second):
        np.testing.assert_array_equal(stack.weights, direct.weights)
        np.testing.assert_array_equal(stack.losses(DATA), direct.losses(DATA))


def test_anything_else_is_another_training(tmp_path):
    weights, bias = np.full((2, 30, 2), 0.1), np.zeros((2, 30))
    others = [
        Training(TRAINER, DATA, [1, 2]),
        Training(TRAINER, DATA, [1, 3]),
        Training(TRAINER, DATA[:7], [1, 2]),
        Training(TRAINER, sparse.csr_array(DATA * 0.5), [1, 2]),
        Training(TRAINER, DATA, [1, 2], init=(weights, bias)),
        Training(TRAINER, DATA, [1, 2], init=(2 * weights, bias)),
        Training(mm.ToyTrainer(hidden=2, steps=51), DATA, [1, 2]),
    ]
    assert len({training._path(tmp_path) for training in others}) == len(others)
    # More threads only make it faster.
    threads = mm.ToyTrainer(hidden=2, steps=50, threads=2)
    assert Training(threads, DATA, [1, 2])._path(tmp_path) == others[0]._path(tmp_path)


def test_what_is_done_costs_nothing(tmp_path, fits):
    training = Training(TRAINER, DATA, [1, 2])
    assert training.seconds(tmp_path) > 0
    training.run(tmp_path)
    fits.clear()
    assert training.seconds(tmp_path) == 0.0
    assert fits == []


def test_retrainings_are_timed_by_their_number():
    assert retraining_seconds(TRAINER, DATA, runs=2, fits=1) > 0
