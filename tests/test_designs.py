from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given, strategies as st

from memmetrics.designs import BLOCK, as_design, draw_members


def draw(design="balanced", *, runs=32, points=20, fraction=0.5, entropy=0, **options):
    chosen = as_design(design, fraction)
    return draw_members(chosen, entropy, runs=runs, points=points, **options)


@given(
    runs=st.integers(2, 70),
    points=st.integers(15, 40),
    fraction=st.floats(0.2, 0.95),
    entropy=st.integers(0, 2**40),
)
def test_balanced_gives_every_point_its_share(runs, points, fraction, entropy):
    member = draw(runs=runs, points=points, fraction=fraction, entropy=entropy)
    inside = member.sum(axis=0)
    assert member.shape == (runs, points)
    assert member.dtype == bool
    assert (np.abs(inside - fraction * runs) < 1).all()
    assert member.any(axis=1).all()


def test_balanced_is_exact_where_the_share_is_whole():
    assert (draw(runs=400, fraction=0.25).sum(axis=0) == 100).all()
    # 0.3 * 10 is not 3 in floating point.
    assert (draw(runs=10, fraction=0.3).sum(axis=0) == 3).all()
    assert (draw(runs=100, fraction=0.7).sum(axis=0) == 70).all()


def test_balanced_rounds_at_random_and_without_bias():
    inside = draw(runs=25, points=20_000, fraction=0.33, entropy=3).sum(axis=0)
    assert set(inside) == {8, 9}
    assert inside.mean() == pytest.approx(0.33 * 25, abs=4 * 0.5 / np.sqrt(20_000))


@pytest.mark.parametrize("design", ["balanced", "bernoulli", "exact"])
def test_every_run_holds_its_share_of_points_and_all_alike(design):
    member = draw(design, runs=48, points=4000, fraction=0.3)
    share = member.mean(axis=1)
    spread = np.sqrt(0.3 * 0.7 / 4000)
    assert np.abs(share - 0.3).max() < 4.5 * spread


@pytest.mark.parametrize(
    ("design", "companions"), [("balanced", 0.5), ("bernoulli", 0.5), ("exact", 5 / 11)]
)
def test_share_of_companions_of_a_point_that_is_in(design, companions):
    # Influence is unbiased where this is `fraction`, whether the point is in or out.
    beside = alone = 0
    for entropy in range(300):
        member = draw(design, points=12, runs=32, entropy=entropy)
        beside += member[member[:, 0], 1:].sum()
        alone += 11 * member[:, 0].sum()
    assert beside / alone == pytest.approx(companions, abs=4 * 0.5 / np.sqrt(alone))


@pytest.mark.parametrize("design", ["balanced", "bernoulli", "exact"])
def test_a_longer_plan_begins_with_the_shorter(design):
    whole = draw(design, runs=5 * BLOCK, entropy=9)
    assert (draw(design, runs=3 * BLOCK, entropy=9) == whole[: 3 * BLOCK]).all()
    # Of an unfinished last block, balance comes before sameness.
    longer = draw(design, runs=3 * BLOCK + 5, entropy=9)
    assert (longer[: 3 * BLOCK] == whole[: 3 * BLOCK]).all()


@given(
    runs=st.integers(BLOCK, 6 * BLOCK),
    more=st.integers(1, 3 * BLOCK),
    fraction=st.floats(0.06, 0.94),
    spare=st.floats(2.2, 4.0),
    entropy=st.integers(0, 2**40),
)
def test_a_handful_of_points_extends_too(runs, more, fraction, spare, entropy):
    # Few members a run, so that counts must be rounded again to fill every run.
    points = int(np.ceil(spare / fraction))
    shorter, longer = (
        draw(runs=count, points=points, fraction=fraction, entropy=entropy)
        for count in (runs, runs + more)
    )
    whole = runs // BLOCK * BLOCK
    assert (longer[:whole] == shorter[:whole]).all()
    for member in (shorter, longer):
        assert member.any(axis=1).all()
        assert (np.abs(member.sum(axis=0) - fraction * len(member)) < 1).all()


def test_the_last_run_alone_does_not_change_those_before():
    for entropy in range(40):
        options = {"points": 17, "fraction": 0.1, "entropy": entropy}
        assert (draw(runs=33, **options)[:32] == draw(runs=32, **options)).all()


def test_rounding_again_stays_unbiased():
    inside = sum(
        draw(runs=33, points=17, fraction=0.1, entropy=entropy).sum(axis=0)
        for entropy in range(200)
    )
    # Runs are seldom empty, which is what the rest is conditional on.
    assert inside.mean() / 200 == pytest.approx(3.3, abs=0.05)
    assert np.abs(inside / 200 - 3.3).max() < 5 * 0.5 / np.sqrt(200)


@pytest.mark.parametrize(
    ("options", "digest"),
    [
        ({"runs": 33, "points": 50}, "154b407200fa766a"),
        ({"runs": 64, "points": 17, "fraction": 0.1, "entropy": 1}, "56437de36f4bc5ed"),
        ({"runs": 5, "points": 3, "entropy": 4}, "082aad93c34268fb"),
        ({"design": "bernoulli", "points": 4}, "46f5f883a098c3fc"),
        ({"design": "exact"}, "658b56eea0ba3c88"),
    ],
)
def test_designs_are_those_of_earlier_versions(options, digest):
    packed = np.packbits(draw(**options)).tobytes()
    assert hashlib.sha256(packed).hexdigest()[:16] == digest


def test_exact_has_one_size():
    member = draw("exact", points=21, fraction=0.3, runs=50)
    assert (member.sum(axis=1) == 6).all()
    assert len(np.unique(member, axis=0)) > 40


@pytest.mark.parametrize("design", ["balanced", "bernoulli", "exact"])
def test_groups_enter_and_leave_together(design):
    groups = np.array([5, 5, -1, 7, 7, 7, 9, 11])
    member = draw(design, points=8, groups=groups, runs=40)
    for label in np.unique(groups):
        columns = member[:, groups == label]
        assert (columns == columns[:, :1]).all()
    assert not (member[:, 0] == member[:, 2]).all()
    if design == "balanced":
        assert (member.sum(axis=0) == 20).all()


@pytest.mark.parametrize("design", ["balanced", "bernoulli"])
@pytest.mark.parametrize("points", [3, 4, 6])
def test_no_run_is_empty_with_a_handful_of_points(design, points):
    for entropy in range(20):
        member = draw(design, points=points, runs=33, entropy=entropy)
        assert member.any(axis=1).all()


def test_seeds_decide_all():
    assert (draw(entropy=1) == draw(entropy=1)).all()
    assert (draw(entropy=1) != draw(entropy=2)).any()


def test_pairs_of_runs_within_a_block_are_nearly_independent():
    # Correlation of one point's memberships in two runs of a block: -1/(BLOCK - 1).
    member = draw(points=40_000, runs=BLOCK) - 0.5
    pairs = itertools.combinations(range(BLOCK), 2)
    correlations = [4 * (member[a] * member[b]).mean() for a, b in pairs]
    assert np.mean(correlations) == pytest.approx(-1 / (BLOCK - 1), abs=1e-9)
    assert np.ptp(correlations) < 0.06


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"design": "halves"}, "unknown `design` 'halves'; there are balanced, bern"),
        ({"points": 1}, "without any training point"),
        ({"design": "exact", "points": 3, "fraction": 0.1}, "subsets of 0"),
        ({"design": "exact", "points": 3, "fraction": 0.9}, "subsets of 3"),
        ({"points": 5, "fraction": 0.1}, "without any training point"),
        ({"points": 5, "groups": np.zeros(5, int)}, "without any training point"),
    ],
)
def test_impossible_designs(options, message):
    with pytest.raises(ValueError, match=message):
        draw(**options)
