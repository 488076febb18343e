"""Verdicts on made-up transitions: where the peaks lie and features appear."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from made_up_tables import SETS, rows, verdict

from studies.transition import claims as transition
from studies.transition.published import PUBLISHED


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
