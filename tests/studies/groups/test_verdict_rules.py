"""Verdicts of the paper's other claims on tables whose answer is known."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from made_up_tables import SETS, rows, verdict

from studies import decay_and_epochs, heat_map, real_images, repeated_points, scale
from studies.geometry import polygons, without_end


def test_polygons():
    exact = polygons.polygon_length(10)
    # Ten points at radius r and even angles reconstruct one another exactly.
    angles = 2 * np.pi * np.arange(10) / 10
    radius = exact / np.sqrt(10)
    vectors = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    bias = -(radius**2) * np.cos(2 * np.pi / 10)
    np.testing.assert_allclose(
        np.maximum(vectors @ vectors.T + bias, 0), np.eye(10), atol=1e-12
    )
    for share, expected in ((1.0, "holds"), (1.2, "fails")):
        metric = "median_datapoint_dimensionality"
        table = rows(metric, share * 2 / 10, points=10)
        assert verdict(polygons.CLAIMS, "10 points form", table) == expected
        assert verdict(polygons.CLAIMS, "6 points form", table) == "out of scale"
    table = rows("weight_length", [0.8 * exact] * 3 + [1.0 * exact] * 3, points=10)
    assert verdict(polygons.CLAIMS, "At 10 points the weights", table) == "depends"


def table_of_bumps(by_decay, by_steps):
    frames = [
        rows("test_loss", 1 + height, weight_decay=decay, steps=100, points=points)
        for decay, height in by_decay.items()
        for points in (10, 20)
    ]
    frames += [
        rows("test_loss", 1 + height, weight_decay=1e-2, steps=steps, points=10)
        for steps, height in by_steps.items()
    ]
    return pd.concat(frames)


def test_bumps_by_decay_and_steps():
    claims = decay_and_epochs.CLAIMS
    table = table_of_bumps({1e-2: 0.5, 1e-1: 0.2, 1.0: -0.01}, {50: 0.1, 400: 0.9})
    assert verdict(claims, "Lower weight decay", table) == "holds"
    assert verdict(claims, "a decay lower still", table) == "out of scale"
    least = {1e-3: 0.5, 1e-2: 0.5, 1e-1: 0.2}
    lower_still = table_of_bumps(least, {50: 0.1, 400: 0.9})
    assert verdict(claims, "Lower weight decay", lower_still) == "holds"
    assert verdict(claims, "a decay lower still", lower_still) == "fails"
    assert verdict(claims, "removes the bump", table) == "holds"
    assert verdict(claims, "More epochs", table) == "holds"
    assert decay_and_epochs.by_steps(table).value == pytest.approx(0.8)
    other = table_of_bumps({1e-2: 0.2, 1e-1: 0.5, 1.0: 0.3}, {50: 0.9, 400: 0.1})
    assert verdict(claims, "Lower weight decay", other) == "fails"
    assert verdict(claims, "removes the bump", other) == "fails"
    assert verdict(claims, "More epochs", other) == "fails"


def table_of_onsets(onsets):
    """`onsets` says from how many occurrences on features are there."""
    frames = []
    for (features, decay, rate), first in onsets.items():
        for points in (100, 200, 400, 800):
            occurrences = points / 100 * 5
            frames.append(
                rows(
                    "features_of_their_own",
                    5 if occurrences >= first else 0,
                    points=points * features // 100,
                    features=features,
                    sparsity=1 - 5 / features,
                    weight_decay=decay,
                    learning_rate=rate,
                )
            )
    return pd.concat(frames)


def test_onsets_by_sparsity_decay_and_rate():
    onsets = {
        (100, 1e-2, 1e-3): 10,
        (200, 1e-2, 1e-3): 10,
        (400, 1e-2, 1e-3): 10,
        (200, 1e-3, 1e-3): 10,
        (200, 1e-1, 1e-3): 10,
        (200, 1e-2, 1e-2): 40,
    }
    claims = scale.CLAIMS
    table = table_of_onsets(onsets)
    assert scale.onset(table).value == 10
    for words in ("at about ten", "at every sparsity", "Weight decay", "learning rate"):
        assert verdict(claims, words, table) == "holds"
    # As many points, whatever the sparsity, are twice the occurrences.
    by_points = onsets | {(100, 1e-2, 1e-3): 20}
    assert scale.collapse(table_of_onsets(by_points)).value == 0.5
    assert verdict(claims, "at every sparsity", table_of_onsets(by_points)) == "fails"
    moved = onsets | {(400, 1e-2, 1e-3): 40, (200, 1e-1, 1e-3): 40}
    moved[200, 1e-2, 1e-2] = 5
    for words in ("at every sparsity", "Weight decay", "learning rate"):
        assert verdict(claims, words, table_of_onsets(moved)) == "fails"


def test_features_that_never_appear_are_beyond_the_largest_size():
    table = table_of_onsets({(100, 1e-2, 1e-3): 1e9})
    assert set(scale.onsets_of(scale.with_occurrences(table))) == {80.0}


def table_of_repeats(memorized, features, left):
    """The two arguments before the last say it for each number of copies."""
    frames = []
    for copies, value in memorized.items():
        here = {"copies": copies, "repeated": 1}
        frames += [
            rows("repeated_and_memorized", value, **here),
            rows("features_of_their_own", features[copies], **here),
        ]
    frames.append(rows("features_of_their_own", left, copies=12, repeated=7))
    return pd.concat(frames)


def test_repeated_points():
    claims = repeated_points.CLAIMS
    table = table_of_repeats(
        {1: 0, 3: 0, 5: 1, 12: 1}, {1: 5, 3: 5, 5: 4, 12: 4}, left=[0, 0, 0, 0, 0, 1]
    )
    assert verdict(claims, "Up to three", table) == "holds"
    assert verdict(claims, "five copies", table) == "holds"
    assert verdict(claims, "place of one feature", table) == "holds"
    assert verdict(claims, "More than five", table) == "depends"
    other = table_of_repeats(
        {1: 0, 3: 1, 5: 0, 12: 1}, {1: 5, 3: 3, 5: 5, 12: 5}, left=3
    )
    for words in ("Up to three", "five copies", "place of one", "More than five"):
        assert verdict(claims, words, other) == "fails"


def table_of_map(losses):
    """`losses` is (hidden, points) for the hidden dimensions 2, 3 and so on."""
    return pd.concat(
        rows(
            "test_loss",
            losses[row][column],
            hidden=2 + row,
            points=10 * 2**column,
            features=features,
            loss_reduction=reduction,
        )
        for row in range(len(losses))
        for column in range(len(losses[0]))
        for reduction in ("mean", "sum")
        for features in (100,)
    )


def test_the_map():
    claims = heat_map.CLAIMS
    table = table_of_map([[1.5, 1.0, 1.0], [1.1, 1.4, 1.0], [1.0, 1.1, 1.3]])
    assert heat_map.more_data_hurts(table, "mean").value == pytest.approx(0.3)
    assert heat_map.larger_models_hurt(table, "mean").value == pytest.approx(0.4)
    assert heat_map.ridge_moves(table, "mean").value == 4.0
    for words in ("More data", "Larger models", "The ridge", "It moves likewise"):
        assert verdict(claims, words, table) == "holds"
    assert verdict(claims, "highest cell", table) == "out of scale"
    falling = table_of_map([[1.5, 1.4, 1.3], [1.2, 1.1, 1.0], [1.0, 0.9, 0.8]])
    for words in ("More data", "Larger models", "The ridge"):
        assert verdict(claims, words, falling) == "fails"


def test_cells_are_chosen_without_the_data_set_that_is_judged():
    table = table_of_map([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    # On each data set another cell is high: no rise is seen on two of them.
    for each, (hidden, points) in enumerate(itertools.product((2, 3), (20, 40))):
        here = (table["hidden"] == hidden) & (table["points"] == points)
        table.loc[here & (table["data_set"] == each), "estimate"] = 9.0
    assert heat_map.more_data_hurts(table, "mean").value == 0
    assert verdict(heat_map.CLAIMS, "More data", table) != "holds"


def test_a_row_of_the_map_alone_says_nothing_of_columns():
    table = table_of_map([[1.5, 1.0, 1.3]]).replace({"features": {100: 10_000}})
    assert verdict(heat_map.CLAIMS, "More data", table) == "holds"
    for words in ("Larger models", "The ridge", "It moves likewise"):
        assert verdict(heat_map.CLAIMS, words, table) == "out of scale"


def test_the_papers_cells_stand_below_ours_at_its_size():
    table = table_of_map([[1.5, 1.0, 1.3]])
    table["points"] = table["points"].map({10: 2000, 20: 5000, 40: 10_000})
    assert "paper" not in heat_map.summarize(table)["reduction"].str[:5].tolist()
    small = heat_map.summarize(table.replace({"features": {100: 10_000}}))
    published = small[small["reduction"].str.startswith("paper")]
    assert published[["hidden", "5,000 points"]].to_numpy().tolist() == [[2.0, 1.0]]


def table_of_images(training, held_out, points=(100, 200)):
    """Leverages of 200 images; `training` has one number a size."""
    return pd.concat(
        pd.DataFrame(
            {
                "metric": metric,
                "estimate": value * np.linspace(0.01, 1, 200),
                "model": model,
                "points": size,
                "data_set": data_set,
                "run": 0,
            }
        )
        for model in real_images.MODELS
        for data_set in SETS
        for size, value_of_training in zip(points, training, strict=True)
        for metric, value in (
            ("leverage", value_of_training),
            ("held_out_leverage", held_out),
        )
    )


def test_tails_of_images():
    claims = real_images.CLAIMS
    table = table_of_images([0.9, 0.6], 0.3)
    for words in ("classifier's training", "autoencoder's", "shrinks"):
        assert verdict(claims, words, table) == "holds"
    assert verdict(claims, "hundred times", table) == "out of scale"
    many = table_of_images([0.9, 0.6], 0.3, points=(100, 60_000))
    assert verdict(claims, "hundred times", many) == "fails"
    same = table_of_images([0.3, 0.3], 0.3)
    for words in ("classifier's training", "autoencoder's", "shrinks"):
        assert verdict(claims, words, same) == "fails"


def test_a_pentagon_of_features():
    angles = 2 * np.pi * np.arange(5) / 5
    pentagon = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    weights = np.concatenate([pentagon, np.full((3, 2), 1e-3)])
    assert without_end.widest_gap(weights) == pytest.approx(72, abs=0.1)
    assert without_end.widest_gap(np.delete(weights, 2, axis=0)) == pytest.approx(
        144, abs=0.2
    )
    for features, expected in ((5, "holds"), (4, "fails")):
        table = rows("features_of_their_own", features, part="without_end")
        assert verdict(without_end.CLAIMS, "five features have", table) == expected
    small = rows("test_loss", 0.9987, part="without_end", features=1000)
    words = "test loss is 0.9987"
    assert verdict(without_end.CLAIMS, words, small) == "out of scale"
    large = small.assign(features=10_000)
    assert verdict(without_end.CLAIMS, words, large) == "holds"
