"""Scores that are missing or infinite, in every metric of retrainings.

Each number is compared with that of a plain loop: one target at a time, of the runs
that scored it, as if there were no others.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from scipy import stats

import memmetrics as mm
from memmetrics.metrics.consistency import consistency_score
from memmetrics.metrics.group_memorization import group_memorization
from memmetrics.metrics.influence import counterfactual_influence
from memmetrics.metrics.influence_top import top_influences
from memmetrics.metrics.likelihood_ratio import likelihood_ratios
from memmetrics.metrics.linear_datamodel_score import (
    linear_datamodel_score,
    mean_linear_datamodel_score,
)
from memmetrics.metrics.membership_advantage import membership_advantage
from memmetrics.metrics.membership_inference import membership_inference
from memmetrics.statistics import arms as moments

NUMBERS = ("estimate", "standard_error", "low", "high")
COUNTS = ("n_in", "n_out")

LAYOUTS = {
    "plain": np.asarray,
    "float32": np.float32,
    "float16": np.float16,
    "big-endian": lambda array: array.astype(">f8"),
    "wide": np.longdouble,
    "fortran": np.asfortranarray,
    "backwards": lambda array: np.ascontiguousarray(array[::-1, ::-1])[::-1, ::-1],
    "every other": lambda array: np.repeat(array, 2, axis=1)[:, ::2],
}

cases = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10**6),
        "layout": st.sampled_from(sorted(LAYOUTS)),
        "share": st.sampled_from([0.0, 0.02, 0.2, 0.6]),
        "few_values": st.booleans(),
        "failed": st.integers(0, 2),
    }
)


def retrainings(case, *, runs=30, points=6):
    """Scores with holes, as given and in float64, and who trained on what."""
    rng = np.random.default_rng(case["seed"])
    member = rng.random((runs, points)) < 0.5
    scores = rng.normal(size=(runs, points)) + member
    if case["few_values"]:
        scores = np.round(scores)
    scores[rng.random(scores.shape) < case["share"]] = np.nan
    scores[rng.choice(runs, case["failed"], replace=False)] = np.nan
    given = LAYOUTS[case["layout"]](scores)
    return given, np.asarray(given, dtype=np.float64), member


def quietly(function, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return function(*arguments, **options)


def assert_columns_equal(result, point, single, names=NUMBERS + COUNTS):
    for name in names:
        np.testing.assert_allclose(
            getattr(result, name)[..., point],
            getattr(single, name)[..., 0],
            rtol=1e-9,
            atol=1e-9,
            err_msg=name,
        )


@pytest.fixture(params=["blocks", "kernel"], autouse=True, scope="module")
def method(request):
    if request.param == "kernel":
        pytest.importorskip("numba")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            moments, "_KERNEL_PAYS", {"blocks": 2**62, "kernel": 0}[request.param]
        )
        yield


@settings(max_examples=60, deadline=None)
@given(cases)
def test_counterfactual_memorization_by_its_definition(case):
    given_scores, scores, member = retrainings(case)
    result = quietly(mm.counterfactual_memorization, given_scores, member)
    for point, column in enumerate(scores.T):
        scored = ~np.isnan(column)
        inside = column[scored & member[:, point]]
        outside = column[scored & ~member[:, point]]
        assert result.n_in[point] == len(inside)
        assert result.n_out[point] == len(outside)
        if min(len(inside), len(outside)) == 0:
            assert np.isnan(result.estimate[point])
            continue
        difference = inside.mean() - outside.mean()
        assert result.estimate[point] == pytest.approx(difference, abs=1e-12)
        single = quietly(
            mm.counterfactual_memorization,
            column[scored, np.newaxis],
            member[scored, point, np.newaxis],
        )
        assert_columns_equal(result, point, single)
        for name in ("interval", "flag"):
            assert result.columns[name][point] == single.columns[name][0]


@settings(max_examples=40, deadline=None)
@given(cases, st.booleans())
def test_influence_and_its_largest(case, held_out):
    given_scores, scores, member = retrainings(case)
    own = np.arange(6)
    own[2] = -1 if held_out else 0
    result = quietly(counterfactual_influence, given_scores, member, own=own)
    for target, column in enumerate(scores.T):
        scored = ~np.isnan(column)
        if scored.sum() < 2:
            assert np.isnan(result.standard_error[:, target]).all()
            continue
        single = quietly(
            counterfactual_influence,
            column[scored, np.newaxis],
            member[scored],
            own=own[[target]],
        )
        assert_columns_equal(result, target, single)
    top = quietly(top_influences, given_scores, member, count=1, own=own)
    for row in top.itertuples():
        others = np.delete(result.estimate[:, row.target], own[row.target])
        candidates = others if own[row.target] >= 0 else result.estimate[:, row.target]
        assert row.estimate == pytest.approx(np.nanmax(candidates))


def test_influence_by_regression():
    """The estimate is a least-squares coefficient over the runs that scored it."""
    rng = np.random.default_rng(5)
    member = rng.random((50, 5)) < 0.5
    scores = rng.normal(size=(50, 5))
    scores[rng.random(scores.shape) < 0.3] = np.nan
    result = counterfactual_influence(scores, member)
    target, scored = 3, ~np.isnan(scores[:, 3])
    for point in (0, 1, 2, 4):
        a, m = member[scored][:, [target, point]].T.astype(float)
        s = scores[scored, target]
        effect = s[a == 1].mean() - s[a == 0].mean()
        residual = s - effect * a
        gap = residual[m == 1].mean() - residual[m == 0].mean()
        expected = gap / (1 - np.corrcoef(a, m)[0, 1] ** 2)
        assert result.estimate[point, target] == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(cases)
def test_consistency(case):
    given_scores, scores, member = retrainings(case)
    result = quietly(consistency_score, given_scores, member)
    for point, column in enumerate(scores.T):
        mine = column[~member[:, point] & ~np.isnan(column)]
        assert result.n_out[point] == len(mine)
        if len(mine) == 0:
            assert np.isnan(result.estimate[point])
            continue
        assert result.estimate[point] == pytest.approx(mine.mean(), abs=1e-12)
        single = consistency_score(
            mine[:, np.newaxis], np.zeros((len(mine), 1), dtype=bool)
        )
        assert_columns_equal(result, point, single, NUMBERS)


@settings(max_examples=40, deadline=None)
@given(cases)
def test_groups_count_the_runs_that_scored_all_of_them(case):
    given_scores, scores, member = retrainings(case)
    groups = np.array([0, 0, 1, 1, 1, 2])
    member = member[:, [0, 0, 2, 2, 2, 5]]
    result = quietly(group_memorization, given_scores, member, groups)
    for group in range(3):
        mean = scores[:, groups == group].mean(axis=1)
        scored = ~np.isnan(mean)
        inside = member[:, groups == group][:, 0]
        assert result.n_in[group] == (scored & inside).sum()
        assert result.n_out[group] == (scored & ~inside).sum()
        if min(result.n_in[group], result.n_out[group]) > 0:
            expected = mean[scored & inside].mean() - mean[scored & ~inside].mean()
            assert result.estimate[group] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("size", range(2, 60))
def test_groups_of_outcomes_keep_their_interval(size):
    rng = np.random.default_rng(size)
    member = np.repeat(rng.random((40, 1)) < 0.5, size, axis=1)
    scores = np.repeat(rng.random((40, 1)) < 0.3 + 0.4 * member[:, :1], size, axis=1)
    result = group_memorization(scores, member, np.zeros(size, dtype=int))
    single = mm.counterfactual_memorization(scores[:, :1], member[:, :1])
    assert result.columns["interval"].tolist() == ["proportions"]
    assert_columns_equal(result, 0, single)


def plain_ratios(scores, member, *, pooled):
    """Likelihood ratios pair by pair, by definition; NaN where there is none."""
    ratios = np.full(scores.shape, np.nan)

    def others(run, point, inside):
        chosen = (member[:, point] == inside) & ~np.isnan(scores[:, point])
        chosen[run] = False
        return scores[chosen, point]

    def enough(point):
        scored = ~np.isnan(scores[:, point])
        inside = member[scored, point].sum()
        return min(inside, scored.sum() - inside) >= 3

    def shared(run, inside):
        parts = [others(run, point, inside) for point in filter(enough, points)]
        squares = sum(((part - part.mean()) ** 2).sum() for part in parts)
        return squares / sum(len(part) - 1 for part in parts)

    points = range(scores.shape[1])
    for run, point in np.argwhere(~np.isnan(scores)):
        if not enough(point):
            continue
        log_density = {}
        for inside in (True, False):
            rest = others(run, point, inside)
            variance = shared(run, inside) if pooled else rest.var(ddof=1)
            log_density[inside] = stats.norm.logpdf(
                scores[run, point], rest.mean(), np.sqrt(variance)
            )
        ratios[run, point] = log_density[True] - log_density[False]
    return ratios


@settings(max_examples=12, deadline=None)
@given(cases, st.booleans())
def test_likelihood_ratios_and_what_follows_from_them(case, pooled):
    case = case | {"few_values": False, "share": min(case["share"], 0.2)}
    if case["layout"] == "float16":
        case["layout"] = "float32"  # ties would leave points without a variance
    given_scores, scores, member = retrainings(case, points=4)
    expected = plain_ratios(scores, member, pooled=pooled)
    ratios = quietly(likelihood_ratios, given_scores, member, pooled=pooled)
    kept = ~np.isnan(scores).all(axis=1)
    np.testing.assert_allclose(ratios, expected[kept], rtol=1e-6, atol=1e-8)

    known = ~np.isnan(expected)
    inside, outside = expected[known & member], expected[known & ~member]
    attack = quietly(membership_inference, given_scores, member, pooled=pooled)
    statistic = stats.mannwhitneyu(inside, outside).statistic
    area = statistic / len(inside) / len(outside)
    assert attack.estimate[0] == pytest.approx(area, abs=1e-9)
    assert (attack.n_in[0], attack.n_out[0]) == (len(inside), len(outside))

    advantage = quietly(membership_advantage, given_scores, member, pooled=pooled)
    for point in np.flatnonzero(known.any(axis=0)):
        arms = (known[:, point] & member[:, point], known[:, point] & ~member[:, point])
        true, false = ((expected[arm, point] > 0).mean() for arm in arms)
        assert advantage.estimate[point] == pytest.approx(true - false)
        counts = advantage.n_in[point], advantage.n_out[point]
        assert counts == tuple(arm.sum() for arm in arms)


@settings(max_examples=30, deadline=None)
@given(cases)
def test_linear_datamodel_score(case):
    given_scores, scores, member = retrainings(case)
    attribution = np.random.default_rng(case["seed"]).normal(size=(6, 6))
    arguments = attribution, given_scores, member
    result = quietly(linear_datamodel_score, *arguments)
    for target, column in enumerate(scores.T):
        scored = ~np.isnan(column)
        if scored.sum() < 4 or np.ptp(column[scored]) == 0:
            assert np.isnan(result.estimate[target])
            continue
        predicted = member[scored] @ attribution[:, target]
        correlation = stats.spearmanr(predicted, column[scored]).statistic
        assert result.estimate[target] == pytest.approx(correlation, abs=1e-9)
        variance = (1 + correlation**2 / 2) / (scored.sum() - 3)
        high = np.tanh(np.arctanh(correlation) + stats.norm.ppf(0.975) * variance**0.5)
        assert result.high[target] == pytest.approx(high, abs=1e-9)
    mean = quietly(mean_linear_datamodel_score, *arguments)
    assert mean.estimate == pytest.approx(np.nanmean(result.estimate))


def infinite_at(point, value=-np.inf):
    scores, _, member = retrainings(
        {"seed": 1, "layout": "plain", "share": 0, "few_values": False, "failed": 0}
    )
    changed = scores.copy()
    changed[0, point] = value
    return scores, changed, member


@pytest.mark.parametrize("value", [-np.inf, np.inf])
@pytest.mark.parametrize(
    "metric",
    [
        mm.counterfactual_memorization,
        counterfactual_influence,
        membership_advantage,
        consistency_score,
    ],
)
def test_an_infinite_score_concerns_its_own_target_and_is_told(metric, value):
    scores, changed, member = infinite_at(3, value)
    member[0, 3] = False
    expected = quietly(metric, scores, member)
    with pytest.warns(RuntimeWarning, match=r"1 of 6 \w+ have an infinite score"):
        result = metric(changed, member)
    for name in (*NUMBERS, *COUNTS):
        values, before = getattr(result, name), getattr(expected, name)
        if values is None:
            continue
        np.testing.assert_array_equal(
            np.delete(values, 3, axis=-1), np.delete(before, 3, axis=-1)
        )
        if name in NUMBERS:
            assert np.isnan(values[..., 3]).all()


def test_an_infinite_score_has_no_interval_and_a_flag():
    _, changed, member = infinite_at(3)
    result = quietly(mm.counterfactual_memorization, changed, member)
    assert result.columns["interval"][3] == "none"
    assert result.columns["flag"][3] == "a score is infinite"
    assert np.isnan(result.columns["p_value"][3])


def test_an_infinite_score_has_a_rank():
    scores, changed, member = infinite_at(3)
    scores[0, 3] = -1e9
    attribution = np.eye(6)
    np.testing.assert_array_equal(
        linear_datamodel_score(attribution, changed, member).estimate,
        linear_datamodel_score(attribution, scores, member).estimate,
    )


@pytest.mark.parametrize("runs", [2, 3])
def test_influence_of_hardly_any_runs_has_no_error(runs):
    member = np.array([[True, False, True], [False, False, True], [True, True, False]])
    scores = np.random.default_rng(0).normal(size=(runs, 3))
    for own in (None, [-1, -1, -1]):
        result = quietly(counterfactual_influence, scores, member[:runs], own=own)
        off = ~np.eye(3, dtype=bool)
        assert np.isnan(result.standard_error[off]).all()
        assert not np.isinf(result.low).any()


@pytest.mark.parametrize(
    "metric", [mm.counterfactual_memorization, counterfactual_influence]
)
def test_a_target_that_no_run_scored_is_nan_and_no_other_is(metric):
    rng = np.random.default_rng(0)
    scores, member = rng.normal(size=(20, 6)), rng.random((20, 6)) < 0.5
    expected = metric(scores, member).estimate
    scores[:, 3] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".* have no run in one of the two")
        estimate = metric(scores, member).estimate
    assert np.isnan(estimate[..., 3]).all()
    others = np.delete(np.arange(6), 3)
    np.testing.assert_array_equal(estimate[..., others], expected[..., others])
