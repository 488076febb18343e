from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from scipy import stats

from memmetrics import (
    CounterfactualMemorization,
    Retrainings,
    counterfactual_memorization,
)
from memmetrics.metrics.counterfactual import memorization_from_arms
from memmetrics.statistics.arms import Arms
from memmetrics.statistics.intervals import FLAGS, INTERVALS

NUMBERS = ("estimate", "standard_error", "low", "high", "n_in", "n_out")


def example(runs=40, points=9, seed=0, share=0.5):
    rng = np.random.default_rng(seed)
    member = rng.random((runs, points)) < share
    return rng.normal(size=(runs, points)) + 2 * member, member


def directly(scores, member, point):
    inside, outside = scores[member[:, point], point], scores[~member[:, point], point]
    error = np.sqrt(
        inside.var(ddof=1) / inside.size + outside.var(ddof=1) / outside.size
    )
    return inside.mean() - outside.mean(), error, inside.size, outside.size


@pytest.mark.parametrize("seed", range(20))
def test_equals_a_direct_computation(seed):
    scores, member = example(runs=30 + seed, points=40, seed=seed)
    result = counterfactual_memorization(scores, member)
    for point in range(40):
        found = [
            getattr(result, name)[point]
            for name in ("estimate", "standard_error", "n_in", "n_out")
        ]
        assert found == pytest.approx(directly(scores, member, point))
    assert (result.low < result.estimate).all()
    assert (result.estimate < result.high).all()


def test_symmetric_scores_have_nearly_welchs_interval():
    scores, member = example(runs=400, points=5)
    result = counterfactual_memorization(scores, member, confidence=0.9)
    for point in range(5):
        column, chosen = scores[:, point], member[:, point]
        welch = stats.ttest_ind(column[chosen], column[~chosen], equal_var=False)
        interval = welch.confidence_interval(0.9)
        ends = result.low[point], result.high[point]
        assert ends == pytest.approx((interval.low, interval.high), abs=0.02)


class TestEmptyArms:
    def test_nan_and_never_zero(self):
        scores, member = example()
        member[:, 0], member[:, 1] = False, True
        with pytest.warns(RuntimeWarning, match="2 of 9 points have no run in one"):
            result = counterfactual_memorization(scores, member)
        for name in ("estimate", "standard_error", "low", "high"):
            assert np.isnan(getattr(result, name)[:2]).all(), name
            assert np.isfinite(getattr(result, name)[2:]).all(), name
        assert (result.n_in[:2].tolist(), result.n_out[:2].tolist()) == (
            [0, 40],
            [40, 0],
        )

    def test_one_run_gives_an_estimate_and_no_interval(self):
        scores, member = example()
        member[:, 0] = np.arange(40) == 3
        result = counterfactual_memorization(scores, member)
        assert np.isfinite(result.estimate[0])
        assert np.isnan([result.standard_error[0], result.low[0], result.high[0]]).all()
        assert result.columns["flag"][0] == "fewer than 2 runs in an arm"

    def test_nothing_is_said_when_nothing_is_missing(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = counterfactual_memorization(*example())
        assert np.isfinite(result.estimate).all()


class TestMinimum:
    def test_is_what_the_p_value_speaks_against(self):
        scores, member = example()
        against = counterfactual_memorization(scores, member, minimum=1.5)
        shifted = counterfactual_memorization(scores - 1.5 * member, member)
        p_values = [r.to_frame()["p_value"].to_numpy() for r in (against, shifted)]
        np.testing.assert_allclose(*p_values, rtol=1e-9)
        plain = counterfactual_memorization(scores, member)
        np.testing.assert_array_equal(against.low, plain.low)

    def test_is_told_to_the_metric_and_to_streams(self):
        scores, member = example()
        expected = counterfactual_memorization(scores, member, minimum=2.0)
        metric = CounterfactualMemorization(minimum=2.0)(Retrainings(scores, member))
        streamed = memorization_from_arms(Arms.from_scores(scores, member), minimum=2.0)
        for result in (metric, streamed):
            np.testing.assert_array_equal(
                result.columns["p_value"], expected.columns["p_value"]
            )

    def test_must_be_finite(self):
        with pytest.raises(ValueError, match="`minimum` must be finite; got inf"):
            counterfactual_memorization(*example(), minimum=np.inf)


class TestDivergedRuns:
    def test_left_out_with_a_warning(self):
        scores, member = example()
        scores[[3, 7]] = np.nan
        with pytest.warns(RuntimeWarning, match="2 of 40 runs have only NaN scores"):
            result = counterfactual_memorization(scores, member)
        rest = np.delete(np.arange(40), [3, 7])
        expected = counterfactual_memorization(scores[rest], member[rest])
        for name in NUMBERS:
            np.testing.assert_allclose(getattr(result, name), getattr(expected, name))
        assert (result.n_in + result.n_out == 38).all()

    def test_all_of_them(self):
        scores, member = example()
        with pytest.raises(ValueError, match="must not be NaN in all 40 runs"):
            counterfactual_memorization(scores * np.nan, member)


def test_the_interval_says_its_name():
    scores, member = example()
    scores[:, 0] = member[:, 0]
    scores[:, 1] = scores[0, 1]
    frame = counterfactual_memorization(scores, member).to_frame()
    assert frame["interval"][:3].tolist() == [
        "proportions",
        "none",
        "skewness-adjusted",
    ]
    assert set(frame["interval"]) <= set(INTERVALS)
    assert set(frame["flag"]) <= set(FLAGS)
    assert frame["flag"][1] == "all runs alike"
    assert frame["p_value"][2] < 0.01


def test_unbiased_over_designs():
    rng = np.random.default_rng(0)
    effects = np.array([0.0, 1.0, -2.0])
    estimates = []
    for _ in range(400):
        member = np.stack([rng.permutation(12) < 6 for _ in range(3)], axis=1)
        scores = member @ np.diag(effects) + member.sum(1, keepdims=True)
        scores = scores + rng.normal(size=scores.shape)
        estimates.append(counterfactual_memorization(scores, member).estimate)
    error = np.std(estimates, axis=0) / np.sqrt(400)
    assert (abs(np.mean(estimates, axis=0) - effects - 1) < 4 * error).all()


def test_large_scores_with_small_noise():
    scores, member = example(runs=100)
    shifted = counterfactual_memorization(1e6 + 1e-3 * scores, member)
    result = counterfactual_memorization(scores, member)
    for name in ("estimate", "standard_error", "low", "high"):
        np.testing.assert_allclose(
            getattr(shifted, name) * 1e3, getattr(result, name), rtol=1e-5
        )


def test_streamed_runs_give_the_same():
    scores, member = example(runs=60)
    arms = Arms.from_scores(scores[:20], member[:20])
    arms = arms.merge(Arms.from_scores(scores[20:], member[20:]))
    streamed = memorization_from_arms(arms, confidence=0.8)
    whole = counterfactual_memorization(scores, member, confidence=0.8)
    for name in NUMBERS:
        np.testing.assert_allclose(getattr(streamed, name), getattr(whole, name))


def test_tensors():
    scores, member = example()
    result = counterfactual_memorization(torch.tensor(scores), torch.tensor(member))
    expected = counterfactual_memorization(scores, member)
    for name in NUMBERS:
        value = getattr(result, name)
        assert isinstance(value, torch.Tensor)
        np.testing.assert_array_equal(value.numpy(), getattr(expected, name))
    assert result.n_in.dtype == torch.int64
    assert len(result.to_frame()) == 9


class TestMetric:
    def test_targets_that_are_points(self):
        scores, member = example()
        result = CounterfactualMemorization(0.9)(Retrainings(scores, member))
        expected = counterfactual_memorization(scores, member, confidence=0.9)
        np.testing.assert_array_equal(result.low, expected.low)

    def test_targets_in_an_order_of_their_own(self):
        scores, member = example(points=5)
        own = np.array([4, -1, 0])
        targets = np.stack([scores[:, 4], scores[:, 1], scores[:, 0]], axis=1)
        evidence = Retrainings(targets, member, own=own)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a held-out target is not a missing arm
            result = CounterfactualMemorization()(evidence)
        expected = counterfactual_memorization(scores, member).estimate
        np.testing.assert_array_equal(
            result.estimate, [expected[4], np.nan, expected[0]]
        )
        assert result.n_in[1] == 0
        assert (evidence.member == member).all()

    def test_empty_arms_are_told(self):
        scores, member = example()
        member[:, 0] = True
        with pytest.warns(RuntimeWarning, match="1 of 9 points"):
            CounterfactualMemorization()(Retrainings(scores, member))


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"member": np.ones((40, 9))}, TypeError, "`member` must be boolean; got .*64"),
        ({"member": np.ones((39, 9), bool)}, ValueError, "as many runs; got shapes"),
        ({"member": np.ones((40, 8), bool)}, ValueError, "9 targets and 8 points"),
        ({"member": np.ones(40, bool)}, ValueError, r"`member` must have axes"),
        ({"scores": np.ones(40)}, ValueError, r"`scores` must have axes"),
        ({"scores": np.ones((40, 9, 2, 1))}, ValueError, r"got shapes \(40, 9, 2, 1\)"),
        ({"scores": np.ones((0, 9))}, ValueError, "`scores` must not be empty"),
        ({"scores": np.full((40, 9), "a")}, TypeError, "must hold real numbers"),
        ({"scores": np.full((40, 9), np.nan)}, ValueError, "not be NaN in all 40"),
        ({"scores": np.full((40, 9, 2), np.nan)}, ValueError, "not be NaN in all 40"),
        ({"confidence": 0}, ValueError, "`confidence` must lie strictly between"),
    ],
)
def test_bad_input(change, error, match):
    scores, member = example()
    with pytest.raises(error, match=match):
        counterfactual_memorization(**{"scores": scores, "member": member} | change)


def test_one_run_is_too_few():
    with pytest.raises(ValueError, match="at least 2 runs; got 1"):
        counterfactual_memorization(np.ones((1, 2)), np.ones((1, 2), bool))


def test_tensors_on_different_devices():
    scores = torch.ones(4, 2)
    member = torch.ones(4, 2, dtype=torch.bool, device="meta")
    with pytest.raises(ValueError, match="one device; got cpu and meta"):
        counterfactual_memorization(scores, member)
