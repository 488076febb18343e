"""Scores that tie but for rounding, and options of odd kinds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from memmetrics.metrics import one_run_audit, one_run_memorization
from memmetrics.metrics.one_run.privacy import guesses_p_value


def exact_p_value(scores, entered):
    """Share of ways to toss that are as extreme, of whole scores: no rounding."""
    size = int(entered.sum())
    sums = [sum(each) for each in itertools.combinations(scores.tolist(), size)]
    return np.mean(np.array(sums) >= scores[entered].sum())


@pytest.mark.parametrize("seed", range(20))
def test_rounding_breaks_no_tie(seed):
    rng = np.random.default_rng(seed)
    scores, entered = rng.integers(0, 6, size=10), rng.permutation(10) < 5
    expected = exact_p_value(scores, entered)
    for same in (scores, scores / 3, scores * 0.1, scores * 0.1 - 7, scores * 1e30):
        found = one_run_memorization(same, entered)
        assert found.columns["interval"].item() == "permutation"
        assert found.columns["p_value"].item() == pytest.approx(expected)


@pytest.fixture
def run():
    entered = np.arange(20) % 2 == 0
    return np.arange(20.0) + 5 * entered, entered


def test_a_number_of_guesses_may_be_any_integer(run):
    expected = one_run_audit(*run, guesses=5).estimate
    for same in (np.int64(5), [5], np.array([5])):
        np.testing.assert_array_equal(
            one_run_audit(*run, guesses=same).estimate, expected
        )


@pytest.mark.parametrize("guesses", [True, 5.0, "5", [2.5]])
def test_a_number_of_guesses_is_whole(run, guesses):
    with pytest.raises(ValueError, match="`guesses` must lie between"):
        one_run_audit(*run, guesses=guesses)


def test_rates_are_a_sequence(run):
    with pytest.raises(TypeError, match="`false_positive_rates` must be a sequence"):
        one_run_audit(*run, false_positive_rates=0.1)


def test_privacy_that_is_nan_is_refused():
    with pytest.raises(ValueError, match="`epsilon` must be a number"):
        guesses_p_value(3, 4, float("nan"), items=4)
