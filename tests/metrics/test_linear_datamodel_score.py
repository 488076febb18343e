from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy import stats

from memmetrics.metrics.linear_datamodel_score import (
    linear_datamodel_score,
    mean_linear_datamodel_score,
)


def case(runs=80, points=12, targets=5, *, noise=1.0, rng=0):
    """Attributions, and scores that follow them up to noise."""
    rng = np.random.default_rng(rng)
    effects = rng.normal(size=(points, targets))
    member = rng.random((runs, points)) < 0.5
    scores = member @ effects + noise * rng.normal(size=(runs, targets))
    return effects, scores, member


def test_it_is_spearmans_correlation_over_runs():
    effects, scores, member = case()
    scores = scores.round(0)  # ties
    result = linear_datamodel_score(effects, scores, member)
    for target in range(5):
        predicted = member.astype(float) @ effects[:, target]
        expected = stats.spearmanr(predicted, scores[:, target]).statistic
        assert result.estimate[target] == pytest.approx(expected)
        assert result.low[target] < expected < result.high[target]


def test_blocks_of_targets_change_nothing(monkeypatch):
    arguments = case(targets=7)
    whole = linear_datamodel_score(*arguments).estimate
    # The package's attribute of that name is the function.
    module = sys.modules["memmetrics.metrics.linear_datamodel_score"]
    monkeypatch.setattr(module, "_ENTRIES", 3 * 80)
    np.testing.assert_allclose(linear_datamodel_score(*arguments).estimate, whole)


def test_true_effects_score_one_and_their_opposite_minus_one():
    effects, scores, member = case(noise=0.0)
    for sign in (1, -1):
        result = linear_datamodel_score(sign * effects, scores, member)
        assert result.estimate == pytest.approx(sign)
        assert result.low == pytest.approx(sign, abs=1e-4)
        assert result.standard_error == pytest.approx(0, abs=1e-4)


def test_any_rising_map_of_the_scores_changes_nothing():
    effects, scores, member = case()
    np.testing.assert_array_equal(
        linear_datamodel_score(effects, np.exp(scores), member).estimate,
        linear_datamodel_score(effects, scores, member).estimate,
    )


def test_a_target_without_variation_has_no_score():
    effects, scores, member = case()
    effects[:, 1] = 0
    scores[:, 2] = 3
    result = linear_datamodel_score(effects, scores, member)
    assert np.isnan(result.estimate).tolist() == [False, True, True, False, False]
    mean = mean_linear_datamodel_score(effects, scores, member)
    assert mean.estimate == pytest.approx(np.nanmean(result.estimate))


def test_intervals_cover_the_correlation():
    rho = 0.6
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(200):
        first, noise = rng.normal(size=(2, 50, 4))
        # Each run trains on one point, so that the prediction is its attribution.
        result = linear_datamodel_score(
            first, rho * first + np.sqrt(1 - rho**2) * noise, np.eye(50, dtype=bool)
        )
        truth = 6 / np.pi * np.arcsin(rho / 2)
        covered.append((result.low <= truth) & (truth <= result.high))
    assert 0.92 < np.mean(covered) < 0.98


def test_the_mean_is_as_uncertain_as_its_runs_make_it():
    rng = np.random.default_rng(2)
    effects = rng.normal(size=(6, 10))
    means, errors = [], []
    for _ in range(80):
        member = rng.random((48, 6)) < 0.5
        # One disturbance of a run hits all of its targets.
        scores = member @ effects + 2 * rng.normal(size=(48, 1))
        mean = mean_linear_datamodel_score(effects, scores, member)
        means.append(mean.estimate.item())
        errors.append(mean.standard_error.item())
    assert 0.75 < np.mean(errors) / np.std(means, ddof=1) < 1.35


def test_diverged_runs_are_left_out():
    effects, scores, member = case()
    expected = linear_datamodel_score(effects, scores[2:], member[2:]).estimate
    scores[:2] = np.nan
    with pytest.warns(RuntimeWarning, match="2 of 80 runs"):
        result = linear_datamodel_score(effects, scores, member)
    np.testing.assert_array_equal(result.estimate, expected)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (0, np.ones((12, 4)), r"`attribution` must have shape .* here \(12, 5\)"),
        (0, np.full((12, 5), np.inf), "`attribution` must be finite"),
        (0, np.ones(12), "`attribution` must have axes"),
        (1, np.ones((79, 5)), "as many runs"),
        (1, np.ones(80), "`scores` must have axes"),
        (2, np.ones((80, 12)), "`member` must be boolean"),
    ],
)
def test_bad_input(place, value, message):
    arguments = list(case())
    arguments[place] = value
    for function in (linear_datamodel_score, mean_linear_datamodel_score):
        with pytest.raises((TypeError, ValueError), match=message):
            function(*arguments)


def test_too_few_runs_or_nothing_to_predict():
    with pytest.raises(ValueError, match="`scores` must have at least 4 runs"):
        linear_datamodel_score(*case(runs=3))
    effects, scores, member = case()
    with pytest.raises(ValueError, match="must vary over runs for some target"):
        mean_linear_datamodel_score(0 * effects, scores, member)
