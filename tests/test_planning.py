from __future__ import annotations

import math
import time
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats
from simple_trainers import NearestMean

from memmetrics.retraining.errors import RetrainingError
from memmetrics.retraining.expected_width import ExpectedWidth
from memmetrics.retraining.harness import retrain
from memmetrics.retraining.memory_use import peak_memory
from memmetrics.retraining.planning import plan

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


def test_known_spread_gives_the_textbook_number_of_runs():
    expected = ExpectedWidth(np.array([1.0]), np.array([9.0]), 0.5, 0.95)
    # 1.96² (1 + 9) / (R / 2) = 0.25², plus a little for t instead of z.
    assert expected.runs_for(0.25) == pytest.approx(1.96**2 * 20 / 0.25**2, abs=32)
    assert expected.runs_for(0.25) % 16 == 0
    assert expected.median(expected.runs_for(0.25)) <= 0.25
    assert expected.median(expected.runs_for(0.25) - 16) > 0.25


def test_the_median_width_is_welchs():
    evidence = retrain(Noise(), POINTS, runs=64, rng=0)
    expected = ExpectedWidth.from_runs(
        evidence.scores, evidence.member, fraction=0.5, confidence=0.95
    )
    assert expected.median(64) == pytest.approx(welch_median(evidence), rel=1e-9)


def test_so_many_runs_do_give_the_wanted_width():
    wanted = 0.5
    planned = plan(Noise(), POINTS, half_width=wanted)
    evidence = retrain(Noise(), POINTS, runs=planned.runs, rng=1)
    assert welch_median(evidence) == pytest.approx(wanted, rel=0.25)
    assert planned.half_width == pytest.approx(wanted, rel=0.05)


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
        ({"half_width": 0.0}, "`half_width` must be positive; got 0.0"),
        ({"half_width": math.nan}, "`half_width` must be positive; got nan"),
        ({"half_width": 1e-9}, "takes more than 100,000,000 runs"),
        ({"half_width": 1.0, "targets": POINTS[:4]}, "give `include_points=True`"),
        ({"half_width": 1.0, "fraction": 0.06}, "leaves an arm with fewer than two"),
        ({"runs": 10, "confidence": 1.0}, "`confidence` must lie strictly between"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(ValueError, match=message):
        plan(NearestMean(), POINTS, **options)
