from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from arms import arm, interval, outcomes, welch
from hypothesis import given, settings, strategies as st
from scipy import stats

from memmetrics.statistics import intervals
from memmetrics.statistics._proportions import proportion_limits, wilson_limits
from memmetrics.statistics._skewness import mean_difference, stands_apart
from memmetrics.statistics.arms import Arm
from memmetrics.statistics.intervals import FLAGS, INTERVALS, difference_interval

NUMBERS = ("standard_error", "low", "high", "p_value")


class TestMeans:
    def test_is_welch_where_both_arms_are_symmetric(self):
        inside = [1.0, 2.0, 3.0, 4.0, 5.0]
        outside = [-1.0, 0.0, 1.0, -7.0, 7.0, 0.0]
        found = interval(inside, outside)
        expected = welch(inside, outside)
        np.testing.assert_allclose(found.low, expected.low, rtol=1e-13)
        np.testing.assert_allclose(found.high, expected.high, rtol=1e-13)
        assert found.interval.item() == "skewness-adjusted"
        assert found.flag.item() == ""

    def test_known_value_of_a_skewed_sample(self):
        # By hand: κ = unbiased third cumulant, r = 4/9 · 32/(8 · 56 / 64), …
        inside = np.array([0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 4.0, 11.0])
        outside = np.array([-1.0, 0.0, 1.0, 5.0, -5.0, 0.0])
        n, v = 8, inside.var(ddof=1)
        squared = v / n + outside.var(ddof=1) / 6
        kappa = ((inside - 3) ** 3).sum() * n / (n - 1) / (n - 2)
        lam = kappa / n**2 / squared**1.5
        bhatia_davis = inside.var() / (3 * 8)
        lam_inflated = lam * (1 + 80 / (n + 16) * (1 - bhatia_davis) ** 2)
        low, high = welch(inside, outside)
        t = (high - low) / 2 / np.sqrt(squared)
        shift = lam_inflated * (1 - lam**2) * (2 * t**2 + 1) / 6
        found = interval(inside, outside)
        np.testing.assert_allclose(found.low, low, rtol=1e-12)
        np.testing.assert_allclose(found.high, high + shift * np.sqrt(squared))

    def test_the_long_tail_decides_which_limit_moves(self):
        rng = np.random.default_rng(0)
        skewed, symmetric = rng.exponential(size=40), rng.normal(size=40)
        low, high = welch(skewed, symmetric)
        above = interval(skewed, symmetric)
        assert above.low.item() == pytest.approx(low)
        assert above.high.item() > high
        below = interval(symmetric, skewed)
        assert below.low.item() < -high
        assert below.high.item() == pytest.approx(-low)

    def test_swapping_the_arms_mirrors_the_interval(self):
        rng = np.random.default_rng(1)
        inside, outside = rng.exponential(size=(20, 7)), rng.normal(size=(30, 7))
        found, swapped = interval(inside, outside), interval(outside, inside)
        np.testing.assert_allclose(found.low, -swapped.high)
        np.testing.assert_allclose(found.high, -swapped.low)

    def test_one_arm_without_variance_is_a_one_sample_interval(self):
        inside = np.array([1.0, 2.0, 3.0, 4.0])
        found = interval(inside, np.full(9, 0.5))
        expected = stats.ttest_1samp(inside, 0.5).confidence_interval()
        np.testing.assert_allclose(found.low, expected.low - 0.5)
        np.testing.assert_allclose(found.high, expected.high - 0.5)
        assert found.flag.item() == ""

    def test_two_runs_in_each_arm_are_enough(self):
        inside, outside = [1.0, 2.5], [0.0, 4.0]
        found = interval(inside, outside)
        np.testing.assert_allclose(
            [found.low.item(), found.high.item()], welch(inside, outside)
        )

    @settings(max_examples=60, deadline=None)
    @given(
        st.integers(0, 10**6), st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.booleans()
    )
    def test_moves_and_scales_with_the_scores(self, seed, shift, scale, two_valued):
        rng = np.random.default_rng(seed)
        inside, outside = rng.exponential(size=(12, 1)), rng.normal(size=(9, 1))
        if two_valued:
            inside, outside = inside > 1, outside > 0.5
        if inside.min() == inside.max() == outside.min() == outside.max():
            return
        plain = interval(inside, outside)
        found = interval(inside * scale + shift, outside * scale + shift)
        assert found.interval.item() == plain.interval.item()
        for name in ("standard_error", "low", "high"):
            np.testing.assert_allclose(
                getattr(found, name) / scale,
                getattr(plain, name),
                rtol=1e-5,
                atol=1e-5 * (1 + abs(shift) / scale * 1e-4),
            )


class TestProportions:
    def test_wilson_limits_agree_with_scipy(self):
        for ones, runs in ((0, 10), (3, 10), (29, 30), (81, 263)):
            expected = stats.binomtest(ones, runs).proportion_ci(method="wilson")
            found = wilson_limits(
                np.array([ones / runs]), np.array([float(runs)]), stats.norm.ppf(0.975)
            )
            np.testing.assert_allclose(np.ravel(found), expected, atol=1e-12)

    @pytest.mark.parametrize(
        ("inside", "outside", "low", "high"),
        [  # Newcombe (1998), table II, method 10
            ((56, 70), (48, 80), 0.0524, 0.3339),
            ((9, 10), (3, 10), 0.1705, 0.8090),
            ((5, 56), (0, 29), -0.0381, 0.1926),
            ((0, 10), (0, 20), -0.1611, 0.2775),
            ((10, 10), (0, 10), 0.6075, 1.0),
        ],
    )
    def test_width_is_that_of_newcombes_published_examples(
        self, inside, outside, low, high
    ):
        found = interval(outcomes(*inside), outcomes(*outside))
        width = (found.high - found.low).item()
        clipped = found.high.item() == 1.0
        if clipped:
            assert width <= high - low
        else:
            assert width == pytest.approx(high - low, abs=2e-4)
        assert abs(found.low.item() - low) < 0.1

    def test_one_arm_full_and_one_empty_is_centred_on_agresti_and_caffo(self):
        z = stats.norm.ppf(0.975)
        pseudo = 0.245 * z**2
        low, high = wilson_limits(np.array([1.0]), np.array([16.0]), z)
        centre = 1 - 2 * pseudo / (16 + 2 * pseudo)
        found = interval(np.ones(16), np.zeros(16))
        expected = centre - np.sqrt(2) * (high - low) / 2
        np.testing.assert_allclose(found.low, expected)
        assert found.high.item() == 1.0
        assert found.interval.item() == "proportions"

    def test_any_two_values_are_a_proportion(self):
        rng = np.random.default_rng(2)
        inside, outside = rng.random((20, 5)) < 0.7, rng.random((25, 5)) < 0.2
        plain = interval(inside, outside)
        found = interval(inside * 3.0 - 5, outside * 3.0 - 5)
        assert set(found.interval) == {"proportions"}
        np.testing.assert_allclose(found.low, 3 * plain.low)
        np.testing.assert_allclose(found.high, 3 * plain.high)
        np.testing.assert_allclose(found.standard_error, 3 * plain.standard_error)

    def test_three_values_are_not(self):
        found = interval([0.0, 1.0, 1.0, 0.0], [0.0, 0.5, 0.0, 0.5])
        assert found.interval.item() == "skewness-adjusted"

    def test_standard_error_is_that_of_the_means_where_one_arm_varies(self):
        inside, outside = outcomes(3, 10), outcomes(0, 12)
        found = interval(inside, outside)
        np.testing.assert_allclose(
            found.standard_error, np.sqrt(inside.var(ddof=1) / 10)
        )

    @settings(max_examples=100, deadline=None)
    @given(st.integers(5, 60), st.integers(5, 60), st.data())
    def test_never_wider_than_newcombe_and_around_the_estimate(
        self, runs_in, runs_out, data
    ):
        ones_in = data.draw(st.integers(0, runs_in))
        ones_out = data.draw(st.integers(0, runs_out))
        z = stats.norm.ppf(0.975)
        shares = np.array([ones_in / runs_in]), np.array([ones_out / runs_out])
        runs = np.array([float(runs_in)]), np.array([float(runs_out)])
        (l1, u1), (l0, u0) = (
            wilson_limits(*pair, z) for pair in zip(shares, runs, strict=True)
        )
        p1, p0 = shares
        newcombe = np.hypot(p1 - l1, u0 - p0) + np.hypot(u1 - p1, p0 - l0)
        low, high = proportion_limits(*shares, *runs, z)
        assert high - low <= newcombe + 1e-12
        assert low <= p1 - p0 <= high
        assert -1 <= low < high <= 1


class TestWithoutSupport:
    def test_all_runs_alike_have_no_width_of_zero(self):
        scores = np.full((20, 2), [0.3, -2.0])
        found = interval(scores, scores[:15])
        for name in NUMBERS:
            assert np.isnan(getattr(found, name)).all()
        assert set(found.interval) == {"none"}
        assert set(found.flag) == {"all runs alike"}

    @pytest.mark.parametrize("value", [0.0, 1.0])
    def test_all_runs_alike_at_an_outcome_are_proportions_with_a_flag(self, value):
        found = interval(np.full(16, value), np.full(16, value))
        assert found.interval.item() == "proportions"
        assert found.flag.item() == "all runs alike"
        assert found.low.item() == -found.high.item()
        assert found.high.item() == pytest.approx(0.19361, abs=1e-5)
        assert found.standard_error.item() > 0

    def test_alike_in_each_arm_but_not_between_them_is_a_proportion(self):
        found = interval(np.full(16, 0.7), np.full(16, 0.3))
        assert found.interval.item() == "proportions"
        assert found.flag.item() == ""
        assert 0 < found.low.item() < 0.4
        assert found.high.item() == pytest.approx(0.4)

    def test_rounding_of_equal_scores_is_no_variance(self):
        rounded = {"squares": np.array([1e-33]), "mean": np.array([0.1 + 2e-17])}
        moments = replace(arm(np.full(10, 0.1)), **rounded)
        found = difference_interval(moments, moments, confidence=0.95)
        assert found.interval.item() == "none"

    @pytest.mark.parametrize(("runs_in", "runs_out"), [(1, 9), (9, 1), (1, 1)])
    def test_fewer_than_two_runs_in_an_arm(self, runs_in, runs_out):
        rng = np.random.default_rng(0)
        found = interval(rng.normal(size=(runs_in, 3)), rng.normal(size=(runs_out, 3)))
        assert np.isnan(found.low).all()
        assert np.isnan(found.p_value).all()
        assert set(found.interval) == {"none"}
        assert set(found.flag) == {"fewer than 2 runs in an arm"}

    def test_an_empty_arm(self):
        nothing, none = np.array([np.nan]), np.array([0])
        empty = Arm(none, *[nothing] * 5, none, none)
        found = difference_interval(empty, arm([1.0, 2.0]), confidence=0.95)
        assert found.flag.item() == "fewer than 2 runs in an arm"

    @pytest.mark.parametrize("sign", [1, -1])
    def test_a_mode_seen_once_is_flagged(self, sign):
        rng = np.random.default_rng(3)
        inside = rng.normal(0, 0.02, size=(30, 50))
        inside[7] += sign
        outside = rng.normal(0, 0.02, size=(30, 50))
        found = interval(inside, outside)
        assert set(found.flag) == {"one run stands apart"}
        assert (found.high - found.low > 0.05).all()
        assert set(interval(outside, inside).flag) == {"one run stands apart"}

    def test_a_mode_seen_twice_and_a_gaussian_are_not_flagged(self):
        rng = np.random.default_rng(4)
        inside = rng.normal(0, 0.02, size=(30, 500))
        outside = rng.normal(size=(30, 500))
        assert set(interval(inside, outside).flag) == {""}
        inside[:2] += 1
        assert set(interval(inside, outside).flag) == {""}

    def test_others_that_are_all_alike(self):
        found = interval([0.0] * 9 + [1.0], np.linspace(0.2, 0.3, 10))
        assert found.flag.item() == "one run stands apart"

    def test_names_are_those_that_are_documented(self):
        assert INTERVALS[:3] == ("none", "skewness-adjusted", "proportions")
        assert INTERVALS[3:] == ("welch", "newcombe", "student", "wilson")
        assert FLAGS[0] == ""


class TestPValue:
    @pytest.mark.parametrize("kind", ["means", "proportions"])
    @pytest.mark.parametrize("minimum", [0.0, 0.2, -0.3])
    def test_fits_the_interval(self, kind, minimum):
        rng = np.random.default_rng(5)
        inside, outside = rng.exponential(size=(20, 300)), rng.normal(size=(14, 300))
        if kind == "proportions":
            inside, outside = inside > 0.7, outside > 0.2
        for confidence in (0.6, 0.95, 0.999):
            found = interval(inside, outside, confidence=confidence, minimum=minimum)
            tail = (1 - confidence) / 2
            sure = np.abs(found.p_value - tail) > 1e-9
            excluded = found.low > minimum
            np.testing.assert_array_equal(
                (found.p_value < tail)[sure], excluded[sure], strict=True
            )
            above = found.high < minimum
            np.testing.assert_array_equal((1 - found.p_value < tail)[sure], above[sure])

    def test_is_welchs_for_symmetric_scores(self):
        inside, outside = [1.0, 2.0, 3.0, 4.0, 5.0], [-1.0, 0.0, 1.0, 3.0, -3.0]
        expected = stats.ttest_ind(
            inside, outside, equal_var=False, alternative="greater"
        )
        np.testing.assert_allclose(interval(inside, outside).p_value, expected.pvalue)

    def test_is_uniform_where_nothing_is_memorized(self):
        rng = np.random.default_rng(6)
        p = interval(rng.normal(size=(30, 4000)), rng.normal(size=(30, 4000))).p_value
        for level in (0.01, 0.05, 0.5):
            assert abs((p <= level).mean() - level) < 4 * np.sqrt(level / 4000)


class TestBadInput:
    @pytest.mark.parametrize("confidence", [0.0, 1.0, 95, np.nan])
    def test_confidence(self, confidence):
        with pytest.raises(ValueError, match="`confidence` must lie strictly between"):
            interval([1, 2], [3, 4], confidence=confidence)

    def test_minimum(self):
        with pytest.raises(ValueError, match="`minimum` must be finite; got nan"):
            interval([1, 2], [3, 4], minimum=float("nan"))

    def test_shapes(self):
        with pytest.raises(ValueError, match=r"same axis|one and the same axis"):
            interval(np.ones((3, 2)), np.ones((3, 4)))


def test_blocks_do_not_show(monkeypatch):
    rng = np.random.default_rng(7)
    inside, outside = rng.exponential(size=(9, 40)), rng.normal(size=(8, 40))
    inside[:, ::3], outside[:, ::3] = inside[:, ::3] > 1, outside[:, ::3] > 0
    whole = interval(inside, outside)
    monkeypatch.setattr("memmetrics.statistics.intervals._BLOCK", 7)
    parts = interval(inside, outside)
    for name in (*NUMBERS, "interval", "flag"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


def test_statistics_are_left_alone():
    rng = np.random.default_rng(8)
    moments = arm(rng.normal(size=(5, 3))), arm(rng.normal(size=(5, 3)))
    for one in moments:
        for values in vars(one).values():
            values.flags.writeable = False
    assert np.isfinite(difference_interval(*moments, confidence=0.95).low).all()


class TestInternals:
    def test_no_skewness_from_two_runs(self):
        one = arm([1.0, 5.0])
        other = arm([0.0, 1.0, 7.0])
        assert mean_difference(one, one).skewness.item() == 0
        assert mean_difference(one, other).skewness.item() < 0

    def test_three_runs_never_stand_apart(self):
        one = arm([0.0, 1e-9, 7.0])
        assert not stands_apart(one).item()


def test_points_of_all_blocks_and_kinds_are_those_taken_alone(monkeypatch):
    rng = np.random.default_rng(8)
    inside, outside = rng.exponential(size=(30, 90)), rng.normal(size=(25, 90))
    inside[:, ::3], outside[:, ::3] = inside[:, ::3] > 1, outside[:, ::3] > 0
    inside[0, 1::7] += 100
    monkeypatch.setattr(intervals, "_BLOCK", 32)
    together = interval(inside, outside)
    for point in range(90):
        alone = interval(inside[:, point], outside[:, point])
        for name in (*NUMBERS, "interval", "flag"):
            expected = getattr(alone, name).item()
            assert getattr(together, name)[point] == (
                expected if isinstance(expected, str) else pytest.approx(expected, 1e-9)
            )
    assert set(together.flag) == {"", "one run stands apart"}
