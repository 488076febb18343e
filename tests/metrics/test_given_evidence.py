"""Functions that are given evidence, and what evidence keeps for them."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

import memmetrics as mm
from memmetrics import metrics
from memmetrics.statistics import Arms, likelihood_ratio

FIELDS = ("estimate", "standard_error", "low", "high", "n_in", "n_out")
FUNCTIONS = {
    "counterfactual_memorization": metrics.counterfactual_memorization,
    "counterfactual_influence": metrics.counterfactual_influence,
    "consistency_score": metrics.consistency_score,
    "group_memorization": metrics.group_memorization,
    "membership_inference": metrics.membership_inference,
    "membership_advantage": metrics.membership_advantage,
}


def arrays(runs=40, points=7):
    rng = np.random.default_rng(0)
    member = rng.permuted(np.arange(runs)[:, None] < np.full(points, runs // 2), axis=0)
    own = np.array([3, -1, 0, 6, 2])
    scores = rng.normal(size=(runs, len(own))) + member[:, own]
    scores[rng.random(scores.shape) < 0.1] = np.nan
    scores[5] = np.nan  # a run that diverged
    return scores, member, own


def per_target(scores, member, own):
    """Mean of the runs with minus those without, one target at a time."""
    for target, point in enumerate(own):
        if point < 0:
            yield np.nan
            continue
        scored = ~np.isnan(scores[:, target])
        inside = scores[scored & member[:, point], target]
        outside = scores[scored & ~member[:, point], target]
        yield inside.mean() - outside.mean()


@pytest.mark.filterwarnings("ignore:1 of 40 runs:RuntimeWarning")
class TestTheSameAsArrays:
    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_with_their_own(self, name):
        scores, member, own = arrays()
        runs = mm.Retrainings(scores, member, own=own)
        function = FUNCTIONS[name]
        expected = function(scores, member, own=own)
        for found in (function(runs), metrics.get_metric(name)(runs)):
            for field in FIELDS:
                one, other = getattr(found, field), getattr(expected, field)
                np.testing.assert_array_equal(one, other)

    def test_memorization_equals_a_loop_over_targets(self):
        scores, member, own = arrays()
        found = metrics.counterfactual_memorization(scores, member, own=own)
        np.testing.assert_allclose(
            found.estimate, list(per_target(scores, member, own)), rtol=1e-12
        )

    def test_tables_and_matrices(self):
        scores, member, own = arrays()
        runs = mm.Retrainings(scores, member, own=own)
        table = metrics.top_influences(scores, member, own=own, count=2)
        assert metrics.top_influences(runs, count=2).equals(table)
        ratios = metrics.likelihood_ratios(scores, member, own=own)
        np.testing.assert_array_equal(metrics.likelihood_ratios(runs), ratios)
        attribution = np.random.default_rng(1).normal(size=(7, 5))
        for score in (
            metrics.linear_datamodel_score,
            metrics.mean_linear_datamodel_score,
        ):
            np.testing.assert_array_equal(
                score(attribution, runs).estimate,
                score(attribution, scores, member).estimate,
            )

    def test_groups_of_the_evidence_or_given(self):
        scores, member, _ = arrays()
        member = member[:, :5].copy()
        member[:, 1] = member[:, 0]
        groups = np.array([0, 0, 1, 2, 3])
        runs = mm.Retrainings(scores, member, groups=groups)
        found = metrics.group_memorization(runs)
        bare = mm.Retrainings(scores, member)
        expected = metrics.group_memorization(bare, groups=groups)
        np.testing.assert_array_equal(found.estimate, expected.estimate)
        assert found.estimate.shape == (4,)
        assert metrics.group_memorization(bare).estimate.shape == (5,)

    @pytest.mark.parametrize("name", ["datapoint_dimensionality", "leverage"])
    @pytest.mark.parametrize("options", [{}, {"duplicates": "merge"}])
    def test_fits(self, name, options):
        function = getattr(metrics, name)
        hidden, train = torch.rand(3, 8, 2), torch.rand(3, 5, 2)
        train[:, 0] = train[:, 1]
        for reference in (None, train):
            found = function(mm.Fit(hidden=hidden, reference=reference), **options)
            expected = function(hidden, reference=reference, **options)
            assert torch.equal(found, expected)
        images = np.random.default_rng(0).normal(size=(6, 2, 3, 3))
        np.testing.assert_array_equal(
            function(mm.Fit(hidden=images), flatten=3, **options),
            function(images.reshape(6, -1), **options),
        )

    def test_weights_of_fits(self):
        weights = torch.rand(3, 8, 2)
        found = mm.feature_dimensionality(mm.Fit(weights, hidden=torch.rand(3, 5, 2)))
        assert torch.equal(found, mm.feature_dimensionality(weights))

    def test_losses(self):
        train, test = torch.rand(3, 8), torch.rand(3, 5)
        found = mm.train_test_gap(mm.Losses(train, test))
        assert isinstance(found.low, torch.Tensor)
        assert torch.equal(found.low, mm.train_test_gap(train, test).low)


def test_a_group_that_no_run_scored_whole_has_no_estimate():
    scores = np.random.default_rng(0).normal(size=(8, 4))
    scores[::2, 0] = scores[1::2, 1] = np.nan  # never both
    member = np.arange(8)[:, None] % 4 < np.array([2, 2, 3, 1])
    groups = np.array([0, 0, 1, 2])
    with pytest.warns(RuntimeWarning, match="1 of 3 points have no run"):
        found = metrics.group_memorization(scores, member, groups)
    assert np.isnan(found.estimate).tolist() == [True, False, False]
    groups[:] = 0
    member = np.repeat(member[:, :1], 4, axis=1)
    with pytest.warns(RuntimeWarning, match="1 of 1 points have no run"):
        assert np.isnan(metrics.group_memorization(scores, member, groups).estimate)


class TestMistakes:
    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_evidence_beside_arrays(self, name):
        scores, member, own = arrays()
        runs = mm.Retrainings(scores, member, own=own)
        with pytest.raises(TypeError, match="`member` and `own` are in the evidence"):
            FUNCTIONS[name](runs, member)
        with pytest.raises(TypeError, match="`member` and `own` are in the evidence"):
            FUNCTIONS[name](runs, own=own)

    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_no_members(self, name):
        with pytest.raises(TypeError, match="`member` must be given with `scores`"):
            FUNCTIONS[name](arrays()[0])

    def test_fits_without_what_is_asked_for(self):
        weights, hidden = mm.Fit(weights=np.eye(3)), mm.Fit(hidden=np.eye(3))
        with pytest.raises(ValueError, match="Fit given here needs `weights`"):
            mm.feature_dimensionality(hidden)
        for function in (mm.datapoint_dimensionality, mm.leverage):
            with pytest.raises(ValueError, match="Fit given here needs `hidden`"):
                function(weights)
            with pytest.raises(TypeError, match="`reference` belongs into the Fit"):
                function(hidden, reference=np.eye(3))

    def test_losses_twice_or_by_half(self):
        losses = mm.Losses(np.ones(3), np.ones(4))
        with pytest.raises(TypeError, match="`test_losses` are in the Losses"):
            mm.train_test_gap(losses, np.ones(4))
        with pytest.raises(TypeError, match="`test_losses` must be given"):
            mm.train_test_gap(np.ones(3))


@pytest.mark.filterwarnings("ignore:1 of 40 runs:RuntimeWarning")
class TestWhatIsKept:
    def test_arms_are_gathered_once(self, monkeypatch):
        calls = []
        gather = Arms.from_scores.__func__
        monkeypatch.setattr(
            Arms,
            "from_scores",
            classmethod(lambda *given: calls.append(1) or gather(*given)),
        )
        scores, member, own = arrays()
        runs = mm.Retrainings(scores, member, own=own)
        metrics.counterfactual_memorization(runs)
        metrics.counterfactual_influence(runs)
        metrics.consistency_score(runs)
        assert len(calls) == 1
        metrics.consistency_score(mm.Retrainings(scores, member, own=own))
        assert len(calls) == 2

    def test_ratios_are_fitted_once_and_cannot_be_spoiled(self, monkeypatch):
        calls = []
        fit = likelihood_ratio.gaussian_ratios
        monkeypatch.setattr(
            "memmetrics.evidence.retrainings.gaussian_ratios",
            lambda *given: calls.append(1) or fit(*given),
        )
        scores, member, own = arrays()
        runs = mm.Retrainings(scores, member, own=own)
        ratios = metrics.likelihood_ratios(runs)
        before = ratios.copy()
        ratios[:] = 0
        metrics.membership_inference(runs)
        metrics.membership_advantage(runs)
        np.testing.assert_array_equal(metrics.likelihood_ratios(runs), before)
        assert len(calls) == 1

    def test_warnings_are_given_again(self):
        scores, member, own = arrays()
        scores[3, 0] = np.inf
        runs = mm.Retrainings(scores, member, own=own)
        for _ in range(2):
            with pytest.warns(RuntimeWarning, match="infinite score"):
                metrics.counterfactual_memorization(runs)
            with pytest.warns(RuntimeWarning, match="infinite score"):
                metrics.membership_advantage(runs)

    @pytest.mark.parametrize("again", [copy.copy, copy.deepcopy])
    def test_copies_do_not_carry_it(self, again):
        scores, member, own = arrays()
        runs = mm.Retrainings(scores, member, own=own).with_attrs({"seed": 3})
        expected = metrics.counterfactual_memorization(runs)
        size = len(pickle.dumps(mm.Retrainings(scores, member, own=own)))
        other = again(runs)
        assert "arms" in vars(runs)
        assert "arms" not in vars(other)
        assert len(pickle.dumps(runs)) < size + 100
        found = metrics.counterfactual_memorization(other)
        np.testing.assert_array_equal(found.low, expected.low)
        assert other.attrs == {"seed": 3}

    def test_provenance_is_carried_to_the_table(self):
        scores, member, own = arrays()
        attrs = {"seed": 3, "store": "here"}
        runs = mm.Retrainings(scores, member, own=own).with_attrs(attrs)
        for function in FUNCTIONS.values():
            assert function(runs).to_frame().attrs == attrs


def test_every_name_has_an_address():
    for name in metrics.__all__:
        assert callable(getattr(metrics, name)), name
    for name in ("leverage", "group_memorization", "membership_inference"):
        assert getattr(mm.metrics, name).__name__ == name  # no module
