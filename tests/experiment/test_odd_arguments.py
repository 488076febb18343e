"""Odd arguments of the harness work, or give one clear error before any training."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from simple_trainers import NearestMean

from memmetrics.experiment import progress
from memmetrics.experiment.retraining import retrain
from memmetrics.measurement import measure
from memmetrics.metrics.influence import counterfactual_influence
from memmetrics.planning.plan import plan
from memmetrics.planning.precision import Precision
from memmetrics.trainers.function import FunctionTrainer

POINTS = np.random.default_rng(0).normal(size=(12, 3))
TEST = np.random.default_rng(1).normal(size=(5, 3))


class Untouchable(NearestMean):
    def fit(self, *_, **__):
        pytest.fail("training began")


class Examples(torch.utils.data.IterableDataset):
    def __iter__(self):
        return iter(torch.tensor(POINTS))


ODD = [
    ({"runs": True}, ValueError, "`runs` must be at least 2; got True"),
    ({"runs": 4.0}, TypeError, "`runs` must be a whole number"),
    ({"runs": 10**30}, ValueError, "more than can be kept track of"),
    ({"n_jobs": True}, TypeError, "`n_jobs` must be a whole number or None; got True"),
    ({"n_jobs": 10**30}, ValueError, "`n_jobs` must be at most 10,000"),
    ({"n_jobs": 0}, ValueError, "`n_jobs` must not be 0"),
    ({"fraction": True}, ValueError, "`fraction` must lie strictly between 0 and 1"),
    ({"fraction": "0.5"}, ValueError, "`fraction` must lie .* got '0.5'"),
    ({"fraction": [0.5]}, ValueError, "`fraction` must lie strictly"),
    ({"fraction": 10**400}, ValueError, "`fraction` must lie strictly"),
    ({"fraction": np.nan}, ValueError, "`fraction` must lie strictly"),
    ({"groups": [None] * 12}, TypeError, "`groups` must be integers or strings"),
    ({"rng": np.nan}, TypeError, "`rng` must be an integer"),
    ({"stack_size": True}, ValueError, "`stack_size` must be at least 1"),
    ({"until": Precision}, TypeError, "`until` must be a stopping rule"),
    ({"until": Precision(0.1, points=[3, 99])}, ValueError, r"scored; got \[99\]"),
    ({"until": Precision(0.1, points=[-1])}, ValueError, r"scored; got \[-1\]"),
    ({"until": Precision(0.1), "targets": TEST}, ValueError, "got 5 held-out targets"),
    ({"data": Examples()}, TypeError, "`data` must be .* indexed.* got Examples"),
]


@pytest.mark.parametrize(("options", "error", "message"), ODD)
def test_retrain(options, error, message):
    arguments = {"data": POINTS, "runs": 4, "rng": 0, **options}
    with pytest.raises(error, match=message):
        retrain(Untouchable(), arguments.pop("data"), **arguments)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"maximum_runs": np.inf}, TypeError),
        ({"maximum_runs": np.nan}, TypeError),
        ({"maximum_runs": 100.0}, TypeError),
        ({"minimum_runs": True}, TypeError),
        ({"half_width": True}, ValueError),
        ({"half_width": "a"}, ValueError),
    ],
)
def test_precision(options, error):
    with pytest.raises(error, match=f"`{next(iter(options))}` must be"):
        Precision(**{"half_width": 0.1, **options})


def test_whole_numbers_of_any_kind_are_the_same():
    expected = retrain(NearestMean(), POINTS, runs=6, rng=3, fraction=0.5)
    options = {"runs": np.int64(6), "rng": np.uint8(3), "fraction": np.float32(0.5)}
    evidence = retrain(NearestMean(), POINTS, n_jobs=np.int64(1), **options)
    assert np.array_equal(evidence.scores, expected.scores)
    assert len(Precision(0.1, maximum_runs=10**30).looks(2, 16)) < 200


@pytest.mark.parametrize("metric", ["train_test_gap", "feature_dimensionality"])
def test_a_function_cannot_serve_metrics_of_fits(metric):
    trainer = FunctionTrainer(lambda indices, seed: pytest.fail("training began"))
    with pytest.raises(TypeError, match="`trainer` must not be a FunctionTrainer"):
        measure(trainer, POINTS, metric, test=TEST, rng=0)


def test_a_very_large_stack_is_not_trained_for_a_plan():
    planned = plan(NearestMean(), POINTS, runs=10**12, stack_size=10**11)
    assert planned.stack_size == 10**11
    assert planned.runs_looked_at < 10**4


class TestHeldOutTargetsOfInfluence:
    def test_follow_the_training_points(self):
        options = {"runs": 24, "rng": 0}
        table = measure(
            NearestMean(), POINTS, "counterfactual_influence", test=TEST, **options
        )
        evidence = retrain(
            NearestMean(), POINTS, targets=TEST, include_points=True, **options
        )
        expected = counterfactual_influence(
            evidence.scores, evidence.member, own=evidence.own
        )
        assert len(table) == 12 * 17
        np.testing.assert_array_equal(table.estimate, expected.estimate.ravel())
        assert sorted(table.target.unique()) == list(range(17))

    def test_are_no_concern_of_other_metrics(self):
        names = ["counterfactual_memorization", "counterfactual_influence"]
        both = measure(NearestMean(), POINTS, names, test=TEST, runs=24, rng=0)
        alone = measure(NearestMean(), POINTS, names[0], runs=24, rng=0)
        with_test = measure(NearestMean(), POINTS, names[0], test=TEST, runs=24, rng=0)
        memorization = both[both.metric == names[0]]
        np.testing.assert_array_equal(memorization.estimate, alone.estimate)
        np.testing.assert_array_equal(with_test.estimate, alone.estimate)

    def test_must_be_laid_out_like_the_data(self):
        with pytest.raises(ValueError, match="`test` must have the layout of `data`"):
            measure(
                Untouchable(),
                POINTS,
                "counterfactual_influence",
                test=TEST[:, :2],
                runs=4,
                rng=0,
            )


@pytest.mark.parametrize("stored", [True, False])
def test_the_bar_remembers_what_was_finished_before(monkeypatch, tmp_path, stored):
    pytest.importorskip("tqdm")
    shown = []
    half_width = progress.Progress.half_width

    def watched(bar):
        shown.append((sum(arm.count[0] for arm in bar.arms), half_width(bar)))
        return shown[-1][1]

    monkeypatch.setattr(progress.Progress, "half_width", watched)
    options = {"rng": 0, "stack_size": 8, "progress": True}
    if stored:
        for runs in (16, 32):
            retrain(NearestMean(), POINTS, runs=runs, store=tmp_path, **options)
    else:
        rule = Precision(1e-9, minimum_runs=16, maximum_runs=32)
        with pytest.warns(UserWarning, match="not satisfied"):
            retrain(NearestMean(), POINTS, runs=2, until=rule, **options)
    resumed, last = list(shown), shown[-1]
    assert last[0] == 32
    shown.clear()
    retrain(NearestMean(), POINTS, runs=32, **options)
    assert shown[-1] == pytest.approx(last)
    # Runs come one stack after another, never fewer than before.
    assert [count for count, _ in resumed] == sorted(count for count, _ in resumed)
