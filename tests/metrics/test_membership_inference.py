from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

import memmetrics as mm
from memmetrics.evidence import Retrainings
from memmetrics.metrics.likelihood_ratio import likelihood_ratios, logit
from memmetrics.metrics.membership_advantage import (
    MembershipAdvantage,
    membership_advantage,
)
from memmetrics.metrics.membership_inference import (
    MembershipInference,
    membership_inference,
)
from memmetrics.testing import check_metric


def retrainings(runs=64, points=40, *, shift=1.0, rng=0):
    """Gaussian scores that differ between the arms by `shift` standard deviations."""
    rng = np.random.default_rng(rng)
    member = rng.permuted(np.arange(runs)[:, np.newaxis] % 2 < np.ones(points), axis=0)
    return rng.normal(size=(runs, points)) + shift * member, member


def ratio_by_loop(scores, member, *, pooled):
    """Fit every Gaussian anew, without the run that it is to judge."""
    runs, points = scores.shape
    ratio = np.empty(scores.shape)
    for run in range(runs):
        others = np.arange(runs) != run
        arms = [(member, others), (~member, others)]
        fits = []
        for chosen, use in arms:
            values = [scores[use & chosen[:, p], p] for p in range(points)]
            squares = sum(((v - v.mean()) ** 2).sum() for v in values)
            shared = squares / sum(len(v) - 1 for v in values)
            own = [shared if pooled else v.var(ddof=1) for v in values]
            fits.append(([v.mean() for v in values], np.sqrt(own)))
        likelihood = [stats.norm.logpdf(scores[run], mean, sd) for mean, sd in fits]
        ratio[run] = likelihood[0] - likelihood[1]
    return ratio


@pytest.mark.parametrize("pooled", [False, True])
def test_ratios_leave_out_the_run_they_judge(pooled):
    scores, member = retrainings(runs=20, points=6)
    scores = scores * np.arange(1, 7) + 1e4
    ratio = likelihood_ratios(scores, member, pooled=pooled)
    expected = ratio_by_loop(scores, member, pooled=pooled)
    np.testing.assert_allclose(ratio, expected, rtol=1e-7, atol=1e-7)


def test_blocks_of_points_change_nothing(monkeypatch):
    scores, member = retrainings(runs=70, points=9)
    whole = likelihood_ratios(scores, member)
    monkeypatch.setattr("memmetrics.statistics.likelihood_ratio._ENTRIES", 2 * 70)
    np.testing.assert_allclose(likelihood_ratios(scores, member), whole, rtol=1e-12)


def test_few_runs_share_a_variance():
    few, many = retrainings(runs=62), retrainings(runs=64)
    for (scores, member), pooled in ((few, True), (many, False)):
        np.testing.assert_array_equal(
            likelihood_ratios(scores, member),
            likelihood_ratios(scores, member, pooled=pooled),
        )


def test_an_arm_without_spread_has_the_shared_variance():
    scores, member = retrainings(runs=64, points=5)
    scores[member[:, 2], 2] = 0.1
    mixed = likelihood_ratios(scores, member)
    assert np.isfinite(mixed).all()
    # Both sides judge the IN arm of point 2 by the same variance.
    inside = scores[:, [0, 1, 3, 4]][member[:, [0, 1, 3, 4]]]
    assert np.abs(mixed[:, 2]).max() < 10 * np.ptp(inside) ** 2
    # Unless that is ruled out, where the point has no ratio.
    with pytest.warns(RuntimeWarning, match="1 of 5 targets have no variance of their"):
        alone = likelihood_ratios(scores, member, pooled=False)
    assert np.isnan(alone).all(axis=0).tolist() == [False, False, True, False, False]
    others = [0, 1, 3, 4]
    np.testing.assert_array_equal(alone[:, others], mixed[:, others])


def test_held_out_targets_and_short_arms_have_no_ratio():
    scores, member = retrainings(runs=20, points=4)
    member[:, 1] = False
    member[:2, 1] = True
    own = np.array([0, 1, -1, 3])
    ratio = likelihood_ratios(scores, member, own=own)
    assert np.isnan(ratio).all(axis=0).tolist() == [False, True, True, False]
    advantage = membership_advantage(scores, member, own=own)
    assert np.isnan(advantage.estimate).tolist() == [False, True, True, False]
    assert np.isnan(advantage.low).tolist() == [False, True, True, False]
    assert advantage.n_in.tolist()[1:3] == [2, 0]
    assert membership_inference(scores, member, own=own).n_in[0] == 20


def test_the_area_and_the_rates_are_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    scores, member = retrainings(runs=64, points=30)
    scores = scores.round(0)  # many ties
    rates = (0.01, 0.05, 0.3)
    result = membership_inference(
        scores, member, false_positive_rates=rates, pooled=True
    )
    ratio = likelihood_ratios(scores, member, pooled=True).ravel()
    labels = member.ravel()
    assert result.estimate[0] == pytest.approx(metrics.roc_auc_score(labels, ratio))
    false, true, _ = metrics.roc_curve(labels, ratio, drop_intermediate=False)
    expected = [true[false <= rate].max() for rate in rates]
    np.testing.assert_allclose(result.estimate[1:], expected)


def test_separated_gaussians_have_the_analytic_area_and_rates():
    shift = 1.5
    scores, member = retrainings(runs=200, points=400, shift=shift)
    result = membership_inference(scores, member, pooled=True)
    normal = stats.norm
    analytic = [
        normal.cdf(shift / np.sqrt(2)),
        *(normal.sf(normal.isf(rate) - shift) for rate in (0.001, 0.01)),
    ]
    assert (np.abs(result.estimate - analytic) < 4 * result.standard_error).all()
    assert result.standard_error[0] < 0.005
    best = 2 * normal.cdf(shift / 2) - 1
    advantage = membership_advantage(scores, member, pooled=True)
    assert advantage.estimate.mean() == pytest.approx(best, abs=0.02)
    covered = (advantage.low <= best) & (best <= advantage.high)
    assert covered.mean() > 0.92


def test_noise_gives_nothing_away():
    scores, member = retrainings(runs=100, points=300, shift=0.0)
    result = membership_inference(scores, member)
    assert abs(result.estimate[0] - 0.5) < 4 * result.standard_error[0]
    assert result.estimate[2] < 0.02
    assert abs(membership_advantage(scores, member).estimate.mean()) < 0.02


def test_the_standard_error_is_that_over_repetitions():
    areas, errors = [], []
    for rng in range(60):
        result = membership_inference(*retrainings(runs=40, points=30, rng=rng))
        areas.append(result.estimate[0])
        errors.append(result.standard_error[0])
    assert 0.75 < np.mean(errors) / np.std(areas, ddof=1) < 1.35


def test_the_table_says_what_each_row_is():
    table = MembershipInference(false_positive_rates=(0.1,))(
        mm.Retrainings(*retrainings())
    ).to_frame()
    assert table["statistic"].tolist() == ["area", "true-positive rate"]
    assert np.isnan(table["false_positive_rate"][0])
    assert table["false_positive_rate"][1] == 0.1
    assert table["index"].isna().all()
    assert (table["low"] < table["estimate"]).all()
    assert (table["estimate"] < table["high"]).all()


def test_a_perfect_attack_stays_within_its_range():
    scores, member = retrainings(shift=50.0)
    result = membership_inference(scores, member)
    assert result.estimate.tolist() == [1, 1, 1]
    assert result.high.max() == 1
    advantage = MembershipAdvantage()(mm.Retrainings(scores, member))
    assert (advantage.estimate == 1).all()
    assert ((advantage.low > 0.5) & (advantage.low < 1)).all()


def test_diverged_runs_are_left_out():
    scores, member = retrainings()
    expected = membership_inference(scores[1:], member[1:]).estimate
    scores[0] = np.nan
    with pytest.warns(RuntimeWarning, match="1 of 64 runs"):
        result = membership_inference(scores, member)
    np.testing.assert_array_equal(result.estimate, expected)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_logit_is_the_log_odds_and_finite(kind):
    probability = np.array([0.0, 0.25, 0.5, 1.0], dtype=kind)
    odds = logit(probability)
    assert odds.dtype == kind
    assert np.isfinite(odds).all()
    np.testing.assert_allclose(odds[1:3], [-np.log(3), 0], atol=1e-6)
    assert (np.diff(odds) > 0).all()
    np.testing.assert_allclose(logit(torch.from_numpy(probability)), odds, rtol=1e-6)


@pytest.mark.parametrize("probability", [[-0.1, np.nan], [1.1], [np.inf]])
def test_logit_refuses_what_is_no_probability(probability):
    with pytest.raises(ValueError, match=r"`probability` must lie within \[0, 1\]"):
        logit(np.array(probability))


def test_logit_of_evidence_is_evidence():
    rng = np.random.default_rng(0)
    scores = rng.random((40, 5))
    scores[3], scores[7, 2] = np.nan, np.nan  # a run that failed, and a hole
    member = rng.random((40, 4)) < 0.5
    options = {"own": [0, 1, 2, 3, -1], "groups": [0, 0, 1, 2], "seeds": range(40)}
    member[:, 1] = member[:, 0]
    runs = Retrainings(scores, member, **options).with_attrs({"seed": 1})
    spread = logit(runs)
    np.testing.assert_array_equal(spread.scores, logit(scores))
    np.testing.assert_array_equal(np.isnan(spread.scores), np.isnan(scores))
    for name in ("member", "own", "groups", "seeds"):
        np.testing.assert_array_equal(getattr(spread, name), getattr(runs, name))
    assert spread.attrs == {"seed": 1}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"false_positive_rates": [0.0]}, "`false_positive_rates` must lie strictly"),
        ({"confidence": 0}, "`confidence` must lie strictly between 0 and 1"),
        ({"scores": np.ones((64, 40))}, "`scores` must vary within both arms"),
        ({"own": np.full(40, -1)}, "`member` must leave some target at least 3 runs"),
        ({"member": np.ones((64, 40), dtype=bool)}, "at least 3 runs with it"),
    ],
)
def test_bad_input(options, message):
    scores, member = retrainings()
    arguments = {"scores": scores, "member": member, **options}
    with pytest.raises(ValueError, match=message):
        membership_inference(**arguments)


def test_too_few_runs():
    scores, member = retrainings(runs=4)
    with pytest.raises(ValueError, match="`scores` must have at least 6 runs"):
        membership_advantage(scores, member)


@pytest.mark.parametrize("metric", [MembershipInference(), MembershipAdvantage()])
def test_they_behave_as_metrics_must(metric):
    check_metric(metric, worker=False)
