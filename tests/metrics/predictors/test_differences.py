from __future__ import annotations

import numpy as np
import pytest
import torch

from memmetrics.metrics import difference_in_differences


@pytest.fixture
def one_training():
    rng = np.random.default_rng(0)
    before, treated = rng.normal(size=60), rng.random(60) < 0.5
    after = before + 0.3 + 2.0 * treated + rng.normal(size=60)
    return before, after, treated


def test_its_mean_is_the_interaction_of_a_regression(one_training):
    before, after, treated = one_training
    found = difference_in_differences(before, after, treated)
    time = np.repeat([0.0, 1.0], 60)
    group = np.tile(treated.astype(float), 2)
    design = np.stack([np.ones(120), time, group, time * group], axis=1)
    interaction = np.linalg.lstsq(design, np.r_[before, after])[0][3]
    assert found[treated].mean() == pytest.approx(interaction)
    assert np.isnan(found[~treated]).all()


def test_what_moves_everybody_is_taken_out(one_training):
    before, after, treated = one_training
    expected = difference_in_differences(before, after, treated)
    moved = difference_in_differences(before, after + 7, treated)
    np.testing.assert_allclose(moved, expected)
    tensors = map(torch.from_numpy, (before, after, treated))
    np.testing.assert_allclose(difference_in_differences(*tensors), expected)


def test_strata_are_compared_within(one_training):
    before, after, treated = one_training
    kinds = np.repeat(["easy", "hard"], 30)
    after = after + 5 * (kinds == "hard")
    found = difference_in_differences(before, after, treated, strata=kinds)
    for kind in ("easy", "hard"):
        own = kinds == kind
        alone = difference_in_differences(before[own], after[own], treated[own])
        np.testing.assert_allclose(found[own], alone)


def test_a_kind_without_controls_has_no_answer():
    treated = np.array([True, True, False])
    found = difference_in_differences(
        np.zeros(3), np.ones(3), treated, strata=["a", "b", "b"]
    )
    assert np.isnan(found[0])
    assert found[1] == 0


def test_it_finds_the_effect_of_a_coin():
    rng = np.random.default_rng(1)
    effects = rng.normal(1.0, 0.5, size=200)
    means = []
    for _ in range(300):
        treated = rng.random(200) < 0.5
        after = effects * treated + rng.normal(size=200)
        means.append(
            np.nanmean(difference_in_differences(np.zeros(200), after, treated))
        )
    error = np.std(means) / 300**0.5
    assert np.mean(means) == pytest.approx(effects.mean(), abs=4 * error)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros(3), np.zeros(2), np.array([True, False, True])), "shape"),
        ((np.zeros(2), np.full(2, np.nan), np.array([True, False])), "finite"),
        ((np.zeros(2), np.zeros(2), np.array([True, True])), "leave out"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        difference_in_differences(*arguments)


def test_strata_need_a_label_a_point():
    treated = np.array([True, False])
    with pytest.raises(ValueError, match="one label a point"):
        difference_in_differences(np.zeros(2), np.ones(2), treated, strata=["a"])
