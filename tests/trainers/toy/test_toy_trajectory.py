"""Models along a training: those of trainings that were ended there."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import toy_reference

import memmetrics as mm

STEPS = 60
DATA = mm.sparse_features(30, 90, 0.9, rng=0)
MEMBER = np.random.default_rng(0).random((3, 30)) < 0.6
SEEDS = [5, 6, 7]


def trainer(**options):
    return mm.ToyTrainer(**{"hidden": 2, "steps": STEPS, "threads": 1, **options})


@pytest.mark.parametrize("backend", ["fused", "eager"])
def test_begins_with_the_start_and_ends_with_what_fit_returns(backend):
    recipe = trainer(backend=backend)
    kept = recipe.trajectory(DATA, MEMBER, seeds=SEEDS, at=[0, 7, 20, STEPS])
    end = recipe.fit(DATA, MEMBER, seeds=SEEDS)
    assert len(kept) == 4
    torch.testing.assert_close(kept[-1].weights, end.weights, rtol=0, atol=0)
    torch.testing.assert_close(kept[-1].bias, end.bias, rtol=0, atol=0)
    assert {stack.backend for stack in kept} == {backend}
    start = kept[0]
    assert not start.bias.any()
    for run, seed in enumerate(SEEDS):
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.empty(90, 2).normal_(0, (2 / 92) ** 0.5, generator=generator)
        torch.testing.assert_close(start.weights[run], drawn)
    lengths = [float(stack.bias.norm()) for stack in kept]
    assert len(set(lengths)) == 4  # each a snapshot of its own


@pytest.mark.parametrize("backend", ["fused", "eager"])
def test_each_is_what_the_reference_has_after_so_many_steps(backend):
    recipe = trainer(backend=backend, dtype="float64", learning_rate=0.01)
    rng = np.random.default_rng(1)
    init = rng.normal(0, 0.15, (1, 90, 2)), rng.normal(0, 0.02, (1, 90))
    at = [1, 13, 40]
    kept = recipe.trajectory(DATA, MEMBER[:1], seeds=[0], at=at, init=init)
    own = torch.from_numpy(DATA.toarray()[MEMBER[0]]).double()
    start = [torch.from_numpy(values[0]) for values in init]
    for step, stack in zip(at, kept, strict=True):
        weights, bias = toy_reference.train(recipe, own, *start, steps=step)
        torch.testing.assert_close(stack.weights[0], weights, rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(stack.bias[0], bias, rtol=1e-6, atol=1e-9)


def test_which_steps_are_kept_changes_none_of_them():
    recipe = trainer()
    few = recipe.trajectory(DATA, MEMBER, seeds=SEEDS, at=[20, 50])
    many = recipe.trajectory(DATA, MEMBER, seeds=SEEDS, at=range(STEPS + 1))
    for stack, step in zip(few, (20, 50), strict=True):
        torch.testing.assert_close(stack.weights, many[step].weights, rtol=0, atol=0)


@pytest.mark.parametrize(
    "at", [[], [3, 3], [5, 2], [-1, 2], [2, STEPS + 1], [1.5], ["1"]]
)
def test_steps_that_there_are_not_are_refused(at):
    with pytest.raises(ValueError, match=r"`at` must be whole numbers of steps"):
        trainer().trajectory(DATA, MEMBER, seeds=SEEDS, at=at)
