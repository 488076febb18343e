"""Faults of intervals, counts, memory and randomness that the check must find."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest
import torch

import memmetrics as mm
from memmetrics.testing import check_metric


class MeanScore:
    """Right in every respect: mean score of a point where it was left out."""

    name, version, needs = "mean_score", 1, mm.Retrainings

    def __call__(self, evidence):
        finished = ~np.isnan(evidence.scores).all(1)
        scores = np.float64(evidence.scores[finished])
        out = ~evidence.member[finished]
        count = out.sum(0)
        some = np.where(count > 1, count, 2)
        mean = np.where(out, scores, 0).sum(0) / some
        variance = (np.where(out, scores - mean, 0) ** 2).sum(0) / (some - 1)
        mean[count < 2] = variance[count < 2] = np.nan
        error = np.sqrt(variance / some)
        return mm.Result(self.name, "score", **self.answer(mean, error, count))

    def answer(self, mean, error, count):
        return {
            "estimate": mean,
            "standard_error": error,
            "low": mean - 2 * error,
            "high": mean + 2 * error,
            "n_out": count,
        }


def with_answer(change):
    """Return a metric whose answer is changed by a function of it."""

    def answer(self, *arguments):
        found = MeanScore.answer(self, *arguments)
        return found | change(self, found)

    return type("Faulty", (MeanScore,), {"answer": answer})()


def steps(array):
    return np.arange(array.size).reshape(array.shape)


ANSWERS = {
    "random interval": (
        lambda _, a: {"low": a["low"] - np.random.default_rng().random(a["low"].shape)},
        "same evidence must give the same estimates again.*`low` differs",
    ),
    "random column": (
        lambda *_: {"columns": {"p": np.random.default_rng().random()}},
        "same evidence must give the same.*columns",
    ),
    "crossed": (
        lambda _, a: {"low": a["high"], "high": a["low"]},
        "`low` must not lie above `high`",
    ),
    "low above": (
        lambda _, a: {"low": a["estimate"] + a["standard_error"]},
        "interval must contain the estimate",
    ),
    "high below": (
        lambda _, a: {"high": a["estimate"] - a["standard_error"]},
        "interval must contain the estimate",
    ),
    "one side, wrong": (
        lambda _, a: {"low": a["estimate"] + 1, "high": None},
        "interval must contain the estimate",
    ),
    "infinite": (lambda _, a: {"high": a["high"] + np.inf}, "of `high` are infinite"),
    "infinite below": (lambda _, a: {"low": a["low"] - np.inf}, "`low` are infinite"),
    "infinite error": (
        lambda _, a: {"standard_error": a["high"] + np.inf},
        "of `standard_error` are infinite",
    ),
    "infinite where an arm is empty": (
        lambda _, a: {"high": np.where(a["n_out"] == 0, np.inf, a["high"])},
        "with a point in all runs, what cannot be estimated must be NaN",
    ),
    "interval by place": (
        lambda _, a: {"low": a["low"] - steps(a["low"])},
        "points in another order .*`low` differs",
    ),
    "error by place": (
        lambda _, a: {"standard_error": 1.0 + steps(a["low"])},
        "points in another order .*`standard_error` differs",
    ),
    "counts by place": (
        lambda _, a: {"n_in": steps(a["low"])},
        "points in another order .*`n_in` differs",
    ),
    "sorted interval": (
        lambda _, a: {"low": a["low"] - np.sort(a["standard_error"])},
        "points in another order .*`low` differs",
    ),
    "negative error": (
        lambda _, a: {"standard_error": -a["standard_error"]},
        "`standard_error` must not be negative",
    ),
    "negative count": (lambda _, a: {"n_out": -a["n_out"]}, "`n_out` must hold counts"),
    "half a run": (lambda _, a: {"n_out": a["n_out"] / 7}, "`n_out` must hold counts"),
    "too many runs": (
        lambda _, a: {"n_in": 25 - a["n_out"]},
        "`n_in` and `n_out` must be at most 24 in sum; got 25",
    ),
    "text for a count": (
        lambda _, a: {"n_out": a["n_out"].astype(str)},
        "`n_out` must hold numbers",
    ),
    "wrong length": (
        lambda _, a: {"low": a["low"][1:]},
        "the evidence must do; got ValueError: `low` must have the shape",
    ),
    "a point too few": (
        lambda _, a: {name: array[1:] for name, array in a.items()},
        "points in another order",
    ),
    "all missing": (
        lambda _, a: {"estimate": a["estimate"] * np.nan},
        "all estimates are NaN",
    ),
    "always the same": (
        lambda _, a: {name: np.ones(array.shape) for name, array in a.items()},
        "other evidence of the same shape must not get the very same",
    ),
    "one for all": (
        lambda _, a: {"estimate": a["estimate"] + 0 * a["estimate"].sum()},
        "with a point in all runs, no estimate of another point may become NaN",
    ),
}


def test_the_good_one_passes():
    check_metric(MeanScore())


@pytest.mark.parametrize("fault", ANSWERS)
def test_faulty_answers(fault):
    change, match = ANSWERS[fault]
    with pytest.raises(AssertionError, match=rf"mean_score: .*{match}"):
        check_metric(with_answer(change), worker=False)


def test_diverged_runs_that_are_counted():
    class Counted(MeanScore):
        def __call__(self, evidence):
            result = super().__call__(evidence)
            return mm.Result(
                self.name, "score", result.estimate, n_out=(~evidence.member).sum(0)
            )

    with pytest.raises(AssertionError, match=r"diverged .* left out; `n_out` differs"):
        check_metric(Counted(), worker=False)


class Norm:
    """Right in every respect; the faulty ones below change one thing each."""

    name, version, needs = "norm", 1, mm.Fit

    def estimate(self, hidden):
        return (hidden**2).sum(-1) ** 0.5

    def __call__(self, evidence):
        return mm.Result(self.name, "length", self.estimate(evidence.hidden))


class CachedByShape(Norm):
    kept = {}  # noqa: RUF012, that is the fault

    def estimate(self, hidden):
        return self.kept.setdefault(hidden.shape, super().estimate(hidden))


class CachedScale(Norm):
    """Keeps only an intermediate number, so that answers differ."""

    def __init__(self):
        self.kept = {}

    def estimate(self, hidden):
        return super().estimate(hidden) / self.kept.setdefault(
            hidden.shape, np.abs(hidden).max()
        )


class Remembers(Norm):
    largest = 0.0

    def estimate(self, hidden):
        self.largest = max(self.largest, float(np.abs(hidden).max()))
        return super().estimate(hidden) + self.largest


class OneBuffer(Norm):
    buffer = None

    def estimate(self, hidden):
        found = super().estimate(hidden)
        if self.buffer is None or self.buffer.dtype != found.dtype:
            self.buffer = found
        self.buffer[...] = found
        return self.buffer


class Strided(Norm):
    """Reads memory as it lies, not as the array has it."""

    def estimate(self, hidden):
        flat = hidden.ravel(order="K").reshape(hidden.shape)
        return (flat**2).sum(-1) ** 0.5


class Seeds(Norm):
    def estimate(self, hidden):
        np.random.seed(0)  # noqa: NPY002
        return super().estimate(hidden) * np.random.random()  # noqa: NPY002


class Forked(Norm):
    """Depends on the global generator, and leaves it as it was."""

    def estimate(self, hidden):
        with torch.random.fork_rng(devices=[]):
            return super().estimate(hidden) * float(torch.rand(1, dtype=torch.double))


class Raises(Norm):
    def estimate(self, hidden):
        if hidden.dtype == np.float32:
            raise KeyError("float32")
        return super().estimate(hidden)


@pytest.mark.parametrize(
    ("metric", "match"),
    [
        (CachedByShape, "other evidence of the same shape must not get the very same"),
        (CachedScale, "what was computed before must not change an answer"),
        (Remembers, "the same evidence must|what was computed before must not"),
        (OneBuffer, "an answer must not change when others are computed"),
        (Strided, "arrays in Fortran's order must give the same"),
        (Seeds, "global random generators must be left as they were"),
        (Forked, "the same evidence must give the same estimates again"),
        (Raises, "float32 must do; got KeyError: 'float32'"),
    ],
)
def test_faulty_memory(metric, match):
    with pytest.raises(AssertionError, match=f"norm: .*({match})"):
        check_metric(metric, worker=False)


def test_the_check_leaves_global_generators_alone():
    before = random.getstate(), torch.get_rng_state().tolist()
    numbers = np.random.get_state()[1].tolist()  # noqa: NPY002
    check_metric(Norm, worker=False)
    assert before == (random.getstate(), torch.get_rng_state().tolist())
    assert numbers == np.random.get_state()[1].tolist()  # noqa: NPY002


def test_what_cannot_be_pickled_is_named():
    metric = Norm()
    metric.lock = threading.Lock()
    check_metric(metric, worker=False)
    with pytest.raises(AssertionError, match=r"norm: .*send the metric to a worker"):
        check_metric(metric)


def test_numbers_of_few_values_pass():
    """A rank is the same for nearly all evidence, and no cache."""

    class Rank:
        name, version, needs = "rank", 1, mm.Fit

        def __call__(self, evidence):
            rank = float(np.linalg.matrix_rank(evidence.hidden))
            return mm.Result(self.name, "directions", rank)

    check_metric(Rank, worker=False)
