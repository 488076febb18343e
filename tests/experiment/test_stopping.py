from __future__ import annotations

import itertools

import numpy as np
import pytest
from arms import arm
from hypothesis import given, strategies as st

from memmetrics.evidence import Retrainings
from memmetrics.experiment.retraining import retrain
from memmetrics.metrics.counterfactual import CounterfactualMemorization
from memmetrics.planning.precision import GROWTH, Precision, _reached
from memmetrics.statistics.intervals import difference_interval


class TestLooks:
    def test_are_a_half_apart_at_whole_blocks(self):
        rule = Precision(0.1, maximum_runs=400)
        assert rule.looks(runs=10, block=16) == [64, 96, 144, 224, 336, 400]
        assert rule.looks(runs=10, block=1) == [64, 96, 144, 216, 324, 400]

    def test_start_at_the_runs_asked_for(self):
        rule = Precision(0.1, minimum_runs=32, maximum_runs=200)
        assert rule.looks(runs=90, block=16) == [96, 144, 200]
        assert rule.looks(runs=300, block=16) == [300]

    def test_a_single_look(self):
        rule = Precision(0.1, minimum_runs=64, maximum_runs=64)
        assert rule.looks(runs=2, block=16) == [64]

    @given(
        st.integers(2, 500),
        st.integers(4, 300),
        st.integers(0, 5000),
        st.integers(1, 40),
    )
    def test_rise_and_end_at_the_most(self, runs, minimum, more, block):
        rule = Precision(0.1, minimum_runs=minimum, maximum_runs=minimum + more)
        looks = rule.looks(runs, block)
        assert looks == sorted(set(looks))
        assert looks[0] >= runs
        assert looks[-1] == max(runs, minimum + more)
        assert all(look % block == 0 for look in looks[:-1])
        steps = itertools.pairwise(looks[:-1])
        assert all(later >= GROWTH * earlier for earlier, later in steps)


class TestReached:
    widths = np.array([0.5, 0.1, 0.4, 0.2, 0.3, np.nan])

    @pytest.mark.parametrize(
        ("points", "reached"),
        [
            ("all", np.inf),
            ("median", 0.3),
            (0.5, 0.3),
            (5 / 6, 0.5),
            (0.01, 0.1),
            (1.0, np.inf),
            ([1, 3], 0.2),
            (np.array([4]), 0.3),
            ((0, 5), np.inf),
        ],
    )
    def test_is_that_of_the_points_that_count(self, points, reached):
        points = Precision(0.1, points=points).points
        assert _reached(self.widths, np.arange(6), points) == reached

    def test_a_share_counts_points_exactly(self):
        widths = np.arange(100.0)
        assert _reached(widths, np.arange(100), 0.55) == 54
        assert _reached(widths, np.arange(100), 0.29) == 28

    def test_passes_over_held_out_targets(self):
        own = np.array([2, 0, 1, -1, -1, -1])
        assert _reached(self.widths, own, "all") == 0.5
        assert _reached(self.widths, own, (0, 1)) == 0.4

    def test_needs_the_points_that_count(self):
        with pytest.raises(ValueError, match=r"among those scored; got \[6\]"):
            Precision(0.1, points=(2, 6)).check(np.arange(6))
        with pytest.raises(ValueError, match=r"among those scored; got \[-1\]"):
            Precision(0.1, points=[-1]).check(np.array([0, -1]))
        with pytest.raises(ValueError, match="got 6 held-out targets"):
            Precision(0.1, points="median").check(np.full(6, -1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"half_width": 0}, "`half_width` must be positive and finite; got 0"),
        ({"half_width": np.inf}, "`half_width` must be positive"),
        ({"points": "mean"}, "`points` must be .* got 'mean'"),
        ({"points": 0.0}, r"`points` must be .* got 0\.0"),
        ({"points": 1.5}, "`points` must be"),
        ({"points": []}, "`points` must be"),
        ({"points": [0.5]}, "`points` must be"),
        ({"points": [[1]]}, "`points` must be"),
        ({"points": 3}, "`points` must be"),
        ({"confidence": 1.0}, "`confidence` must lie strictly between 0 and 1"),
        ({"minimum_runs": 3}, "`minimum_runs` must be at least 4"),
        ({"minimum_runs": 64, "maximum_runs": 32}, "at most `maximum_runs`"),
    ],
)
def test_bad_values(options, message):
    with pytest.raises(ValueError, match=message):
        Precision(**{"half_width": 0.1} | options)


def test_is_a_plain_value():
    assert Precision(0.1, points=np.array([1, 2])) == Precision(0.1, points=[1, 2])
    assert hash(Precision(0.1)) == hash(Precision(0.1))


def stopped(rule, inside, outside):
    """Intervals at the look where each sequence stops; columns are sequences."""
    sequences = inside.shape[1]
    low, high = np.full((2, sequences), np.nan)
    going = np.ones(sequences, dtype=bool)
    looks = rule.looks(16, block=16)
    for look in looks:
        found = difference_interval(
            arm(inside[: look // 2]),
            arm(outside[: look // 2]),
            confidence=rule.interval_confidence,
        )
        narrow = (found.high - found.low) / 2 <= rule.half_width
        stops = going & (narrow | (look == looks[-1]))
        low[stops], high[stops] = found.low[stops], found.high[stops]
        going &= ~stops
    return low, high


SEQUENCES = 300
CASES = {
    "gaussian": (lambda rng, size: rng.normal(size=size), 0.0),
    "wide": (lambda rng, size: rng.normal(scale=5, size=size), 0.0),
    "log-normal": (lambda rng, size: rng.lognormal(size=size), np.exp(0.5)),
    "rare": (lambda rng, size: (rng.random(size) < 0.05) * 1.0, 0.05),
    "even": (lambda rng, size: (rng.random(size) < 0.5) * 1.0, 0.5),
}


@pytest.mark.parametrize(
    ("inside", "outside", "half_width"),
    [
        ("gaussian", "gaussian", 0.4),
        ("gaussian", "gaussian", 0.25),
        ("gaussian", "wide", 1.5),
        ("log-normal", "log-normal", 0.6),
        ("log-normal", "gaussian", 0.5),
        ("rare", "rare", 0.06),
        ("even", "rare", 0.12),
    ],
)
def test_300_sequences_cover_at_the_nominal_level(inside, outside, half_width):
    rng = np.random.default_rng(20)
    (draw_in, mean_in), (draw_out, mean_out) = CASES[inside], CASES[outside]
    rule = Precision(half_width, maximum_runs=1024)
    scores = draw_in(rng, (512, SEQUENCES)), draw_out(rng, (512, SEQUENCES))
    low, high = stopped(rule, *scores)
    covered = ((low <= mean_in - mean_out) & (mean_in - mean_out <= high)).mean()
    assert covered >= 0.95 - 2 * np.sqrt(0.05 * 0.95 / SEQUENCES)
    assert np.mean((high - low) / 2 <= half_width) > 0.95  # nearly all were narrow


class NearestMean:
    def fit(self, data, member, *, seeds):
        del seeds
        self.centers = np.stack([data[row].mean(0) for row in member])
        return self

    def scores(self, targets):
        return -np.abs(targets - self.centers[:, np.newaxis]).sum(-1)


class TestRetraining:
    points = np.random.default_rng(0).normal(size=(12, 2))

    def retrain(self, rule):
        return retrain(NearestMean(), self.points, runs=8, rng=0, until=rule)

    def test_stops_at_the_first_look_that_is_narrow_enough(self):
        wide = Precision(10.0, minimum_runs=16)
        assert len(self.retrain(wide).scores) == 16
        rule = Precision(0.12, points="median", minimum_runs=16)
        evidence = self.retrain(rule)
        runs = len(evidence.scores)
        assert 16 < runs < rule.maximum_runs
        assert rule.satisfied(evidence)
        memorization = rule.memorization(evidence)
        half_widths = (memorization.high - memorization.low) / 2
        assert rule.reached(evidence) == np.sort(half_widths)[5]
        earlier = rule.looks(8, 16)[rule.looks(8, 16).index(runs) - 1]
        fewer = Precision(0.12, minimum_runs=earlier, maximum_runs=earlier)
        with pytest.warns(UserWarning, match="not satisfied"):
            self.retrain(fewer)

    def test_says_nothing_of_runs_that_failed(self):
        scores = np.random.default_rng(1).normal(size=(8, 3))
        scores[2] = np.nan
        member = np.arange(24).reshape(8, 3) % 2 == 0
        evidence = Retrainings(scores, member)
        assert not Precision(1e-3).satisfied(evidence)

    def test_reports_the_corrected_interval(self):
        rule = Precision(10.0, confidence=0.9)
        evidence = self.retrain(rule)
        expected = CounterfactualMemorization(confidence=0.95)(evidence)
        np.testing.assert_array_equal(rule.memorization(evidence).low, expected.low)
