"""The audit of one run: plain counts, coverage, and arguments."""

from __future__ import annotations

import numpy as np
import pytest
from audit_rows import rows
from scipy import special, stats

from memmetrics.evidence import OneRun
from memmetrics.metrics.one_run import OneRunAudit, one_run_audit
from memmetrics.metrics.one_run._ranking import area_limits
from memmetrics.metrics.one_run.privacy import guesses_p_value
from memmetrics.testing import check_metric


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
