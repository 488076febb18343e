"""Verdicts of the paper's claims on tables made up so that the answer is known."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from studies import (
    decay_and_epochs,
    heat_map,
    real_images,
    repeated_points,
    scale,
)
from studies._kit.verdicts import judge
from studies.geometry import polygons, without_end
from studies.optimization_failure import branches, clusters, sweep
from studies.optimization_failure.claims import CLAIMS as OPTIMUM
from studies.transition import claims as transition
from studies.transition.published import PUBLISHED

SETS = range(6)


def rows(metric, estimates, **conditions):
    """One row a data set; `estimates` is one number or one for each of them."""
    values = np.broadcast_to(np.asarray(estimates, dtype=float), len(SETS))
    frame = pd.DataFrame({"data_set": SETS, "run": 0, "estimate": values})
    return frame.assign(metric=metric, **conditions)


def verdict(claims, words, table):
    (claim,) = [claim for claim in claims if words in claim.text]
    return judge(claim, table)[1]


def table_of_sizes(
    peak_at, *, features=1000, heights=(1.01, 50.0), learned_at=1000, part="sizes"
):
    """A transition with its peak at these points, for each data set."""
    peaks = np.broadcast_to(peak_at, len(SETS))
    onsets = np.broadcast_to(learned_at, len(SETS))
    conditions = {"features": features, "sparsity": 0.99, "part": part}
    frames = []
    for points, (reduction, height) in itertools.product(
        (50, 200, 500, 1000, 2000), zip(("mean", "sum"), heights, strict=True)
    ):
        here = {"points": points, "loss_reduction": reduction, **conditions}
        at_peak = peaks == points
        frames += [
            rows("test_loss", np.where(at_peak, height, 1.0), **here),
            rows("train_loss", 0.97 if reduction == "sum" else 0.98, **here),
            rows("features_of_their_own", np.where(points >= onsets, 5, 0), **here),
            rows("test_loss_above_constant", -1e-3, **here),
            rows("weight_length", points if reduction == "sum" else -points, **here),
        ]
    return pd.concat(frames, ignore_index=True)


def wider_and_narrow(peak_at, heights):
    """Networks with two hidden dimensions have their peak at 200 points, of 1.01."""
    wide = table_of_sizes(peak_at, heights=heights, part="wider")
    both = pd.concat([table_of_sizes(200), wide], ignore_index=True)
    return both.assign(features=10_000)


@pytest.mark.parametrize(
    ("words", "peak_at", "height", "expected"),
    [
        ("lies at more points", 500, 1.01, "holds"),
        ("lies at more points", 200, 1.01, "fails"),
        ("lies at more points", [500, 500, 500, 200, 200, 200], 1.01, "depends"),
        ("it is higher", 500, 1.05, "holds"),
        ("it is higher", 500, 1.011, "fails"),
    ],
)
def test_a_wider_networks_peak_is_compared_with_the_others(
    words, peak_at, height, expected
):
    table = wider_and_narrow(peak_at, (height, 50.0))
    assert verdict(transition.CLAIMS, words, table) == expected


def test_without_wider_networks_their_peak_is_out_of_scale():
    table = table_of_sizes(200, features=10_000)
    assert verdict(transition.CLAIMS, "it is higher", table) == "out of scale"


@pytest.mark.parametrize(("away", "expected"), [(0.0005, "holds"), (0.01, "fails")])
def test_losses_of_the_papers_size_are_compared_with_its_figure(away, expected):
    table = table_of_sizes(2000, features=10_000)
    losses = table["metric"] == "test_loss"
    published = table["points"].map(PUBLISHED)
    table.loc[losses, "estimate"] = published[losses] + away
    words = "those of its figure"
    assert verdict(transition.CLAIMS, words, table) == expected
    assert verdict(transition.CLAIMS, words, table.assign(features=1000)) == (
        "out of scale"
    )


@pytest.mark.parametrize(
    ("peak_at", "expected"),
    [(200, "holds"), (1000, "fails"), ([200, 200, 200, 1000, 1000, 1000], "depends")],
)
def test_where_the_peak_lies(peak_at, expected):
    found = verdict(transition.CLAIMS, "two occurrences", table_of_sizes(peak_at))
    assert found == expected


def test_a_size_that_only_the_paper_has_is_out_of_scale():
    words = "At 2,000 points"
    small = table_of_sizes(2000)
    assert verdict(transition.CLAIMS, words, small) == "out of scale"
    large = table_of_sizes(2000, features=10_000)
    assert verdict(transition.CLAIMS, words, large) == "holds"
    high = table_of_sizes(2000, features=10_000, heights=(40.0, 50.0))
    assert verdict(transition.CLAIMS, words, high) == "fails"


@pytest.mark.parametrize(
    ("learned_at", "expected"),
    [
        (1000, "holds"),
        (50, "fails"),
        ([50, 50, 50, 1000, 1000, 1000], "depends"),
        (9999, "out of scale"),
    ],
)
def test_where_features_appear(learned_at, expected):
    table = table_of_sizes(200, learned_at=learned_at)
    assert verdict(transition.CLAIMS, "from about ten occurrences", table) == expected


def test_features_that_vanish_again_have_not_appeared():
    table = table_of_sizes(200, learned_at=50)
    gone = (table["metric"] == "features_of_their_own") & (table["points"] == 1000)
    table.loc[gone, "estimate"] = 0
    assert transition.onset_occurrences(table, "sum").value == 20.0


def test_ratio_of_peaks_and_difference_of_train_losses():
    table = table_of_sizes(200, heights=(1.01, 51.0))
    assert transition.peak_ratio(table).value == pytest.approx(5000)
    assert transition.train_loss_difference(table).value == pytest.approx(0.01)
    assert transition.longest_weights(table).value == 2000 / 50


def table_of_epsilons(difference):
    conditions = {"points": 300, "features": 1000, "part": "epsilon"}
    summed = {"loss_reduction": "sum"}
    frames = [
        rows("test_loss", 1.2, loss_reduction="mean", adam_epsilon=1e-8, **conditions),
        *(
            rows(metric, value, adam_epsilon=epsilon, **conditions | summed)
            for metric, epsilon, value in (
                ("test_loss", 1e-8, 9.0),
                ("test_loss", 1e-4, 1.0 + difference),
                ("train_loss", 1e-8, 0.97),
                ("train_loss", 1e-4, 0.98 - difference),
            )
        ),
        rows(
            "test_loss",
            1.2 + difference,
            loss_reduction="sum",
            adam_epsilon=1e-5,
            **conditions,
        ),
    ]
    return pd.concat(frames)


def test_the_mean_is_compared_with_its_equivalent_sum():
    for words, difference in (
        ("The mean with ε", 0.5),
        ("ε alone", 4.0),
        ("The larger ε", 0.5),
    ):
        assert verdict(transition.CLAIMS, words, table_of_epsilons(1e-4)) == "holds"
        other = table_of_epsilons(difference)
        assert verdict(transition.CLAIMS, words, other) == "fails"


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


def networks(train_losses, *, features, branch="from scratch", rate=1e-3, **conditions):
    """Networks of six data sets, one a size; sizes are the keys of `train_losses`."""
    frames = []
    for points, loss in train_losses.items():
        own = features[points] if isinstance(features, dict) else features
        place = {"points": points, "branch": branch, "learning_rate": rate}
        place |= {"warmup": 0.05, "steps": 10, "sparsity": 0.9, "features": 1000}
        place |= conditions
        frames += [
            rows("train_loss", loss, **place),
            rows("features_of_their_own", own, **place),
        ]
    return pd.concat(frames, ignore_index=True)


def test_memorizing_wins_up_to_a_multiple_of_the_onset():
    learned = {100: 0, 200: 5, 400: 5, 1000: 5, 2000: 5}
    slow = networks(dict.fromkeys(learned, 0.9), features=learned, part="sweep")

    def with_fast(last):
        losses = {size: 0.8 if size <= last else 0.95 for size in learned}
        fast = networks(losses, features=0, rate=0.1, part="sweep")
        return pd.concat([slow, fast], ignore_index=True)

    assert (sweep.onset(sweep.wide(slow)) == 200).all()
    words = "at least five times"
    assert sweep.wins_up_to(with_fast(1000)).value == 5
    assert verdict(OPTIMUM, words, with_fast(1000)) == "holds"
    assert verdict(OPTIMUM, words, with_fast(400)) == "fails"
    assert verdict(OPTIMUM, "a larger rate finds", with_fast(400)) == "holds"
    assert verdict(OPTIMUM, "a larger rate finds", with_fast(100)) == "holds"
    assert sweep.gain_at_onset(with_fast(100)).value == 0
    assert sweep.gain_at_onset(with_fast(200)).value == pytest.approx(0.1)


def table_of_branches(memorizing, learned, features):
    return pd.concat(
        [
            networks(memorizing, features=0, branch=branches.SCRATCH, part="branches"),
            networks(
                learned,
                features=features,
                branch=branches.FEATURES_DOWN,
                part="branches",
            ),
        ],
        ignore_index=True,
    )


def test_where_branches_cross():
    sizes = (100, 400, 1600)
    table = table_of_branches(
        dict(zip(sizes, (0.7, 0.8, 1.0), strict=True)),
        dict.fromkeys(sizes, 0.9),
        {100: 2, 400: 5, 1600: 5},
    )
    # At 100 points there is nothing with features; in the middle of the logarithms of
    # 400 and 1600 the difference goes from -0.1 to 0.1.
    assert branches.difference(table)[100].isna().all()
    assert branches.crossing(table).value == pytest.approx(800)
    assert branches.coexistence(table).value == 4
    assert verdict(OPTIMUM, "Hysteresis", table) == "holds"
    above = table_of_branches(
        dict.fromkeys(sizes, 0.7), dict.fromkeys(sizes, 0.9), dict.fromkeys(sizes, 5)
    )
    assert np.isnan(branches.crossing(above).value)


def test_published_losses_are_of_a_thousand_features():
    def table(loss, **changes):
        return networks(
            {2000: loss}, features=0, branch=branches.SCRATCH, part="thousand"
        ).assign(**changes)

    words = "Train loss at 2,000 points, memorizing"
    assert verdict(OPTIMUM, words, table(0.9668)) == "holds"
    assert verdict(OPTIMUM, words, table(0.98)) == "fails"
    assert verdict(OPTIMUM, words, table(0.9668, features=400)) == "out of scale"


def test_clusters_of_points_that_overlap():
    rng = np.random.default_rng(0)
    # Ten clusters of three points that overlap, at one angle each, or anywhere.
    cluster = np.repeat(np.arange(10), 3)
    overlap = 0.5 * (cluster[:, None] == cluster)
    angles = 2 * np.pi * cluster / 10 + rng.normal(0, 1e-3, 30)
    together = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    ratio, p_value = clusters.neighbor_ratio(together, overlap, rng)
    assert ratio == pytest.approx(29 / 2)  # all neighbors overlap, two in 29 of all do
    assert p_value == pytest.approx(1 / 201)
    everyone = np.ones(30, bool)
    found, chance = clusters.triangles(together, overlap, everyone, rng)
    assert found == 1
    assert chance < 0.1
    scattered = rng.permutation(together)
    assert clusters.neighbor_ratio(scattered, overlap, rng)[1] > 0.01
    assert clusters.triangles(scattered, overlap, everyone, rng)[0] < 0.5
