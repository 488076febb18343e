from __future__ import annotations

import numpy as np
import pytest

import memmetrics as mm
from memmetrics.testing import check_cost, sample_evidence
from memmetrics.testing.sample import SIZES


class Pairwise:
    """Quadratic in the points, and declared linear."""

    name, version, needs, cost = "pairwise", 1, mm.Fit, "points * hidden"

    def __call__(self, evidence):
        products = evidence.hidden @ evidence.hidden.T
        return mm.Result(self.name, "none", np.abs(products).max(1))


class FarthestLoss:
    """Quadratic behind a larger linear cost: a step in Python for every point."""

    name, version, needs = "farthest_loss", 1, mm.Losses
    cost = "points + test_points"

    def __call__(self, evidence):
        train = evidence.train
        distance = np.stack([np.abs(train - loss).max() for loss in train])
        return mm.Result(self.name, "loss", distance)


class LowestLoss:
    """Next to nothing, and linear."""

    name, version, needs = "lowest_loss", 1, mm.Losses
    cost = "points + test_points"

    def __call__(self, evidence):
        lowest = evidence.train.min() + evidence.test.min()
        return mm.Result(self.name, "loss", lowest)


class Distinct:
    """As costly as sorting."""

    name, version, needs, cost = "distinct", 1, mm.Losses, "points * log(points)"

    def __call__(self, evidence):
        return mm.Result(self.name, "count", float(len(np.unique(evidence.train))))


class Spread:
    name, version, needs, cost = "spread", 1, mm.Retrainings, "runs * targets"

    def __call__(self, evidence):
        return mm.Result(self.name, "score", evidence.scores.std(0))


@pytest.mark.timing
def test_quadratic_declared_linear_is_caught():
    with pytest.raises(AssertionError, match=r"pairwise: time grows as points\*\*"):
        check_cost(Pairwise())


@pytest.mark.timing
def test_quadratic_behind_a_larger_linear_cost_is_caught():
    with pytest.raises(
        AssertionError, match=r"farthest_loss: time grows as points\*\*"
    ):
        check_cost(FarthestLoss())


@pytest.mark.timing
@pytest.mark.parametrize("metric", [LowestLoss(), Distinct()])
def test_honest_metrics_pass(metric):
    check_cost(metric)


@pytest.mark.timing
def test_quadratic_declared_quadratic_passes():
    report = check_cost(Pairwise(), "points**2 * hidden")
    assert report.declared["points"] == pytest.approx(2)
    assert report.measured["points"] > 1.35


@pytest.mark.timing
def test_linear_passes():
    report = check_cost(Spread())
    assert report.declared == pytest.approx({"runs": 1, "points": 1})


@pytest.mark.slow
@pytest.mark.timing
def test_ten_times_out_of_ten():
    caught = 0
    for _ in range(10):
        check_cost(Spread())
        check_cost(LowestLoss())
        with pytest.raises(AssertionError, match="pairwise"):
            check_cost(Pairwise())
        try:
            check_cost(FarthestLoss())
        except AssertionError as error:
            caught += "farthest_loss" in str(error)
    # Its slope lies not far above what is allowed where noise is subtracted.
    assert caught >= 5


@pytest.mark.parametrize("law", ["points **", "length", "points.real", "[points]"])
def test_laws_that_are_none(law):
    with pytest.raises(ValueError, match=r"`law` must be a formula in points, feat"):
        check_cost(Pairwise(), law)


def test_no_law():
    class Free:
        name, version, needs = "free", 1, mm.Losses

        def __call__(self, evidence):
            return mm.Result(self.name, "loss", evidence.train.max())

    with pytest.raises(TypeError, match=r"`law` is needed, since free has no `cost`"):
        check_cost(Free())


def test_needs_that_are_no_evidence():
    with pytest.raises(TypeError, match=r"must be one of memmetrics.Fit, .*'int'"):
        sample_evidence(int)


@pytest.mark.parametrize("kind", SIZES)
def test_sample_evidence_has_the_sizes_asked_for(kind):
    sizes = {name: size + 2 for name, size in SIZES[kind].items()}
    evidence = sample_evidence(kind, sizes)
    shape = {
        mm.Fit: lambda e: (*e.hidden.shape[:1], *e.weights.shape),
        mm.Losses: lambda e: (*e.train.shape, *e.test.shape),
        mm.OneRun: lambda e: e.scores.shape,
        mm.Retrainings: lambda e: e.scores.shape,
    }[kind](evidence)
    assert shape == tuple(sizes.values())
