from __future__ import annotations

import logging
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse
import torch
from simple_trainers import Failing, NearestMean

from memmetrics._seeds import Stream, run_seeds
from memmetrics.errors import RetrainingError
from memmetrics.evidence import Retrainings
from memmetrics.experiment.retraining import retrain


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(size=(20, 3))


def same(first, second):
    return (
        np.array_equal(first.scores, second.scores, equal_nan=True)
        and (first.member == second.member).all()
        and (first.seeds == second.seeds).all()
    )


def test_every_run_is_the_trainers_answer_to_its_own_member_and_seed(points):
    evidence = retrain(NearestMean(), points, runs=10, rng=5)
    assert isinstance(evidence, Retrainings)
    assert evidence.scores.shape == evidence.member.shape == (10, 20)
    seeds = run_seeds(5, Stream.TRAINING, range(10))
    assert evidence.seeds.tolist() == seeds
    for run in range(10):
        alone = NearestMean().fit(points, evidence.member[[run]], seeds=[seeds[run]])
        assert (alone.scores(points)[0] == evidence.scores[run]).all()


@pytest.mark.parametrize("stack_size", [1, 3, 7, 100])
def test_results_do_not_depend_on_the_stack_size(points, stack_size):
    expected = retrain(NearestMean(), points, runs=12, rng=0)
    stacked = retrain(NearestMean(), points, runs=12, rng=0, stack_size=stack_size)
    assert same(expected, stacked)


def test_the_trainer_may_choose_the_stack_size_and_it_is_told(points, caplog):
    class Choosy(NearestMean):
        def stack_size(self, data, runs):
            assert data.shape == (20, 3)
            return 5 if runs == 12 else 2

    with caplog.at_level(logging.INFO, logger="memmetrics"):
        evidence = retrain(Choosy(), points, runs=12, rng=0)
    assert evidence.stack_size == 5
    assert [len(scores) for scores, _ in evidence.blocks()] == [5, 5, 2]
    assert "stacks of 5 runs (chosen by the trainer)" in caplog.text


def test_seeds_and_generators(points):
    one = retrain(NearestMean(), points, runs=6, rng=0)
    assert same(one, retrain(NearestMean(), points, runs=6, rng=np.int64(0)))
    assert not same(one, retrain(NearestMean(), points, runs=6, rng=1))
    rngs = [np.random.default_rng(3) for _ in range(2)]
    first, second = (retrain(NearestMean(), points, runs=6, rng=rng) for rng in rngs)
    assert same(first, second)


def test_more_runs_begin_with_the_fewer(points):
    fewer = retrain(NearestMean(), points, runs=16, rng=0)
    more = retrain(NearestMean(), points, runs=40, rng=0)
    assert (more.scores[:16] == fewer.scores).all()


def test_design_fraction_and_groups_reach_the_subsets(points):
    groups = np.arange(20) // 2
    evidence = retrain(
        NearestMean(), points, runs=8, fraction=0.25, groups=groups, rng=0
    )
    assert (evidence.member.sum(axis=0) == 2).all()
    assert (evidence.member[:, ::2] == evidence.member[:, 1::2]).all()
    assert (evidence.groups == groups).all()
    named = retrain(
        NearestMean(), points, runs=8, fraction=0.25, groups=groups.astype(str), rng=0
    )
    assert (named.member[:, ::2] == named.member[:, 1::2]).all()
    exact = retrain(NearestMean(), points, runs=8, design="exact", rng=0)
    assert (exact.member.sum(axis=1) == 10).all()


def test_held_out_targets_alone_or_after_the_points(points):
    held_out = np.random.default_rng(1).normal(size=(5, 3))
    own = retrain(NearestMean(), points, runs=6, rng=0)
    other = retrain(NearestMean(), points, runs=6, rng=0, targets=held_out)
    both = retrain(
        NearestMean(), points, runs=6, rng=0, targets=held_out, include_points=True
    )
    assert other.scores.shape == (6, 5)
    assert other.own.tolist() == [-1] * 5
    assert both.own.tolist() == [*range(20), *[-1] * 5]
    assert (both.scores == np.hstack([own.scores, other.scores])).all()


class Layout:
    """Scores nothing; remembers what it was given."""

    def fit(self, data, member, *, seeds):
        self.data = data
        zeros = np.zeros((len(seeds), member.shape[1]))
        return SimpleNamespace(scores=lambda targets: zeros)


@pytest.mark.parametrize("sparse", [scipy.sparse.csr_array, scipy.sparse.coo_array])
def test_sparse_data_arrive_as_csr(sparse):
    data = sparse(np.eye(6, 4) + np.eye(6, 4, 1))
    trainer = Layout()
    retrain(trainer, data, runs=2, rng=0)
    assert isinstance(trainer.data, scipy.sparse.csr_array)
    assert (trainer.data.toarray() == data.toarray()).all()


def test_tensors_arrive_as_arrays_in_their_tuple():
    trainer = Layout()
    inputs, labels = torch.randn(6, 2, 2), torch.arange(6)
    retrain(trainer, (inputs, labels), runs=2, rng=0)
    assert [type(array) for array in trainer.data] == [np.ndarray, np.ndarray]
    assert np.array_equal(trainer.data[0], inputs.numpy())
    assert trainer.data[1].dtype == np.int64


def test_integer_scores_become_float_and_float32_stays(points):
    def scoring(dtype):
        class Constant:
            def fit(self, data, member, *, seeds):
                return SimpleNamespace(
                    scores=lambda targets: np.ones((len(seeds), len(targets)), dtype)
                )

        return retrain(Constant(), points, runs=2, rng=0).scores.dtype

    assert scoring("f4") == np.float32
    assert scoring("i8") == scoring("?") == scoring("f8") == np.float64


def test_hidden_and_weights_on_request(points):
    trainer = NearestMean(outputs=("weights", "hidden"))
    evidence = retrain(trainer, points, runs=6, rng=0, keep=("hidden", "weights"))
    assert evidence.kept["weights"].shape == (6, 3, 2)
    assert evidence.kept["hidden"].shape == (6, 20, 2)
    with pytest.raises(TypeError, match="stack of NearestMean has no `hidden`"):
        retrain(NearestMean(), points, runs=6, rng=0, keep="hidden")


def test_diverged_runs_are_rows_of_nan_and_named_once(points, tmp_path):
    seeds = run_seeds(0, Stream.TRAINING, range(12))
    trainer = Failing((seeds[3], seeds[4], seeds[9]), "diverge", str(tmp_path))
    with pytest.warns(UserWarning, match="runs 3-4, 9 of 12 diverged") as caught:
        evidence = retrain(trainer, points, runs=12, rng=0)
    assert len(caught) == 1
    expected = [run in {3, 4, 9} for run in range(12)]
    assert np.isnan(evidence.scores).all(axis=1).tolist() == expected
    assert evidence.diverged.tolist() == expected


class Exploding(NearestMean):
    def __init__(self, run, value, targets=slice(None)):
        self.seed = run_seeds(0, Stream.TRAINING, [run])[0]
        self.value, self.targets = value, targets

    def fit(self, data, member, *, seeds):
        scores = NearestMean().fit(data, member, seeds=seeds).scores(data)
        bad = np.flatnonzero(np.array(seeds) == self.seed)
        scores[np.ix_(bad, np.arange(scores.shape[1])[self.targets])] = self.value
        return SimpleNamespace(scores=lambda targets: scores)


@pytest.mark.parametrize("value", [-np.inf, np.inf, np.nan])
def test_a_run_without_any_finite_score_diverged(points, value):
    with pytest.warns(UserWarning, match="run 2 of 4 diverged"):
        evidence = retrain(Exploding(2, value), points, runs=4, rng=0)
    assert np.isnan(evidence.scores[2]).all()
    assert evidence.diverged.tolist() == [False, False, True, False]


@pytest.mark.parametrize("value", [-np.inf, np.inf, np.nan])
def test_a_score_that_is_not_finite_concerns_its_own_point(points, value):
    clean = retrain(NearestMean(), points, runs=8, rng=0)
    trainer = Exploding(2, value, targets=[5])
    if np.isnan(value):
        with pytest.warns(UserWarning, match="1 scores of runs that did not diverge"):
            evidence = retrain(trainer, points, runs=8, rng=0)
    else:
        evidence = retrain(trainer, points, runs=8, rng=0)
    assert not evidence.diverged.any()
    expected = clean.scores.copy()
    expected[2, 5] = value
    np.testing.assert_array_equal(evidence.scores, expected)


def test_all_diverged(points, tmp_path):
    seeds = run_seeds(0, Stream.TRAINING, range(4))
    trainer = Failing(tuple(seeds), "diverge", str(tmp_path))
    with pytest.raises(RetrainingError, match="every run diverged"):
        retrain(trainer, points, runs=4, rng=0)


def test_a_stack_that_fails_once_is_tried_again_run_by_run(points, tmp_path):
    bad = run_seeds(0, Stream.TRAINING, [5])
    trainer = Failing(tuple(bad), "raise", str(tmp_path), times=1)
    evidence = retrain(trainer, points, runs=12, rng=0, stack_size=4)
    assert same(evidence, retrain(NearestMean(), points, runs=12, rng=0))


def test_a_run_that_fails_twice_is_named_with_its_reason(points, tmp_path):
    bad = run_seeds(0, Stream.TRAINING, [5])
    trainer = Failing(tuple(bad), "raise", str(tmp_path))
    message = "run 5 failed twice: RuntimeError: the bad run.*give `store=`"
    with pytest.raises(RetrainingError, match=message) as caught:
        retrain(trainer, points, runs=12, rng=0, stack_size=4)
    assert "in fit" in caught.value.__notes__[0]  # where in the trainer
    assert len(list(tmp_path.iterdir())) == 2


def test_a_trainer_that_always_fails_is_not_tried_for_long(points, tmp_path):
    seeds = run_seeds(0, Stream.TRAINING, range(200))
    trainer = Failing(tuple(seeds), "raise", str(tmp_path))
    with pytest.raises(RetrainingError, match="failed twice"):
        retrain(trainer, points, runs=200, rng=0, stack_size=2)
    assert len(list(tmp_path.iterdir())) < 10


@pytest.mark.parametrize("shape", [(4,), (3, 20), (20,)])
def test_scores_of_a_wrong_shape(points, shape):
    class Wrong:
        def fit(self, data, member, *, seeds):
            return SimpleNamespace(scores=lambda targets: np.zeros(shape))

    with pytest.raises(RetrainingError, match=r"`scores` must be .* got shape \("):
        retrain(Wrong(), points, runs=2, rng=0)


def test_progress_shows_runs_and_precision(points, capsys):
    retrain(NearestMean(), points, runs=12, rng=0, progress=True, stack_size=4)
    shown = capsys.readouterr()
    assert "12/12" in shown.err
    assert "median ±" in shown.err
    assert shown.out == ""


def nan(points):
    points = points.copy()
    points[3, 1] = np.nan
    return points


BAD = {
    "runs": ({"runs": 1}, ValueError, "`runs` must be at least 2; got 1"),
    "runs type": ({"runs": 2.5}, TypeError, "`runs` must be a whole number; got 2.5"),
    "fraction": ({"fraction": 1.0}, ValueError, "`fraction` must lie strictly"),
    "fraction nan": ({"fraction": np.nan}, ValueError, "`fraction` must lie strictly"),
    "design": ({"design": "bald"}, ValueError, "unknown `design` 'bald'; there are"),
    "groups": ({"groups": [1, 2]}, ValueError, "`groups` must give one group for each"),
    "float groups": ({"groups": np.ones(20)}, TypeError, "`groups` must be integers"),
    "rng": ({"rng": "0"}, TypeError, "`rng` must be"),
    "n_jobs": ({"n_jobs": 0}, ValueError, "`n_jobs` must not be 0"),
    "n_jobs type": ({"n_jobs": "2"}, TypeError, "`n_jobs` must be a whole number"),
    "stack": ({"stack_size": 0}, ValueError, "`stack_size` must be at least 1"),
    "keep": ({"keep": "bias"}, ValueError, "`keep` may name hidden and weights; got"),
    "targets": ({"targets": np.ones((4, 2))}, ValueError, "`targets` must have the la"),
    "target nan": ({"targets": np.full((4, 3), np.nan)}, ValueError, "`targets` must"),
    "nan": ({"data": nan}, ValueError, "`data` must be finite; got 1 NaN"),
    "zeros": ({"data": np.zeros_like}, ValueError, "`data` is zero throughout"),
    "empty": ({"data": lambda points: points[:0]}, ValueError, "not be empty; got sha"),
    "text": ({"data": lambda points: points.astype(str)}, TypeError, "hold numbers"),
    "scalar": ({"data": lambda points: 3.0}, ValueError, "`data` must have a first a"),
    "lengths": (
        {"data": lambda points: (points, points[:4])},
        ValueError,
        r"`data` must be equally long; got \[20, 4\]",
    ),
    "no arrays": ({"data": lambda points: ()}, ValueError, "at least one array"),
    "trainer": ({"trainer": NearestMean}, TypeError, "`trainer` must be an object wi"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_fails_before_any_training(points, case, tmp_path):
    class Untouchable(NearestMean):
        def fit(self, *_, **__):
            pytest.fail("training began")

    options, error, message = BAD[case]
    change = options.get("data", lambda points: points)
    arguments = {"trainer": Untouchable(), "runs": 4, "rng": 0, **options}
    arguments["data"] = change(points)
    arguments["store"] = tmp_path / "store"
    with pytest.raises(error, match=message):
        retrain(**arguments)
    assert not (tmp_path / "store").exists()


class Patient:
    """Enough is when the third look sees what it wants."""

    def __init__(self, *looks, wanted=10**9):
        self.asked, self._looks, self.wanted = [], looks, wanted

    def looks(self, runs, block):
        self.arguments = runs, block
        return self._looks

    def satisfied(self, evidence):
        self.asked.append(len(evidence.scores))
        return len(evidence.scores) >= self.wanted


def test_until_adds_runs_as_long_as_they_are_not_enough(points):
    rule = Patient(16, 32, 48, 64, wanted=48)
    evidence = retrain(NearestMean(), points, runs=10, rng=0, until=rule)
    assert rule.arguments == (10, 16)
    assert rule.asked == [16, 32, 48]
    assert same(evidence, retrain(NearestMean(), points, runs=48, rng=0))


def test_until_trains_every_run_once(points):
    trained = []

    class Counting(NearestMean):
        def fit(self, data, member, *, seeds):
            trained.extend(seeds)
            return super().fit(data, member, seeds=seeds)

    rule = Patient(16, 32, 48, wanted=48)
    retrain(Counting(), points, runs=10, rng=0, until=rule)
    assert trained == run_seeds(0, Stream.TRAINING, range(48))


def test_until_says_when_it_was_not_reached(points):
    with pytest.warns(UserWarning, match="`until` is not satisfied after 32 runs"):
        evidence = retrain(NearestMean(), points, runs=10, rng=0, until=Patient(16, 32))
    assert len(evidence.scores) == 32


@pytest.mark.parametrize("looks", [(), (32, 16), (16, 16), (1, 16)])
def test_until_must_look_after_rising_numbers_of_runs(points, looks):
    with pytest.raises(ValueError, match="`until` must look after rising numbers"):
        retrain(NearestMean(), points, runs=10, rng=0, until=Patient(*looks))


def test_until_must_be_a_rule(points):
    with pytest.raises(TypeError, match="`until` must be a stopping rule; got"):
        retrain(NearestMean(), points, runs=10, rng=0, until=0.1)
