"""Scores with one value per token of a point."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import memmetrics as mm
from memmetrics.metrics.consistency import ConsistencyScore
from memmetrics.metrics.influence_top import top_influences

FIELDS = ("estimate", "standard_error", "low", "high", "n_in", "n_out")


@pytest.fixture
def evidence():
    rng = np.random.default_rng(0)
    member = rng.permuted(np.arange(20)[:, None] < np.full(6, 10), axis=0)
    return rng.normal(size=(20, 6, 4)) + member[:, :, None], member


def test_each_token_is_as_if_alone(evidence):
    scores, member = evidence
    result = mm.counterfactual_memorization(scores, member)
    assert result.estimate.shape == (6, 4)
    for token in range(4):
        alone = mm.counterfactual_memorization(scores[:, :, token], member)
        for name in FIELDS:
            np.testing.assert_allclose(
                getattr(result, name)[:, token], getattr(alone, name)
            )


def test_frame_says_which_token(evidence):
    frame = mm.CounterfactualMemorization()(mm.Retrainings(*evidence)).to_frame()
    assert len(frame) == 24
    row = frame[(frame["index"] == 5) & (frame.token == 2)]
    expected = mm.counterfactual_memorization(*evidence).estimate[5, 2]
    assert row.estimate.item() == pytest.approx(expected)


def test_padding_is_nan_and_disturbs_nothing(evidence):
    scores, member = evidence
    scores[:, 1, 2:] = np.nan  # point 1 has two tokens
    scores[3] = np.nan  # and run 3 diverged
    with pytest.warns(RuntimeWarning, match="1 of 20 runs have only NaN"):
        result = mm.counterfactual_memorization(scores, member)
    assert np.isnan(result.estimate[1]).tolist() == [False, False, True, True]
    assert result.n_in[1].tolist()[2:] == [0, 0]
    rest = np.delete(scores, 3, axis=0), np.delete(member, 3, axis=0)
    expected = mm.counterfactual_memorization(rest[0][:, :, 0], rest[1])
    np.testing.assert_allclose(result.low[:, 0], expected.low)


def test_a_token_missing_in_some_runs_counts_in_the_others(evidence):
    scores, member = evidence
    scores[0, 1, 2] = np.nan
    result = mm.counterfactual_memorization(scores, member)
    assert (result.n_in + result.n_out).ravel().tolist().count(20) == scores[0].size - 1
    expected = mm.counterfactual_memorization(scores[1:, :, 2], member[1:])
    assert result.estimate[1, 2] == pytest.approx(expected.estimate[1], abs=1e-12)
    assert result.low[1, 2] == pytest.approx(expected.low[1], abs=1e-12)


def test_held_out_targets_have_no_estimate(evidence):
    scores, member = evidence
    own = np.array([0, 1, -1, 3, 4, 5])
    result = mm.CounterfactualMemorization()(mm.Retrainings(scores, member, own=own))
    assert np.isnan(result.estimate).sum(1).tolist() == [0, 0, 4, 0, 0, 0]


def test_tensors_come_back_as_tensors(evidence):
    scores, member = map(torch.from_numpy, evidence)
    result = mm.counterfactual_memorization(scores, member)
    assert isinstance(result.low, torch.Tensor)
    assert result.low.shape == (6, 4)


def test_metrics_of_whole_points_say_what_they_need(evidence):
    message = r"`scores` must be \(runs, targets\).* tokens.* \(20, 6, 4\)"
    for call in (
        lambda: mm.counterfactual_influence(*evidence),
        lambda: mm.CounterfactualInfluence()(mm.Retrainings(*evidence)),
        lambda: ConsistencyScore()(mm.Retrainings(*evidence)),
        lambda: top_influences(*evidence, count=1),
    ):
        with pytest.raises(ValueError, match=message):
            call()
