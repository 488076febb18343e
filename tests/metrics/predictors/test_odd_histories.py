"""Gradients, losses and steps of odd kinds and magnitudes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import memmetrics as mm
from memmetrics.metrics import (
    difference_in_differences,
    forgetting_events,
    loss_area,
    self_influence,
    tracin,
)


def test_without_damping_a_short_gradient_counts_as_much():
    gradients = np.diag([1.0, 1e-9, 1e-7])
    assert self_influence(gradients, damping=0).tolist() == [1.0, 1.0, 1.0]
    stacked = np.random.default_rng(0).normal(size=(2, 3, 8, 5))
    stacked[..., 1, :] *= 1e-10
    expected = [[mm.leverage(each) for each in some] for some in stacked]
    np.testing.assert_allclose(self_influence(stacked, damping=0), expected)


def test_influence_is_at_most_one():
    for seed in range(20):
        values = np.random.default_rng(seed).normal(size=(50, 200))
        for damping in (0, 1e-15):
            assert self_influence(values, damping=damping).max() <= 1
    assert self_influence(np.eye(2), damping=1e308).tolist() == [0.0, 0.0]


def test_a_checkpoint_of_rate_zero_does_not_count():
    gradients = np.full((2, 1, 1), 1e200)
    gradients[1] = 2.0
    assert tracin(gradients, [0.0, 0.5]).tolist() == [2.0]


def test_areas_of_huge_losses_are_finite():
    losses = np.array([[1.5e308], [1.0e308], [1.5e308]])
    np.testing.assert_allclose(loss_area(losses), 1.25e308)


def test_steps_and_rates_may_be_tensors():
    steps = torch.tensor([0.0, 10.0, 100.0], requires_grad=True)
    losses = np.array([[2.0], [0.0], [0.0]])
    assert loss_area(losses, at=steps).item() == pytest.approx(0.1)
    found = self_influence(np.eye(2), damping=torch.tensor(0.5))
    np.testing.assert_allclose(found, 2 / 3)
    rates = torch.tensor([0.5], requires_grad=True)
    assert tracin(np.ones((1, 1, 2)), rates).tolist() == [1.0]


@pytest.mark.parametrize("at", [[0, np.inf], [-1.7e308, 1.7e308], [0, np.nan], 3])
def test_steps_must_be_finite(at):
    with pytest.raises(ValueError, match="`at` must hold 2 finite, increasing"):
        loss_area(np.ones((2, 3)), at=at)


def test_what_is_no_number_is_named():
    with pytest.raises(TypeError, match="`at` must hold real numbers"):
        loss_area(np.ones((2, 3)), at=["a", "b"])
    with pytest.raises(TypeError, match="`rates` must hold real numbers"):
        tracin(np.ones((2, 3, 4)), ["a", "b"])
    hidden = np.ma.array([[True], [False]], mask=[[True], [False]])
    with pytest.raises(TypeError, match="`right` must not be masked"):
        forgetting_events(hidden)


def test_strata_are_kinds_and_no_measurements():
    treated = np.array([True, False])
    with pytest.raises(TypeError, match="`strata` must be integers or strings"):
        difference_in_differences(np.zeros(2), np.ones(2), treated, strata=[0.5, 1.5])
