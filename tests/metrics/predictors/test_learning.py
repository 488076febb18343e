from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy import integrate

from memmetrics.metrics import forgetting_events, loss_area


def events_one_by_one(hits):
    """Toneva's definition, point by point and step by step."""
    counts = []
    for column in hits.T:
        count = sum(bool(now) and not then for now, then in itertools.pairwise(column))
        counts.append(count if column.any() else np.inf)
    return counts


def test_forgetting_events_are_counted_one_by_one():
    hits = np.random.default_rng(0).random((3, 12, 40)) < 0.1
    found = forgetting_events(hits)
    assert found.shape == (3, 40)
    for run in range(3):
        assert found[run].tolist() == events_one_by_one(hits[run])
    assert np.isinf(found).any()
    assert forgetting_events(torch.from_numpy(hits[0])).tolist() == found[0].tolist()


@pytest.mark.parametrize("at", [None, np.array([0.0, 1.0, 5.0, 6.5, 20.0])])
def test_area_is_that_of_the_trapezoids(at):
    losses = np.random.default_rng(1).random((4, 5, 7))
    steps = np.arange(5.0) if at is None else at
    expected = integrate.trapezoid(losses, steps, axis=1) / (steps[-1] - steps[0])
    np.testing.assert_allclose(loss_area(losses, at), expected, rtol=1e-12)


def test_a_constant_loss_is_its_own_area():
    losses = np.full((6, 3), 2.5)
    np.testing.assert_allclose(loss_area(losses, [1, 2, 4, 8, 16, 32]), 2.5)


def test_a_point_learned_late_has_the_larger_area():
    steps = np.arange(50.0)[:, np.newaxis]
    losses = 1 / (1 + np.exp(steps - np.array([5.0, 30.0])))
    early, late = loss_area(losses)
    assert early < late == pytest.approx(30 / 49, abs=0.02)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: forgetting_events(np.zeros((3, 2))), TypeError, "boolean"),
        (lambda: forgetting_events(np.zeros((1, 2), bool)), ValueError, "2 check"),
        (lambda: loss_area(np.zeros((1, 2))), ValueError, "2 checkpoints"),
        (lambda: loss_area(np.full((2, 2), np.nan)), ValueError, "finite"),
        (lambda: loss_area(np.zeros((2, 2)), [1, 1]), ValueError, "increasing"),
        (lambda: loss_area(np.zeros((2, 2)), [1, 2, 3]), ValueError, "shape"),
    ],
)
def test_what_makes_no_sense_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
