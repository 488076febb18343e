"""Who trains on what, as `retrain`, `measure` and `plan` take it."""

from __future__ import annotations

import numpy as np
import pytest
from simple_trainers import NearestMean

import memmetrics as mm
from memmetrics._seeds import Stream, run_seeds
from memmetrics.designs import Balanced, Everyone, Given, Without
from memmetrics.errors import StoreMismatchError

POINTS = np.random.default_rng(0).normal(size=(30, 4))
TEST = np.random.default_rng(1).normal(size=(7, 4))
MINE = np.random.default_rng(2).random((12, 30)) < 0.7


def test_ten_leave_one_outs_are_those_of_a_direct_loop():
    sets = [[point] for point in range(10)]
    trainer = NearestMean()
    evidence = mm.retrain(trainer, POINTS, runs=550, design=Without(sets), rng=3)
    seeds = iter(run_seeds(3, Stream.TRAINING, range(550)))
    row = 0
    for _ in range(50):
        for left in [[], *sets]:
            member = np.ones((1, 30), dtype=bool)
            member[0, left] = False
            stack = trainer.fit(POINTS, member, seeds=[next(seeds)])
            np.testing.assert_array_equal(evidence.member[row], member[0])
            np.testing.assert_array_equal(evidence.scores[row], stack.scores(POINTS)[0])
            row += 1
    result = mm.counterfactual_memorization(
        evidence.scores[:, :10], evidence.member[:, :10]
    )
    assert result.n_out.tolist() == [50] * 10
    left_out = evidence.scores[1::11, 0]
    others = np.delete(evidence.scores[:, 0], np.s_[1::11])
    assert result.estimate[0] == pytest.approx(others.mean() - left_out.mean())


@pytest.mark.parametrize("runs", [2, 7])
def test_runs_need_not_be_whole_rounds(runs):
    evidence = mm.retrain(
        NearestMean(), POINTS, runs=runs, design=Without([[0], [1, 2]]), rng=0
    )
    assert evidence.member.sum(axis=1).tolist() == ([30, 29, 28] * 3)[:runs]


def test_a_matrix_of_ones_own():
    for design in (MINE, Given(MINE), MINE.tolist()):
        evidence = mm.retrain(NearestMean(), POINTS, runs=12, design=design, rng=0)
        np.testing.assert_array_equal(evidence.member, MINE)
    seeds = run_seeds(0, Stream.TRAINING, range(12))
    scores = NearestMean().fit(POINTS, MINE, seeds=seeds).scores(POINTS)
    np.testing.assert_array_equal(evidence.scores, scores)


def test_a_design_of_somebody_elses():
    class Halves:
        """One half of the points, then the other."""

        block, of_points = 2, True

        def configuration(self):
            return {"design": "halves"}

        def members(self, seed, part):
            even = np.array(part.points) % 2 == 0
            return np.stack([even ^ bool(run % 2) for run in part.runs])

    evidence = mm.retrain(NearestMean(), POINTS, runs=6, design=Halves(), rng=0)
    assert evidence.member.sum(axis=0).tolist() == [3] * 30


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"design": MINE, "runs": 13}, r"13 runs of 30 points; its matrix has shape"),
        ({"design": MINE[:, :4]}, "its matrix has shape"),
        ({"design": Balanced(0.3), "fraction": 0.5}, "`fraction` goes with the names"),
        ({"design": MINE, "fraction": 0.5}, "`fraction` goes with the names"),
        (
            {"design": Without([[30]])},
            "set 0 has 1, the last of them 30",
        ),
        ({"design": MINE, "groups": np.arange(30) // 2}, "one group enter together"),
        ({"design": MINE, "until": mm.Precision(0.1)}, "in 4096 runs of 30 points"),
        ({"runs": None}, "`runs` must be given, unless `until` decides"),
    ],
)
@pytest.mark.parametrize("call", ["retrain", "measure"])
def test_what_does_not_fit_is_said_before_any_training(call, options, message):
    class Untouchable(NearestMean):
        def fit(self, *_, **__):
            pytest.fail("training began")

    options = {"runs": 12, "rng": 0} | options
    if call == "measure":
        options["metrics"] = "counterfactual_memorization"
        message = message.replace(", unless `until` decides", "")
    with pytest.raises(ValueError, match=message):
        getattr(mm, call)(Untouchable(), POINTS, **options)


def test_a_store_tells_designs_apart_and_adds_to_them(tmp_path):
    sets = [[0], [1, 2]]
    options = {"rng": 0, "store": tmp_path}
    mm.retrain(NearestMean(), POINTS, runs=4, design=Without(sets), **options)
    longer = mm.retrain(NearestMean(), POINTS, runs=9, design=Without(sets), **options)
    whole = mm.retrain(NearestMean(), POINTS, runs=9, design=Without(sets), rng=0)
    np.testing.assert_array_equal(longer.scores, whole.scores)
    for design in (Without([[0], [1]]), Everyone(), MINE, "balanced"):
        with pytest.raises(StoreMismatchError):
            mm.retrain(NearestMean(), POINTS, runs=4, design=design, **options)


class TestMeasure:
    @pytest.mark.filterwarnings("ignore:25 of 30 points:RuntimeWarning")
    def test_takes_what_retrain_does(self):
        design = Without([[point] for point in range(5)])
        options = {"runs": 24, "design": design, "rng": 0}
        table = mm.measure(
            NearestMean(), POINTS, "counterfactual_memorization", **options
        )
        evidence = mm.retrain(NearestMean(), POINTS, **options)
        expected = mm.counterfactual_memorization(evidence.scores, evidence.member)
        np.testing.assert_array_equal(table.estimate, expected.estimate)

    def test_stops_where_a_rule_says(self):
        rule = mm.Precision(0.5, points="median", minimum_runs=32)
        table = mm.measure(
            NearestMean(), POINTS, "counterfactual_memorization", until=rule, rng=0
        )
        evidence = mm.retrain(NearestMean(), POINTS, until=rule, rng=0)
        assert len(evidence.scores) >= 32
        assert (table.n_in + table.n_out == len(evidence.scores)).all()

    @pytest.mark.parametrize("name", ["test", "targets"])
    def test_influence_is_on_held_out_points(self, name):
        table = mm.measure(
            NearestMean(),
            POINTS,
            "counterfactual_influence",
            runs=24,
            rng=0,
            **{name: TEST},
        )
        evidence = mm.retrain(NearestMean(), POINTS, runs=24, rng=0, targets=TEST)
        expected = mm.counterfactual_influence(
            evidence.scores, evidence.member, own=evidence.own
        )
        held_out = table[table.target >= 30].estimate.to_numpy()
        np.testing.assert_array_equal(held_out, expected.estimate.ravel())

    def test_targets_come_before_test_and_are_no_concern_of_losses(self):
        names = ["counterfactual_influence", "train_test_gap"]
        options = {"runs": 16, "rng": 0, "fits": 1}
        both = mm.measure(
            NearestMean(), POINTS, names, test=TEST, targets=TEST[:2], **options
        )
        alone = mm.measure(NearestMean(), POINTS, names[1], test=TEST, **options)
        assert len(both[both.metric == names[0]]) == 30 * 32
        gap = both[both.metric == names[1]].estimate
        np.testing.assert_array_equal(gap, alone.estimate)

    def test_bad_targets_are_named(self):
        with pytest.raises(ValueError, match="`targets` must have the layout of"):
            mm.measure(
                NearestMean(),
                POINTS,
                "counterfactual_influence",
                targets=TEST[:, :2],
                runs=4,
                rng=0,
            )


class TestPlan:
    def test_of_a_rule_is_that_of_its_half_width(self):
        wish = mm.plan(NearestMean(), POINTS, half_width=0.05, points="median")
        rule = mm.Precision(0.05, points="median", maximum_runs=10**6)
        planned = mm.plan(NearestMean(), POINTS, until=rule)
        assert (planned.runs, planned.half_width) == (wish.runs, wish.half_width)

    def test_is_one_of_the_looks_and_no_more_than_the_rule_allows(self):
        rule = mm.Precision(1e-4, maximum_runs=200)
        planned = mm.plan(NearestMean(), POINTS, until=rule, runs=70)
        assert planned.runs == 200
        assert planned.half_width > rule.half_width
        wide = mm.Precision(100.0)
        assert mm.plan(NearestMean(), POINTS, until=wide, runs=70).runs == 80

    def test_agrees_with_where_the_rule_stops(self):
        rule = mm.Precision(0.03, points="median")
        planned = mm.plan(NearestMean(), POINTS, until=rule)
        stopped = len(mm.retrain(NearestMean(), POINTS, until=rule, rng=5).scores)
        assert planned.least_runs <= stopped <= planned.most_runs

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"until": mm.Precision(0.1), "half_width": 0.1}, "must not both be given"),
            ({"half_width": 0.1, "design": MINE}, "for designs that are drawn"),
        ],
    )
    def test_makes_sense(self, options, message):
        with pytest.raises(ValueError, match=message):
            mm.plan(NearestMean(), POINTS, **options)

    def test_of_a_matrix_says_what_it_costs(self):
        planned = mm.plan(NearestMean(), POINTS, runs=12, design=MINE)
        assert planned.runs == 12
        assert planned.stored_bytes > 0
