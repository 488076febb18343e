"""The intervals that are asked for by the name of a published method."""

from __future__ import annotations

import numpy as np
import pytest
from arms import arm, interval, outcomes
from scipy import optimize, stats

import memmetrics as mm
from memmetrics.metrics import consistency_score, group_memorization
from memmetrics.statistics import mean_interval


def wilson_by_roots(successes, runs, z):
    """Ends of (p̂ − p)² = z² p (1 − p) / n, found without the closed form."""
    share = successes / runs

    def excess(p):
        return (share - p) ** 2 - z**2 * p * (1 - p) / runs

    # At a share of 0 or 1 the share itself is one of the two roots.
    inner = np.clip(share, 1e-6, 1 - 1e-6)
    low = 0.0 if successes == 0 else optimize.brentq(excess, 0, inner, xtol=1e-15)
    high = 1.0 if successes == runs else optimize.brentq(excess, inner, 1, xtol=1e-15)
    return low, high


def newcombe_by_roots(ones_in, runs_in, ones_out, runs_out, confidence=0.95):
    z = stats.norm.ppf((1 + confidence) / 2)
    p1, p0 = ones_in / runs_in, ones_out / runs_out
    l1, u1 = wilson_by_roots(ones_in, runs_in, z)
    l0, u0 = wilson_by_roots(ones_out, runs_out, z)
    low = p1 - p0 - np.sqrt((p1 - l1) ** 2 + (u0 - p0) ** 2)
    return low, p1 - p0 + np.sqrt((u1 - p1) ** 2 + (p0 - l0) ** 2)


class TestWelch:
    @pytest.mark.parametrize("confidence", [0.5, 0.9, 0.999])
    @pytest.mark.parametrize(("runs_in", "runs_out"), [(2, 3), (7, 5), (40, 90)])
    def test_is_that_of_scipy(self, confidence, runs_in, runs_out):
        rng = np.random.default_rng(0)
        inside = rng.lognormal(size=(runs_in, 100))  # skewed, which changes nothing
        outside = 3 * rng.normal(size=(runs_out, 100))
        options = {"confidence": confidence, "interval": "welch"}
        found = interval(inside, outside, **options)
        tested = stats.ttest_ind(inside, outside, equal_var=False)
        expected = tested.confidence_interval(confidence)
        np.testing.assert_allclose(found.low, expected.low, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(found.high, expected.high, rtol=1e-8, atol=1e-9)
        above = stats.ttest_ind(
            inside, outside, equal_var=False, alternative="greater"
        ).pvalue
        np.testing.assert_allclose(found.p_value, above, rtol=1e-8)
        assert set(found.interval) == {"welch"}

    def test_by_hand(self):
        inside, outside = np.array([1.0, 2.0, 6.0]), np.array([0.0, 0.0, 1.0, 5.0])
        a, b = inside.var(ddof=1) / 3, outside.var(ddof=1) / 4
        freedom = (a + b) ** 2 / (a**2 / 2 + b**2 / 3)
        t = stats.t.ppf(0.975, freedom)
        found = interval(inside, outside, interval="welch")
        difference = inside.mean() - outside.mean()
        assert found.standard_error.item() == pytest.approx(np.sqrt(a + b))
        assert found.low.item() == pytest.approx(difference - t * np.sqrt(a + b))

    def test_two_valued_scores_are_means_too(self):
        inside, outside = outcomes(7, 10), outcomes(2, 9)
        expected = stats.ttest_ind(inside, outside, equal_var=False)
        found = interval(inside, outside, interval="welch")
        assert found.high.item() == pytest.approx(expected.confidence_interval().high)

    def test_has_none_without_variance(self):
        inside = np.stack([np.ones(5), np.ones(5), np.arange(5.0)], axis=1)
        outside = np.stack([np.zeros(4), np.ones(4), np.ones(4)], axis=1)
        found = interval(inside, outside, interval="welch")
        assert found.interval.tolist() == ["none", "none", "welch"]
        assert found.flag.tolist() == ["all runs alike", "all runs alike", ""]
        assert np.isnan(found.low).tolist() == [True, True, False]

    def test_covers_gaussian_scores(self):
        rng = np.random.default_rng(1)
        inside, outside = rng.normal(size=(16, 4000)), 5 * rng.normal(size=(24, 4000))
        found = interval(inside, outside, interval="welch")
        covered = ((found.low <= 0) & (found.high >= 0)).mean()
        assert abs(covered - 0.95) < 3 * np.sqrt(0.05 * 0.95 / 4000)


class TestNewcombe:
    # Newcombe (1998), table II, method 10.
    @pytest.mark.parametrize(
        ("counts", "low", "high"),
        [
            ((56, 70, 48, 80), 0.0524, 0.3339),
            ((9, 10, 3, 10), 0.1705, 0.8090),
            ((5, 56, 0, 29), -0.0381, 0.1926),
            ((0, 10, 0, 20), -0.1611, 0.2775),
            ((0, 10, 0, 10), -0.2775, 0.2775),
            ((10, 10, 0, 20), 0.6791, 1.0),
        ],
    )
    def test_published_examples(self, counts, low, high):
        ones_in, runs_in, ones_out, runs_out = counts
        arms = outcomes(ones_in, runs_in), outcomes(ones_out, runs_out)
        found = interval(*arms, interval="newcombe")
        assert found.interval.item() == "newcombe"
        assert found.low.item() == pytest.approx(low, abs=6e-5)
        assert found.high.item() == pytest.approx(high, abs=6e-5)

    @pytest.mark.parametrize("confidence", [0.8, 0.99])
    def test_equals_the_roots_of_the_score_equations(self, confidence):
        for ones_in in range(7):
            for ones_out in range(5):
                arms = outcomes(ones_in, 6), outcomes(ones_out, 4)
                options = {"confidence": confidence, "interval": "newcombe"}
                found = interval(*arms, **options)
                expected = newcombe_by_roots(ones_in, 6, ones_out, 4, confidence)
                ends = found.low.item(), found.high.item()
                assert ends == pytest.approx(expected, abs=1e-9)

    def test_scales_with_the_two_values(self):
        inside, outside = outcomes(7, 10), outcomes(2, 9)
        found = interval(inside, outside, interval="newcombe")
        scaled = interval(3 * inside - 5, 3 * outside - 5, interval="newcombe")
        assert scaled.low.item() == pytest.approx(3 * found.low.item())

    def test_p_value_fits_the_interval(self):
        rng = np.random.default_rng(2)
        inside, outside = rng.random((20, 99)) < 0.6, rng.random((13, 99)) < 0.3
        options = {"interval": "newcombe", "minimum": 0.1}
        found = interval(inside, outside, confidence=0.9, **options)
        sure = np.abs(found.p_value - 0.05) > 1e-9
        below = found.p_value < 0.05
        np.testing.assert_array_equal(below[sure], (found.low > 0.1)[sure])
        assert below.any()

    def test_is_refused_for_more_than_two_values(self):
        rng = np.random.default_rng(3)
        inside, outside = rng.random((9, 5)) < 0.5, rng.random((9, 5)) < 0.5
        inside = inside.astype(float)
        inside[0, 3] = 0.5
        with pytest.raises(ValueError, match=r"'newcombe' is for .* point 3 has"):
            interval(inside, outside, interval="newcombe")

    def test_coverage_by_enumeration(self):
        runs = 16
        ones = np.arange(runs + 1)
        pairs = [(a, b) for a in ones for b in ones]
        inside = np.stack([outcomes(a, runs) for a, _ in pairs], axis=1)
        outside = np.stack([outcomes(b, runs) for _, b in pairs], axis=1)
        found = interval(inside, outside, interval="newcombe")
        covered = []
        for p1 in np.arange(0.02, 1, 0.06):
            for p0 in np.arange(0.02, 1, 0.06):
                weight = np.outer(
                    stats.binom.pmf(ones, runs, p1), stats.binom.pmf(ones, runs, p0)
                ).ravel()
                truth = p1 - p0
                inner = (found.low <= truth + 1e-12) & (truth <= found.high + 1e-12)
                covered.append(weight @ inner)
        # Its weakness, one share near 0 and the other near 1, is in the docs.
        assert 0.87 < np.min(covered) < 0.93
        assert 0.94 < np.mean(covered) < 0.97


class TestOneMean:
    def test_student_is_that_of_scipy(self):
        scores = np.random.default_rng(4).lognormal(size=(11, 70))
        found = mean_interval(arm(scores), confidence=0.9, interval="student")
        expected = stats.ttest_1samp(scores, 0).confidence_interval(0.9)
        np.testing.assert_allclose(found["low"], expected.low, rtol=1e-8)
        np.testing.assert_allclose(found["high"], expected.high, rtol=1e-8)
        assert set(found["columns"]["interval"]) == {"student"}

    @pytest.mark.parametrize("ones", [0, 3, 8, 9])
    def test_wilson_is_that_of_scipy(self, ones):
        scores = outcomes(ones, 9)
        found = mean_interval(arm(scores), confidence=0.95, interval="wilson")
        expected = stats.binomtest(ones, 9).proportion_ci(0.95, method="wilson")
        assert found["low"].item() == pytest.approx(expected.low, abs=1e-12)
        assert found["high"].item() == pytest.approx(expected.high, abs=1e-12)
        assert found["columns"]["interval"].item() == "wilson"

    def test_wilson_is_refused_for_more_than_two_values(self):
        with pytest.raises(ValueError, match="'wilson' is for scores of two values"):
            mean_interval(arm([0.0, 1.0, 2.0]), confidence=0.9, interval="wilson")

    def test_student_has_none_without_variance(self):
        found = mean_interval(arm(np.ones(5)), confidence=0.9, interval="student")
        assert np.isnan(found["low"]).all()
        assert found["columns"]["flag"].item() == "all runs alike"


def evidence(*, two_valued):
    rng = np.random.default_rng(5)
    member = rng.permuted(np.arange(24)[:, None] < np.full(6, 12), axis=0)
    scores = rng.normal(size=(24, 6)) + member
    return mm.Retrainings(scores > 0.3 if two_valued else scores, member)


@pytest.mark.parametrize("interval", ["welch", "newcombe"])
def test_metrics_take_the_name(interval):
    runs = evidence(two_valued=interval == "newcombe")
    function = mm.counterfactual_memorization(runs, interval=interval)
    metric = mm.CounterfactualMemorization(interval=interval)(runs)
    groups = group_memorization(runs, interval=interval)  # each point by itself
    for result in (function, metric, groups):
        assert set(result.columns["interval"]) == {interval}
        np.testing.assert_array_equal(result.low, function.low)
    assert not np.array_equal(mm.counterfactual_memorization(runs).low, function.low)


def test_consistency_takes_the_name():
    student = consistency_score(evidence(two_valued=False), interval="student")
    wilson = consistency_score(evidence(two_valued=True), interval="wilson")
    assert set(student.columns["interval"]) == {"student"}
    assert set(wilson.columns["interval"]) == {"wilson"}


@pytest.mark.parametrize(
    "function", [mm.counterfactual_memorization, group_memorization, consistency_score]
)
def test_unknown_names_are_refused_before_any_work(function):
    with pytest.raises(ValueError, match=r"`interval` must be one of .*; got 'wald'"):
        function("not even scores", interval="wald")
