"""Networks trained one from the other, and networks that see no point twice."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import memmetrics as mm
from memmetrics.trainers import FreshSamples
from studies._kit.chapter import Settings
from studies._kit.endless import Endless
from studies.optimization_failure.chains import Chain, Nested

STREAM = 7


def cell(points, steps, data_set=0):
    trainer = mm.ToyTrainer(steps=steps, learning_rate=1e-2, threads=1)
    return Nested(trainer, points, data_set, 30, 0.8, most=20)


@pytest.fixture
def settings(tmp_path):
    return Settings("quick", seed=1, n_jobs=1, out=tmp_path, store=tmp_path / "store")


def test_larger_sizes_hold_the_points_of_smaller_ones():
    few, many = (cell(points, 5).data(1, STREAM).toarray() for points in (8, 20))
    np.testing.assert_array_equal(many[:8], few)
    other = cell(8, 5, data_set=1).data(1, STREAM).toarray()
    assert not np.array_equal(other, few)


def test_each_cell_goes_on_from_the_last(settings):
    first, second = cell(8, 30), cell(20, 10)
    trained = Chain((first, second)).train(settings, STREAM)
    alone = first.training(1, STREAM).run(None)
    assert torch.equal(trained[first].stack.weights, alone.weights)
    data = second.data(1, STREAM)
    on = second.trainer.fit(
        data, np.ones((1, 20), bool), seeds=[0], init=(alone.weights, alone.bias)
    )
    assert torch.equal(trained[second].stack.weights, on.weights)
    assert torch.equal(trained[second].stack.bias, on.bias)


def test_a_finished_chain_is_read(settings, monkeypatch):
    chain = Chain((cell(8, 30), cell(20, 10)))
    assert chain.seconds(settings, STREAM) > 0
    trained = chain.train(settings, STREAM)
    monkeypatch.setattr(mm.ToyTrainer, "fit", None)
    assert chain.seconds(settings, STREAM) == 0
    again = chain.train(settings, STREAM)
    for each, found in again.items():
        assert torch.equal(found.stack.weights, trained[each].stack.weights)
    with pytest.raises(TypeError):  # another chain is not taken for this one
        Chain(chain.cells[:1]).train(settings, STREAM)


def test_endless_points_are_fresh_and_held_out(settings):
    trainer = mm.ToyTrainer(steps=20, threads=1)
    cells = [Endless(trainer, 6, stream, 30, 0.8) for stream in range(2)]
    training = cells[0].training(1, STREAM)
    samples = FreshSamples(30, 0.8, 6)
    assert training.data == samples
    expected = trainer.fit(samples, np.ones((1, 6), bool), seeds=training.seeds)
    assert torch.equal(training.run(settings.store).weights, expected.weights)
    assert training.is_done(settings.store)
    assert not cells[1].training(1, STREAM).is_done(settings.store)
    seen = cells[0].data(1, STREAM)
    assert (seen != samples.batch(training.seeds[0], 20)).nnz == 0
    conditions = cells[0].conditions()
    assert (conditions["points"], conditions["points_per_step"]) == (np.inf, 6)
