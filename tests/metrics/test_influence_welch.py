"""Welch's interval of influences, against a formula for each pair, and its coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from memmetrics import (
    CounterfactualInfluence,
    Retrainings,
    counterfactual_influence,
    counterfactual_memorization,
)


def example(seed=0, runs=40, points=5, held_out=3):
    rng = np.random.default_rng(seed)
    member = rng.random((runs, points)) < 0.5
    effects = rng.normal(size=(points, points + held_out))
    effects[:, :points] += 4 * np.eye(points)
    # Louder in the runs that had the first point.
    noise = rng.normal(size=(runs, points + held_out)) * (1 + 4 * member[:, :1])
    own = np.r_[np.arange(points), np.full(held_out, -1)]
    return member @ effects + noise, member, own


def welch_of_pair(scores, inside, itself, confidence):
    """Estimate and limits: Welch's of what the target's own membership leaves."""
    scored = ~np.isnan(scores)
    scores, inside = scores[scored], inside[scored]
    widening, shrinking = 1.0, 1.0
    if itself is not None:
        itself = itself[scored]
        design = np.stack([np.ones(len(itself)), itself], axis=1)
        scores = scores - design @ np.linalg.lstsq(design, scores)[0]
        shrinking = 1 - np.corrcoef(inside, itself)[0, 1] ** 2
        widening = (len(scores) - 2) / (len(scores) - 3)
    test = stats.ttest_ind(scores[inside], scores[~inside], equal_var=False)
    limits = test.confidence_interval(confidence)
    estimate = scores[inside].mean() - scores[~inside].mean()
    reach = (limits.high - limits.low) / 2 * np.sqrt(widening / shrinking)
    return (
        estimate / shrinking,
        estimate / shrinking - reach,
        estimate / shrinking + reach,
    )


@pytest.mark.parametrize("holes", [0.0, 0.15])
def test_is_that_of_each_pair(holes):
    scores, member, own = example()
    scores[np.random.default_rng(1).random(scores.shape) < holes] = np.nan
    found = counterfactual_influence(
        scores, member, own=own, confidence=0.9, interval="welch"
    )
    for point, target in np.ndindex(found.estimate.shape):
        if point == own[target]:
            continue
        itself = member[:, own[target]] if own[target] >= 0 else None
        expected = welch_of_pair(scores[:, target], member[:, point], itself, 0.9)
        place = point, target
        got = found.estimate[place], found.low[place], found.high[place]
        np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_the_diagonal_is_memorization():
    scores, member, _ = example(held_out=0)
    found = counterfactual_influence(scores, member, interval="welch")
    alone = counterfactual_memorization(scores, member, interval="welch")
    for name in ("estimate", "standard_error", "low", "high"):
        diagonal = np.diag(getattr(found, name))
        np.testing.assert_array_equal(diagonal, getattr(alone, name))


def test_only_the_limits_are_others():
    scores, member, own = example()
    welch = counterfactual_influence(scores, member, own=own, interval="welch")
    default = counterfactual_influence(scores, member, own=own)
    np.testing.assert_array_equal(welch.estimate, default.estimate)
    off = ~np.eye(*welch.estimate.shape, dtype=bool)
    np.testing.assert_array_equal(
        welch.standard_error[off], default.standard_error[off]
    )
    loud = welch.high[0, 1:] - default.high[0, 1:]
    assert (loud > 0).all()  # fewer degrees of freedom


def test_covers_where_the_arms_differ_in_spread():
    rng = np.random.default_rng(0)
    own = np.repeat([-1, 1], 25)  # held out, and with a membership to remove
    covered = {"welch": [], "automatic": []}
    for _ in range(200):
        member = np.zeros((24, 2), dtype=bool)
        member[rng.permutation(24)[:6], 0] = True
        member[rng.permutation(24)[:12], 1] = True
        noise = rng.normal(size=(24, 50)) * (1 + 5 * member[:, :1])
        scores = (member @ [0.7, 5.0])[:, np.newaxis] + noise
        for interval, counts in covered.items():
            found = counterfactual_influence(scores, member, own=own, interval=interval)
            inside = (found.low[0] < 0.7) & (found.high[0] > 0.7)
            counts.append(inside.reshape(2, 25).mean(axis=1))
    welch, default = (np.mean(counts, axis=0) for counts in covered.values())
    # Two standard errors of a share of 5,000 are 0.006.
    assert ((welch > 0.935) & (welch < 0.965)).all()
    assert (default < 0.935).all()  # six loud runs are not 24


def test_nothing_varies():
    member = np.array([[True, False], [True, True], [False, True], [False, False]] * 3)
    scores = np.repeat(member[:, :1], 2, axis=1) * 1.0
    found = counterfactual_influence(scores, member, own=[-1, -1], interval="welch")
    np.testing.assert_array_equal(found.estimate[0], [1.0, 1.0])
    assert np.isnan([found.low[0], found.high[0]]).all()


def test_the_class_passes_it_on():
    scores, member, own = example()
    metric = CounterfactualInfluence(interval="welch")
    expected = counterfactual_influence(scores, member, own=own, interval="welch")
    np.testing.assert_array_equal(
        metric(Retrainings(scores, member, own)).low, expected.low
    )


@pytest.mark.parametrize("interval", ["newcombe", "student", "t"])
def test_other_intervals_are_refused(interval):
    scores, member, _ = example(held_out=0)
    with pytest.raises(ValueError, match="`interval` must be one of 'automatic', 'wel"):
        counterfactual_influence(scores, member, interval=interval)
