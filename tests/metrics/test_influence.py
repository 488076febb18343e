from __future__ import annotations

import numpy as np
import pytest
import torch

from memmetrics import (
    CounterfactualInfluence,
    Retrainings,
    counterfactual_influence,
    counterfactual_memorization,
)
from memmetrics.metrics import influence as module
from memmetrics.metrics.influence import influence_blocks


def balanced(rng, runs, points):
    return np.stack([rng.permutation(runs) < runs // 2 for _ in range(points)], axis=1)


def by_regression(scores, member, point, target):
    """Coefficient of the point's membership beside the target's own, and its error."""
    design = np.stack(
        [np.ones(len(scores)), member[:, point], member[:, target]], axis=1
    )
    fit, squares, *_ = np.linalg.lstsq(design, scores[:, target])
    variance = squares[0] / (len(scores) - 3) * np.linalg.inv(design.T @ design)
    return fit[1], np.sqrt(variance[1, 1])


def example(runs=60, points=7, seed=0):
    rng = np.random.default_rng(seed)
    member = rng.random((runs, points)) < 0.5
    effects = rng.normal(size=(points, points)) + 5 * np.eye(points)
    return member @ effects + rng.normal(size=(runs, points)), member, effects


@pytest.mark.parametrize("seed", range(5))
def test_is_the_regression_on_both_memberships(seed):
    scores, member, _ = example(runs=400, seed=seed)
    result = counterfactual_influence(scores, member)
    for point in range(7):
        for target in set(range(7)) - {point}:
            slope, error = by_regression(scores, member, point, target)
            assert result.estimate[point, target] == pytest.approx(slope)
            assert result.standard_error[point, target] == pytest.approx(
                error, rel=0.05
            )


def test_the_diagonal_is_memorization():
    scores, member, _ = example()
    result = counterfactual_influence(scores, member, confidence=0.9)
    alone = counterfactual_memorization(scores, member, confidence=0.9)
    for name in ("estimate", "standard_error", "low", "high", "n_in", "n_out"):
        diagonal = np.diag(getattr(result, name))
        np.testing.assert_array_equal(diagonal, getattr(alone, name))


def test_unbiased_off_the_diagonal_and_covers():
    rng = np.random.default_rng(0)
    points, runs, repetitions = 6, 32, 400
    effects = rng.normal(size=(points, points)) + 8 * np.eye(points)
    estimates, covered = [], []
    for _ in range(repetitions):
        member = balanced(rng, runs, points)
        scores = member @ effects + rng.normal(size=(runs, points))
        result = counterfactual_influence(scores, member)
        estimates.append(result.estimate)
        covered.append((result.low < effects) & (effects < result.high))
    off = ~np.eye(points, dtype=bool)
    error = np.std(estimates, axis=0) / np.sqrt(repetitions)
    distance = (np.mean(estimates, axis=0) - effects) / error
    assert (abs(distance[off]) < 4).all()
    # All together: a bias common to all entries would add up.
    assert abs(distance[off].mean()) * np.sqrt(off.sum()) < 4
    assert 0.93 < np.mean(covered, axis=0)[off].mean() < 0.97


def test_unbiased_with_interactions():
    rng = np.random.default_rng(0)
    estimates = []
    for _ in range(1000):
        member = balanced(rng, 16, 2)
        scores = 4.0 * (member[:, :1] & member[:, 1:]) + 0.1 * rng.normal(size=(16, 2))
        estimates.append(counterfactual_influence(scores, member).estimate[0, 1])
    # E[score | in] − E[score | out] = 4 · ½ when the other is in half of the time.
    assert np.mean(estimates) == pytest.approx(2, abs=4 * np.std(estimates) / 1000**0.5)


def test_own_membership_does_not_make_noise():
    rng = np.random.default_rng(0)
    member = balanced(rng, 100, 8)
    scores = 100.0 * member + rng.normal(size=member.shape)
    off = ~np.eye(8, dtype=bool)
    result = counterfactual_influence(scores, member)
    assert abs(result.estimate[off]).max() < 1
    assert result.standard_error[off].max() < 0.3


def test_held_out_targets():
    rng = np.random.default_rng(0)
    member = rng.random((300, 4)) < 0.5
    effects = rng.normal(size=(4, 3))
    scores = member @ effects + 0.1 * rng.normal(size=(300, 3))
    result = counterfactual_influence(scores, member, own=[-1, -1, -1])
    for point in range(4):
        inside, outside = scores[member[:, point]], scores[~member[:, point]]
        difference = inside.mean(0) - outside.mean(0)
        np.testing.assert_allclose(result.estimate[point], difference)
        error = np.sqrt(
            inside.var(0, ddof=1) / len(inside) + outside.var(0, ddof=1) / len(outside)
        )
        np.testing.assert_allclose(result.standard_error[point], error)


def test_targets_in_an_order_of_their_own():
    scores, member, _ = example()
    whole = counterfactual_influence(scores, member)
    own = np.array([6, 2, 2])
    some = counterfactual_influence(scores[:, own], member, own=own)
    np.testing.assert_allclose(some.estimate, whole.estimate[:, own])
    np.testing.assert_allclose(some.high, whole.high[:, own])


def test_empty_arms_are_nan():
    scores, member, _ = example()
    member[:, 2], member[:, 5] = True, False
    with pytest.warns(RuntimeWarning, match="2 of 7 points have no run in one"):
        result = counterfactual_influence(scores, member)
    for name in ("estimate", "standard_error", "low", "high"):
        missing = np.isnan(getattr(result, name))
        assert missing[[2, 5]].all(), name
        assert not np.delete(missing, [2, 5], axis=0).any(), name
    assert result.n_in[2].tolist() == [60] * 7


def test_points_that_always_enter_together_cannot_be_told_apart():
    scores, member, _ = example()
    member[:, 1] = member[:, 0]
    member[:, 2] = ~member[:, 0]
    result = counterfactual_influence(scores, member)
    unknown = np.zeros((7, 7), dtype=bool)
    unknown[:3, :3] = ~np.eye(3, dtype=bool)
    np.testing.assert_array_equal(np.isnan(result.estimate), unknown)


def test_diverged_runs_are_left_out():
    scores, member, _ = example()
    scores[4] = np.nan
    with pytest.warns(RuntimeWarning, match="1 of 60 runs"):
        result = counterfactual_influence(scores, member)
    rest = np.delete(np.arange(60), 4)
    expected = counterfactual_influence(scores[rest], member[rest])
    np.testing.assert_allclose(result.estimate, expected.estimate)
    np.testing.assert_array_equal(result.n_out, expected.n_out)


def test_blocks_of_targets(monkeypatch):
    scores, member, _ = example()
    whole = counterfactual_influence(scores, member).estimate
    monkeypatch.setattr(module, "_BLOCK", 60 * 2)
    blocks = list(influence_blocks(Retrainings(scores, member)))
    assert [block.targets for block in blocks[-2:]] == [slice(4, 6), slice(6, 7)]
    together = np.concatenate([block.estimate for block in blocks], axis=1)
    assert np.isnan(np.diag(together)).all()
    np.fill_diagonal(together, np.diag(whole))
    np.testing.assert_allclose(together, whole)


def test_table_and_metric():
    scores, member, _ = example()
    result = CounterfactualInfluence()(Retrainings(scores, member))
    frame = result.to_frame().set_index(["index", "target"])
    assert frame.loc[3, 5]["estimate"] == result.estimate[3, 5]
    assert frame["n_in"].loc[3].tolist() == [member[:, 3].sum()] * 7


def test_tensors():
    scores, member, _ = example()
    result = counterfactual_influence(torch.tensor(scores), torch.tensor(member))
    expected = counterfactual_influence(scores, member)
    np.testing.assert_array_equal(result.low.numpy(), expected.low)
    assert result.n_in.shape == (7, 7)


def test_constant_scores_have_no_influence():
    _, member, _ = example()
    result = counterfactual_influence(np.full(member.shape, 0.1), member)
    np.testing.assert_allclose(result.estimate, 0, atol=1e-15)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"scores": np.ones((60, 3))}, ValueError, "`own` must say .* got 3 targets"),
        ({"own": [0, 1]}, ValueError, r"`own` must have shape \(7,\); got \(2,\)"),
        ({"own": np.full(7, 7)}, ValueError, "`own` must lie between -1 and 6; got"),
        ({"own": np.full(7, 0.5)}, TypeError, "`own` must hold integers"),
        ({"member": np.ones((60, 7))}, TypeError, "`member` must be boolean"),
        ({"scores": np.full((60, 7), np.nan)}, ValueError, "not be NaN in all 60 runs"),
        ({"confidence": 2}, ValueError, "`confidence` must lie"),
    ],
)
def test_bad_input(change, error, match):
    scores, member, _ = example()
    with pytest.raises(error, match=match):
        counterfactual_influence(**{"scores": scores, "member": member} | change)
