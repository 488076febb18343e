from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from memmetrics import Fit, Losses, Retrainings

MEMBER = np.array([[True, False], [False, True], [True, True]])
SCORES = np.arange(6.0).reshape(3, 2)


def test_floats_are_kept_and_integers_become_floats():
    hidden = np.ones((3, 2), np.float32)
    assert Fit(hidden=hidden).hidden is hidden
    assert Fit(weights=[[1, 2]]).weights.dtype == np.float64
    tensor = torch.ones(3, 2)
    assert Fit(hidden=tensor).hidden is tensor
    assert Retrainings(SCORES, MEMBER).scores is SCORES


def test_tensors_of_retrainings_become_arrays():
    evidence = Retrainings(torch.tensor(SCORES), torch.tensor(MEMBER))
    assert isinstance(evidence.scores, np.ndarray)
    assert evidence.member.dtype == bool


def test_own():
    assert Retrainings(SCORES, MEMBER).own.tolist() == [0, 1]
    assert Retrainings(SCORES, MEMBER, own=[-1, 0]).own.tolist() == [-1, 0]


def test_diverged_runs_may_be_there():
    scores = SCORES.copy()
    scores[1] = np.nan
    assert np.isnan(Retrainings(scores, MEMBER).scores[1]).all()


def test_scores_that_are_not_finite_are_kept_as_they_are():
    scores = SCORES.copy()
    scores[0, 0], scores[1, 1] = np.nan, -np.inf
    assert Retrainings(scores, MEMBER).scores is scores


def test_large_seeds():
    seeds = [2**64 - 1, 2**70, 0]
    assert Retrainings(SCORES, MEMBER, seeds=seeds).seeds.tolist() == seeds


def test_pickles():
    copy = pickle.loads(pickle.dumps(Retrainings(SCORES, MEMBER)))  # noqa: S301
    np.testing.assert_array_equal(copy.scores, SCORES)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({}, ValueError, "must not both be None"),
        ({"weights": np.eye(2), "reference": np.eye(2)}, ValueError, "which is None"),
        ({"hidden": np.ones(3)}, ValueError, r"`hidden` must have axes .* \(3,\)"),
        ({"weights": np.ones((0, 2))}, ValueError, "`weights` must not be empty"),
        ({"hidden": [[np.nan]]}, ValueError, "`hidden` must be finite"),
        ({"hidden": [["a"]]}, TypeError, "`hidden` must hold real numbers"),
        ({"weights": np.eye(2), "hidden": np.eye(3)}, ValueError, "same leading axes"),
        ({"hidden": np.eye(2), "reference": np.ones((1, 2, 2))}, ValueError, "leading"),
        ({"weights": np.eye(2), "hidden": torch.eye(2)}, TypeError, "of one kind"),
    ],
)
def test_bad_fit(options, error, match):
    with pytest.raises(error, match=match):
        Fit(**options)


@pytest.mark.parametrize(
    ("train", "test", "error", "match"),
    [
        ([], [1.0], ValueError, "`train` must not be empty"),
        ([1.0], [np.nan], ValueError, "`test` must be finite"),
        ([[1.0]], [1.0], ValueError, "same leading axes"),
        (np.ones(2), torch.ones(2), TypeError, "of one kind"),
    ],
)
def test_bad_losses(train, test, error, match):
    with pytest.raises(error, match=match):
        Losses(train, test)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        (
            {"member": MEMBER * 1},
            TypeError,
            "`member` must be boolean; got dtype int64",
        ),
        ({"member": MEMBER[:2]}, ValueError, r"as many runs; got shapes \(3, 2\) and"),
        ({"scores": SCORES[:, :1]}, ValueError, "`own` must say which training point"),
        ({"scores": SCORES[0]}, ValueError, "`scores` must have axes"),
        ({"own": [0, 2]}, ValueError, "`own` must lie between -1 and 1"),
        ({"groups": [0]}, ValueError, r"one group for each of the 2 points; got shape"),
        ({"groups": [0.5, 1.0]}, TypeError, "`groups` must be integers or strings"),
        ({"seeds": [1, 2]}, ValueError, r"`seeds` must have shape \(3,\)"),
    ],
)
def test_bad_retrainings(change, error, match):
    with pytest.raises(error, match=match):
        Retrainings(**{"scores": SCORES, "member": MEMBER} | change)


def test_retrainings_show_their_sizes_not_their_arrays():
    evidence = Retrainings(np.zeros((3, 2, 4)), MEMBER, own=[-1, 0])
    assert repr(evidence) == (
        "Retrainings of 3 runs on 2 points, with scores of 2 targets, 4 tokens each, "
        "1 of them held out"
    )
    assert repr(Retrainings(SCORES, MEMBER)).endswith("with scores of 2 targets")
