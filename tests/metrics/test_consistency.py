from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import memmetrics as mm
from memmetrics.metrics.consistency import ConsistencyScore, consistency_score
from memmetrics.statistics.arms import Arms
from memmetrics.statistics.mean_interval import mean_interval
from memmetrics.testing import check_metric


def interval(scores, **options):
    column = np.asarray(scores, dtype=float)[:, np.newaxis]
    arm = Arms.from_scores(column, np.ones(column.shape, dtype=bool)).inside
    return mean_interval(arm, **{"confidence": 0.95, **options})


def test_it_is_the_mean_over_the_runs_without_the_point():
    rng = np.random.default_rng(0)
    scores, member = rng.normal(size=(40, 7)), rng.random((40, 7)) < 0.5
    result = consistency_score(scores, member)
    for point in range(7):
        held_out = scores[~member[:, point], point]
        assert result.estimate[point] == pytest.approx(held_out.mean())
        assert result.standard_error[point] == pytest.approx(stats.sem(held_out))
        assert result.n_out[point] == len(held_out)
        assert result.low[point] < result.estimate[point] < result.high[point]


def test_every_run_counts_for_a_held_out_target():
    rng = np.random.default_rng(1)
    scores, member = rng.normal(size=(30, 3)), rng.random((30, 2)) < 0.5
    result = consistency_score(scores, member, own=np.array([1, -1, 0]))
    assert result.estimate[1] == pytest.approx(scores[:, 1].mean())
    assert result.estimate[0] == pytest.approx(scores[~member[:, 1], 0].mean())
    assert result.n_out.tolist() == [(~member[:, 1]).sum(), 30, (~member[:, 0]).sum()]


def test_a_point_in_every_run_has_no_score():
    member = np.ones((4, 2), dtype=bool)
    member[:2, 1] = False
    result = consistency_score(np.arange(8.0).reshape(4, 2), member)
    assert np.isnan([result.estimate[0], result.standard_error[0]]).all()
    assert result.n_out.tolist() == [0, 2]
    assert result.columns["flag"].tolist() == ["fewer than 2 runs in an arm", ""]


def test_diverged_runs_are_left_out_with_a_warning():
    rng = np.random.default_rng(2)
    scores, member = rng.normal(size=(20, 3)), rng.random((20, 3)) < 0.5
    expected = consistency_score(scores[1:], member[1:])
    scores[0] = np.nan
    with pytest.warns(RuntimeWarning, match="1 of 20 runs"):
        result = consistency_score(scores, member)
    np.testing.assert_array_equal(result.estimate, expected.estimate)
    np.testing.assert_array_equal(result.n_out, expected.n_out)


def test_the_metric_is_the_function():
    rng = np.random.default_rng(3)
    scores, member = rng.normal(size=(20, 3)), rng.random((20, 2)) < 0.5
    own = np.array([0, -1, 1])
    metric = ConsistencyScore(confidence=0.8)
    result = metric(mm.Retrainings(scores, member, own=own))
    expected = consistency_score(scores, member, own=own, confidence=0.8)
    np.testing.assert_array_equal(result.low, expected.low)
    assert result.to_frame()["n_in"].isna().all()


def test_symmetric_scores_have_students_interval():
    scores = np.array([-3.0, -1.0, 0.5, 0.0, -0.5, 1.0, 3.0])
    found = interval(scores)
    low, high = stats.t.interval(
        0.95, len(scores) - 1, scores.mean(), stats.sem(scores)
    )
    assert found["low"].item() == pytest.approx(low)
    assert found["high"].item() == pytest.approx(high)


def test_a_long_tail_moves_the_limit_on_its_side():
    scores = np.random.default_rng(4).lognormal(size=40)
    found = interval(scores)
    low, high = stats.t.interval(0.95, 39, scores.mean(), stats.sem(scores))
    assert found["low"].item() == pytest.approx(low)
    assert found["high"].item() > high


@pytest.mark.parametrize("lower", [0.0, -2.0])
def test_two_values_have_wilsons_interval(lower):
    scores = lower + np.array([1.0, 0, 1, 1, 0, 1, 1, 1])
    found = interval(scores)
    expected = stats.binomtest(6, 8).proportion_ci(0.95, method="wilson")
    assert found["low"].item() == pytest.approx(lower + expected.low)
    assert found["high"].item() == pytest.approx(lower + expected.high)
    assert found["columns"]["interval"].item() == "proportions"


def test_two_scores_are_not_taken_for_two_outcomes():
    found = interval([0.3, 0.7])
    assert found["columns"]["interval"].item() == "skewness-adjusted"


def test_alike_runs_are_flagged_and_never_certain():
    outcome, other = interval([1.0] * 10), interval([0.4] * 10)
    assert 0 < outcome["low"].item() < 1
    assert outcome["high"].item() == pytest.approx(1)
    assert outcome["standard_error"].item() > 0
    assert np.isnan([other["low"].item(), other["standard_error"].item()]).all()
    for found in (outcome, other):
        assert found["columns"]["flag"].item() == "all runs alike"


def test_a_mode_seen_once_is_flagged():
    scores = np.append(np.random.default_rng(5).normal(size=30), 100.0)
    assert interval(scores)["columns"]["flag"].item() == "one run stands apart"


@pytest.mark.parametrize("draw", ["normal", "lognormal", "seldom"])
def test_intervals_cover(draw):
    rng = np.random.default_rng(6)
    shape = 32, 4000
    scores, truth = {
        "normal": lambda: (rng.normal(size=shape), 0.0),
        "lognormal": lambda: (rng.lognormal(size=shape), np.exp(0.5)),
        "seldom": lambda: (1.0 * (rng.random(shape) < 0.2), 0.2),
    }[draw]()
    result = consistency_score(scores, np.zeros(shape, dtype=bool))
    covered = ((result.low <= truth) & (truth <= result.high)).mean()
    assert (0.91 if draw == "lognormal" else 0.93) <= covered <= 0.98


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"confidence": 1.0}, "`confidence` must lie strictly between 0 and 1"),
        ({"own": np.array([5])}, "`own` must lie between -1 and 0"),
        ({"member": np.ones((3, 1))}, "`member` must be boolean"),
        ({"scores": np.full((3, 1), np.nan)}, "`scores` must not be NaN in all"),
        ({"scores": np.ones((2, 1))}, "as many runs"),
    ],
)
def test_bad_input(options, message):
    arguments = {"scores": np.ones((3, 1)), "member": np.ones((3, 1), dtype=bool)}
    with pytest.raises((TypeError, ValueError), match=message):
        consistency_score(**{**arguments, **options})


def test_it_behaves_as_a_metric_must():
    check_metric(ConsistencyScore(), worker=False)
