"""The check of costs under noise, on a simulated clock: no machine decides."""

from __future__ import annotations

import numpy as np
import pytest

import memmetrics as mm
from memmetrics.testing import check_cost, cost
from memmetrics.testing.sample import SIZES

TRIALS = 20
NOISE = {
    "none": lambda draw, _: 0.0,
    "exponential": lambda draw, _: draw.exponential(5e-3),
    "uniform": lambda draw, _: draw.uniform(0, 5e-3),
    "log-normal": lambda draw, _: 2e-3 * draw.lognormal(),
    "heavy tail": lambda draw, _: 1e-3 * draw.pareto(1.2),
    "two speeds": lambda draw, _: 5e-3 * draw.integers(2) + 1e-3,
    "spikes": lambda draw, _: 5e-2 * (draw.random() < 0.2),
    "in proportion": lambda draw, taken: taken * draw.exponential(0.2),
}


@pytest.fixture
def simulated(monkeypatch):
    """Return a function that makes a metric which takes so long, plus noise."""
    now = [0.0]

    def sizes_only(kind, sizes=None, **_):
        return {**SIZES[kind], **(sizes or {})}

    monkeypatch.setattr(cost, "_clock", lambda: now[0])
    monkeypatch.setattr(cost, "sample_evidence", sizes_only)

    class Simulated:
        name, version, needs, cost = "simulated", 1, mm.Losses, "points + test_points"

        def __init__(self, law, noise, seed):
            self.law, self.noise = law, noise
            self.draw = np.random.default_rng(seed)

        def __call__(self, sizes):
            taken = self.law(sizes["points"], sizes["test_points"])
            now[0] += taken + self.noise(self.draw, taken)

    return Simulated


def alarms(simulated, law, noise):
    count = 0
    for seed in range(TRIALS):
        try:
            check_cost(simulated(law, NOISE[noise], seed))
        except AssertionError:
            count += 1
    return count


@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("coefficient", [1e-9, 1e-7])
def test_an_honest_metric_raises_no_alarm(simulated, noise, coefficient):
    def linear(points, test_points):
        return coefficient * (points + test_points)

    assert alarms(simulated, linear, noise) == 0


@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("linear", [1e-9, 1e-6])
def test_a_broken_law_is_always_found(simulated, noise, linear):
    def quadratic(points, test_points):
        return linear * (points + test_points) + 2e-10 * points**2

    assert alarms(simulated, quadratic, noise) == TRIALS


def test_a_size_that_must_cost_nothing(simulated):
    def constant(points, test_points):
        return 1e-3

    def logarithmic(points, test_points):
        return 1e-4 * np.log2(points)

    def linear(points, test_points):
        return 1e-7 * points

    for noise in ("exponential", "none"):
        for law, expected in ((constant, 0), (logarithmic, 0), (linear, TRIALS)):
            metric = type("Free", (simulated,), {"cost": "test_points"})
            assert alarms(metric, law, noise) == expected


def test_a_jump_where_data_outgrow_a_cache(simulated):
    def jumping(points, test_points):
        return 1e-8 * (points + test_points) * (1 if points < 2**15 else 2.5)

    assert alarms(simulated, jumping, "none") == 0
    assert alarms(simulated, jumping, "exponential") == 0
