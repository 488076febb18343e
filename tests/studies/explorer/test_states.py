"""What the explorer shows, against the networks it came from."""

from __future__ import annotations

import base64

import numpy as np
import pytest

import memmetrics as mm
from studies._explorer.command import PRESETS
from studies._explorer.states import (
    DIMENSION,
    Choices,
    largest,
    main_axes,
    state_of,
    training_of,
)
from studies._kit.chapter import Settings

CHOICES = PRESETS["quick"]


@pytest.fixture
def settings(tmp_path):
    return Settings(preset="quick", seed=0, n_jobs=1, out=tmp_path, store=tmp_path)


def unpacked(text, steps):
    numbers = np.frombuffer(base64.b64decode(text), "<i2")
    return numbers.astype(float).reshape(steps, -1)


def test_every_combination_has_a_key_of_its_own():
    keys = [key for key, _ in CHOICES.cells(1)]
    assert len(set(keys)) == len(keys) == 2**5
    assert keys[0] == "5|2|0.8|sum|0"


def test_a_state_is_what_the_networks_say(settings):
    cells = dict(CHOICES.cells(1))
    cell = cells["30|2|0.9|mean|1"]
    state = state_of(CHOICES, cell, settings)
    stack = training_of(CHOICES, cell, settings).snapshots(settings.store)[-1]
    weights = np.asarray(stack.weights[0])
    shown = state.features[-1]
    assert shown.shape == (CHOICES.shown, 2)
    # Each is a row of the weights, and beside it lies its own dimensionality.
    distances = np.linalg.norm(weights[:, None] - shown, axis=2)
    assert distances.min(axis=0).max() < 1e-6
    of_features = mm.feature_dimensionality(weights)[distances.argmin(axis=0)]
    np.testing.assert_allclose(state.feature_dimensionality[-1], of_features, rtol=1e-5)
    data = training_of(CHOICES, cell, settings).data
    assert state.train_loss[-1] == pytest.approx(float(stack.losses(data).mean()))
    assert state.length[-1] == pytest.approx(float(np.linalg.norm(weights)))
    assert (state.train_loss != state.test_loss).all()


def test_packed_numbers_are_the_state_to_three_digits(settings):
    cell = dict(CHOICES.cells(1))["30|3|0.8|sum|0"]
    state = state_of(CHOICES, cell, settings)
    packed = state.packed()
    for name in ("features", "points"):
        values = getattr(state, name).reshape(4, -1)
        unit = packed["scale"][name] / (2**15 - 1)
        found = unpacked(packed[name], 4) * unit
        np.testing.assert_allclose(found, values, atol=np.abs(values).max() * 1e-4)
    for name in ("feature_dimensionality", "point_dimensionality"):
        found = unpacked(packed[name], 4) * DIMENSION
        np.testing.assert_allclose(found, getattr(state, name), atol=1e-4)
    np.testing.assert_allclose(packed["test_loss"], state.test_loss, rtol=1e-3)


def test_the_longest_vectors_are_shown_in_their_order():
    vectors = np.zeros((2, 5, 2))
    vectors[0, 3] = 9, 0  # long at the first step only
    vectors[1, :, 1] = 5, 1, 4, 0, 2
    assert largest(vectors, 3).tolist() == [0, 2, 3]
    assert largest(vectors, 10).tolist() == [0, 1, 2, 3, 4]


def test_two_dimensions_are_shown_as_they_are_and_more_along_the_main_axes():
    rng = np.random.default_rng(0)
    assert main_axes(rng.normal(size=(9, 2))).tolist() == np.eye(2).tolist()
    turned, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    vectors = rng.normal(size=(50, 4)) * [9, 5, 0.1, 0.1] @ turned
    axes = main_axes(vectors)
    np.testing.assert_allclose(axes.T @ axes, np.eye(2), atol=1e-12)
    kept = np.linalg.norm(vectors @ axes) / np.linalg.norm(vectors)
    assert kept > 0.999


def test_the_page_stays_small():
    # Two bytes a number, as text: what the committed page may take beside Bokeh.
    choices = Choices()
    models = len(list(choices.cells(1)))
    most = models * choices.snapshots * choices.shown * 2 * 3 * 2 * 4 / 3
    assert most < 8e6
