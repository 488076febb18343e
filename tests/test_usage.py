"""The public names, called together the way users will."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn.functional import cross_entropy

import memmetrics as mm

COLUMNS = [
    "metric",
    "unit",
    "run",
    "index",
    "estimate",
    "standard_error",
    "low",
    "high",
    "n_in",
    "n_out",
]


class LargestLoss:
    name, version, needs = "largest_loss", 1, mm.Losses

    def __call__(self, evidence):
        largest = evidence.train.max(-1)
        return mm.Result(metric=self.name, unit="loss", estimate=largest)


@pytest.fixture
def data():
    return mm.sparse_features(60, 500, 0.98, rng=0)


@pytest.fixture
def trainer():
    return mm.ToyTrainer(hidden=2, steps=200, learning_rate=1e-3, warmup=0.05)


def test_dimensionalities_take_runs_and_held_out_points():
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(7, 100, 3, generator=generator)
    held_out = torch.randn(5, 3, generator=generator)
    assert mm.datapoint_dimensionality(hidden).shape == (7, 100)
    one = mm.datapoint_dimensionality(held_out, reference=hidden[0])
    assert one.shape == (5,)
    # A held-out point never beats the direction that leverage would choose for it.
    assert (one <= mm.leverage(held_out, reference=hidden[0]) + 1e-5).all()
    assert mm.leverage(hidden).max() <= 1 + 1e-5
    assert isinstance(mm.feature_dimensionality(np.eye(4)), np.ndarray)


def test_dimensionality_as_a_penalty():
    weights = torch.eye(3, 2).requires_grad_()
    mm.feature_dimensionality(weights).sum().backward()
    assert weights.grad is not None
    assert torch.isfinite(weights.grad).all()


def test_a_stack_of_toy_runs(data, trainer):
    stack = trainer.fit(data, np.ones((3, 60), bool), seeds=[0, 1, 2])
    assert stack.weights.shape == (3, 500, 2)
    assert stack.bias.shape == (3, 500)
    assert stack.hidden(data).shape == (3, 60, 2)
    losses = np.asarray(stack.losses(data))
    assert losses.shape == (3, 60)
    np.testing.assert_allclose(np.asarray(stack.scores(data)), -losses)


def test_given_starting_values_are_used(data):
    still = mm.ToyTrainer(hidden=2, steps=1, learning_rate=1e-12)
    init = (torch.full((1, 500, 2), 0.01), torch.zeros(1, 500))
    stack = still.fit(data, np.ones((1, 60), bool), seeds=[0], init=init)
    np.testing.assert_allclose(np.asarray(stack.weights), 0.01, rtol=1e-6)


def test_retrainings_feed_the_counterfactual_metrics(data, trainer):
    runs = mm.retrain(trainer, data, runs=16, fraction=0.5, rng=0, n_jobs=1)
    assert runs.scores.shape == runs.member.shape == (16, 60)
    assert runs.member.dtype == bool
    memorization = mm.counterfactual_memorization(runs.scores, runs.member)
    assert memorization.estimate.shape == (60,)
    # Sparse points that hardly overlap are memorized one by one.
    assert np.mean(memorization.estimate) > 0
    influence = mm.counterfactual_influence(runs.scores, runs.member)
    assert influence.estimate.shape == (60, 60)


def test_measure_puts_every_metric_in_one_table(data, trainer):
    test = mm.sparse_features(200, 500, 0.98, rng=1)
    metrics = [
        "feature_dimensionality",
        "datapoint_dimensionality",
        mm.Leverage(),
        "train_test_gap",
        "counterfactual_memorization",
        LargestLoss(),
    ]
    table = mm.measure(trainer, data, metrics, test=test, runs=16, fits=2, rng=0)
    assert list(table.columns)[: len(COLUMNS)] == COLUMNS
    rows = table.groupby("metric").size().to_dict()
    assert rows == {
        "feature_dimensionality": 2 * 500,
        "datapoint_dimensionality": 2 * 60,
        "leverage": 2 * 60,
        "train_test_gap": 2,
        "counterfactual_memorization": 60,
        "largest_loss": 2,
    }
    retrained = table[table.metric == "counterfactual_memorization"]
    assert retrained.run.isna().all()
    assert (retrained.n_in + retrained.n_out == 16).all()
    again = mm.measure(trainer, data, metrics, test=test, runs=16, fits=2, rng=0)
    pd.testing.assert_frame_equal(table, again)


def test_any_function_can_be_retrained():
    points = np.random.default_rng(0).normal(size=(30, 4))

    def score(indices, seed):
        assert seed >= 0
        return -np.abs(points - points[indices].mean(0)).sum(1)

    runs = mm.retrain(mm.FunctionTrainer(score), points, runs=32, rng=0, n_jobs=1)
    table = mm.counterfactual_memorization(runs.scores, runs.member).to_frame()
    # A point pulls the mean of its subset towards itself.
    assert table.estimate.mean() > 0
    assert (table.low < table.high).all()


def test_any_module_can_be_retrained():
    points = np.random.default_rng(0).normal(size=(30, 4)).astype("f4")
    labels = torch.from_numpy((points[:, 0] > 0).astype("int64"))
    groups = np.arange(30) // 3
    trainer = mm.ModuleTrainer(
        lambda: torch.nn.Linear(4, 2),
        score=lambda output, target: -cross_entropy(output, target, reduction="none"),
        optimizer=torch.optim.AdamW,
        optimizer_options={"lr": 1e-2},
        steps=50,
        batch_size=8,
    )
    inputs = (torch.from_numpy(points), labels)
    runs = mm.retrain(trainer, inputs, runs=12, groups=groups, rng=0, n_jobs=1)
    assert runs.scores.shape == (12, 30)
    # Groups enter and leave together.
    assert (runs.member[:, ::3] == runs.member[:, 1::3]).all()
    assert np.isfinite(runs.scores).all()
