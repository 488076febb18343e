"""What the paper reports of the toy model (Henighan et al. 2023), at full size."""

from __future__ import annotations

import numpy as np
import pytest

import memmetrics as mm

pytestmark = pytest.mark.slow


def trained(points, features, sparsity, *, seeds, **recipe):
    data = mm.sparse_features(points, features, sparsity, rng=1)
    test = mm.sparse_features(4000, features, sparsity, rng=2)
    trainer = mm.ToyTrainer(hidden=2, **recipe)
    stack = trainer.fit(data, np.ones((seeds, points), bool), seeds=range(seeds))
    best = int(stack.losses(data).mean(1).argmin())
    return stack, data, stack.losses(test).mean(1).numpy(), best


def test_five_points_make_a_pentagon():
    stack, data, test, best = trained(5, 10_000, 0.999, seeds=4)
    dimensionality = mm.datapoint_dimensionality(stack.hidden(data)[best])
    assert abs(dimensionality - 0.4).max() < 0.06
    assert stack.losses(data)[best].mean() < 0.01
    assert test[best] == pytest.approx(1, abs=0.02)


def test_mean_over_features_gives_the_published_curve():
    _, _, test, _ = trained(30, 10_000, 0.999, seeds=4, loss_reduction="mean")
    assert test.mean() == pytest.approx(1.0074, abs=0.006)


def test_few_points_are_memorized_and_many_are_not():
    recipe = {"steps": 20_000}
    _, _, test, best = trained(300, 1000, 0.99, seeds=2, **recipe)
    assert test[best] > 5
    stack, _, test, best = trained(2000, 1000, 0.99, seeds=2, **recipe)
    dimensionality = np.sort(mm.feature_dimensionality(stack.weights)[best])[::-1]
    assert 5 <= (dimensionality > 0.15).sum() <= 6
    assert dimensionality[6] < 0.05
    assert test[best] < 0.992
