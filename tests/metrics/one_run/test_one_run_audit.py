"""The audit of one run: known mechanisms, plain formulas, and how often bounds hold."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import special, stats

from memmetrics.evidence import OneRun
from memmetrics.metrics.one_run import OneRunAudit, one_run_audit
from memmetrics.metrics.one_run._ranking import (
    area,
    area_limits,
    guaranteed_area_limits,
    guaranteed_rate_limits,
    guesses,
)
from memmetrics.metrics.one_run.privacy import epsilon_lower_bound, guesses_p_value
from memmetrics.testing import check_metric


def rows(result):
    """Each statistic's row; a table of pandas would take longer than the audit."""
    columns = {**result.columns, **vars(result)}
    names = ("estimate", "low", "high", "guesses", "right", "flag")
    return {
        statistic: SimpleNamespace(**{name: columns[name][at] for name in names})
        for at, statistic in enumerate(columns["statistic"])
    }


def randomized_response(rng, items, epsilon, delta=0.0):
    """Coins, and answers that are right with odds e^ε, or given away with chance δ."""
    entered = rng.random(items) < 0.5
    right = rng.random(items) < special.expit(epsilon)
    right |= rng.random(items) < delta
    return entered, np.where(right, entered, ~entered)


def bound(result):
    return rows(result)["epsilon_lower_bound"].estimate


# The bound on ε.


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


# The guesses.


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


# The other statistics.


def test_plain_counts():
    rng = np.random.default_rng(5)
    entered = rng.random(301) < 0.5
    scores = np.round(rng.normal(size=301) + entered, 1)
    audit = rows(one_run_audit(scores, entered, false_positive_rates=[0.1, 0.02]))
    inside, outside = scores[entered], scores[~entered]
    pairs = np.sign(np.subtract.outer(inside, outside))
    assert audit["auc"].estimate == pytest.approx((pairs.mean() + 1) / 2)
    for rate in (0.1, 0.02):
        thresholds = [t for t in np.unique(scores) if (outside > t).mean() <= rate]
        expected = (inside > min(thresholds)).mean()
        row = audit[f"tpr_at_fpr_{rate}"]
        assert row.estimate == pytest.approx(expected)
        test = stats.binomtest(row.right, len(inside)).proportion_ci()
        assert (row.low, row.high) == pytest.approx((test.low, test.high))
    rank = [(scores < each).sum() - (scores > each).sum() for each in scores]
    right = ((np.array(rank) > 0) == entered)[np.array(rank) != 0].mean()
    assert audit["advantage"].estimate == pytest.approx(2 * right - 1)


def test_a_rate_below_one_false_positive_is_not_claimed():
    rng = np.random.default_rng(6)
    entered = rng.random(100) < 0.5
    row = rows(one_run_audit(rng.normal(size=100), entered))["tpr_at_fpr_0.01"]
    assert np.isnan([row.estimate, row.low, row.high]).all()
    assert row.flag == "less than one false positive"


def test_limits_of_an_area_are_so_many_standard_errors_away():
    low, high = area_limits(0.7, 40, 25, 0.9)
    for end in (low, high):
        first, second = end / (2 - end), 2 * end**2 / (1 + end)
        variance = end * (1 - end) + 39 * (first - end**2) + 24 * (second - end**2)
        assert abs(0.7 - end) == pytest.approx(1.6448536 * np.sqrt(variance / 1000))
    assert low < 0.7 < high
    assert area_limits(0.0, 5, 5, 0.95)[0] == 0
    assert area_limits(1.0, 5, 5, 0.95)[1] == 1


def area_coverage(draw, true, items, audits):
    rng = np.random.default_rng(items)
    covered = []
    for _ in range(audits):
        entered = rng.random(items) < 0.5
        row = rows(one_run_audit(draw(rng, entered), entered))["auc"]
        covered.append(row.low <= true <= row.high)
    return np.mean(covered)


def shifted(rng, entered):
    return rng.normal(size=len(entered)) + entered


SHIFTED_AREA = special.ndtr(1 / np.sqrt(2))


def test_coverage_of_the_area_in_short():
    assert area_coverage(shifted, SHIFTED_AREA, 60, 150) > 0.95 - 0.06


@pytest.mark.slow
@pytest.mark.parametrize("items", [20, 50, 200, 500])
def test_coverage_of_the_area(items):
    covered = area_coverage(shifted, SHIFTED_AREA, items, 1000)
    assert 0.93 <= covered <= 0.985


@pytest.mark.slow
@pytest.mark.parametrize("items", [20, 50, 200, 500])
def test_coverage_of_the_advantage(items):
    rng = np.random.default_rng(items)
    true = one_run_audit_advantage(rng, items, 4000).mean(axis=0)[0]
    _, low, high = one_run_audit_advantage(rng, items, 1000).T
    assert np.mean((low <= true) & (true <= high)) >= 0.95 - 0.02


def one_run_audit_advantage(rng, items, audits):
    found = []
    for _ in range(audits):
        entered = rng.random(items) < 0.5
        row = rows(one_run_audit(shifted(rng, entered), entered))["advantage"]
        found.append((row.estimate, row.low, row.high))
    return np.array(found)


def test_given_the_threshold_the_true_positive_rate_is_covered():
    rng = np.random.default_rng(7)
    covered = []
    for _ in range(200):
        entered = rng.random(300) < 0.5
        scores = shifted(rng, entered)
        audit = rows(one_run_audit(scores, entered, false_positive_rates=[0.1]))
        outside = np.sort(scores[~entered])[::-1]
        threshold = outside[int(0.1 * len(outside))]
        true = special.ndtr(1 - threshold)
        row = audit["tpr_at_fpr_0.1"]
        covered.append(row.low <= true <= row.high)
    assert np.mean(covered) > 0.95 - 0.04


# Arguments.


def test_coins_that_are_not_fair_are_said_to_be():
    entered = np.arange(100) < 90
    with pytest.warns(RuntimeWarning, match="90 of 100 items entered"):
        one_run_audit(np.arange(100.0), entered)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"entered": np.ones(4, dtype=bool)}, "`entered` must let some scored items"),
        ({"guesses": 5}, "`guesses` must lie between 1 and the 4 scored items"),
        ({"guesses": []}, "`guesses` must name at least one"),
        ({"guesses": [2, 0.5]}, "`guesses` must lie between"),
        ({"delta": 1.0}, "`delta` must lie within"),
        ({"false_positive_rates": [0.0]}, "`false_positive_rates` must lie strictly"),
        ({"confidence": 0}, "`confidence` must lie strictly"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    arguments = {"scores": np.arange(4.0), "entered": np.arange(4) % 2 == 0, **change}
    with pytest.raises(ValueError, match=message):
        one_run_audit(**arguments)


def test_counts_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="must be counts that rise from 0"):
        guesses_p_value(3, 2, 1.0, items=4)


def test_a_metric_is_its_function():
    rng = np.random.default_rng(8)
    entered, reference = rng.random(90) < 0.5, rng.normal(size=90)
    scores = rng.normal(size=90) + entered + reference
    metric = OneRunAudit((0.1,), guesses=(20, 40), delta=1e-6)
    options = {"false_positive_rates": [0.1], "guesses": [20, 40], "delta": 1e-6}
    expected = one_run_audit(scores, entered, reference_scores=reference, **options)
    found = metric(OneRun(scores, entered, reference_scores=reference))
    np.testing.assert_array_equal(found.low, expected.low)
    gain = one_run_audit(scores - reference, entered, **options)
    np.testing.assert_array_equal(found.estimate, gain.estimate)


def test_conventions():
    check_metric(OneRunAudit, worker=False)


# Guaranteed intervals.


@pytest.mark.parametrize("value", [0.0, 0.02, 0.5, 0.93, 1.0])
def test_limits_of_the_area_are_where_chernoffs_bound_is_reached(value):
    low, high = guaranteed_area_limits(value, 30, 50, 0.9)
    assert low <= value <= high

    def bound(true):
        return np.exp(-30 * (rel_entr(value, true) + rel_entr(1 - value, 1 - true)))

    rel_entr = special.rel_entr
    for limit in (low, high):
        assert limit in (0.0, 1.0) or bound(limit) == pytest.approx(0.05)
    # A far arm without ties: the chance of 30 right pairs out of 30.
    if value == 1:
        assert low**30 == pytest.approx(0.05)


@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize("items", [30, 120])
def test_guaranteed_intervals_cover(items, coarse):
    rng = np.random.default_rng([items, coarse])
    rate, values = 0.15, np.arange(5.0)
    chances = {False: [0.3, 0.3, 0.2, 0.1, 0.1], True: [0.1, 0.1, 0.2, 0.3, 0.3]}
    if coarse:  # five values, so that ties abound
        one, other = (np.array(chances[arm]) for arm in (True, False))
        both = np.outer(one, other)
        area_of_all = np.tril(both, -1).sum() + np.trace(both) / 2
        rate_of_all = one[
            values > 3
        ].sum()  # above 3 are 0.1 of the others, above 2 0.2
    else:
        area_of_all = special.ndtr(1 / math.sqrt(2))
        rate_of_all = special.ndtr(1 + special.ndtri(rate))
    covered = []
    for _ in range(1000):
        entered = rng.random(items) < 0.5
        if not 0 < entered.sum() < items:
            continue
        scores = rng.normal(size=items) + entered
        if coarse:
            scores = np.empty(items)
            for arm, share in chances.items():
                which = entered == arm
                scores[which] = rng.choice(values, size=which.sum(), p=share)
        arms = entered.sum(), (~entered).sum()
        low, high = guaranteed_area_limits(area(scores, entered), *arms, 0.8)
        least, most = guaranteed_rate_limits(scores, entered, rate, 0.8)
        covered.append((low <= area_of_all <= high, least <= rate_of_all <= most))
    assert (np.mean(covered, axis=0) >= 0.8).all()


def test_a_rate_is_between_two_scores_that_did_not_enter():
    rng = np.random.default_rng(0)
    scores, entered = rng.normal(size=900), np.arange(900) < 400
    low, high = guaranteed_rate_limits(scores, entered, 0.1, 0.96)
    outside, inside = np.sort(scores[~entered])[::-1], scores[entered]
    # Of 500, the number above the threshold is binomial.
    number = stats.binom(500, 0.1)
    upper = max(k for k in range(1, 500) if number.cdf(k - 1) <= 0.01)
    lower = min(k for k in range(1, 500) if number.sf(k - 1) <= 0.01)
    test = [
        stats.binomtest(int((inside > outside[k - 1]).sum()), 400).proportion_ci(0.98)
        for k in (upper, lower)
    ]
    assert (low, high) == (pytest.approx(test[0].low), pytest.approx(test[1].high))


def test_guarantees_are_asked_for_and_wider():
    rng = np.random.default_rng(0)
    entered = rng.random(300) < 0.5
    scores = rng.normal(size=300) + 2 * entered
    options = {"false_positive_rates": (0.01, 0.1)}
    plain = rows(one_run_audit(scores, entered, **options))
    sure = rows(one_run_audit(scores, entered, guaranteed=True, **options))
    for name in ("auc", "tpr_at_fpr_0.01", "tpr_at_fpr_0.1"):
        assert sure[name].estimate == plain[name].estimate
        assert sure[name].low < plain[name].low
        assert sure[name].high > plain[name].high
    assert sure["tpr_at_fpr_0.01"].low == 0
    assert sure["tpr_at_fpr_0.01"].flag == "too few out for a lower limit"
    assert sure["tpr_at_fpr_0.1"].flag == ""
    for name in ("advantage", "epsilon_lower_bound"):
        assert sure[name].low == plain[name].low
    check_metric(OneRunAudit(guaranteed=True))
