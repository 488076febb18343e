"""Detectors on activations whose odd ones are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import auc, roc_auc_score

from studies._kit.chapter import Settings
from studies.anomaly_detection.detection import RATES, detect, recovered
from studies.anomaly_detection.detectors import (
    DECODED,
    DETECTORS,
    EXPLAINED,
    UNDECODED,
    Activations,
    leverage,
    main_atom,
    unexplained_output,
)
from studies.anomaly_detection.worlds import Toy, World


def activations(points, seed, odd=0):
    """Points near three axes of four; the odd ones lie far along the fourth."""
    rng = np.random.default_rng(seed)
    hidden = np.zeros((points, 4))
    hidden[np.arange(points), rng.integers(0, 3, points)] = 1 + rng.random(points)
    hidden += 0.05 * rng.normal(size=hidden.shape)
    hidden[:odd] = [0, 0, 0, 5]
    inputs = rng.normal(size=(points, 6))
    outputs = inputs @ np.arange(18.0).reshape(6, 3)
    outputs[:odd] += 3
    return Activations(inputs, hidden, outputs)


@pytest.fixture
def world():
    points, trained, ordinary = (
        activations(200, 0, odd=20),
        activations(200, 1),
        activations(200, 2),
    )
    return World(
        "made up",
        points,
        np.arange(200) < 20,
        trained,
        ordinary,
        directions=np.array([[0.0, 0, 0, 2]]),
        shared=True,
    )


# An atom can only be rare if the reference has it.
OUTLIERS = {*UNDECODED, *DECODED, *EXPLAINED} - {"rarity of its main atom"}


@pytest.mark.parametrize("name", sorted(OUTLIERS))
def test_every_detector_finds_what_lies_far_out(world, name):
    scores = DETECTORS[name](world.points, world.ordinary, 0)
    assert roc_auc_score(world.positive, scores) > 0.95


def test_chance_finds_nothing(world):
    areas = [
        roc_auc_score(world.positive, DETECTORS["chance"](world.points, None, seed))
        for seed in range(200)
    ]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.02)


def test_leverage_is_the_formula(world):
    moment = world.ordinary.hidden.T @ world.ordinary.hidden
    direct = np.einsum(
        "ph,hg,pg->p", world.points.hidden, np.linalg.inv(moment), world.points.hidden
    )
    ours = leverage(world.points, world.ordinary, 0)
    # One formula may report ℓ/(1 + ℓ): the order is what detects.
    np.testing.assert_array_equal(np.argsort(ours), np.argsort(direct))


def test_what_an_explanation_explains_is_not_odd(world):
    scores = unexplained_output(world.points, world.ordinary, 0)
    # Three outputs are each three too high.
    np.testing.assert_allclose(scores[:20], 27, rtol=1e-2)
    np.testing.assert_allclose(scores[20:], 0, atol=1e-4)


def test_a_main_atom_is_as_rare_as_the_reference_says(world):
    """Three clusters of known sizes are three atoms, or more of each."""
    rng = np.random.default_rng(0)
    cluster = np.repeat([0, 1, 2], [150, 45, 5])
    hidden = np.eye(3)[cluster] + 0.01 * rng.normal(size=(200, 3))
    reference = Activations(hidden, hidden, hidden)
    scores = main_atom(reference, reference, 0)
    for value, size in enumerate([150, 45, 5]):
        assert scores[cluster == value].min() >= -np.log((size + 1) / 201) - 1e-9
    assert scores[cluster == 0].min() < scores[cluster == 1].min()
    assert scores[cluster == 1].min() < scores[cluster == 2].min()
    # Shares of all points sum to one: each score says how many have its atom.
    counts = 201 * np.exp(-scores) - 1
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-6)


def test_finds_give_the_direction_away(world):
    perfect = world.positive.astype(float)
    assert recovered(world, perfect, world.ordinary) > 0.9
    assert recovered(world, -perfect, world.ordinary) < 0.5
    each = replace(world, shared=False)
    assert recovered(each, perfect, world.ordinary) == pytest.approx(1.0)
    assert recovered(each, -perfect, world.ordinary) < 0.5


def test_curves_rise_to_one_and_have_the_area(world):
    table = detect(world, 0)
    assert set(table["detector"]) == set(DETECTORS)
    rows = table[
        (table["detector"] == "neighbor distance") & (table["reference"] == "ordinary")
    ]
    curve = rows[rows["metric"] == "true_positive_rate"]
    assert curve["false_positive_rate"].tolist() == RATES.tolist()
    assert curve["estimate"].is_monotonic_increasing
    assert curve["estimate"].iloc[-1] == 1.0
    area = rows[rows["metric"] == "area"]["estimate"].item()
    assert auc(RATES, curve["estimate"]) == pytest.approx(area, abs=0.05)


def test_a_planted_point_is_memorized_and_an_odd_sum_is_of_learned_features(tmp_path):
    toy = Toy(points=200, features=40, sparsity=0.9, steps=1500, repeated=3, copies=20)
    settings = Settings("quick", 0, 1, tmp_path)
    others, sums = toy.repeated_worlds(settings, 0)
    assert others.positive.sum() == sums.positive.sum() == 3

    def lost(points):
        return ((points.outputs - points.inputs) ** 2).sum(axis=1)

    losses = lost(others.points)
    assert losses[:3].max() < 0.5 * losses[3:].mean()
    np.testing.assert_allclose(sums.beyond_known[3:], 0, atol=1e-12)
    assert ((sums.points.inputs[3:] > 0).sum(axis=1) <= 3).all()
    backdoor = toy.backdoor_world(settings, 0)
    assert (backdoor.points.inputs[:, -1] > 0).tolist() == backdoor.positive.tolist()
    assert (backdoor.ordinary.inputs[:, -1] == 0).all()
