from __future__ import annotations

import logging
import traceback
from pathlib import Path

import numpy as np
import pytest
from simple_trainers import NearestMean

import memmetrics
from memmetrics._seeds import Stream, run_seeds
from memmetrics.errors import StoreMismatchError
from memmetrics.evidence import Fit, Losses, Retrainings
from memmetrics.experiment.retraining import retrain
from memmetrics.experiment.store.manifest import trainer_configuration
from memmetrics.measurement import measure
from memmetrics.result import COLUMNS, Result
from memmetrics.trainers import ToyTrainer, sparse_features

POINTS = np.random.default_rng(0).normal(size=(20, 3))
TEST = np.random.default_rng(1).normal(size=(7, 3))
WHOLE = NearestMean(outputs=("weights", "hidden"))


class Plain:
    """A metric that gives back what it was shown."""

    version = 3

    def __init__(self, name, needs, show):
        self.name, self.needs, self.show = name, needs, show

    def __call__(self, evidence):
        return Result(self.name, unit="number", estimate=self.show(evidence))


WEIGHTS = Plain("weights", Fit, lambda fit: fit.weights[:, 0])
HIDDEN = Plain("hidden", Fit, lambda fit: fit.hidden[:, 0])
TRAIN = Plain("train", Losses, lambda losses: losses.train)
HELD_OUT = Plain("held_out", Losses, lambda losses: losses.test)
SCORES = Plain("scores", Retrainings, lambda runs: runs.scores.mean(axis=0))


def estimates(table, name, run=None):
    rows = table[table.metric == name]
    return rows[rows.run == run].estimate if run is not None else rows.estimate


def test_every_kind_of_evidence_in_one_tidy_table():
    metrics = [SCORES, WEIGHTS, HIDDEN, TRAIN, HELD_OUT]
    table = measure(WHOLE, POINTS, metrics, test=TEST, runs=8, fits=3, rng=0)
    assert tuple(table.columns) == COLUMNS
    sizes = table.groupby("metric").size().to_dict()
    assert sizes == {
        "weights": 9,
        "hidden": 60,
        "train": 60,
        "held_out": 21,
        "scores": 20,
    }
    assert table[table.metric == "scores"].run.isna().all()
    fits = table[table.metric != "scores"]
    assert sorted(fits.run.unique()) == [0, 1, 2]
    assert (table.index == np.arange(len(table))).all()


def test_numbers_are_those_of_models_on_all_points():
    table = measure(WHOLE, POINTS, [WEIGHTS, TRAIN, HELD_OUT], test=TEST, rng=5)
    seeds = run_seeds(5, Stream.FITS, range(4))
    stack = WHOLE.fit(POINTS, np.ones((4, 20), bool), seeds=seeds)
    for run in range(4):
        assert np.allclose(estimates(table, "weights", run), POINTS.mean(axis=0))
        train = estimates(table, "train", run)
        assert np.array_equal(train, -stack.scores(POINTS)[run])
        held_out = estimates(table, "held_out", run)
        assert np.array_equal(held_out, -stack.scores(TEST)[run])


def test_retrainings_are_those_of_retrain():
    options = {"runs": 8, "fraction": 0.25, "groups": np.arange(20) // 2, "rng": 1}
    table = measure(NearestMean(), POINTS, SCORES, **options)
    evidence = retrain(NearestMean(), POINTS, **options)
    assert np.array_equal(table.estimate, evidence.scores.mean(axis=0))


def test_losses_are_the_stacks_own_if_it_has_them():
    class Squared(NearestMean):
        def fit(self, data, member, *, seeds):
            stack = super().fit(data, member, seeds=seeds)
            stack.losses = lambda points: stack.scores(points) ** 2
            return stack

    table = measure(Squared(), POINTS, TRAIN, test=TEST, fits=1, rng=0)
    plain = measure(NearestMean(), POINTS, TRAIN, test=TEST, fits=1, rng=0)
    assert np.allclose(table.estimate, plain.estimate**2)


@pytest.mark.parametrize(
    ("metrics", "trained"),
    [([WEIGHTS], [2]), ([SCORES], [8]), ([TRAIN, SCORES], [2, 8])],
)
def test_only_what_is_needed_is_trained(metrics, trained):
    rows = []

    class Counting(NearestMean):
        def fit(self, data, member, *, seeds):
            rows.append(len(member))
            return WHOLE.fit(data, member, seeds=seeds)

    measure(Counting(), POINTS, metrics, test=TEST, runs=8, fits=2, rng=0)
    assert rows == trained


def test_the_table_says_where_it_is_from():
    table = measure(WHOLE, POINTS, WEIGHTS, rng=7)
    assert table.attrs["seed"] == 7
    assert table.attrs["schema"] == 1
    assert table.attrs["metrics"] == {"weights": 3}
    assert table.attrs["versions"]["numpy"] == np.__version__


def test_further_columns_come_last_and_are_missing_elsewhere():
    class Flagged(Plain):
        def __call__(self, evidence):
            estimate = self.show(evidence)
            return Result("flagged", "number", estimate, columns={"flag": "seen once"})

    flagged = Flagged("flagged", Retrainings, SCORES.show)
    table = measure(WHOLE, POINTS, [flagged, SCORES], runs=4, rng=0)
    assert tuple(table.columns) == (*COLUMNS, "flag")
    assert (table[table.metric == "flagged"].flag == "seen once").all()
    assert table[table.metric == "scores"].flag.isna().all()


def test_a_store_holds_fits_and_retrainings_apart(tmp_path):
    arguments = {"test": TEST, "runs": 8, "rng": 0, "store": tmp_path}
    first = measure(WHOLE, POINTS, [TRAIN, SCORES], **arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fits", "retrainings"]

    class Untouchable(NearestMean):
        def configuration(self):
            return trainer_configuration(WHOLE)

        def fit(self, *_, **__):
            pytest.fail("training began")

    again = measure(Untouchable(), POINTS, [TRAIN, SCORES], **arguments)
    assert first.equals(again)
    with pytest.raises(StoreMismatchError, match=r"test\.hash"):
        measure(WHOLE, POINTS, [TRAIN, SCORES], **{**arguments, "test": TEST * 2})


def test_diverged_fits_are_left_out_and_named():
    class Diverging(NearestMean):
        def fit(self, data, member, *, seeds):
            stack = WHOLE.fit(data, member, seeds=seeds)
            stack.diverged = np.array([False, True, False])
            return stack

    with pytest.warns(UserWarning, match="run 1 of 3 diverged"):
        table = measure(Diverging(), POINTS, WEIGHTS, fits=3, rng=0)
    assert sorted(table.run.unique()) == [0, 2]


def test_a_trainer_without_hidden_cannot_serve_a_metric_of_fits(caplog):
    with (
        caplog.at_level(logging.WARNING, logger="memmetrics"),
        pytest.raises(TypeError, match="NearestMean have neither `weights` nor `hid"),
    ):
        measure(NearestMean(), POINTS, WEIGHTS, rng=0)


def test_a_metric_must_return_a_result():
    class Naked(Plain):
        def __call__(self, evidence):
            return 3.0

    with pytest.raises(TypeError, match="metric 'naked' must return a Result"):
        measure(WHOLE, POINTS, Naked("naked", Fit, None), rng=0)


def test_the_way_to_the_trainer_is_short():
    calls = []

    class Watching(NearestMean):
        def fit(self, data, member, *, seeds):
            calls[:] = own_calls()
            return super().fit(data, member, seeds=seeds)

    measure(Watching(), POINTS, SCORES, runs=8, rng=0)
    assert calls[0] == "measure"
    assert len(calls) <= 8


def test_the_way_to_the_kernel_is_short(monkeypatch):
    fused = pytest.importorskip("memmetrics.trainers.toy.fused")
    calls = []

    def kernel(*_):
        calls[:] = own_calls()

    monkeypatch.setattr(fused, "training_kernel", lambda *_: kernel)
    data, metric = sparse_features(20, 30, 0.9, rng=0), "counterfactual_memorization"
    measure(ToyTrainer(steps=1), data, metric, runs=8, rng=0, n_jobs=1)
    assert calls[0] == "measure"
    assert len(calls) <= 12


def own_calls():
    """Return the functions of this package that are being called, outermost first."""
    home = Path(memmetrics.__file__).parent
    frames = traceback.extract_stack()
    return [frame.name for frame in frames if Path(frame.filename).is_relative_to(home)]


BAD = {
    "unknown": ({"metrics": "feature"}, ValueError, "unknown metric 'feature'"),
    "none": ({"metrics": []}, ValueError, "`metrics` must name at least one"),
    "twice": ({"metrics": [SCORES, SCORES]}, ValueError, "got 'scores' twice"),
    "no metric": ({"metrics": 3}, TypeError, "is not a metric"),
    "runs": ({"runs": 1}, ValueError, "`runs` must be at least 2; got 1"),
    "no runs": ({"runs": None}, ValueError, "`runs` must be given: scores needs"),
    "fits": ({"fits": 0}, ValueError, "`fits` must be at least 1; got 0"),
    "test": ({"test": None}, ValueError, "`test` must be given"),
    "test layout": ({"test": TEST[:, :2]}, ValueError, "`test` must have the layout"),
    "fraction": ({"fraction": 0}, ValueError, "`fraction` must lie strictly"),
    "design": ({"design": "half"}, ValueError, "unknown `design` 'half'; there are"),
    "groups": ({"groups": [1]}, ValueError, "`groups` must give one group"),
    "data": ({"data": POINTS * np.nan}, ValueError, "`data` must be finite"),
    "rng": ({"rng": -1}, ValueError, "`rng` must not be negative"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_fails_before_any_training(case, tmp_path):
    class Untouchable(NearestMean):
        def fit(self, *_, **__):
            pytest.fail("training began")

    options, error, message = BAD[case]
    arguments = {
        "data": POINTS,
        "metrics": [TRAIN, WEIGHTS, SCORES],
        "test": TEST,
        "runs": 4,
        "rng": 0,
        **options,
    }
    with pytest.raises(error, match=message):
        measure(Untouchable(), **arguments)
