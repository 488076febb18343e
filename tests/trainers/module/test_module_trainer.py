"""ModuleTrainer: a run is its own, and says all there is to know of it."""

from __future__ import annotations

import functools

import joblib
import numpy as np
import pytest
import torch
from module_problems import (
    LABELS,
    MEMBER,
    POINTS,
    PROBLEMS,
    SEEDS,
    TokenModel,
    dense,
    perceptron,
    token_score,
)
from scores import log_likelihood
from torch import nn

import memmetrics as mm

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("batch_size", [None, 16])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_run_is_the_same_bit_by_bit_in_any_stack(batch_size, dropout):
    factory = functools.partial(perceptron, dropout=dropout)
    data = (dense(16), LABELS)
    member = np.random.default_rng(1).random((5, POINTS)) < 0.5
    trainer = mm.ModuleTrainer(
        factory, score=log_likelihood, steps=40, batch_size=batch_size
    )
    whole = trainer.fit(data, member, seeds=range(5))
    for size in (1, 2):
        for start in range(0, 5, size):
            part = slice(start, start + size)
            stack = trainer.fit(data, member[part], seeds=range(5)[part])
            for name, value in stack.parameters.items():
                assert torch.equal(value, whole.parameters[name][part]), name
            np.testing.assert_array_equal(stack.scores(data), whole.scores(data)[part])


def test_runs_with_few_points_take_them_all_whatever_the_others_do():
    data = (dense(16), LABELS)
    member = np.zeros((2, POINTS), dtype=bool)
    member[0, :3] = member[1, :30] = True
    trainer = mm.ModuleTrainer(
        perceptron, score=log_likelihood, steps=20, batch_size=8, dtype="float64"
    )
    stack = trainer.fit(data, member, seeds=[1, 2])
    full = mm.ModuleTrainer(
        perceptron, score=log_likelihood, steps=20, dtype="float64"
    ).fit(data, member[:1], seeds=[1])
    np.testing.assert_allclose(stack.scores(data)[:1], full.scores(data), atol=1e-12)


def test_global_randomness_is_neither_used_nor_moved():
    _, data, score = PROBLEMS["perceptron"]
    trainer = mm.ModuleTrainer(
        functools.partial(perceptron, dropout=0.5), score=score, steps=3, batch_size=4
    )
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = trainer.fit(data, MEMBER, seeds=SEEDS).scores(data)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    np.testing.assert_array_equal(
        trainer.fit(data, MEMBER, seeds=SEEDS).scores(data), first
    )


def test_every_run_has_its_own_initial_weights_order_and_dropout():
    data = (dense(16), LABELS)
    same = np.repeat(MEMBER[:1], 3, axis=0)

    def spread(factory, batch_size):
        trainer = mm.ModuleTrainer(
            factory, score=log_likelihood, steps=10, batch_size=batch_size
        )
        return np.ptp(trainer.fit(data, same, seeds=SEEDS).scores(data), axis=0).max()

    def frozen_start(dropout):
        module = perceptron(dropout=dropout)
        for parameter in module.parameters():
            nn.init.constant_(parameter, 0.01)
        return module

    assert spread(perceptron, None) > 1e-2
    assert spread(functools.partial(frozen_start, 0.0), None) == 0
    assert spread(functools.partial(frozen_start, 0.0), 4) > 1e-5
    assert spread(functools.partial(frozen_start, 0.5), None) > 1e-5


def test_integers_and_doubles_mean_what_they_should():
    integers = RNG.integers(0, 255, (POINTS, 16)).astype(np.uint8)
    scores = [
        mm.ModuleTrainer(perceptron, score=log_likelihood, steps=5)
        .fit((inputs, LABELS.astype(np.int32)), MEMBER, seeds=SEEDS)
        .scores((inputs, LABELS))
        for inputs in (integers, integers.astype("f4"), integers.astype("f8"))
    ]
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[0], scores[2])


def test_read_only_arrays_are_taken_and_data_left_alone():
    inputs = dense(16)
    inputs.flags.writeable = False
    before = inputs.copy()
    trainer = mm.ModuleTrainer(perceptron, score=log_likelihood, steps=2)
    trainer.fit((inputs, LABELS), MEMBER, seeds=SEEDS)
    np.testing.assert_array_equal(inputs, before)


def test_hidden_activations_weights_and_losses_of_the_same_runs():
    data = (dense(16), LABELS)
    trainer = mm.ModuleTrainer(
        perceptron, score=log_likelihood, steps=10, hidden="1", weights="0"
    )
    stack = trainer.fit(data, MEMBER, seeds=SEEDS)
    weight, bias = stack.parameters["0.weight"], stack.parameters["0.bias"]
    expected = torch.relu(torch.as_tensor(data[0]) @ weight.mT + bias[:, None])
    np.testing.assert_allclose(stack.hidden(data), expected, atol=1e-5)
    np.testing.assert_array_equal(stack.weights, weight.mT)
    np.testing.assert_allclose(stack.losses(data), -stack.scores(data), rtol=1e-6)
    table = mm.measure(
        trainer,
        data,
        ["datapoint_dimensionality", "feature_dimensionality"],
        fits=2,
        rng=0,
    )
    assert table.groupby("metric").size().to_dict() == {
        "datapoint_dimensionality": 2 * POINTS,
        "feature_dimensionality": 2 * 16,
    }


def test_embedding_weights_have_a_row_per_token():
    data = PROBLEMS["tokens"][1]
    trainer = mm.ModuleTrainer(
        TokenModel, score=token_score, steps=2, weights="embed", hidden="norm"
    )
    stack = trainer.fit(data, MEMBER, seeds=SEEDS)
    assert stack.weights.shape == (3, 9, 6)
    assert stack.hidden(data).shape == (3, POINTS, 4 * 6)
    assert stack.losses(data).shape == (3, POINTS)


def test_without_names_a_stack_has_no_hidden_and_no_weights():
    data = (dense(16), LABELS)
    trainer = mm.ModuleTrainer(perceptron, score=log_likelihood, steps=1)
    stack = trainer.fit(data, MEMBER, seeds=SEEDS)
    assert not hasattr(stack, "hidden")
    assert stack.weights is None


@pytest.mark.parametrize("stacked", [None, False])
def test_masked_tokens_teach_nothing(stacked):
    tokens = PROBLEMS["tokens"][1].copy()
    mask = np.ones(tokens.shape)
    mask[5, 1:] = 0
    trainer = mm.ModuleTrainer(
        TokenModel,
        score=token_score,
        loss=lambda output, target: -token_score(output, target % 9),
        steps=15,
        batch_size=6,
        loss_mask=mask,
        stacked=stacked,
    )
    member = np.ones((2, POINTS), dtype=bool)
    stack = trainer.fit((tokens, tokens), member, seeds=[0, 1])
    other = tokens.copy()
    other[5, 1:] = (other[5, 1:] + 1) % 9  # in the target only
    changed = trainer.fit((tokens, other), member, seeds=[0, 1])
    for name, value in stack.parameters.items():
        assert torch.equal(value, changed.parameters[name]), name
    other[5, 0] = (other[5, 0] + 1) % 9  # this one counts
    changed = trainer.fit((tokens, other), member, seeds=[0, 1])
    assert not torch.equal(
        stack.parameters["out.weight"], changed.parameters["out.weight"]
    )


def test_mask_of_ones_changes_nothing():
    tokens = PROBLEMS["tokens"][1]
    scores = [
        mm.ModuleTrainer(TokenModel, score=token_score, steps=5, loss_mask=mask)
        .fit(tokens, MEMBER, seeds=SEEDS)
        .scores(tokens)
        for mask in (None, np.ones_like(tokens))
    ]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert scores[0].shape == (3, POINTS, 4)


@pytest.mark.parametrize("stacked", [None, False])
def test_divergence_is_reported_per_run(stacked):
    inputs = dense(4)
    inputs[0] = 1e30
    target = dense(2)
    member = np.ones((3, POINTS), dtype=bool)
    member[[0, 2], 0] = False
    trainer = mm.ModuleTrainer(
        lambda: nn.Linear(4, 2),
        score=lambda output, target: -((output - target) ** 2).sum(-1),
        optimizer=torch.optim.SGD,
        optimizer_options={"lr": 1e-3},
        steps=10,
        stacked=stacked,
    )
    stack = trainer.fit((inputs, target), member, seeds=SEEDS)
    np.testing.assert_array_equal(stack.diverged, [False, True, False])
    nan = np.isnan(stack.scores((inputs, target)))
    assert nan[1].all()
    assert not nan[[0, 2], 1:].any()


def test_usage_in_other_processes_gives_the_same_table():
    data = (torch.from_numpy(dense(16)), torch.from_numpy(LABELS))
    trainer = mm.ModuleTrainer(
        lambda: perceptron(dropout=0.1), score=log_likelihood, steps=10, batch_size=8
    )
    options = {"runs": 20, "groups": np.arange(POINTS) // 3, "rng": 0}
    alone = mm.retrain(trainer, data, n_jobs=1, **options)
    spread = mm.retrain(trainer, data, n_jobs=2, stack_size=5, **options)
    np.testing.assert_array_equal(alone.scores, spread.scores)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("stacked", [True, False])
def test_other_devices_train_the_same_runs(stacked):
    data = (dense(16), LABELS)
    options = {"steps": 20, "batch_size": 8, "dtype": "float64", "stacked": stacked}
    scores = [
        mm.ModuleTrainer(perceptron, score=log_likelihood, device=device, **options)
        .fit(data, MEMBER, seeds=SEEDS)
        .scores(data)
        for device in ("cpu", "cuda")
    ]
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-8)


@pytest.mark.parametrize("stacked", [True, False])
def test_threads_do_not_disturb_one_another(stacked):
    data = (dense(16), LABELS)
    trainer = mm.ModuleTrainer(
        functools.partial(perceptron, dropout=0.2),
        score=log_likelihood,
        steps=10,
        batch_size=8,
        stacked=stacked,
    )
    options = {"runs": 12, "stack_size": 2, "rng": 0}
    alone = mm.retrain(trainer, data, n_jobs=1, **options)
    with joblib.parallel_config(backend="threading", n_jobs=4):
        beside = mm.retrain(trainer, data, **options)
    np.testing.assert_array_equal(alone.scores, beside.scores)
