from __future__ import annotations

import numpy as np
import pytest

from memmetrics.metrics.influence import counterfactual_influence
from memmetrics.metrics.influence_top import top_influences


def retrainings(runs=60, points=9, targets=9, rng=0):
    rng = np.random.default_rng(rng)
    return rng.normal(size=(runs, targets)), rng.random((runs, points)) < 0.5


@pytest.mark.parametrize("absolute", [False, True])
def test_it_is_the_top_of_the_whole_matrix(absolute, monkeypatch):
    monkeypatch.setattr("memmetrics.metrics.influence._BLOCK", 2 * 60)  # 2 targets
    scores, member = retrainings()
    whole = counterfactual_influence(scores, member)
    table = top_influences(scores, member, count=4, absolute=absolute)
    assert len(table) == 9 * 4
    for target, rows in table.groupby("target"):
        estimate = whole.estimate[:, target]
        size = np.abs(estimate) if absolute else estimate.copy()
        size[target] = -np.inf
        expected = np.argsort(-size)[:4]
        assert rows["index"].tolist() == expected.tolist()
        assert rows["rank"].tolist() == [1, 2, 3, 4]
        np.testing.assert_allclose(rows["estimate"], estimate[expected])
        errors = whole.standard_error[expected, target]
        np.testing.assert_allclose(rows["standard_error"], errors)


def test_held_out_targets_may_have_every_point():
    scores, member = retrainings(points=4, targets=2)
    table = top_influences(scores, member, count=9, own=np.array([-1, 2]))
    assert table.groupby("target").size().tolist() == [4, 3]
    assert 2 not in table.loc[table["target"] == 1, "index"].tolist()


def test_the_table_has_the_columns_of_the_influence_metric():
    scores, member = retrainings()
    influence = counterfactual_influence(scores, member).to_frame()
    table = top_influences(scores, member, count=1)
    assert set(table.columns) == {*influence.columns, "rank"}
    assert (table["metric"] == "counterfactual_influence").all()
    assert (table["unit"] == "score").all()


def test_diverged_runs_are_left_out():
    scores, member = retrainings()
    expected = top_influences(scores[1:], member[1:], count=2)
    scores[0] = np.nan
    with pytest.warns(RuntimeWarning, match="1 of 60 runs"):
        table = top_influences(scores, member, count=2)
    assert table.equals(expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "`count` must be at least 1"),
        ({"count": 1.5}, "`count` must be a whole number"),
        ({"count": 1, "own": [9] * 9}, "`own` must lie between -1 and 8"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        top_influences(*retrainings(), **options)
