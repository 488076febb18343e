from __future__ import annotations

import numpy as np
import pytest
import torch

import memmetrics as mm
from memmetrics.metrics import self_influence, tracin


@pytest.fixture
def gradients():
    return np.random.default_rng(0).normal(size=(2, 30, 6))


@pytest.mark.parametrize("damping", [0.01, 0.1, 3.0])
@pytest.mark.parametrize("parameters", [6, 50])
def test_self_influence_is_its_formula(damping, parameters):
    values = np.random.default_rng(1).normal(size=(30, parameters))
    ridge = damping * (values**2).sum(1).mean()
    curvature = values.T @ values + ridge * np.eye(parameters)
    expected = np.einsum("ij,jk,ik->i", values, np.linalg.inv(curvature), values)
    np.testing.assert_allclose(self_influence(values, damping=damping), expected)


def test_without_damping_it_is_leverage(gradients):
    np.testing.assert_allclose(
        self_influence(gradients, damping=0), mm.leverage(gradients), rtol=1e-9
    )


def test_more_parameters_than_points_leave_nothing_to_tell():
    values = np.random.default_rng(2).normal(size=(10, 40))
    np.testing.assert_allclose(self_influence(values, damping=0), 1.0)


def test_in_least_squares_it_is_what_leaving_the_point_out_costs():
    # The prediction at i of the fit without i is off by r_i / (1 − h_i).
    rng = np.random.default_rng(3)
    inputs, noise = rng.normal(size=(40, 5)), rng.normal(size=40)
    answers = inputs @ rng.normal(size=5) + noise
    residuals = answers - inputs @ np.linalg.lstsq(inputs, answers)[0]
    shares = self_influence(inputs, damping=0)
    for point in range(40):
        others = np.arange(40) != point
        without = np.linalg.lstsq(inputs[others], answers[others])[0]
        left_out = answers[point] - inputs[point] @ without
        assert left_out == pytest.approx(residuals[point] / (1 - shares[point]))


def test_scale_does_not_matter(gradients):
    expected = self_influence(gradients)
    for scale in (1e-200, 1e150):
        np.testing.assert_allclose(self_influence(gradients * scale), expected)
    tensor = torch.from_numpy(gradients)
    np.testing.assert_allclose(self_influence(tensor), expected)


def test_gradients_that_vanish_have_no_influence():
    values = np.zeros((3, 2))
    assert self_influence(values).tolist() == [0.0, 0.0, 0.0]
    values[0] = [1.0, 0.0]
    assert self_influence(values)[1:].tolist() == [0.0, 0.0]


def test_tracin_is_what_a_small_step_gains():
    rng = np.random.default_rng(4)
    inputs, weights = rng.normal(size=(8, 3)), rng.normal(size=3)
    answers, rate = rng.normal(size=8), 1e-7
    residuals = inputs @ weights - answers
    slopes = 2 * residuals[:, np.newaxis] * inputs
    found = tracin(slopes[np.newaxis], [rate])
    for point in range(8):
        moved = weights - rate * slopes[point]
        gain = residuals[point] ** 2 - (inputs[point] @ moved - answers[point]) ** 2
        assert gain == pytest.approx(found[point], rel=1e-4)


def test_tracin_adds_up_over_checkpoints(gradients):
    lengths = (gradients**2).sum(-1)
    expected = 0.5 * lengths[0] + 2 * lengths[1]
    np.testing.assert_allclose(tracin(gradients, [0.5, 2]), expected)
    both = np.stack([gradients, 2 * gradients])
    np.testing.assert_allclose(tracin(both, [0.5, 2]), [expected, 4 * expected])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: self_influence(np.ones(3)), "axes"),
        (lambda: self_influence(np.full((3, 2), np.inf)), "finite"),
        (lambda: self_influence(np.ones((3, 2)), damping=-1), "damping"),
        (lambda: tracin(np.ones((2, 3, 4)), [1.0]), "2 numbers"),
        (lambda: tracin(np.ones((2, 3, 4)), [1.0, -1.0]), "from 0"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
