from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from memmetrics.statistics import rank_agreement, split_half_reliability


def spearman_of_normal(correlation):
    """Rank correlation of a bivariate normal distribution (Pearson 1907)."""
    return 6 / np.pi * np.arcsin(correlation / 2)


def correlated(rng, correlation, points):
    first, other = rng.normal(size=(2, points))
    return first, correlation * first + (1 - correlation**2) ** 0.5 * other


def test_it_is_scipys_correlation():
    rng = np.random.default_rng(0)
    first, second = correlated(rng, 0.6, 50)
    second = second.round()  # ties
    found = rank_agreement(first, second)
    assert found.estimate == pytest.approx(stats.spearmanr(first, second).statistic)
    assert (found.bound, found.disattenuated) == (1.0, found.estimate)
    assert found.low < found.estimate < found.high
    assert found.points == 50


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8])
def test_the_interval_covers(correlation):
    rng = np.random.default_rng(1)
    truth, hits = spearman_of_normal(correlation), 0
    for _ in range(1000):
        found = rank_agreement(*correlated(rng, correlation, 60))
        hits += found.low <= truth <= found.high
    assert 0.93 <= hits / 1000 <= 0.975


@pytest.mark.parametrize("correlation", [0.3, 0.7])
def test_disattenuation_finds_the_order_under_the_noise(correlation):
    # Reliabilities are estimated as well, from runs: nothing of the truth is told.
    rng = np.random.default_rng(2)
    seen, freed, covered = [], [], 0
    truth = spearman_of_normal(correlation)
    for seed in range(120):
        first, second = correlated(rng, correlation, 150)
        runs = [
            values + noise * rng.normal(size=(16, 150))
            for values, noise in ((first, 4.0), (second, 2.0))
        ]
        reliabilities = tuple(
            split_half_reliability(lambda kept, a=a: a[kept].mean(0), 16, rng=seed)
            for a in runs
        )
        found = rank_agreement(*(a.mean(0) for a in runs), reliabilities=reliabilities)
        seen.append(found.estimate)
        freed.append(found.disattenuated)
        covered += found.disattenuated_low <= truth <= found.disattenuated_high
    assert np.mean(seen) < 0.75 * truth
    assert np.mean(freed) == pytest.approx(truth, abs=0.03)
    assert covered / 120 >= 0.88  # the reliabilities have errors of their own


def test_the_bound_is_what_two_noisy_copies_reach():
    rng = np.random.default_rng(3)
    truth = rng.normal(size=20_000)
    noisy = truth + np.array([[1.0], [0.5]]) * rng.normal(size=(2, 20_000))
    reliabilities = (1 / (1 + 1.0), 1 / (1 + 0.25))
    found = rank_agreement(*noisy, reliabilities=reliabilities)
    assert found.bound == pytest.approx((0.5 * 0.8) ** 0.5)
    # of values it is exact; ranks of normal values come close
    assert found.estimate == pytest.approx(found.bound, abs=0.03)


def test_no_answer_is_nan_and_never_zero():
    constant = rank_agreement(np.ones(9), np.arange(9))
    assert np.isnan(constant.estimate)
    assert np.isnan(constant.disattenuated)
    few = rank_agreement([1.0, 2.0, 3.0, np.nan], [1.0, 2.0, 3.0, 4.0])
    assert np.isnan(few.estimate)
    assert few.points == 3
    unknown = rank_agreement(
        np.arange(9), np.arange(9) ** 2, reliabilities=(np.nan, 1.0)
    )
    assert unknown.estimate == pytest.approx(1)
    assert np.isnan(unknown.disattenuated)
    noise = rank_agreement(np.arange(9), np.arange(9), reliabilities=(0.0, 1.0))
    assert np.isnan(noise.disattenuated)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reliabilities": (1.2, 1.0)}, "reliabilities"),
        ({"reliabilities": (1.0,)}, "reliabilities"),
        ({"confidence": 1.0}, "confidence"),
    ],
)
def test_what_makes_no_sense_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        rank_agreement(np.arange(9), np.arange(9), **options)
    with pytest.raises(ValueError, match="one shape"):
        rank_agreement(np.arange(9), np.arange(8))
