from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse, stats

import memmetrics as mm
from studies.what_did_it_memorize import points
from studies.what_did_it_memorize.dataset_size import _best_constant_loss
from studies.what_did_it_memorize.dataset_size_pictures import FEATURES, _generalizing


def test_point_gap_is_held_out_mean_less_own_loss():
    losses = mm.Losses(train=np.array([[1.0, 3.0]]), test=np.array([[4.0, 8.0]]))
    result = points.PointGap()(losses)
    np.testing.assert_array_equal(result.estimate, [[5.0, 3.0]])


def test_point_gaps_average_to_the_gap_of_the_network():
    rng = np.random.default_rng(0)
    losses = mm.Losses(train=rng.random((3, 20)), test=rng.random((3, 30)))
    np.testing.assert_allclose(
        points.PointGap()(losses).estimate.mean(1),
        mm.train_test_gap(losses.train, losses.test).estimate,
    )


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_feature_dimensionality_of_a_point_weighs_its_features(kind):
    estimates = np.array([[0.1, 0.5, 0.9], [0.2, 0.4, 0.6]])  # (runs, features)
    table = mm.Result("feature_dimensionality", unit="x", estimate=estimates).to_frame()
    table["run"] = table["run"] + 5
    data = kind(np.array([[1.0, 0.0, 0.0], [0.0, 0.6, -0.8]]))
    averaged = points._average_over_features(table.sample(frac=1, random_state=0), data)
    by_run = averaged.pivot_table(index="run", columns="index", values="estimate")
    assert by_run.index.tolist() == [5, 6]
    expected = [[0.1, 0.36 * 0.5 + 0.64 * 0.9], [0.2, 0.36 * 0.4 + 0.64 * 0.6]]
    np.testing.assert_allclose(by_run.to_numpy(float), expected)


def test_interval_over_networks_is_students():
    values = np.random.default_rng(0).normal(size=(6, 4))
    table = mm.Result("leverage", unit="x", estimate=values).to_frame()
    scores = points.with_intervals(table).set_index("index")
    for point in range(4):
        column = values[:, point]
        expected = stats.t.interval(0.95, 5, column.mean(), stats.sem(column))
        found = scores.loc[point, ["low", "high"]].to_numpy(float)
        np.testing.assert_allclose(found, expected)
        assert scores.loc[point, "estimate"] == pytest.approx(column.mean())


def test_interval_of_retrainings_is_kept():
    result = mm.Result("m", unit="x", estimate=[1.0], low=[0.5], high=[2.0])
    networks = mm.Result("leverage", unit="x", estimate=np.ones((2, 1)))
    table = pd.concat([result.to_frame(), networks.to_frame()])
    (row,) = points.with_intervals(table).query("metric == 'm'").to_dict("records")
    assert (row["estimate"], row["low"], row["high"]) == (1.0, 0.5, 2.0)


def test_rank_correlations_are_spearmans_over_points():
    rng = np.random.default_rng(0)
    columns = {name: rng.normal(size=(3, 30)) for name in points.POINT_METRICS}
    table = pd.concat(
        mm.Result(name, unit="x", estimate=values).to_frame()
        for name, values in columns.items()
    )
    found = points.rank_correlations(table)
    first, *others = points.POINT_METRICS
    for name in others:
        expected = stats.spearmanr(columns[name].mean(0), columns[first].mean(0))
        assert found[name] == pytest.approx(expected.statistic)


def test_best_constant_beats_every_other_constant():
    test = mm.sparse_features(4000, 50, 0.8, rng=0)
    dense = test.toarray()
    losses = [
        ((dense - constant) ** 2).sum(1).mean() for constant in np.linspace(0, 0.2, 401)
    ]
    assert _best_constant_loss(test) == pytest.approx(min(losses), abs=1e-5)


@pytest.mark.parametrize(
    ("counts", "sizes"),
    [([0, 1, 0, 5, 6], [4, 5]), ([0, 0], []), ([5, 5], [1, 2]), ([5, 0], [])],
)
def test_features_count_only_where_they_stay(counts, sizes):
    summary = pd.DataFrame({"points": range(1, len(counts) + 1), FEATURES: counts})
    assert _generalizing(summary)["points"].tolist() == sizes
