"""Verdicts of the three studies on tables made up so that the answer is known."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from studies._kit.verdicts import judge
from studies.anomaly_detection import claims as detection
from studies.anomaly_detection.detectors import DETECTORS, KNOWN
from studies.duality import identity, roles
from studies.recital import STUDY as RECITAL
from studies.whose_hypothesis import STUDY as HYPOTHESIS, bets, rotated

SETS = range(6)


def verdict(study, words, table):
    (claim,) = [claim for claim in study.claims if words in claim.text]
    return judge(claim, table)[1]


def rows(metric, estimates, **conditions):
    """One row a data set; `estimates` is one number or one for each of them."""
    values = np.broadcast_to(np.asarray(estimates, dtype=float), len(SETS))
    frame = pd.DataFrame({"data_set": SETS, "estimate": values})
    return frame.assign(metric=metric, **conditions)


def ridge_table(power=1.0, peak_at=80):
    """Losses that fall as the smaller number to a power, with a peak."""
    frames = []
    sizes = (10, 20, 40, 80, 160, 320)
    for points, features, ridge in itertools.product(sizes, sizes, (0.0, 1.0)):
        here = {"points": points, "features": features, "ridge": ridge}
        loss = min(points, features) ** -power
        peak = 100.0 if ridge == 0 and points == peak_at else loss
        frames += [
            rows("loss", peak if ridge == 0 else loss, **here),
            rows("relative_difference", 1e-3 if ridge == 0 else 1e-12, **here),
            rows("loss_with_noise", loss + 0.1 * (ridge == 0), **here),
            rows("noisy_ratio", 1.5 if ridge else 0.5, **here),
        ]
    return pd.concat(frames, ignore_index=True).assign(exponent=1.0, noise=0.3)


def test_ridge_regression_is_measured_as_it_is():
    table = ridge_table(power=0.8)
    for along in ("points", "features"):
        assert identity.exponent(table, along).value == pytest.approx(0.8)
    assert identity.largest_difference(table, ridge=True).high == 1e-12
    assert identity.largest_difference(table, ridge=False).low == 1e-3
    assert identity.noisy_ratio(table).value == 1.5
    assert identity.peak(table).value == 1.0
    assert identity.peak(ridge_table(peak_at=160)).value == 2.0


def test_equal_numbers_are_the_best_shape_only_if_they_are():
    table = ridge_table()
    assert identity.best_shape(table).value == 1.0
    loss = (table["metric"] == "loss") & (table["features"] > table["points"])
    table.loc[loss, "estimate"] = 1e-6
    assert identity.best_shape(table).value < 1


def test_distances_are_compared_at_the_ends():
    table = pd.concat(
        [
            rows(metric, value * points, thing="points", points=points, features=100)
            for points in (10, 100)
            for metric, value in (
                ("distance_exchanged", 0.1 if points == 10 else 0.9),
                ("distance_same_role", 0.2),
                ("rank_agreement", points / 200),
            )
        ]
    )
    fewest, most = (
        roles.relative_distance(table, "points", most=most).value
        for most in (False, True)
    )
    assert (fewest, most) == (pytest.approx(0.5), pytest.approx(4.5))


def bets_table(crossing_at, *, found_until=400):
    frames = []
    for points in (50, 100, 200, 400):
        here = {"points": points, "features": 200, "part": "bets"}
        crossed = np.where(points >= np.asarray(crossing_at), 0.5, 0.9)
        frames.append(rows("train_loss", crossed, solution="axes", **here))
        if points <= found_until:
            frames.append(rows("train_loss", 0.7, solution="points", **here))
    return pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize(("crossing_at", "expected"), [(100, 0.5), (400, 2.0)])
def test_the_better_bet_changes_where_the_lines_cross(crossing_at, expected):
    found = bets.crossing(bets_table([crossing_at] * 6), "train_loss")
    assert (found.low, found.high) == (expected, expected)


def test_where_no_point_network_was_found_the_axes_have_it():
    table = bets_table([1000] * 6, found_until=100)
    assert bets.crossing(table, "train_loss").value == 1.0
    never = bets.crossing(bets_table([1000] * 6), "train_loss")
    assert np.isnan(never.value)


@pytest.mark.parametrize(
    ("crossing_at", "found_until", "expected"),
    [
        (200, 400, "holds"),
        (100, 400, "fails"),
        (1000, 50, "fails"),  # at 100 points no point network was found
        ([200, 200, 200, 100, 100, 100], 400, "depends"),
    ],
)
def test_points_explain_better_below_as_many_points(crossing_at, found_until, expected):
    table = bets_table(crossing_at, found_until=found_until)
    assert verdict(HYPOTHESIS, "explain the training data", table) == expected


def test_never_is_at_no_size():
    def table(at_forty):
        world = {"world": "rotated, read in axes", "part": "rotated"}
        return pd.concat(
            rows("test_loss_above_constant", value, points=points, **world)
            for points, value in ((20, 1.0), (40, at_forty), (80, 1.0))
        )

    assert verdict(HYPOTHESIS, "the same data never do", table(1.0)) == "holds"
    assert verdict(HYPOTHESIS, "the same data never do", table(-1.0)) == "fails"


@pytest.mark.parametrize(
    ("shares", "last", "nearer"),
    [
        ((0.6, 0.6, 0.5, 0.6, 0.7, 0.1), "holds", "fails"),  # only the last breaks
        ((0.9, 0.8, 0.7, 0.6, 0.5, 0.1), "holds", "holds"),
        ((0.5, 0.6, 0.7, 0.8, 0.9, 1.0), "fails", "fails"),
    ],
)
def test_where_a_change_breaks_a_recital(shares, last, nearer):
    table = pd.concat(
        rows("survival_of_change", share, place=place, kind="random")
        for place, share in enumerate(shares, start=1)
    )
    assert verdict(RECITAL, "last character breaks the most", table) == last
    assert verdict(RECITAL, "the nearer the change", table) == nearer


def test_onsets_are_compared_data_set_by_data_set():
    frames = []
    for points in (10, 20, 40):
        for world, at in zip(rotated.WORLDS, (10, 20, 100), strict=True):
            frames.append(
                rows(
                    "test_loss_above_constant",
                    -1 if points >= at else 1,
                    points=points,
                    world=world,
                    part="rotated",
                )
            )
    table = pd.concat(frames, ignore_index=True)
    assert rotated.onset_ratio(table).value == 2.0
    assert rotated.onset(table, list(rotated.WORLDS)[2]).isna().all()


def detection_table(world, areas, cosines):
    frames = [
        rows(metric, found.get(detector, 0.5), world=world, detector=detector)
        for metric, found in (("area", areas), ("recovered_cosine", cosines))
        for detector in (*DETECTORS, KNOWN)
    ]
    return pd.concat(frames, ignore_index=True).assign(reference="ordinary")


def test_the_best_detector_is_judged_by_its_own_finds():
    areas = {"leverage": 0.95, "beyond the dictionary": 0.9, KNOWN: 1.0}
    cosines = {"leverage": 0.97, "length": 0.1}
    table = detection_table("backdoor feature", areas, cosines)
    verdicts = {
        claim.text: judge(claim, table)
        for claim in detection.CLAIMS
        if claim.text.startswith("backdoor feature")
    }
    by_words = {
        "looks for no features": (0.95, "holds"),
        "dictionary does better": (-0.05, "fails"),
        "explanation of ordinary": (0.5, "fails"),
        "knows the true features": (1.0, "holds"),
        "give the hidden direction": (0.97, "holds"),
    }
    for words, (value, expected) in by_words.items():
        ((estimate, verdict),) = [
            judged for text, judged in verdicts.items() if words in text
        ]
        assert (estimate.value, verdict) == (pytest.approx(value), expected)
