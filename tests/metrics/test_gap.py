from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from scipy import stats

from memmetrics import Losses, TrainTestGap, train_test_gap


def test_is_welch():
    rng = np.random.default_rng(0)
    for _ in range(20):
        train = rng.gamma(2, size=rng.integers(2, 50))
        test = rng.gamma(3, size=rng.integers(2, 50))
        gap = train_test_gap(train, test, confidence=0.9)
        welch = stats.ttest_ind(test, train, equal_var=False)
        interval = welch.confidence_interval(0.9)
        assert gap.estimate == pytest.approx(test.mean() - train.mean())
        assert gap.standard_error == pytest.approx(gap.estimate / welch.statistic)
        assert (gap.low, gap.high) == pytest.approx((interval.low, interval.high))


def test_paired_is_the_t_test_of_differences():
    rng = np.random.default_rng(0)
    train = rng.normal(size=30)
    test = train + rng.normal(1, 0.1, size=30)
    gap = train_test_gap(train, test, paired=True)
    paired = stats.ttest_rel(test, train)
    interval = paired.confidence_interval(0.95)
    assert (gap.low, gap.high) == pytest.approx((interval.low, interval.high))
    assert gap.standard_error < train_test_gap(train, test).standard_error / 5


def test_positive_means_memorized():
    gap = train_test_gap(np.zeros(5), np.ones(9))
    assert (gap.estimate, gap.low, gap.high) == (1, 1, 1)
    assert gap.unit == "loss"


def test_one_point_has_no_error():
    gap = train_test_gap(np.zeros(1), np.ones(9))
    assert gap.estimate == 1
    assert np.isnan([gap.standard_error, gap.low, gap.high]).all()
    alone = train_test_gap(np.zeros(1), np.ones(1), paired=True)
    assert np.isnan(alone.standard_error)


def test_coverage():
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(4000, 6)), rng.normal(1, 3, size=(4000, 20))
    gap = train_test_gap(train, test)
    covered = ((gap.low < 1) & (gap.high > 1)).mean()
    assert 0.94 < covered < 0.96


@given(
    seed=st.integers(0, 1000),
    scale=st.sampled_from([1e-150, 1e-6, 1e6, 1e150]),
    shift=st.floats(-10, 10),
)
def test_scale_and_shift(seed, scale, shift):
    rng = np.random.default_rng(seed)
    train, test = rng.normal(size=5), rng.normal(size=7)
    gap = train_test_gap(train, test)
    other = train_test_gap((train + shift) * scale, (test + shift) * scale)
    for name in ("estimate", "standard_error", "low", "high"):
        assert getattr(other, name) == pytest.approx(
            getattr(gap, name) * scale, rel=1e-8, abs=1e-12 * scale
        )


def test_runs():
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(4, 10)), rng.normal(size=(4, 12))
    gap = train_test_gap(train, test)
    assert gap.axes == ("run",)
    assert gap.to_frame()["run"].tolist() == [0, 1, 2, 3]
    assert gap.low[2] == pytest.approx(train_test_gap(train[2], test[2]).low)
    paired = train_test_gap(train, test[:, :10], paired=True)
    assert paired.high[1] == pytest.approx(
        train_test_gap(train[1], test[1, :10], paired=True).high
    )


def test_tensors():
    gap = train_test_gap(torch.zeros(3), torch.ones(4))
    assert isinstance(gap.estimate, torch.Tensor)
    assert gap.low < gap.estimate + 1
    assert gap.estimate.item() == 1


def test_metric():
    rng = np.random.default_rng(0)
    losses = Losses(rng.normal(size=5), rng.normal(size=6))
    gap = TrainTestGap(confidence=0.5)(losses)
    expected = train_test_gap(losses.train, losses.test, confidence=0.5)
    assert (gap.low, gap.high) == (expected.low, expected.high)


@pytest.mark.parametrize(
    ("train", "test", "options", "error", "match"),
    [
        ([], [1.0], {}, ValueError, "`train_losses` must not be empty"),
        ([1.0], [np.nan], {}, ValueError, "`test_losses` must be finite; got 1 NaN"),
        ([np.inf], [1.0], {}, ValueError, "`train_losses` must be finite"),
        (1.0, [1.0], {}, ValueError, r"`train_losses` must have axes .*got shape \(\)"),
        (np.ones((2, 3)), np.ones((3, 3)), {}, ValueError, "the same leading axes"),
        (np.ones(2), np.ones(3), {"paired": True}, ValueError, "same shape to be pair"),
        (np.ones(2), torch.ones(3), {}, TypeError, "must be of one kind"),
        (["a"], [1.0], {}, TypeError, "`train_losses` must hold real numbers"),
        ([1.0], [1.0], {"confidence": 1}, ValueError, "`confidence` must lie strictly"),
        ([1.0], [1.0], {"confidence": 95}, ValueError, "between 0 and 1; got 95"),
    ],
)
def test_bad_input(train, test, options, error, match):
    with pytest.raises(error, match=match):
        train_test_gap(train, test, **options)
