from __future__ import annotations

import numpy as np
import pytest

import memmetrics as mm
from memmetrics.statistics import (
    reliability_from_errors,
    split_half_reliability,
    split_halves,
)


def noisy_runs(rng, *, points=400, runs=20, noise=4.0):
    truth = rng.normal(size=points)
    return truth, truth + noise * rng.normal(size=(runs, points))


def mean_of(values):
    return lambda kept: values[kept].mean(axis=0)


def cronbach(values):
    """Cronbach's alpha, which is the mean over all halves."""
    runs = len(values)
    shares = values.var(axis=1, ddof=1).sum() / values.sum(axis=0).var(ddof=1)
    return runs / (runs - 1) * (1 - shares)


@pytest.mark.parametrize("noise", [1.0, 4.0, 10.0])
def test_the_known_reliability_is_found(noise):
    found = []
    for seed in range(20):
        _, values = noisy_runs(np.random.default_rng(seed), noise=noise)
        found.append(split_half_reliability(mean_of(values), 20, rng=seed, ranks=False))
    expected = 1 / (1 + noise**2 / 20)
    assert np.mean(found) == pytest.approx(expected, abs=0.02)


def test_it_is_near_cronbachs_alpha():
    _, values = noisy_runs(np.random.default_rng(0))
    halves = split_half_reliability(mean_of(values), 20, rng=0, splits=60, ranks=False)
    # alpha takes runs for items: points in rows there
    assert halves == pytest.approx(cronbach(values), abs=0.02)


def test_it_is_the_squared_correlation_with_the_truth():
    truth, values = noisy_runs(np.random.default_rng(1), points=4000)
    found = split_half_reliability(mean_of(values), 20, rng=1, ranks=False)
    squared = np.corrcoef(truth, values.mean(0))[0, 1] ** 2
    assert found == pytest.approx(squared, abs=0.03)


def test_errors_give_the_same_as_halves():
    rng = np.random.default_rng(2)
    effects = rng.normal(size=300)
    member = rng.random((64, 300)) < 0.5
    scores = effects * member + 3 * rng.normal(size=(64, 300))
    whole = mm.counterfactual_memorization(scores, member)

    def memorization(kept):
        return mm.counterfactual_memorization(scores[kept], member[kept]).estimate

    halves = split_half_reliability(memorization, 64, rng=2, splits=20, ranks=False)
    analytic = reliability_from_errors(whole.estimate, whole.standard_error)
    assert halves == pytest.approx(analytic, abs=0.06)
    assert 0.5 < analytic < 0.8  # 1 / (1 + 9 · 4 / 64) = 0.64


def test_pure_noise_has_none_and_no_noise_has_all():
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(10, 5000))
    assert split_half_reliability(mean_of(noise), 10, rng=0) < 0.1
    same = np.tile(rng.normal(size=50), (10, 1))
    assert split_half_reliability(mean_of(same), 10, rng=0) == pytest.approx(1)
    assert reliability_from_errors(np.arange(5.0), np.full(5, 9.0)) == 0


def test_a_constant_has_no_reliability():
    assert np.isnan(split_half_reliability(mean_of(np.ones((4, 9))), 4, rng=0))
    assert np.isnan(reliability_from_errors(np.ones(4), np.ones(4)))
    assert np.isnan(reliability_from_errors([1.0, np.nan], [1.0, 1.0]))


def test_points_without_an_answer_do_not_count():
    _, values = noisy_runs(np.random.default_rng(4))
    wider = np.column_stack([values, np.full(20, np.nan)])
    expected = split_half_reliability(mean_of(values), 20, rng=0)
    assert split_half_reliability(mean_of(wider), 20, rng=0) == expected


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="runs"):
        split_half_reliability(mean_of(np.ones((1, 3))), 1, rng=0)
    with pytest.raises(ValueError, match="splits"):
        split_half_reliability(mean_of(np.ones((4, 3))), 4, rng=0, splits=0)
    with pytest.raises(ValueError, match="one shape"):
        reliability_from_errors(np.ones(3), np.ones(2))


def test_halves_share_no_run_and_no_noise():
    runs = np.eye(9)
    halves = split_halves(lambda kept: runs[kept].sum(0), 9, rng=0, splits=4)
    assert halves.shape == (4, 2, 9)
    assert (halves.sum(axis=1) == 1).all()  # each run in one of the two
    assert (halves[:, 0].sum(axis=1) == 4).all()
    again = split_halves(lambda kept: runs[kept].sum(0), 9, rng=0, splits=4)
    np.testing.assert_array_equal(halves, again)
    noise = np.random.default_rng(0).normal(size=(16, 3000))
    first, second = split_halves(mean_of(noise), 16, rng=0, splits=1)[0]
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.06
