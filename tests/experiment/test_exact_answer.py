"""Models small enough that every subset of the points can be trained on.

The expectations that the estimators are for are then plain means over subsets, all of
which are equally likely in a balanced design with ``fraction=0.5``.
"""

from __future__ import annotations

import numpy as np
import pytest

import memmetrics as mm
from memmetrics.metrics.consistency import ConsistencyScore
from memmetrics.metrics.counterfactual import CounterfactualMemorization
from memmetrics.metrics.group_memorization import GroupMemorization
from memmetrics.metrics.influence import CounterfactualInfluence

POINTS, REPETITIONS, RUNS = 10, 200, 32
PLACES = 1 << np.arange(POINTS)

rng = np.random.default_rng(0)
INPUTS = rng.normal(size=(POINTS, 2))
LABELS = INPUTS @ [1.0, -1.0] + rng.normal(scale=0.5, size=POINTS)
GROUPS = np.array([0, 0, 0, 1, 1, 2, 3, 4, 5, 6])


def ridge(indices):
    """Minus the squared error of ridge regression."""
    x, y = INPUTS[indices], LABELS[indices]
    weights = np.linalg.solve(x.T @ x + 0.1 * np.eye(2), x.T @ y)
    return -((LABELS - INPUTS @ weights) ** 2)


def nearest(indices):
    """Minus the error of the nearest point's label."""
    distances = np.linalg.norm(INPUTS[:, np.newaxis] - INPUTS[indices], axis=-1)
    return -np.abs(LABELS - LABELS[indices][distances.argmin(axis=1)])


class Enumerated:
    """A model's scores under every subset that is not empty, and means over them."""

    def __init__(self, model):
        every = np.arange(1, 2**POINTS)
        self.member = (every[:, np.newaxis] & PLACES) > 0  # (subsets, points)
        self.scores = np.stack([model(np.flatnonzero(row)) for row in self.member])

    def score(self, indices, seed):
        return self.scores[PLACES[indices].sum() - 1]

    def contrast(self, inside, outside):
        return self.scores[inside].mean(axis=0) - self.scores[outside].mean(axis=0)

    @property
    def influence(self):
        return np.stack([self.contrast(column, ~column) for column in self.member.T])

    @property
    def consistency(self):
        return [self.scores[~self.member[:, i], i].mean() for i in range(POINTS)]

    @property
    def group_memorization(self):
        labels = np.unique(GROUPS)
        counts = np.stack([self.member[:, g == GROUPS].sum(1) for g in labels], axis=1)
        sizes = np.bincount(GROUPS)
        together = ((counts == 0) | (counts == sizes)).all(axis=1)
        return [
            self.contrast(
                together & (counts[:, g] > 0), together & (counts[:, g] == 0)
            )[g == GROUPS].mean()
            for g in labels
        ]

    def retrain(self, **options):
        return mm.retrain(mm.FunctionTrainer(self.score), INPUTS, **options)


@pytest.fixture(scope="module", params=[ridge, nearest])
def model(request):
    return Enumerated(request.param)


@pytest.fixture(scope="module")
def repetitions(model):
    return [model.retrain(runs=RUNS, rng=rng) for rng in range(REPETITIONS)]


def assert_unbiased(estimates, exact):
    estimates = np.stack(estimates)
    error = estimates.std(axis=0, ddof=1) / np.sqrt(len(estimates))
    assert (np.abs(estimates.mean(axis=0) - exact) < 4 * error).all()
    # The exact answers are not all near 0, or anything would pass.
    assert (np.abs(exact) > 10 * error).mean() > 0.2


def assert_within_four_errors(result, exact):
    assert (np.abs(result.estimate - exact) < 4 * result.standard_error).all()


def test_estimates_are_within_four_standard_errors(model):
    evidence = model.retrain(runs=400, rng=0)
    memorization = CounterfactualMemorization()(evidence)
    assert_within_four_errors(memorization, np.diag(model.influence))
    assert_within_four_errors(CounterfactualInfluence()(evidence), model.influence)
    assert_within_four_errors(ConsistencyScore()(evidence), model.consistency)
    grouped = GroupMemorization()(model.retrain(runs=400, rng=1, groups=GROUPS))
    assert_within_four_errors(grouped, model.group_memorization)


def test_memorization_is_unbiased(model, repetitions):
    estimates = [CounterfactualMemorization()(runs).estimate for runs in repetitions]
    assert_unbiased(estimates, np.diag(model.influence))


def test_consistency_is_unbiased(model, repetitions):
    estimates = [ConsistencyScore()(runs).estimate for runs in repetitions]
    assert_unbiased(estimates, model.consistency)


def test_influence_is_unbiased_off_the_diagonal(model, repetitions):
    apart = ~np.eye(POINTS, dtype=bool)
    estimates = [
        CounterfactualInfluence()(runs).estimate[apart] for runs in repetitions
    ]
    assert_unbiased(estimates, model.influence[apart])


def test_standard_errors_are_those_over_repetitions(model, repetitions):
    results = [CounterfactualMemorization()(runs) for runs in repetitions]
    spread = np.std([result.estimate for result in results], axis=0, ddof=1)
    errors = np.sqrt(np.mean([result.standard_error**2 for result in results], axis=0))
    # Too large if anything: balanced arms vary less than independent draws would.
    assert ((errors / spread > 0.9) & (errors / spread < 1.4)).all()
