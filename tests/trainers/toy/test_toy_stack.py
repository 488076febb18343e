from __future__ import annotations

import numpy as np
import pytest
import torch

import memmetrics as mm
from memmetrics.trainers.toy import ToyStack, stack as stack_module


@pytest.fixture
def trained():
    data = mm.sparse_features(15, 70, 0.9, rng=0)
    trainer = mm.ToyTrainer(hidden=3, steps=100)
    return trainer.fit(data, np.ones((2, 15), bool), seeds=[0, 1])


@pytest.mark.parametrize("block", [1, 200, 2**20])
def test_hidden_and_losses_are_the_models(trained, block, monkeypatch):
    monkeypatch.setattr(stack_module, "_BLOCK_ELEMENTS", block)
    points = mm.sparse_features(31, 70, 0.9, rng=1)
    dense = torch.from_numpy(points.toarray())
    hidden = dense @ trained.weights
    error = torch.relu(hidden @ trained.weights.mT + trained.bias[:, None]) - dense
    torch.testing.assert_close(trained.hidden(points), hidden)
    torch.testing.assert_close(trained.losses(points), error.square().sum(-1))
    torch.testing.assert_close(trained.losses(dense), error.square().sum(-1))
    assert torch.equal(trained.scores(points), -trained.losses(points))


def test_a_perfect_model_has_no_loss():
    # One feature, one hidden unit of length one: the model is the identity.
    stack = ToyStack(torch.ones(1, 1, 1), torch.zeros(1, 1), backend="eager")
    assert (stack.losses(np.array([[0.5], [1], [0]])) == 0).all()


def test_other_features_are_refused(trained):
    with pytest.raises(ValueError, match=r"the 70 features .* got shape \(4, 3\)"):
        trained.losses(np.ones((4, 3)))
