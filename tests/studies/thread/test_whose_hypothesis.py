"""Solutions that are written down, and the read-out in a rotated basis."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

import memmetrics as mm
from memmetrics.trainers.toy.stack import ToyStack
from studies.whose_hypothesis.rotated import RotatedReadOut, warm_up_and_cosine
from studies.whose_hypothesis.solutions import (
    axis_features,
    disjoint_points,
    losses,
    point_features,
    uneven_angles,
)


@pytest.mark.parametrize("points", [3, 4, 5, 8, 20])
def test_the_polygon_of_orthonormal_points_is_exact(points):
    data = disjoint_points(points, 120, 6, np.random.default_rng(points))
    np.testing.assert_allclose(data @ data.T, np.eye(points), atol=1e-14)
    weights, bias = point_features(data)
    assert uneven_angles(data @ weights) < 1e-9
    assert losses(weights, bias, data).max() < 1e-12


def test_losses_are_those_of_the_toy_model():
    data = mm.sparse_features(30, 20, 0.8, rng=0).toarray()
    rng = np.random.default_rng(0)
    weights, bias = rng.normal(size=(20, 2)), rng.normal(size=20)
    stack = ToyStack(torch.tensor(weights[None]), torch.tensor(bias[None]), "eager")
    np.testing.assert_allclose(
        losses(weights, bias, data), np.asarray(stack.losses(data))[0], rtol=1e-10
    )


def test_axis_features_are_better_than_a_constant_on_new_points_of_five_features():
    data, new = (mm.sparse_features(500, 5, 0.9, rng=seed).toarray() for seed in (0, 1))
    weights, bias = axis_features(data)
    assert (np.linalg.norm(weights, axis=1) > 0).all()
    constant = ((new - data.mean(axis=0)) ** 2).sum(axis=1).mean()
    assert losses(weights, bias, new).mean() < 0.5 * constant


def test_angles_of_a_polygon_with_one_point_moved():
    angles = 2 * np.pi * np.arange(4) / 4
    angles[1] += 0.3
    hidden = 3 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert uneven_angles(hidden) == pytest.approx(0.3 / (np.pi / 2))


def test_a_rotated_read_out_is_the_toy_model_in_the_rotated_basis():
    basis = torch.tensor(stats.ortho_group.rvs(6, random_state=0))
    module = RotatedReadOut(basis, 2).double()
    sparse = torch.tensor(mm.sparse_features(10, 6, 0.5, rng=0).toarray()).double()
    with torch.no_grad():
        module.bias.copy_(torch.linspace(-0.2, 0.2, 6))
        answers = module(sparse @ basis)
        turned = basis @ module.weight  # weights by sparse feature
        expected = torch.relu(sparse @ turned @ turned.T + module.bias) @ basis
    torch.testing.assert_close(answers, expected)
    assert (answers < 0).any()


def test_the_schedule_rises_and_falls_to_zero():
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    schedule = warm_up_and_cosine(optimizer, 100)
    rates = []
    for _ in range(100):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] < 0.002
