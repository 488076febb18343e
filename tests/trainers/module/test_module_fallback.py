"""ModuleTrainer where runs cannot be stacked, and where the input makes no sense."""

from __future__ import annotations

import logging
import re

import numpy as np
import pytest
import torch
from scores import log_likelihood
from torch import nn
from torch.nn import functional

import memmetrics as mm
import memmetrics.trainers.module.trainer

RNG = np.random.default_rng(0)
POINTS = 20
INPUTS = RNG.normal(size=(POINTS, 4)).astype("f4")
LABELS = RNG.integers(0, 3, POINTS)
DATA = (INPUTS, LABELS)
MEMBER = RNG.random((2, POINTS)) < 0.5
SEEDS = [1, 2]


def linear():
    return nn.Linear(4, 3)


def trainer(factory=linear, **options):
    options = {"score": log_likelihood, "steps": 4} | options
    return mm.ModuleTrainer(factory, **options)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.LSTM(1, 5, batch_first=True)
        self.out = nn.Linear(5, 3)

    def forward(self, inputs):
        return self.out(self.cell(inputs[..., None])[0][:, -1])


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(4, 3)

    def forward(self, inputs):
        output = self.out(inputs)
        return output if output.sum() > 0 else 2 * output


class Centered(nn.Module):
    """Subtracts the mean of the batch."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(4, 3)

    def forward(self, inputs):
        return self.out(inputs - inputs.mean(0))


class Unregistered(nn.Module):
    """Keeps random numbers that are neither parameter nor buffer."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(4, 3)
        self.shift = torch.randn(4)

    def forward(self, inputs):
        return self.out(inputs + self.shift)


class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(4, 3)

    def forward(self, inputs):
        return self.out(functional.dropout(inputs, 0.5, self.training))


def normalized():
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 3))


def large():
    return nn.Sequential(nn.Linear(4, 1000), nn.ReLU(), nn.Linear(1000, 1000))


REASONS = [
    (normalized, {}, "BatchNorm1d mixes the examples"),
    (Recurrent, {}, "torch.func cannot vectorize it"),
    (Branching, {}, "torch.func cannot vectorize it"),
    (Noisy, {}, "torch.func cannot vectorize it.*random"),
    (Centered, {}, "depends on the others of its batch"),
    (Unregistered, {}, "'shift' differs between runs"),
    (linear, {"optimizer": torch.optim.LBFGS}, "optimizer LBFGS is not known"),
    (large, {}, "too much for stacking to pay"),
    (linear, {"stacked": False}, "`stacked` is False"),
]


@pytest.mark.parametrize(
    ("factory", "options", "reason"), REASONS, ids=[reason[-1] for reason in REASONS]
)
def test_one_at_a_time_with_the_reason(factory, options, reason):
    made = trainer(factory, **options)
    assert made.stack_size(DATA, 400) == 1
    stack = made.fit(DATA, MEMBER, seeds=SEEDS)
    assert re.search(reason, stack.one_at_a_time)
    scores = stack.scores(DATA)
    assert scores.shape == (2, POINTS)
    # each run is its own, whatever runs beside it, and comes out again
    again = made.fit(DATA, MEMBER[1:], seeds=SEEDS[1:])
    np.testing.assert_array_equal(again.scores(DATA), scores[1:])
    assert all(len(value) == 2 for value in stack.parameters.values())


def test_stacked_overrules_the_size_but_not_the_possible():
    member, seeds = MEMBER, SEEDS
    assert trainer(large, stacked=True).fit(
        DATA, member, seeds=seeds
    ).one_at_a_time is (None)
    forced = trainer(normalized, stacked=True).fit(DATA, member, seeds=seeds)
    assert forced.one_at_a_time is not None


def test_the_reason_is_logged_once(caplog, monkeypatch):
    monkeypatch.setattr(memmetrics.trainers.module.trainer, "_told", set())
    with caplog.at_level(logging.INFO, logger="memmetrics"):
        for _ in range(3):
            trainer(Recurrent).fit(DATA, MEMBER, seeds=SEEDS)
        trainer(large).fit(DATA, MEMBER, seeds=SEEDS)
    levels = [record.levelname for record in caplog.records]
    assert levels == ["WARNING", "INFO"]
    assert "one at a time: torch.func cannot" in caplog.messages[0]


def test_batch_normalization_equals_a_plain_loop():
    # in float64: the first steps of AdamW make much of the last bit of a float32
    stack = trainer(normalized, dtype="float64").fit(DATA, MEMBER[:1], seeds=[9])
    with torch.random.fork_rng():
        torch.manual_seed(9)
        module = normalized().double()
    optimizer = torch.optim.AdamW(module.parameters())
    inputs, labels = torch.as_tensor(INPUTS).double(), torch.as_tensor(LABELS)
    own = np.flatnonzero(MEMBER[0])
    for _ in range(4):
        optimizer.zero_grad()
        (-log_likelihood(module(inputs[own]), labels[own])).mean().backward()
        optimizer.step()
    expected = log_likelihood(module.eval()(inputs), labels).detach()
    np.testing.assert_allclose(stack.scores(DATA)[0], expected, atol=1e-9)


def test_lbfgs_gets_its_closure():
    stack = trainer(optimizer=torch.optim.LBFGS, steps=20).fit(
        DATA, MEMBER, seeds=SEEDS
    )
    start = trainer(steps=1, optimizer_options={"lr": 0.0}).fit(
        DATA, MEMBER, seeds=SEEDS
    )
    gain = stack.scores(DATA) - start.scores(DATA)
    assert (gain * MEMBER).sum(1).min() > 1


def test_attention_is_stacked():
    def factory():
        layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)
        return nn.Sequential(nn.Unflatten(1, (1, 4)), layer, nn.Flatten(), linear())

    together = trainer(factory, dtype="float64").fit(DATA, MEMBER, seeds=SEEDS)
    alone = trainer(factory, dtype="float64", stacked=False).fit(
        DATA, MEMBER, seeds=SEEDS
    )
    assert together.one_at_a_time is None
    np.testing.assert_allclose(together.scores(DATA), alone.scores(DATA), atol=1e-9)


class TwoOutputs(nn.Module):
    def __init__(self):
        super().__init__()
        self.out, self.scale = nn.Linear(4, 3), nn.Linear(4, 1)

    def forward(self, inputs):
        return self.out(inputs), self.scale(inputs)


def test_a_module_may_put_out_more_than_one_tensor():
    def score(output, target):
        logits, scale = output
        return log_likelihood(logits * scale, target)

    options = {"score": score, "dtype": "float64"}
    together = trainer(TwoOutputs, **options).fit(DATA, MEMBER, seeds=SEEDS)
    alone = trainer(TwoOutputs, stacked=False, **options).fit(DATA, MEMBER, seeds=SEEDS)
    assert together.one_at_a_time is None
    np.testing.assert_allclose(together.scores(DATA), alone.scores(DATA), atol=1e-10)


@pytest.mark.parametrize(
    ("points", "runs", "size"),
    [(20, 3, 3), (20, 40, 16), (20, 400, 67), (20, 9999, 128)],
)
def test_stack_size_follows_from_the_problem(points, runs, size):
    assert trainer().stack_size((INPUTS[:points], LABELS[:points]), runs) == size


def test_stack_size_falls_with_the_size_of_the_model():
    def factory():
        return nn.Sequential(nn.Linear(4, 8192), nn.ReLU(), nn.Linear(8192, 3))

    assert 1 < trainer(factory, batch_size=8).stack_size(DATA, 400) < 50


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"steps": 0}, ValueError, "`steps` must be at least 1; got 0"),
        ({"steps": 1.5}, TypeError, "`steps` must be an integer; got float"),
        ({"batch_size": 0}, ValueError, "`batch_size` must be at least 1; got 0"),
        ({"score": 3}, TypeError, "`score` must be callable; got int"),
        ({"loss": 3}, TypeError, "`loss` must be callable; got int"),
        ({"optimizer": "adam"}, TypeError, "`optimizer` must be callable; got str"),
        ({"optimizer_options": 1}, TypeError, "`optimizer_options` must be a mapping"),
        ({"dtype": "int8"}, ValueError, "`dtype` must be one of .*; got 'int8'"),
        ({"loss_mask": [[]]}, ValueError, r"`loss_mask`.*got shape \(1, 0\)"),
        ({"loss_mask": [-1.0]}, ValueError, "`loss_mask` must not be negative"),
        ({"loss_mask": [np.nan]}, ValueError, "`loss_mask` must be finite"),
        ({"loss_mask": ["a"]}, TypeError, "`loss_mask` must hold numbers"),
    ],
)
def test_bad_options_are_refused_at_once(options, error, message):
    with pytest.raises(error, match=message):
        trainer(**options)


def test_factory_must_be_callable():
    with pytest.raises(TypeError, match="`factory` must be callable; got int"):
        mm.ModuleTrainer(3, score=log_likelihood, steps=1)


@pytest.mark.parametrize(
    ("factory", "options", "error", "message"),
    [
        (lambda: 3, {}, TypeError, "must return a torch.nn.Module; got int"),
        (nn.ReLU, {}, ValueError, "trainable parameters; ReLU has none"),
        (lambda: nn.LazyLinear(3), {}, ValueError, "'weight' is lazy"),
        (lambda: nn.Linear(5, 3), {}, ValueError, r"shape \(2, 4\) torch.float32"),
        (
            linear,
            {"score": lambda output, _: output.mean()},
            ValueError,
            r"`score` must return one value per example.*it gave \(\)",
        ),
        (
            linear,
            {"score": lambda output, _: output.sum(0)},
            ValueError,
            r"for a batch of 2 it gave \(3,\)",
        ),
        (
            linear,
            {"score": lambda output, _: output.tolist()},
            TypeError,
            "`score` must return a tensor; got list",
        ),
        (
            linear,
            {"score": lambda output, target: output @ target},
            ValueError,
            "`score` failed on a batch of two points: RuntimeError",
        ),
        (
            linear,
            {"score": lambda output, target: (output.argmax(1) == target).float()},
            ValueError,
            "give a `loss` if `score` is not",
        ),
        (
            linear,
            {"loss": lambda output, _: output.mean()},
            ValueError,
            "`loss` must return one value per example",
        ),
        (linear, {"hidden": "x"}, ValueError, "`hidden` must name a submodule"),
        (normalized, {"weights": "1"}, ValueError, "'1' is a BatchNorm1d"),
        (
            linear,
            {"loss_mask": np.ones((POINTS, 2))},
            ValueError,
            r"shape of the losses, \('points',\); got \(20, 2\)",
        ),
        (
            linear,
            {"loss_mask": np.ones(POINTS + 1)},
            ValueError,
            r"must have 20 rows.*got shape \(21,\)",
        ),
        (linear, {"optimizer": lambda _: 3}, TypeError, "must return a torch.optim"),
    ],
)
def test_what_does_not_fit_is_refused_before_training(factory, options, error, message):
    with pytest.raises(error, match=message):
        trainer(factory, **options).fit(DATA, MEMBER, seeds=SEEDS)
    with pytest.raises(error, match=message):  # and by the harness, in the parent
        trainer(factory, **options).stack_size(DATA, 10)


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ((INPUTS, LABELS[:-1]), ValueError, r"equally long; got \[20, 19\]"),
        ((INPUTS * np.inf, LABELS), ValueError, r"`data\[0\]` must be finite"),
        ((INPUTS[:0], LABELS[:0]), ValueError, r"not be empty; got shape \(0, 4\)"),
        ((INPUTS.astype(str), LABELS), TypeError, r"`data\[0\]` must hold numbers"),
        ((), ValueError, "empty tuple"),
    ],
)
def test_bad_data(data, error, message):
    with np.errstate(invalid="ignore"), pytest.raises(error, match=message):
        trainer().fit(data, MEMBER, seeds=SEEDS)


def test_sparse_data_are_refused():
    sparse = mm.sparse_features(20, 30, 0.9, rng=0)
    with pytest.raises(TypeError, match=r"`data` is a sparse array.*toarray"):
        trainer().fit(sparse, MEMBER, seeds=SEEDS)


def test_configuration_is_plain_and_tells_recipes_apart():
    base = trainer().configuration()
    assert base == trainer().configuration()
    for changed in (
        trainer(steps=5),
        trainer(batch_size=3),
        trainer(optimizer_options={"lr": 1.0}),
        trainer(loss_mask=np.ones(POINTS)),
        trainer(lambda: nn.Linear(4, 3, bias=False)),
        trainer(score=lambda output, target: 2 * log_likelihood(output, target)),
    ):
        assert changed.configuration() != base
