"""How often intervals cover, over simulated and enumerated arms."""

from __future__ import annotations

import numpy as np
import pytest
from arms import interval, welch
from scipy import stats

from memmetrics.statistics._proportions import proportion_limits, wilson_limits

# Scores of one arm with their mean, (rng, (runs, points)) -> scores.
DISTRIBUTIONS = {
    "gaussian": (lambda rng, size: rng.normal(size=size), 0.0),
    "wide": (lambda rng, size: rng.normal(scale=5, size=size), 0.0),
    "narrow": (lambda rng, size: rng.normal(scale=0.1, size=size), 0.0),
    "log-normal": (lambda rng, size: rng.lognormal(size=size), np.exp(0.5)),
    "negative log-normal": (lambda rng, size: -rng.lognormal(size=size), -np.exp(0.5)),
}


def mode(runs, *, expected=5, low=False):
    """Two modes of standard deviation 0.05, the rarer expected so often in the arm."""
    probability = expected / runs
    if low:
        probability = 1 - probability

    def draw(rng, size):
        return (rng.random(size) < probability) + rng.normal(scale=0.05, size=size)

    return draw, probability


def coverage(inside, outside, runs_in, runs_out, points, *, seed=0):
    """Share of covered points, mean width over Welch's, share covered by Welch's."""
    rng = np.random.default_rng(seed)
    (draw_in, mean_in), (draw_out, mean_out) = inside, outside
    scores = draw_in(rng, (runs_in, points)), draw_out(rng, (runs_out, points))
    truth = mean_in - mean_out
    found, reference = interval(*scores), welch(*scores)
    covered = ((found.low <= truth) & (truth <= found.high)).mean()
    welch_covered = ((reference.low <= truth) & (truth <= reference.high)).mean()
    width = (found.high - found.low).mean() / (reference.high - reference.low).mean()
    return covered, width, welch_covered


POINTS = 4000
NOISE = 3 * np.sqrt(0.05 * 0.95 / POINTS)  # of a coverage measured on these points

SETTINGS = [
    # inside, outside, runs, least and greatest coverage
    ("gaussian", "gaussian", (16, 16), 0.93, 0.975),
    ("gaussian", "gaussian", (100, 300), 0.93, 0.975),
    ("gaussian", "wide", (16, 16), 0.93, 0.975),
    ("gaussian", "narrow", (16, 16), 0.93, 0.975),
    ("narrow", "gaussian", (35, 15), 0.93, 0.975),
    ("log-normal", "log-normal", (16, 16), 0.93, 0.98),
    ("log-normal", "log-normal", (50, 50), 0.93, 0.98),
    ("log-normal", "log-normal", (200, 200), 0.93, 0.98),
    ("log-normal", "narrow", (16, 16), 0.91, 0.98),
    ("narrow", "negative log-normal", (16, 16), 0.91, 0.98),
    ("log-normal", "narrow", (50, 50), 0.93, 0.98),
    ("narrow", "log-normal", (50, 50), 0.93, 0.98),
    ("log-normal", "narrow", (200, 200), 0.93, 0.98),
]


@pytest.mark.parametrize(("inside", "outside", "runs", "least", "greatest"), SETTINGS)
def test_coverage_of_means(inside, outside, runs, least, greatest):
    arms = DISTRIBUTIONS[inside], DISTRIBUTIONS[outside]
    covered, width, welch_covered = coverage(*arms, *runs, POINTS)
    assert least - NOISE <= covered <= greatest + NOISE
    if welch_covered >= 0.93:
        assert width <= 1.15


@pytest.mark.parametrize("runs", [16, 50, 200])
@pytest.mark.parametrize("low", [False, True])
def test_coverage_of_two_modes(runs, low):
    arms = mode(runs, low=low), DISTRIBUTIONS["narrow"]
    covered, width, welch_covered = coverage(*arms, runs, runs, POINTS)
    assert 0.93 - NOISE <= covered <= 0.98 + NOISE
    assert width <= 1.16
    assert welch_covered < covered


def proportion_table(runs_in, runs_out, probabilities):
    """Exact coverage and mean width for all pairs, by enumeration; also Newcombe's."""
    ones = np.meshgrid(np.arange(runs_in + 1), np.arange(runs_out + 1), indexing="ij")
    p1, p0 = (k.ravel() / n for k, n in zip(ones, (runs_in, runs_out), strict=True))
    n1, n0 = (np.full(p1.shape, float(n)) for n in (runs_in, runs_out))
    z = stats.norm.ppf(0.975)
    (l1, u1), (l0, u0) = wilson_limits(p1, n1, z), wilson_limits(p0, n0, z)
    newcombe = np.hypot(p1 - l1, u0 - p0) + np.hypot(u1 - p1, p0 - l0)
    low, high = proportion_limits(p1, p0, n1, n0, z)
    chance = [
        stats.binom.pmf(np.arange(n + 1), n, probabilities[:, np.newaxis])
        for n in (runs_in, runs_out)
    ]
    # (pairs, outcomes)
    weight = np.einsum("ia,jb->ijab", *chance).reshape(len(probabilities) ** 2, -1)
    truth = np.subtract.outer(probabilities, probabilities).reshape(-1, 1)
    covered = (low <= truth + 1e-12) & (truth <= high + 1e-12)
    return (weight * covered).sum(1), weight @ (high - low), weight @ newcombe


@pytest.mark.parametrize("runs", [(16, 16), (50, 50), (25, 75)])
def test_coverage_of_proportions(runs):
    probabilities = np.array([0.01, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99])
    covered, width, newcombe = proportion_table(*runs, probabilities)
    assert covered.min() >= 0.93
    assert (width <= newcombe + 1e-12).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("runs", "least", "below"),
    [
        ((16, 16), 0.92, 0.04),
        ((24, 24), 0.925, 0.01),
        ((32, 32), 0.925, 0.006),
        ((36, 36), 0.93, 0),
        ((70, 30), 0.93, 0),
        ((100, 100), 0.94, 0),
    ],
)
def test_coverage_of_proportions_on_a_fine_grid(runs, least, below):
    probabilities = np.arange(1, 100, 2) / 100
    covered, width, newcombe = proportion_table(*runs, probabilities)
    assert (width <= newcombe + 1e-12).all()
    assert covered.min() >= least
    assert (covered < 0.93).mean() <= below


@pytest.mark.slow
@pytest.mark.parametrize("runs", [(16, 16), (24, 24), (50, 50), (70, 30), (200, 200)])
@pytest.mark.parametrize("seed", range(2))
def test_coverage_on_a_fuller_grid(runs, seed):
    points = 10_000
    noise = 3 * np.sqrt(0.05 * 0.95 / points)
    for inside, outside in (
        ("gaussian", "gaussian"),
        ("gaussian", "wide"),
        ("narrow", "gaussian"),
        ("log-normal", "log-normal"),
    ):
        arms = DISTRIBUTIONS[inside], DISTRIBUTIONS[outside]
        covered, width, _ = coverage(*arms, *runs, points, seed=seed)
        assert 0.93 - noise <= covered <= 0.975 + noise, (inside, outside)
        assert width <= 1.15, (inside, outside)
    for expected in (5, 8):
        arms = (
            mode(runs[0], expected=min(expected, runs[0] // 2)),
            mode(runs[1], low=True),
        )
        covered, _, _ = coverage(*arms, *runs, points, seed=seed)
        assert 0.93 - noise <= covered <= 0.98 + noise, expected
