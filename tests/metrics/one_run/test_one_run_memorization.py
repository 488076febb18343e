"""Memorization from one run: known answers, other ways to compute it, its coverage."""

from __future__ import annotations

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from one_run_simulations import BASES, EFFECTS, coverage, normal, outcomes

from memmetrics.evidence import OneRun
from memmetrics.metrics.one_run import OneRunMemorization, one_run_memorization
from memmetrics.metrics.one_run._permutation import limits, tied_effects
from memmetrics.testing import check_metric


def randomization_p_value(scores, entered, effect):
    """One-sided, of an effect at most so large: every way to toss, one by one."""
    free = scores - effect * entered
    size = entered.sum()

    def difference(chosen):
        inside = np.zeros(len(free), dtype=bool)
        inside[list(chosen)] = True
        return free[inside].mean() - free[~inside].mean()

    seen = difference(np.flatnonzero(entered))
    ways = [difference(each) for each in combinations(range(len(free)), size)]
    return np.mean(np.array(ways) >= seen - 1e-9)


@pytest.mark.parametrize("n_in", [2, 3, 5, 7])
def test_small_strata_are_those_of_the_test_tried_effect_by_effect(n_in):
    rng = np.random.default_rng(n_in)
    scores, entered = rng.lognormal(size=9), rng.permutation(9) < n_in
    row = one_run_memorization(scores, entered, confidence=0.9)
    assert row.columns["interval"].item() == "permutation"
    for end, sign in ((row.low.item(), 1), (row.high.item(), -1)):
        at = [
            randomization_p_value(sign * scores, entered, sign * (end + sign * shift))
            for shift in (-1e-6, 1e-6)
        ]
        assert at[0] <= 0.05 < at[1]
    expected = randomization_p_value(scores, entered, 0)
    assert row.columns["p_value"].item() == pytest.approx(expected)


def test_every_other_way_ties_once():
    rng = np.random.default_rng(0)
    assert len(tied_effects(rng.normal(size=4), rng.normal(size=6))) == 210 - 1


def test_large_strata_are_welchs_where_scores_are_symmetric():
    scores = np.concatenate([np.linspace(0, 1, 101), np.linspace(0, 3, 51)])
    entered = np.arange(152) < 101
    row = one_run_memorization(scores, entered)
    variances = scores[entered].var(ddof=1) / 101, scores[~entered].var(ddof=1) / 51
    assert row.estimate.item() == pytest.approx(-1)
    assert row.standard_error.item() == pytest.approx(np.sqrt(sum(variances)))
    assert row.low.item() + row.high.item() == pytest.approx(-2)
    assert row.columns["interval"].item() == "skewness-adjusted"


def test_strata_are_told_apart_and_the_order_of_items_does_not_matter():
    rng = np.random.default_rng(1)
    entered, copies = rng.random(300) < 0.5, rng.choice([1, 2, 8], 300)
    scores = rng.normal(size=300) + copies * entered
    whole = one_run_memorization(scores, entered, strata=copies)
    np.testing.assert_array_equal(whole.columns["stratum"], [1, 2, 8])
    order = rng.permutation(300)
    other = one_run_memorization(scores[order], entered[order], strata=copies[order])
    np.testing.assert_allclose(other.low, whole.low)
    for row, label in enumerate([1, 2, 8]):
        of = copies == label
        alone = one_run_memorization(scores[of], entered[of])
        assert alone.estimate.item() == pytest.approx(whole.estimate[row])
        assert alone.high.item() == pytest.approx(whole.high[row])
        assert alone.n_in.item() == whole.n_in[row] == entered[of].sum()


def test_a_reference_takes_the_difficulty_of_items_away():
    rng = np.random.default_rng(2)
    difficulty, entered = 10 * rng.normal(size=100), rng.random(100) < 0.5
    scores = difficulty + entered + 0.1 * rng.normal(size=100)
    alone = one_run_memorization(scores, entered)
    paired = one_run_memorization(scores, entered, reference_scores=difficulty)
    assert paired.low.item() < 1 < paired.high.item()
    assert paired.standard_error.item() < alone.standard_error.item() / 20
    gain = one_run_memorization(scores - difficulty, entered)
    assert paired.low.item() == gain.low.item()


@pytest.mark.parametrize("missing", ["scores", "reference_scores"])
def test_items_without_a_score_do_not_count(missing):
    rng = np.random.default_rng(3)
    entered, strata = np.arange(60) % 2 == 0, np.arange(60) % 3
    arrays = {"scores": rng.normal(size=60), "reference_scores": rng.normal(size=60)}
    known = np.arange(60) % 7 > 0
    arrays[missing][~known] = np.nan
    holes = one_run_memorization(entered=entered, strata=strata, **arrays)
    kept = {name: array[known] for name, array in arrays.items()}
    expected = one_run_memorization(
        entered=entered[known], strata=strata[known], **kept
    )
    np.testing.assert_array_equal(holes.low, expected.low)
    np.testing.assert_array_equal(holes.n_in, expected.n_in)


def test_a_stratum_without_an_arm_has_no_estimate_and_spoils_no_other():
    entered = np.array([True] * 5 + [True, False] * 10)
    strata = np.array(["all in"] * 5 + ["both"] * 20)
    with pytest.warns(RuntimeWarning, match="1 of 2 strata have no scored item"):
        found = one_run_memorization(np.arange(25.0), entered, strata=strata)
    assert np.isnan(found.estimate[0])
    assert found.columns["flag"][0] == "no item in an arm"
    assert np.isfinite([found.estimate[1], found.low[1]]).all()


def test_a_stratum_whose_scores_are_all_missing_is_an_empty_one():
    scores = np.array([np.nan, np.nan, 1.0, 2.0])
    entered, strata = np.array([True, False] * 2), np.array([0, 0, 1, 1])
    with pytest.warns(RuntimeWarning, match="1 of 2 strata"):
        found = one_run_memorization(scores, entered, strata=strata)
    np.testing.assert_array_equal(found.n_in, [0, 1])
    np.testing.assert_array_equal(found.estimate, [np.nan, -1])


def test_too_few_items_for_the_confidence_are_said_to_be():
    scores, entered = np.arange(4.0), np.arange(4) % 2 == 0
    found = one_run_memorization(scores, entered)
    assert found.columns["flag"].item() == "too few items for this confidence"
    assert np.isnan(found.low).all()
    assert np.isnan(limits(tied_effects(scores[:2], scores[2:]), 0.95)).all()


def test_an_estimate_that_the_test_would_reject_is_in_the_interval_all_the_same():
    scores, entered = np.zeros(600), np.arange(600) < 2
    scores[-1], scores[:2] = 1e6, (0.1, 0.2)
    found = one_run_memorization(scores, entered)
    assert found.columns["interval"].item() == "permutation"
    assert found.low.item() <= found.estimate.item() <= found.high.item()


def test_outcomes_have_the_interval_of_proportions():
    entered = np.arange(20) % 2 == 0
    found = one_run_memorization(entered * 1.0, entered)
    assert found.columns["interval"].item() == "proportions"
    assert 0.3 < found.low.item() < 1 == found.high.item()


def test_a_ledger_gives_coins_and_strata_and_evidence_comes_alone():
    rng = np.random.default_rng(4)
    entered, strata = rng.random(50) < 0.5, rng.integers(2, size=50)
    scores = rng.normal(size=50)
    ledger = SimpleNamespace(entered=entered, strata=strata)
    expected = one_run_memorization(scores, entered, strata=strata)
    evidence = OneRun(scores, entered, strata)
    for found in (
        one_run_memorization(scores, ledger),
        one_run_memorization(evidence),
        OneRunMemorization()(evidence),
    ):
        np.testing.assert_array_equal(found.low, expected.low)
    whole = one_run_memorization(scores, ledger, strata=np.zeros(50, dtype=int))
    assert whole.estimate.shape == (1,)
    with pytest.raises(TypeError, match="`entered` must not be given beside evidence"):
        one_run_memorization(evidence, entered)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"entered": None}, TypeError, "`entered` must say which"),
        ({"entered": np.ones(4)}, TypeError, "`entered` must be boolean"),
        ({"scores": np.ones(3)}, ValueError, "`scores` must have one entry for each"),
        ({"scores": [1, 2, 3, np.inf]}, ValueError, "`scores` must not be infinite"),
        ({"strata": [0.5, 1, 1, 2]}, TypeError, "`strata` must be integers or strings"),
        ({"strata": [1, 2]}, ValueError, "`strata` must have one entry"),
        ({"confidence": 1.0}, ValueError, "`confidence` must lie strictly between"),
        ({"reference_scores": [[1.0]]}, ValueError, "`reference_scores` must have one"),
    ],
)
def test_what_does_not_fit_is_named(change, error, message):
    arguments = {"scores": np.arange(4.0), "entered": np.arange(4) % 2 == 0, **change}
    with pytest.raises(error, match=message):
        one_run_memorization(**arguments)


def test_conventions():
    check_metric(OneRunMemorization, worker=False)


NOISE = 3 * np.sqrt(0.05 * 0.95 / 1000)


@pytest.mark.parametrize("items", [10, 20, 60])
def test_coverage_in_short(items):
    covered, _ = coverage(normal, EFFECTS["constant"], items, 200)
    assert 0.95 - 5 * np.sqrt(0.05 * 0.95 / 200) < covered


@pytest.mark.slow
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("items", [10, 15, 20, 21, 30, 50, 100, 200, 500])
def test_coverage_of_a_constant_effect(base, items):
    covered, known = coverage(BASES[base], EFFECTS["constant"], items, 1000)
    assert 0.95 - NOISE <= covered <= 0.975
    assert known > 0.96


@pytest.mark.slow
@pytest.mark.parametrize("effect", ["normal", "a few, much"])
@pytest.mark.parametrize("items", [10, 20, 50, 200, 500])
def test_coverage_of_effects_that_vary(effect, items):
    fixed, _ = coverage(normal, EFFECTS[effect], items, 1000)
    drawn, _ = coverage(normal, EFFECTS[effect], items, 1000, fixed=False)
    assert fixed >= 0.95 - NOISE  # conservative: items vary less than those drawn
    assert drawn >= 0.93 - NOISE


@pytest.mark.slow
@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.7, 0.4), (0.9, 0.1), (0.2, 0.2)])
@pytest.mark.parametrize("items", [20, 50, 200, 500])
def test_coverage_of_outcomes(shares, items):
    covered, _ = outcomes(*shares, items, 1000)
    assert covered >= 0.93 - NOISE


def test_numbers_in_the_names_of_strata_count_as_numbers():
    names = ["canary x 16", "canary x 4", "b 2", "b", "4"]
    strata, entered = np.repeat(names, 8), np.arange(40) % 2 == 0
    scores = np.arange(40.0) + np.repeat(np.arange(5), 8) * entered
    found = one_run_memorization(scores, entered, strata=strata)
    rising = ["4", "b", "b 2", "canary x 4", "canary x 16"]
    assert found.columns["stratum"].tolist() == rising
    assert found.estimate.tolist() == [names.index(name) - 1 for name in rising]
