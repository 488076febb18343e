"""Trainers that are bound to data: once in each process, and no number changes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import joblib
import numpy as np
import pytest
import torch
from simple_trainers import NearestMean

import memmetrics as mm
from memmetrics.experiment.execution import worker
from memmetrics.experiment.retraining import retrain

POINTS = np.random.default_rng(0).normal(size=(20, 3))


@dataclass(frozen=True)
class Bound:
    fit: object


class Binding(NearestMean):
    """A nearest mean that counts how often it is bound, and that only then trains."""

    bound = 0

    def fit(self, data, member, *, seeds):
        pytest.fail("the data are looked at with every stack")

    def bind(self, data):
        type(self).bound += 1
        return Bound(partial(NearestMean().fit, data))


@pytest.fixture
def binding():
    Binding.bound = 0
    return Binding()


def test_it_is_bound_once_and_forgotten_after(binding):
    evidence = retrain(binding, POINTS, runs=40, rng=0, stack_size=2)
    expected = retrain(NearestMean(), POINTS, runs=40, rng=0)
    assert binding.bound == 1
    assert not worker._bound
    np.testing.assert_array_equal(evidence.scores, expected.scores)


def test_threads_share_what_is_bound(binding):
    expected = retrain(NearestMean(), POINTS, runs=40, rng=0)
    with joblib.parallel_config(backend="threading", n_jobs=3):
        evidence = retrain(binding, POINTS, runs=40, rng=0, stack_size=2)
    assert binding.bound == 1
    np.testing.assert_array_equal(evidence.scores, expected.scores)


def test_each_experiment_has_its_own_data(binding):
    for factor in (1, 2):
        evidence = retrain(binding, POINTS * factor, runs=8, rng=0)
        expected = retrain(NearestMean(), POINTS * factor, runs=8, rng=0)
        np.testing.assert_array_equal(evidence.scores, expected.scores)
    assert binding.bound == 2


def test_a_fit_written_over_a_bound_one_is_used(binding):
    class Derived(Binding):
        def fit(self, data, member, *, seeds):
            return NearestMean().fit(data, member, seeds=seeds)

    evidence = retrain(Derived(), POINTS, runs=8, rng=0)
    expected = retrain(NearestMean(), POINTS, runs=8, rng=0)
    np.testing.assert_array_equal(evidence.scores, expected.scores)
    assert binding.bound == 0


def test_what_goes_wrong_in_binding_is_said():
    class Refusing(Binding):
        def bind(self, data):
            raise ValueError("not with these data")

    with pytest.raises(mm.errors.RetrainingError, match="not with these data"):
        retrain(Refusing(), POINTS, runs=4, rng=0)


def linear_trainer():
    return mm.ModuleTrainer(
        lambda: torch.nn.Linear(3, 2),
        score=lambda output, target: -((output - target) ** 2).sum(-1),
        steps=5,
    )


@pytest.mark.parametrize(
    ("trainer", "data"),
    [
        (mm.ToyTrainer(hidden=2, steps=20), np.abs(POINTS)),
        (linear_trainer(), (POINTS.astype("f4"), POINTS[:, :2].astype("f4"))),
    ],
    ids=["toy", "module"],
)
def test_our_trainers_give_the_same_bound_and_not(trainer, data):
    member = np.random.default_rng(1).random((3, 20)) < 0.6
    plain = trainer.fit(data, member, seeds=[1, 2, 3]).scores(data)
    bound = trainer.bind(data)
    for _ in range(2):
        again = bound.fit(member, seeds=[1, 2, 3]).scores(data)
        np.testing.assert_array_equal(np.asarray(again), np.asarray(plain))
