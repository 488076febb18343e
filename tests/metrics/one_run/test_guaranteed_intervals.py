"""Intervals of an audit that are guaranteed, not approximate."""

from __future__ import annotations

import math

import numpy as np
import pytest
from audit_rows import rows
from scipy import special, stats

from memmetrics.metrics.one_run import OneRunAudit, one_run_audit
from memmetrics.metrics.one_run._ranking import (
    area,
    guaranteed_area_limits,
    guaranteed_rate_limits,
)
from memmetrics.testing import check_metric


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
