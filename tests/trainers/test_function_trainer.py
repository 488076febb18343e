"""FunctionTrainer: what the function gets, what it must return, what is said if not."""

from __future__ import annotations

import functools

import joblib
import numpy as np
import pytest
import torch

import memmetrics as mm
from memmetrics.identity.describe import describe

POINTS = np.arange(12.0).reshape(6, 2)
MEMBER = np.array([[1, 1, 0, 0, 1, 0], [0, 1, 1, 1, 0, 1]], dtype=bool)


def distance(indices, seed):
    shift = np.random.default_rng(seed).normal()
    return -np.abs(POINTS - POINTS[indices].mean(0)).sum(1) + shift


def constant(value):
    return lambda _indices, _seed: value


def test_function_gets_each_runs_own_indices_and_seed():
    calls = []

    def record(indices, seed):
        calls.append((indices, seed))
        return np.zeros(6)

    mm.FunctionTrainer(record).fit(POINTS, MEMBER, seeds=[7, 2**64 - 1])
    assert [seed for _, seed in calls] == [7, 2**64 - 1]
    assert all(type(seed) is int for _, seed in calls)
    for (indices, _), row in zip(calls, MEMBER, strict=True):
        np.testing.assert_array_equal(indices, np.flatnonzero(row))


def test_scores_are_what_the_function_returned():
    stack = mm.FunctionTrainer(distance).fit(POINTS, MEMBER, seeds=[3, 4])
    expected = [
        distance(np.flatnonzero(row), s) for row, s in zip(MEMBER, (3, 4), strict=True)
    ]
    np.testing.assert_array_equal(stack.scores(POINTS), expected)


@pytest.mark.parametrize(
    "returned",
    [[1, 0, 1, 0, 1, 1], np.array([True] * 6), torch.zeros(6, requires_grad=True)],
)
def test_any_kind_of_numbers_becomes_float(returned):
    trainer = mm.FunctionTrainer(constant(returned))
    scores = trainer.fit(POINTS, MEMBER, seeds=[0, 1]).scores(POINTS)
    assert scores.dtype == np.float64
    assert scores.shape == (2, 6)


def test_tokens_are_kept_as_a_trailing_axis():
    trainer = mm.FunctionTrainer(constant(np.ones((6, 4))))
    assert trainer.fit(POINTS, MEMBER, seeds=[0, 1]).scores(POINTS).shape == (2, 6, 4)


def test_a_run_of_nan_scores_counts_as_diverged():
    def function(indices, _seed):
        return np.full(6, np.nan) if 0 in indices else np.zeros(6)

    stack = mm.FunctionTrainer(function).fit(POINTS, MEMBER, seeds=[0, 1])
    np.testing.assert_array_equal(stack.diverged, [True, False])


def test_works_through_retrain_in_other_processes():
    trainer = mm.FunctionTrainer(distance)
    alone = mm.retrain(trainer, POINTS, runs=8, rng=0, n_jobs=1)
    spread = mm.retrain(trainer, POINTS, runs=8, rng=0, n_jobs=2)
    np.testing.assert_array_equal(alone.scores, spread.scores)
    np.testing.assert_array_equal(alone.member, spread.member)


def test_other_targets_than_the_points():
    held_out = np.zeros((3, 2))
    trainer = mm.FunctionTrainer(constant(np.arange(3.0)))
    runs = mm.retrain(trainer, POINTS, runs=4, targets=held_out, rng=0, n_jobs=1)
    assert runs.scores.shape == (4, 3)


def test_failure_names_the_run_and_keeps_the_cause():
    def fail(_indices, seed):
        raise KeyError(seed)

    with pytest.raises(RuntimeError, match=r"run 0 of 2 \(seed 5\): KeyError") as info:
        mm.FunctionTrainer(fail).fit(POINTS, MEMBER, seeds=[5, 6])
    assert isinstance(info.value.__cause__, KeyError)


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (3.0, ValueError, r"in run 0 of 2 \(seed 0\) it returned shape \(\)"),
        (np.zeros((0,)), ValueError, r"returned shape \(0,\)"),
        (["a"] * 6, TypeError, "must return numbers"),
        (None, TypeError, "must return numbers"),
    ],
)
def test_bad_return_values(returned, error, message):
    with pytest.raises(error, match=message):
        mm.FunctionTrainer(constant(returned)).fit(POINTS, MEMBER, seeds=[0, 1])


def test_shape_must_not_change_between_runs():
    with pytest.raises(ValueError, match=r"same shape.*\(3,\).*run 1.*\(4,\)"):
        mm.FunctionTrainer(lambda indices, _: np.zeros(len(indices))).fit(
            POINTS, MEMBER, seeds=[0, 1]
        )


def test_one_score_per_target():
    stack = mm.FunctionTrainer(constant(np.zeros(5))).fit(POINTS, MEMBER, seeds=[0, 1])
    with pytest.raises(ValueError, match=r"one score per target, 6.*\(5,\)"):
        stack.scores(POINTS)


@pytest.mark.parametrize(
    ("member", "seeds", "message"),
    [
        (MEMBER[:, :5], [0, 1], r"6 columns.*\(2, 5\)"),
        (MEMBER, [0], "one seed per row of `member`, 2; got 1"),
        (MEMBER & [[True], [False]], [0, 9], r"row 1 \(seed 9\) has none"),
    ],
)
def test_member_and_seeds_must_fit(member, seeds, message):
    with pytest.raises(ValueError, match=message):
        mm.FunctionTrainer(distance).fit(POINTS, member, seeds=seeds)


def test_member_must_be_boolean():
    with pytest.raises(TypeError, match="`member` must be boolean"):
        mm.FunctionTrainer(distance).fit(POINTS, MEMBER.astype(int), seeds=[0, 1])


def test_function_must_be_callable():
    with pytest.raises(TypeError, match="`function` must be callable; got ndarray"):
        mm.FunctionTrainer(POINTS)


@pytest.mark.parametrize(("runs", "size"), [(2, 1), (256, 1), (257, 2), (1000, 4)])
def test_stacks_are_coarse_only_for_many_runs(runs, size):
    assert mm.FunctionTrainer(distance).stack_size(POINTS, runs) == size


def closing_over(value):
    return lambda indices, seed: (indices, seed, value)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (closing_over(1), closing_over(2)),
        (closing_over(np.arange(3)), closing_over(np.arange(3) * 1.0)),
        (lambda i, s: i + s, lambda i, s: i - s),
        (lambda i, s=1: (i, s), lambda i, s=2: (i, s)),
        (functools.partial(distance, seed=1), functools.partial(distance, seed=2)),
        (distance, constant),
    ],
)
def test_configuration_tells_functions_apart(first, second):
    again = describe(first)
    assert describe(first) == again
    assert describe(first) != describe(second)


def test_configuration_survives_a_trip_through_another_process():
    here = mm.FunctionTrainer(closing_over([1.0, "a"])).configuration()
    there = joblib.Parallel(n_jobs=2)(
        joblib.delayed(lambda t: t.configuration())(
            mm.FunctionTrainer(closing_over([1.0, "a"]))
        )
        for _ in range(2)
    )
    assert there == [here, here]


def test_recursive_function_can_be_described():
    def down(number):
        return down(number - 1) if number else 0

    assert describe(down)["reads"] == {"down": {"<seen>": 0}}
