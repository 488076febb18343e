"""Verdicts on made-up networks: which optimum is lower, and which is found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from made_up_tables import rows, verdict

from studies.optimization_failure import branches, clusters, sweep
from studies.optimization_failure.claims import CLAIMS as OPTIMUM


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
    short = with_fast(400)
    short = short[short["points"] < 1000]
    assert verdict(OPTIMUM, words, short) == "out of scale"
    assert verdict(OPTIMUM, "a larger rate finds", with_fast(400)) == "holds"
    # The lowest rate is none of those that have to be better.
    assert verdict(OPTIMUM, "a larger rate finds", with_fast(100)) == "fails"
    assert sweep.gain_at_onset(with_fast(100)).value == pytest.approx(-0.05)
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
