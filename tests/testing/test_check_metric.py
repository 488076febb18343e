"""The conformance test finds what is wrong, and passes what is right."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

import memmetrics as mm
from memmetrics.metrics.registry import available_metrics
from memmetrics.testing import check_metric


class LargestLoss:
    """Right in every respect; the faulty ones below change one thing each."""

    name, version, needs = "largest_loss", 1, mm.Losses

    def estimate(self, evidence):
        return evidence.train.max()

    def __call__(self, evidence):
        return mm.Result(self.name, "loss", estimate=self.estimate(evidence))


class OutMean:
    """Right too: mean score of the runs that had not the point."""

    name, version, needs = "out_mean", 1, mm.Retrainings
    nothing = np.nan  # what stands where there is nothing to average

    def estimate(self, evidence):
        finished = ~np.isnan(evidence.scores).all(1)
        scores = evidence.scores[finished]
        out = ~evidence.member[finished]
        mean = scores.mean(0, where=out) if out.any(0).all() else self.some(scores, out)
        return mean.astype(scores.dtype)

    def some(self, scores, out):
        total = np.where(out, scores, 0).sum(0)
        return np.where(out.any(0), total / np.maximum(out.sum(0), 1), self.nothing)

    def __call__(self, evidence):
        return mm.Result(self.name, "score", estimate=self.estimate(evidence))


class Norm:
    """Right too: length of every hidden vector."""

    name, version, needs = "norm", 1, mm.Fit

    def estimate(self, evidence):
        return (evidence.hidden**2).sum(-1) ** 0.5

    def __call__(self, evidence):
        return mm.Result(self.name, "length", estimate=self.estimate(evidence))


@pytest.mark.parametrize("metric", [LargestLoss(), OutMean(), Norm(), Norm])
def test_good_metrics_pass(metric):
    check_metric(metric, worker=False)


def test_in_a_worker():
    check_metric(LargestLoss())


@pytest.mark.parametrize("name", sorted(available_metrics()))
def test_every_registered_metric_passes(name):
    check_metric(name, worker=False)


@pytest.mark.parametrize(
    "metric",
    [
        mm.FeatureDimensionality,
        mm.DatapointDimensionality,
        mm.Leverage,
        mm.TrainTestGap,
    ],
)
def test_ours_take_tensors(metric):
    check_metric(metric, tensors=True, worker=False)


@pytest.mark.parametrize(
    ("metric", "evidence"),
    [
        (
            mm.DatapointDimensionality("merge"),
            mm.Fit(hidden=np.eye(5, 3), reference=np.ones((4, 3))),
        ),
        (mm.Leverage(), mm.Fit(hidden=np.ones((2, 5, 3)), weights=np.ones((2, 4, 3)))),
        (mm.TrainTestGap(), mm.Losses(np.arange(6.0).reshape(2, 3), np.ones((2, 4)))),
    ],
)
def test_on_evidence_of_ones_own(metric, evidence):
    check_metric(metric, evidence, worker=False)


def test_own_in_another_order():
    rng = np.random.default_rng(0)
    member = rng.random((20, 4)) < 0.5
    own = [3, -1, 2, 1]
    evidence = mm.Retrainings(rng.normal(size=(20, 4)), member, own=own)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_metric(mm.CounterfactualInfluence(), evidence, worker=False)


def faulty(base, **members):
    return type("Faulty", (base,), members)()


generator = np.random.default_rng(0)


def in_place(_, evidence):
    evidence.train.sort()
    return evidence.train[-1]


def counted(metric, _):
    metric.calls = getattr(metric, "calls", 0.0) + 1
    return metric.calls


@pytest.mark.parametrize(
    ("metric", "match"),
    [
        (3, "3 is not a metric"),
        (faulty(LargestLoss, name=""), "`name` must be a string"),
        (faulty(LargestLoss, name=None), "`name` must be a string; got None"),
        (faulty(LargestLoss, version="1.0"), "`version` must be an integer.* '1.0'"),
        (faulty(LargestLoss, needs=dict), "`needs` must be one of"),
        (
            faulty(LargestLoss, __call__=lambda *_: 1.0),
            "must return a Result; got float",
        ),
        (
            faulty(LargestLoss, __call__=lambda *_: mm.Result("x", "loss", 1.0)),
            "must carry the metric's name; got 'x'",
        ),
        (
            faulty(LargestLoss, __call__=lambda self, _: mm.Result(self.name, "", 1.0)),
            "must state its unit",
        ),
        (faulty(LargestLoss, estimate=lambda *_: np.ones(0)), "must have a row"),
        (faulty(LargestLoss, estimate=lambda *_: 1), "estimates must be floats"),
        (faulty(LargestLoss, estimate=lambda *_: np.inf), "1 estimates are infinite"),
        (faulty(LargestLoss, estimate=counted), "the same evidence must give the same"),
        (faulty(LargestLoss, estimate=in_place), "`train` of the evidence was changed"),
        (
            faulty(LargestLoss, estimate=lambda _, e: e.test[0]),
            "test points in another order",
        ),
        (
            faulty(Norm, estimate=lambda _, e: np.cumsum(e.hidden[:, 0])),
            "points in another order must have the same estimates, in that order",
        ),
        (
            faulty(OutMean, estimate=lambda _, e: e.scores[0]),
            "runs in another order must have the same",
        ),
        (
            faulty(Norm, estimate=lambda _, e: np.float32((e.hidden**2).sum(-1))),
            "estimates from float64 must be so; got float32",
        ),
        (
            faulty(Norm, estimate=lambda _, e: e.hidden[:, 0] * e.hidden.itemsize),
            "float32 evidence must give nearly",
        ),
        (
            faulty(OutMean, estimate=lambda _, e: e.scores.mean(0)),
            "a run that diverged .* must be left out",
        ),
        (faulty(OutMean, nothing=0.0), "with a point in all runs, what cannot be"),
        (faulty(OutMean, nothing=np.inf), "must be NaN, not 0 or infinite"),
        (
            faulty(
                Norm, estimate=lambda _, e: e.hidden[:, 0] / (e.hidden**2).sum(-1).min()
            ),
            "a zero vector must not make other estimates NaN",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_what_is_wrong_is_said(metric, match):
    with pytest.raises(AssertionError, match=match):
        check_metric(metric, worker=False)


def test_writing_to_the_evidence_and_back():
    def restored(_, evidence):
        evidence.train[0] += 1
        evidence.train[0] -= 1
        return evidence.train.max()

    with pytest.raises(AssertionError, match="read-only arrays, such as joblib gives"):
        check_metric(faulty(LargestLoss, estimate=restored), worker=False)


def test_tensors_that_come_back_as_arrays():
    metric = faulty(
        Norm, estimate=lambda _, e: np.sqrt((np.asarray(e.hidden) ** 2).sum(-1))
    )
    check_metric(metric, worker=False)
    with pytest.raises(AssertionError, match="tensors on cpu must give tensors"):
        check_metric(metric, tensors=True, worker=False)


def test_tensors_that_lose_precision():
    def rounded(_, evidence):
        length = (evidence.hidden**2).sum(-1) ** 0.5
        return length.round() if isinstance(length, torch.Tensor) else length

    with pytest.raises(AssertionError, match="cpu gives other estimates"):
        check_metric(faulty(Norm, estimate=rounded), tensors=True, worker=False)
