from __future__ import annotations

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from matplotlib.figure import Figure
from simple_trainers import NearestMean
from torch import nn
from torch.nn import functional

import memmetrics as mm
from memmetrics.errors import StoreMismatchError
from memmetrics.plotting import draw_spectrum
from memmetrics.selection import (
    Nearest,
    Same,
    Within,
    near_duplicate_families,
    this_point,
)
from memmetrics.selection_spectrum import spectrum

# Two copies and a near-duplicate far from a cluster of their class, and another class.
INPUTS = np.array([0.0, 0.0, 0.1, 5, 5.1, 5.2, 5.3, 20, 21, 22, 23, 24])[:, np.newaxis]
CLASSES = np.array([0] * 7 + [1] * 5)
RULES = {
    "point": this_point,
    "near": Within(0.25),
    "class": Same(CLASSES),
}


def distance_to_nearest(indices, seed):
    """Minus the distance to the nearest training point, and a little noise."""
    noise = np.random.default_rng(seed).normal(scale=1e-3)
    return noise - np.abs(INPUTS - INPUTS[indices].T).min(axis=1)


def run(rules=RULES, **options):
    options = {"points": [0, 3, 7], "runs": 4, "rng": 0, "largest_share": 0.6} | options
    trainer = options.pop("trainer", mm.FunctionTrainer(distance_to_nearest))
    return spectrum(trainer, options.pop("data", INPUTS), rules, **options)


def test_the_score_lost_is_that_of_the_removed_neighbors():
    table = run()
    lost = table.pivot_table(index="index", columns="rule", values="estimate")
    lost = lost[["point", "near", "class"]].to_numpy()
    # Copies stand in for the first point, near-duplicates for the second.
    expected = [[0, 5, 20], [0.1, 0.3, 15], [1, 1, 20 - 5.3]]
    np.testing.assert_allclose(lost, expected, atol=0.01)


def test_rows_say_what_was_removed():
    table = run()
    assert table["rule"].tolist() == ["point"] * 3 + ["near"] * 3 + ["class"] * 3
    assert table["index"].tolist() == [0, 3, 7] * 3
    assert table["removed"].tolist() == [1, 1, 1, 3, 3, 1, 7, 7, 5]
    assert table["share_removed"].tolist() == (table["removed"] / 12).tolist()
    assert (table["metric"] == "selection_spectrum").all()
    assert (table[["n_in", "n_out"]] == 4).all(axis=None)
    assert table["index"].dtype == "Int64"


def test_intervals_are_those_of_two_independent_arms():
    seen = {}

    def recorded(indices, seed):
        score = distance_to_nearest(indices, seed)
        seen.setdefault(len(indices), []).append(score[3])
        return score

    table = run(
        {"near": Within(0.25)}, points=[3], trainer=mm.FunctionTrainer(recorded)
    )
    kept, removed = np.array(seen[12]), np.array(seen[9])
    row = table.iloc[0]
    assert row["estimate"] == pytest.approx(kept.mean() - removed.mean())
    error = np.sqrt(kept.var(ddof=1) / 4 + removed.var(ddof=1) / 4)
    assert row["standard_error"] == pytest.approx(error)
    assert row["low"] < row["estimate"] < row["high"]
    assert row["interval"] == "skewness-adjusted"


def test_no_set_is_trained_without_twice():
    calls = []

    def counted(indices, seed):
        calls.append(tuple(indices))
        return distance_to_nearest(indices, seed)

    # Points 7 and 8 are of one class; alone and with their near ones, they are alone.
    run(points=[7, 8], trainer=mm.FunctionTrainer(counted))
    assert len(calls) == 4 * (1 + 3)
    assert len(set(calls)) == 4


def test_it_is_a_function_of_the_seed():
    table = run()
    assert table.equals(run())
    assert not table.equals(run(rng=1))
    with joblib.parallel_config(backend="threading"):
        assert table.equals(run(n_jobs=2))


def test_it_resumes_from_a_store_of_the_same_question(tmp_path, monkeypatch):
    table = run(store=tmp_path / "store")

    def never(*_, **__):
        pytest.fail("trained again")

    monkeypatch.setattr(mm.FunctionTrainer, "fit", never)
    assert table.equals(run(store=tmp_path / "store"))
    with pytest.raises(StoreMismatchError):
        run(store=tmp_path / "store", points=[1])


def test_diverged_runs_are_left_out():
    def sometimes(indices, seed):
        score = distance_to_nearest(indices, seed)
        return score if len(indices) < 12 or seed % 2 else score * np.nan

    with pytest.warns(UserWarning, match="left out of every estimate"):
        table = run(trainer=mm.FunctionTrainer(sometimes), runs=12)
    assert (table["n_in"] < 12).all()
    assert (table["n_in"] > 0).all()
    assert (table["n_out"] == 12).all()
    assert table["estimate"].notna().all()


def test_any_trainer_and_layout():
    data = scipy.sparse.csr_array(INPUTS + 1)

    class OnDense(NearestMean):
        def fit(self, data, member, *, seeds):
            stack = super().fit(data.toarray(), member, seeds=seeds)
            scores = stack.scores
            stack.scores = lambda targets: scores(targets.toarray())
            return stack

    table = run(trainer=OnDense(noise=0.0), data=data)
    mean = np.abs((INPUTS[0] - INPUTS.mean()).item())
    without = np.abs((INPUTS[0] - INPUTS[1:].mean()).item())
    assert table["estimate"][0] == pytest.approx(without - mean)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rules": {}}, "`rules` must map at least one name"),
        ({"rules": [this_point]}, "`rules` must map at least one name"),
        ({"largest_share": 0.5}, "rule 'class' selects 58% of the data for point 0"),
        ({"largest_share": 1.0}, "`largest_share` must lie strictly between 0 and 1"),
        ({"points": []}, "`points` must be an array of indices"),
        ({"points": [0.5]}, "`points` must be an array of indices"),
        ({"points": [12]}, "`points` must lie between 0 and 11"),
        ({"points": [1, 1]}, "`points` must name each point once"),
        ({"runs": 1}, "`runs` must be at least 2"),
        ({"confidence": 1.0}, "`confidence` must lie strictly"),
        ({"rules": {"next": lambda _, i: [i + 1]}}, "'next' must select the point its"),
        ({"rules": {"far": lambda _, i: [i, 12]}}, "'far' must return indices between"),
        (
            {"rules": {"odd": lambda *_: [0.5]}},
            "'odd' must return a boolean mask of 12",
        ),
        ({"rules": {"short": lambda *_: [True]}}, "must return a boolean mask of 12"),
        ({"trainer": len}, "`trainer` must be an object with a method"),
    ],
)
def test_bad_input_trains_nothing(options, message):
    def never(indices, seed):
        pytest.fail("trained something")

    with pytest.raises((TypeError, ValueError), match=message):
        run(**{"trainer": mm.FunctionTrainer(never), **options})


@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array, lambda x: (x,)])
def test_neighbors_are_those_of_all_distances(kind):
    rows = np.random.default_rng(0).normal(size=(30, 3))
    distances = np.linalg.norm(rows - rows[4], axis=1)
    np.testing.assert_array_equal(Within(1.2)(kind(rows), 4), distances <= 1.2)
    nearest = Nearest(5)(kind(rows), 4)
    assert nearest.tolist() == np.argsort(distances)[:6].tolist()


def test_copies_are_at_distance_zero_however_long_the_rows():
    rows = np.random.default_rng(1).normal(size=(5, 2000)) * 1e6
    rows[3] = rows[1]
    assert np.flatnonzero(Within(0.0)(rows, 1)).tolist() == [1, 3]
    # Its copy comes first, the point itself before its copy.
    assert Nearest(1)(rows, 3).tolist() == [3, 1]


def test_families_are_linked_by_near_duplicates():
    rows = np.array([[0.0, 0], [9, 9], [1, 0], [9, 8], [2, 0], [30, 30]])
    assert near_duplicate_families(rows, 1.0).tolist() == [0, 1, 0, 1, 0, 2]
    sparse = scipy.sparse.csr_array(rows)
    assert near_duplicate_families(sparse, 0.5).tolist() == list(range(6))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Within(-1.0), "`distance` must not be negative"),
        (lambda: near_duplicate_families(INPUTS, np.nan), "`distance` must not be neg"),
        (lambda: Nearest(0), "`count` must be at least 1"),
        (lambda: Nearest(12)(INPUTS, 0), "`count` must leave some of the 12 points"),
        (lambda: Same(np.eye(2)), "`labels` must have one axis"),
        (lambda: Same(CLASSES[:3])(INPUTS, 0), "one label for each of the 12 points"),
    ],
)
def test_rules_refuse_what_makes_no_sense(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_the_picture_joins_each_point_and_the_means():
    table = run()
    ax = draw_spectrum(table, ax=Figure().add_subplot(), label="digits")
    *points, means = ax.lines
    assert len(points) == 3
    shares = [0, *(table.groupby("rule")["share_removed"].mean().sort_values())]
    np.testing.assert_allclose(means.get_xdata(), shares)
    lost = table.groupby("rule")["estimate"].mean()[["point", "near", "class"]]
    np.testing.assert_allclose(means.get_ydata(), [0, *lost])
    first = table[table["index"] == 0]
    np.testing.assert_allclose(points[0].get_ydata(), [0, *first["estimate"]])
    assert ax.get_xscale() == "symlog"
    assert ax.get_xlabel() == "share of the data removed"
    assert means.get_label() == "digits"


def test_the_picture_needs_a_spectrum():
    with pytest.raises(ValueError, match="`table` lacks the columns"):
        draw_spectrum(run().drop(columns="rule"), ax=Figure().add_subplot())
    other = pd.DataFrame(run()).assign(metric="leverage")
    with pytest.raises(ValueError, match="`metric` must be one of"):
        draw_spectrum(other, ax=Figure().add_subplot())


@pytest.mark.slow
def test_wrong_labels_are_lost_at_the_left_and_right_ones_with_their_class():
    datasets = pytest.importorskip("sklearn.datasets")
    rng = np.random.default_rng(0)
    images, labels = datasets.load_digits(return_X_y=True)
    chosen = rng.permutation(len(images))[:300]
    images, labels = images[chosen] / 16, labels[chosen]
    labels[:6] = (labels[:6] + rng.integers(1, 10, 6)) % 10
    trainer = mm.ModuleTrainer(
        lambda: nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)),
        score=lambda output, target: (output.argmax(-1) == target).to(output.dtype),
        loss=lambda output, target: functional.cross_entropy(
            output, target, reduction="none"
        ),
        optimizer_options={"lr": 1e-2},
        steps=600,
        batch_size=32,
    )
    table = spectrum(
        trainer,
        (images, labels),
        {"point": this_point, "class": Same(labels)},
        points=[*range(6), *range(100, 106)],
        runs=6,
        rng=0,
    )
    lost = table.groupby([table["index"] < 6, "rule"])["estimate"].mean()
    assert lost[True, "point"] > 0.6
    assert lost[True, "class"] - lost[True, "point"] < 0.2
    assert lost[False, "point"] < 0.4
    assert lost[False, "class"] > 0.9
