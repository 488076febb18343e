from __future__ import annotations

import math
import time
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats
from simple_trainers import NearestMean

from memmetrics.errors import RetrainingError
from memmetrics.evidence import Retrainings
from memmetrics.experiment.retraining import retrain
from memmetrics.planning.expected_width import (
    ArmSpread,
    ExpectedWidth,
    FirstRuns,
)
from memmetrics.planning.memory_use import peak_memory
from memmetrics.planning.plan import plan
from memmetrics.planning.precision import Precision

POINTS = np.random.default_rng(0).normal(size=(40, 3))


class Noise:
    """Scores of a known spread: 1 where the point is in, 3 where it is out."""

    def fit(self, data, member, *, seeds):
        draws = [np.random.default_rng(seed).normal(size=len(data)) for seed in seeds]
        scores = np.where(member, np.array(draws), 3 * np.array(draws))
        return SimpleNamespace(scores=lambda targets: scores)


def welch_median(evidence):
    widths = []
    for column, inside in zip(evidence.scores.T, evidence.member.T, strict=True):
        test = stats.ttest_ind(column[inside], column[~inside], equal_var=False)
        interval = test.confidence_interval(0.95)
        widths.append((interval.high - interval.low) / 2)
    return np.median(widths)


def first_runs(evidence, fraction=0.5):
    return FirstRuns(evidence.scores, evidence.member, fraction)


def test_known_spread_gives_the_textbook_number_of_runs():
    expected = ExpectedWidth(ArmSpread(np.ones(1)), ArmSpread(np.full(1, 9.0)), 0.5)
    rule = Precision(0.25)
    runs = expected.runs_for(rule, rule.looks(2, 16))
    # z² (1 + 9) / (R / 2) = 0.25², plus a little for t, and then the next look.
    needed = stats.norm.ppf(0.9875) ** 2 * 20 / 0.25**2
    looks = rule.looks(2, 16)
    assert runs == next(look for look in looks if look >= needed)


def test_the_median_width_is_welchs():
    evidence = retrain(Noise(), POINTS, runs=512, rng=0)
    expected = first_runs(evidence).expected()
    assert np.median(expected.widths(512, 0.95)) == pytest.approx(
        welch_median(evidence), rel=0.03
    )


def test_so_many_runs_do_give_the_wanted_width():
    wanted = 0.5
    planned = plan(Noise(), POINTS, half_width=wanted, points="median")
    evidence = retrain(Noise(), POINTS, runs=planned.runs, rng=1)
    reached = Precision(wanted, points="median").reached(evidence)
    assert 0.8 * wanted < reached < 1.05 * wanted
    assert planned.half_width == pytest.approx(reached, rel=0.1)


class Drawn:
    """Scores that `draw(generator, member row)` gives."""

    def __init__(self, draw):
        self.draw = draw

    def fit(self, data, member, *, seeds):
        generators = map(np.random.default_rng, seeds)
        scores = np.array(list(map(self.draw, generators, member)))
        return SimpleNamespace(scores=lambda targets: scores)


def rare(inside, outside):
    def draw(rng, member):
        return 1.0 * (rng.random(len(member)) >= np.where(member, inside, outside))

    return Drawn(draw)


CASES = {
    "rare": (rare(0.03, 0.01), 0.02),
    "rare outside only": (rare(0.0, 0.05), 0.03),
    "log-normal": (Drawn(lambda rng, row: rng.lognormal(size=len(row))), 0.4),
    "Gaussian": (Drawn(lambda rng, row: rng.normal(size=len(row))), 0.25),
}


@pytest.mark.parametrize("points", ["all", "median"])
@pytest.mark.parametrize("case", CASES)
def test_plan_and_until_agree(case, points):
    trainer, half_width = CASES[case]
    rule = Precision(half_width, points=points)
    needed = len(retrain(trainer, POINTS, runs=2, rng=99, until=rule).scores)
    plans = [
        plan(trainer, POINTS, half_width=half_width, points=points, rng=seed)
        for seed in range(3)
    ]
    # A long tail is seen late. Looks are 1.5 apart, or less by one block.
    most = 2.3 if case == "log-normal" else 1.55
    assert all(needed / most <= each.runs <= needed * most for each in plans)
    for each in plans:
        assert each.runs in rule.looks(2, 16)
        assert each.least_runs <= each.runs <= each.most_runs
        assert each.runs_looked_at <= max(16, each.runs / 4)


def test_no_spread_seen_is_not_no_spread():
    planned = plan(rare(0.0, 1e-9), POINTS, half_width=0.02)
    assert planned.runs > 64
    assert planned.half_width > 0.01
    assert planned.least_runs < planned.runs
    assert "likely" in str(planned)
    constant = Drawn(lambda rng, row: np.full(len(row), 0.7))
    with pytest.raises(ValueError, match="no point's score differs"):
        plan(constant, POINTS, half_width=0.02)


def test_tokens_have_a_plan_too():
    def draw(rng, row):
        scores = rng.normal(size=(len(row), 3))
        scores[:5, 2] = np.nan  # padding
        return scores

    rule = Precision(0.6, minimum_runs=16)
    planned = plan(Drawn(lambda rng, row: draw(rng, row)[..., 0]), POINTS, runs=64)
    tokens = np.array([draw(np.random.default_rng(k), POINTS) for k in range(64)])
    member = np.arange(64 * 40).reshape(64, 40) // 40 % 2 == 0
    reached = rule.reached(Retrainings(tokens, member))
    widths = FirstRuns(tokens, member, 0.5).expected().widths(64, 0.975)
    assert len(widths) == 5 * 2 + 35 * 3
    assert widths.max() == pytest.approx(reached, rel=0.25)
    assert planned.half_width > 0


@pytest.mark.parametrize("wish", [{"runs": 10**12}, {"half_width": 1e-5}])
def test_a_plan_of_very_many_runs_is_arithmetic(wish):
    planned = plan(NearestMean(), POINTS, **wish)
    assert planned.runs >= 10**9
    assert planned.stored_bytes == planned.runs * len(POINTS) * 8


def test_time_is_that_of_stacks_shared_among_workers():
    trainer = NearestMean(delay=0.05)
    alone = plan(trainer, POINTS, runs=100, stack_size=10)
    assert alone.seconds_per_stack == pytest.approx(0.05, rel=0.5)
    assert alone.seconds == pytest.approx(0.5, rel=0.5)
    assert (alone.workers, alone.stack_size, alone.runs) == (1, 10, 100)
    pair = plan(trainer, POINTS, runs=100, stack_size=10, n_jobs=2)
    assert pair.workers == 2
    assert pair.seconds == pytest.approx(0.25, rel=0.5)


def test_the_first_stack_may_be_slow_for_other_reasons():
    class Compiling(NearestMean):
        compiled: list[bool] = []  # noqa: RUF012

        def fit(self, data, member, *, seeds):
            if not self.compiled:
                time.sleep(0.5)
                self.compiled.append(True)
            return super().fit(data, member, seeds=seeds)

    assert plan(Compiling(), POINTS, runs=20, stack_size=4).seconds_per_stack < 0.2


def test_stored_bytes_are_those_of_a_store(tmp_path):
    trainer = NearestMean(outputs=("weights", "hidden"))
    options = {"runs": 48, "keep": ("weights", "hidden"), "stack_size": 16}
    data = np.random.default_rng(0).normal(size=(3000, 3))
    planned = plan(trainer, data, **options)
    retrain(trainer, data, rng=0, store=tmp_path, **options)
    written = sum(path.stat().st_size for path in tmp_path.glob("stacks/*"))
    assert planned.stored_bytes == pytest.approx(written, rel=0.02)
    assert planned.memory_bytes > planned.stored_bytes + data.nbytes


def test_held_out_targets_have_a_time_but_no_width():
    planned = plan(NearestMean(), POINTS, runs=50, targets=POINTS[:5])
    assert math.isnan(planned.half_width)
    both = plan(NearestMean(), POINTS, runs=50, targets=POINTS[:5], include_points=True)
    own = plan(NearestMean(), POINTS, runs=50)
    assert both.half_width == own.half_width > 0


def test_in_words_and_as_a_table():
    planned = plan(NearestMean(delay=0.01), POINTS, runs=1000, n_jobs=2)
    words = str(planned)
    assert "1,000 in 63 stacks of 16" in words
    assert "with 2 workers" in words
    assert len(words.splitlines()) == 5
    table = planned.to_frame()
    assert table.loc[0, "runs"] == 1000
    assert len(table) == 1


def test_memory_is_watched_while_it_is_used():
    with peak_memory() as memory:
        block = np.ones(20_000_000)  # 160 MB, touched
        time.sleep(0.05)
        del block
    if memory.start:  # the system tells
        assert 140e6 < memory.grown < 300e6


def test_a_first_stack_that_fails_is_the_end():
    class Broken(NearestMean):
        def fit(self, data, member, *, seeds):
            raise RuntimeError("no such device")

    with pytest.raises(RetrainingError, match="first stack failed: RuntimeError: no s"):
        plan(Broken(), POINTS, runs=10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "one of `runs` and `half_width` must be given"),
        ({"runs": 10, "half_width": 1.0}, "one of `runs` and `half_width`"),
        ({"runs": 1}, "`runs` must be at least 2"),
        ({"half_width": 0.0}, "`half_width` must be positive and finite; got 0.0"),
        ({"half_width": math.nan}, "`half_width` must be positive and finite; got nan"),
        ({"half_width": 1e-12}, "takes more than 1,000,000,000,000,000,000 runs"),
        ({"half_width": True}, "`half_width` must be positive and finite; got True"),
        ({"half_width": 1.0, "points": [99]}, r"among those scored; got \[99\]"),
        ({"half_width": 1.0, "targets": POINTS[:4]}, "give `include_points=True`"),
        ({"runs": 10, "confidence": 1.0}, "`confidence` must lie strictly between"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        plan(NearestMean(), POINTS, **options)
