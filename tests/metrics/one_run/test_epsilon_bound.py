"""The bound on ε: plain formulas, known mechanisms, and how often it holds."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from audit_rows import rows
from scipy import special, stats

from memmetrics.metrics.one_run import one_run_audit
from memmetrics.metrics.one_run._ranking import guesses
from memmetrics.metrics.one_run.privacy import epsilon_lower_bound, guesses_p_value


def randomized_response(rng, items, epsilon, delta=0.0):
    """Coins, and answers that are right with odds e^ε, or given away with chance δ."""
    entered = rng.random(items) < 0.5
    right = rng.random(items) < special.expit(epsilon)
    right |= rng.random(items) < delta
    return entered, np.where(right, entered, ~entered)


def bound(result):
    return rows(result)["epsilon_lower_bound"].estimate


@pytest.mark.parametrize(("right", "made"), [(10, 10), (15, 20), (90, 100), (0, 3)])
def test_without_delta_the_bound_is_that_of_a_proportion(right, made):
    found = epsilon_lower_bound(right, made, items=200, confidence=0.95)
    test = stats.binomtest(right, made, alternative="greater")
    low = test.proportion_ci(0.95, method="exact").low
    assert found == pytest.approx(max(special.logit(low), 0), abs=1e-9)


@pytest.mark.parametrize(("right", "made", "delta"), [(3, 4, 0.01), (7, 9, 1e-3)])
def test_the_p_value_is_that_of_the_formula_term_by_term(right, made, delta):
    epsilon, items = math.log(3), 12  # odds of 3 : 1
    chance = Fraction(3, 4)
    mass = [
        math.comb(made, k) * chance**k * (1 - chance) ** (made - k)
        for k in range(made + 1)
    ]
    most = max(sum(mass[right - i : right]) / i for i in range(1, right + 1))
    expected = sum(mass[right:]) + 2 * items * Fraction(delta) * most
    found = guesses_p_value(right, made, epsilon, items=items, delta=delta)
    assert found == pytest.approx(float(min(expected, 1)))


@pytest.mark.parametrize("delta", [0.0, 1e-5, 1e-3])
def test_the_p_value_rises_with_epsilon_and_falls_with_right_guesses(delta):
    for made, right in product([1, 7, 50], [0, 1, 5, 30, 50]):
        if right > made:
            continue
        p_values = [
            guesses_p_value(right, made, epsilon, items=60, delta=delta)
            for epsilon in np.linspace(0, 12, 300)
        ]
        assert (np.diff(p_values) >= -1e-12).all()
        if right:
            fewer = guesses_p_value(right - 1, made, 1.0, items=60, delta=delta)
            more = guesses_p_value(right, made, 1.0, items=60, delta=delta)
            assert fewer >= more - 1e-12


def test_a_larger_delta_gives_a_smaller_bound():
    bounds = [
        epsilon_lower_bound(95, 100, items=100, delta=delta, confidence=0.95)
        for delta in (0, 1e-6, 1e-4, 1e-2)
    ]
    assert (np.diff(bounds) < 0).all()
    assert epsilon_lower_bound(95, 100, items=100, delta=0.9, confidence=0.95) == 0


def all_outcomes_hold(epsilon, items, made, delta=0.0):
    """Chance that the bound exceeds ε, by enumeration of all numbers of right ones."""
    right = np.arange(made + 1)
    mass = stats.binom.pmf(right, made, special.expit(epsilon))
    bounds = np.array(
        [
            epsilon_lower_bound(k, made, items=items, delta=delta, confidence=0.95)
            for k in right
        ]
    )
    return mass[bounds > epsilon].sum()


@pytest.mark.parametrize("epsilon", [0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("made", [5, 40, 200])
def test_randomized_response_exceeds_its_epsilon_in_5_percent_at_most(epsilon, made):
    assert all_outcomes_hold(epsilon, made, made) <= 0.05


@pytest.mark.parametrize("epsilon", [0.5, 2.0])
@pytest.mark.parametrize("delta", [0.0, 0.01])
@pytest.mark.parametrize("search", [None, 100])
def test_whole_audits_hold_and_come_near(epsilon, delta, search):
    rng = np.random.default_rng(0)
    bounds = []
    for _ in range(150):
        entered, answers = randomized_response(rng, 200, epsilon, delta)
        audit = one_run_audit(
            answers + 1e-6 * rng.random(200), entered, delta=delta, guesses=search
        )
        bounds.append(bound(audit))
    assert np.mean(np.array(bounds) <= epsilon) >= 0.95 - 2 * np.sqrt(0.05 * 0.95 / 150)
    if not delta:
        assert np.median(bounds) > 0.3 * epsilon - 0.1


@pytest.mark.slow
@pytest.mark.parametrize("epsilon", [0.5, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("delta", [0.0, 1e-3, 1e-2])
def test_a_thousand_audits_hold(epsilon, delta):
    rng = np.random.default_rng(1)
    held = []
    for _ in range(1000):
        entered, answers = randomized_response(rng, 500, epsilon, delta)
        held.append(bound(one_run_audit(answers, entered, delta=delta)) <= epsilon)
    assert np.mean(held) >= 0.95


@pytest.mark.slow
def test_ignoring_delta_would_not_hold():
    rng = np.random.default_rng(2)
    held = []
    for _ in range(200):
        entered, answers = randomized_response(rng, 500, 1.0, 0.3)
        held.append(bound(one_run_audit(answers, entered)) <= 1.0)
    assert np.mean(held) < 0.5


def test_the_bound_comes_near_with_many_items():
    rng = np.random.default_rng(3)
    entered, answers = randomized_response(rng, 200_000, 1.5)
    assert 1.45 < bound(one_run_audit(answers, entered)) < 1.5


def test_a_search_pays_for_itself():
    rng = np.random.default_rng(4)
    entered = rng.random(80) < 0.5
    scores = rng.normal(size=80) + entered
    alone = [bound(one_run_audit(scores, entered, guesses=cap)) for cap in (10, 80)]
    both = bound(one_run_audit(scores, entered, guesses=[10, 80]))
    assert both < max(alone)
    strict = 1 - 0.05 / 2
    pairs = [
        bound(one_run_audit(scores, entered, guesses=cap, confidence=strict))
        for cap in (10, 80)
    ]
    assert both == pytest.approx(max(pairs))


def test_guesses_are_the_extremes_and_ties_are_kept_together():
    entered = np.array([False, False, True, False, True, True])
    scores = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    assert guesses(scores, entered, 2) == (2, 2)
    assert guesses(scores, entered, 3) == (2, 2)  # the next two are as far
    assert guesses(scores, entered, 6) == (6, 4)
    assert guesses(np.zeros(6), entered, 6) == (0, 0)
    outcomes = np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0])
    assert guesses(outcomes, entered, 6) == (6, 1)
    assert guesses(outcomes, entered, 5) == (2, 0)


def test_the_order_of_items_tells_nothing():
    """Members first, and scores that say nothing: an order that broke ties would."""
    entered = np.arange(400) < 200
    for scores in (np.zeros(400), np.arange(400) % 2.0):
        audit = rows(one_run_audit(scores, entered))
        assert audit["epsilon_lower_bound"].estimate == 0
        assert audit["auc"].estimate == 0.5
        assert not audit["advantage"].estimate > 0
