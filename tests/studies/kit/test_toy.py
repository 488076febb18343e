from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import memmetrics as mm
from memmetrics.trainers.toy.stack import ToyStack
from studies._kit.chapter import Settings
from studies._kit.grid import medians
from studies._kit.pictures import draw_band, log_from_one, tick_at
from studies._kit.toy import (
    Cell,
    by_data_set,
    cell_costs,
    constant_loss,
    measure_cells,
    measure_stack,
    train_cells,
)

TRAINER = mm.ToyTrainer(hidden=2, steps=20, threads=1)
CELL = Cell(TRAINER, points=6, data_set=0, features=20, sparsity=0.7)


def settings(tmp_path):
    return Settings(preset="quick", seed=3, n_jobs=1, out=tmp_path, store=tmp_path)


def test_cells_that_differ_in_the_trainer_alone_share_data_and_starts():
    other = dataclasses.replace(CELL, trainer=mm.ToyTrainer(hidden=2, steps=21))
    first, second = (cell.training(3, 7) for cell in (CELL, other))
    assert (first.data != second.data).nnz == 0
    assert first.seeds == second.seeds


@pytest.mark.parametrize("change", [{"data_set": 1}, {"points": 7}])
def test_other_data_sets_have_other_points_and_starts(change):
    other = dataclasses.replace(CELL, **change)
    first, second = (cell.training(3, 7) for cell in (CELL, other))
    assert abs(first.data[:6] - second.data[:6]).max() > 0
    assert first.seeds != second.seeds


def test_copies_are_trained_on_and_counted_once():
    cell = dataclasses.replace(CELL, copies=(3, 2))
    assert cell.training(3, 7).data.shape == (9, 20)
    assert cell.data(3, 7).shape == (6, 20)
    copied = cell.training(3, 7).data.toarray()
    np.testing.assert_array_equal(copied[0], copied[2])
    np.testing.assert_array_equal(copied[3], copied[4])
    assert cell.conditions()["copies"] == 3
    assert cell.conditions()["repeated"] == 2
    assert CELL.conditions()["repeated"] == 0


def test_every_metric_by_its_plain_formula():
    rng = np.random.default_rng(0)
    import torch

    weights = torch.from_numpy(rng.normal(size=(2, 20, 2)))
    bias = torch.from_numpy(rng.normal(size=(2, 20)))
    stack = ToyStack(weights, bias, backend="eager")
    data, test = (mm.sparse_features(9, 20, 0.6, rng=seed) for seed in (1, 2))
    table = measure_stack(stack, data, test)
    for run in range(2):
        w, b = weights[run].numpy(), bias[run].numpy()
        found = table[table["run"] == run].set_index("metric")["estimate"]
        per_point = {}
        for name, points in (("train", data), ("test", test)):
            dense = points.toarray()
            output = np.maximum(dense @ w @ w.T + b, 0)
            per_point[name] = ((output - dense) ** 2).sum(1)
        assert found["train_loss"] == pytest.approx(per_point["train"].mean())
        assert found["test_loss"] == pytest.approx(per_point["test"].mean())
        assert found["median_test_loss"] == pytest.approx(np.median(per_point["test"]))
        difference = per_point["test"].mean() - constant_loss(test)
        assert found["test_loss_above_constant"] == pytest.approx(difference)
        units = w / np.linalg.norm(w, axis=1, keepdims=True)
        shares = (w**2).sum(1) / ((units @ w.T) ** 2).sum(1)
        assert found["largest_feature_dimensionality"] == pytest.approx(shares.max())
        assert found["features_of_their_own"] == (shares > 0.15).sum()
        assert found["weight_length"] == pytest.approx(np.sqrt((w**2).sum()))
        assert found["bias_length"] == pytest.approx(np.sqrt((b**2).sum()))
        lengths = np.linalg.norm(data.toarray() @ w, axis=1)
        assert found["points_at_origin"] == (lengths < 0.1 * lengths.max()).sum()


def test_best_constant_beats_every_other():
    test = mm.sparse_features(3000, 30, 0.8, rng=0)
    dense = test.toarray()
    losses = [
        ((dense - value) ** 2).sum(1).mean() for value in np.linspace(0, 0.3, 301)
    ]
    assert constant_loss(test) == pytest.approx(min(losses), abs=1e-5)


def test_a_stopped_grid_goes_on_where_it_was(tmp_path, monkeypatch):
    cells = [dataclasses.replace(CELL, data_set=number) for number in range(3)]
    train_cells(cells[:2], settings(tmp_path), lambda name: None, 7)
    trained = []
    fit = mm.ToyTrainer.fit

    def counting(self, data, member, **options):
        trained.append(member.shape)
        return fit(self, data, member, **options)

    monkeypatch.setattr(mm.ToyTrainer, "fit", counting)
    resumed = train_cells(cells, settings(tmp_path), lambda name: None, 7)
    assert len(trained) == 1
    monkeypatch.undo()
    whole = train_cells(
        cells, dataclasses.replace(settings(tmp_path), store=None), lambda name: None, 7
    )
    pd.testing.assert_frame_equal(
        measure_cells(resumed, 3, 7, test_points=50),
        measure_cells(whole, 3, 7, test_points=50),
    )


def test_costs_have_the_names_of_the_work_and_none_for_what_is_done(tmp_path):
    cells = [CELL, dataclasses.replace(CELL, points=7)]
    begun = []
    train_cells(cells[:1], settings(tmp_path), begun.append, 7)
    costs = cell_costs(cells, settings(tmp_path), 7)
    assert begun == [CELL.name()]
    assert costs[CELL.name()] == 0.0
    assert costs[cells[1].name()] > 0.0


def test_a_band_is_the_median_and_its_interval():
    table = pd.DataFrame(
        {
            "metric": "loss",
            "points": np.repeat([10, 100], 6),
            "data_set": np.tile(range(6), 2),
            "estimate": [1.0, 2, 3, 4, 5, 6] + [2.0] * 6,
        }
    )
    ax = Figure().add_subplot()
    draw_band(table, "points", metric="loss", ax=ax, color="black")
    assert ax.lines[0].get_ydata().tolist() == [3.5, 2.0]
    (band,) = ax.collections[0].get_paths()
    assert band.vertices[:, 1].min() == 1.0
    assert band.vertices[:, 1].max() == 6.0
    assert by_data_set(table, "loss", "points").shape == (6, 2)
    assert medians(table, ["points"], {"loss": "it"})["it"].tolist() == [3.5, 2.0]


def test_ticks_are_values_that_were_tried_and_can_be_read():
    ax = Figure().add_subplot()
    ax.set_xscale("log")
    values = [3, 5, 6, 8, 10, 15, 30]
    ticks = tick_at(ax, values).get_xticks()
    assert set(ticks) <= set(values)
    assert max(ticks) == 30
    assert np.diff(np.log(np.sort(ticks))).min() >= np.log(10) / 8


def test_losses_far_from_one_are_scaled_so_that_those_near_it_can_be_seen():
    ax = Figure().add_subplot()
    ax.plot([1, 2, 3], [0.98, 1.02, 500.0])
    log_from_one(ax, linear=0.02)
    near = ax.transData.transform([(1, 1.0), (1, 1.02)])[:, 1]
    far = ax.transData.transform([(1, 250.0), (1, 500.0)])[:, 1]
    assert near[1] - near[0] > (far[1] - far[0]) / 2
