"""Points without end: against plain autograd on the same draws, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import toy_reference

import memmetrics as mm
from memmetrics.trainers import FreshSamples

# Features, sparsity, points of a step, hidden: both kernels, few and many hidden units,
# batches without a non-zero, more than one tile of features.
SHAPES = [
    (30, 0.9, 7, 2),
    (40, 0.5, 9, 5),
    (12, 0.99, 2, 1),
    (700, 0.97, 20, 11),
    (5, 0.0, 1, 2),
]


def starting_values(samples, hidden, runs):
    rng = np.random.default_rng(3)
    weights = rng.normal(0, 0.3, (runs, samples.features, hidden))
    return weights, rng.normal(0, 0.02, (runs, samples.features))


def everyone(samples, runs):
    return np.ones((runs, samples.points_per_step), bool)


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("backend", ["fused", "eager"])
def test_equals_autograd_on_the_same_draws(backend, shape, reduction):
    samples, hidden, seeds = FreshSamples(*shape[:3]), shape[3], [5, 2**64 - 1]
    options = {"hidden": hidden, "steps": 40, "loss_reduction": reduction}
    options |= {"learning_rate": 1e-2, "adam_epsilon": 1e-5, "dtype": "float64"}
    init = starting_values(samples, hidden, 2)
    trainer = mm.ToyTrainer(**options, backend=backend)
    stack = trainer.fit(samples, everyone(samples, 2), seeds=seeds, init=init)
    for run, seed in enumerate(seeds):
        batches = [
            torch.from_numpy(samples.batch(seed, step).toarray()).double()
            for step in range(trainer.steps)
        ]
        start = (torch.from_numpy(value[run]) for value in init)
        weights, bias = toy_reference.train_on(trainer, batches, *start)
        torch.testing.assert_close(stack.weights[run], weights, rtol=1e-8, atol=1e-9)
        torch.testing.assert_close(stack.bias[run], bias, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("sparsity", [0.95, 0.5])
def test_a_run_depends_on_its_seed_alone(sparsity):
    samples, seeds = FreshSamples(80, sparsity, 30), [4, 9, 0]

    def fit(runs, threads):
        trainer = mm.ToyTrainer(steps=30, threads=threads)
        chosen = [seeds[run] for run in runs]
        stack = trainer.fit(samples, everyone(samples, len(runs)), seeds=chosen)
        return stack.weights, stack.bias

    together = fit([0, 1, 2], 1)
    for runs, threads in (([0, 1, 2], 3), ([2, 0], 1), ([1], 4)):
        for ours, all_runs in zip(fit(runs, threads), together, strict=True):
            assert torch.equal(ours, all_runs[runs])
    assert not torch.equal(together[0][0], together[0][1])


def test_a_batch_comes_once_and_can_be_had_again():
    samples = FreshSamples(50, 0.9, 40)
    first = samples.batch(seed=1, step=0)
    assert first.shape == samples.shape == (40, 50)
    assert (first != samples.batch(seed=1, step=0)).nnz == 0
    for other in (samples.batch(seed=1, step=1), samples.batch(seed=2, step=0)):
        assert (first != other).nnz > 0
    batches = [samples.batch(0, step).toarray() for step in range(200)]
    found = np.mean([(batch > 0).mean() for batch in batches])
    # 400,000 trials of probability 0.1: standard deviation 0.0005.
    assert found == pytest.approx(0.1, abs=0.0025)


def test_a_trajectory_is_one_training():
    samples = FreshSamples(30, 0.8, 6)
    trainer = mm.ToyTrainer(steps=20)
    middle, end = trainer.trajectory(
        samples, everyone(samples, 1), seeds=[3], at=[7, 20]
    )
    whole = trainer.fit(samples, everyone(samples, 1), seeds=[3])
    assert torch.equal(end.weights, whole.weights)
    assert not torch.equal(middle.weights, end.weights)


def test_features_are_learned_and_nothing_is_memorized():
    samples = FreshSamples(60, 0.9, 200)
    trainer = mm.ToyTrainer(steps=3000, learning_rate=1e-2)
    stack = trainer.fit(samples, everyone(samples, 2), seeds=[0, 1])
    seen = np.asarray(stack.losses(samples.batch(0, 0))).mean(1)
    test = mm.sparse_features(4000, 60, 0.9, rng=5)
    losses = np.asarray(stack.losses(test))
    error = np.asarray(losses.std(1) / 200**0.5)
    assert (abs(seen - losses.mean(1)) < 5 * error).all()
    own = mm.feature_dimensionality(np.asarray(stack.weights)) > 0.15
    assert (own.sum(1) >= 4).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0.9, 5), r"`features` must be an integer of at least 1; got 0"),
        ((9, 0.9, 2.5), r"`points_per_step` must be an integer of at least 1; got 2.5"),
        ((9, 1.0, 5), r"`sparsity` must lie in \[0, 1\); got 1.0"),
    ],
)
def test_bad_samples(arguments, message):
    with pytest.raises(ValueError, match=message):
        FreshSamples(*arguments)


def test_no_point_can_be_left_out():
    samples = FreshSamples(9, 0.5, 4)
    member = everyone(samples, 2)
    member[1, 2] = False
    trainer = mm.ToyTrainer(steps=2)
    with pytest.raises(ValueError, match=r"must be all true with FreshSamples.*got 1"):
        trainer.fit(samples, member, seeds=[0, 1])
    with pytest.raises(ValueError, match=r"the 4 points of `data`; got shape \(2, 3\)"):
        trainer.fit(samples, member[:, :3], seeds=[0, 1])
    with pytest.raises(TypeError, match=r"no set of points.*`batch` gives"):
        mm.retrain(trainer, samples, runs=4, rng=0)
    stack = trainer.fit(samples, everyone(samples, 1), seeds=[0])
    with pytest.raises(TypeError, match=r"no set of points"):
        stack.losses(samples)


@pytest.mark.parametrize("place", [(None, 0), (0, -1), (0, 1.5), (-1, 0)])
def test_a_batch_is_that_of_a_seed_and_a_step(place):
    samples = FreshSamples(30, 0.9, points_per_step=7)
    with pytest.raises((TypeError, ValueError), match=r"`(seed|step)` must be"):
        samples.batch(*place)


@pytest.mark.parametrize("seeds", [[1.5], "1", None])
def test_seeds_are_whole_numbers(seeds):
    samples = FreshSamples(30, 0.9, points_per_step=7)
    with pytest.raises(TypeError, match="`seeds` must be whole numbers"):
        mm.ToyTrainer(steps=1).fit(samples, everyone(samples, 1), seeds=seeds)
