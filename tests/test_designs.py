from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from memmetrics.designs import (
    BLOCK,
    Balanced,
    Bernoulli,
    Everyone,
    Exact,
    Given,
    Without,
    as_design,
    draw_members,
)
from memmetrics.planning.memory_use import peak_memory


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


SETS = [[3], [0, 5, 2], [7]]
MINE = np.random.default_rng(1).random((45, 23)) < 0.6


@pytest.mark.parametrize(
    "design",
    [
        Balanced(0.3),
        Balanced(0.07),
        Bernoulli(0.1),
        Exact(0.4),
        Everyone(),
        Without(SETS),
        Given(MINE),
    ],
    ids=str,
)
@settings(max_examples=30)
@given(data=st.data())
def test_blocks_are_those_of_the_whole(design, data):
    runs, points = data.draw(st.sampled_from([(45, 23), (17, 23), (3, 23)]))
    seed = data.draw(st.integers(0, 2**40))
    try:
        whole = draw_members(design, seed, runs=runs, points=points)
    except ValueError:
        whole = None  # too small a share of so few points
    parts = []
    for count in (runs, points):
        ends = st.integers(-count - 2, count + 2)
        parts.append(slice(data.draw(ends), data.draw(ends)))
    if whole is not None:
        some = draw_members(
            design,
            seed,
            runs=runs,
            points=points,
            some_runs=parts[0],
            some_points=parts[1],
        )
        np.testing.assert_array_equal(some, whole[parts[0], parts[1]])


@pytest.mark.parametrize("design", [Balanced(0.2), Bernoulli(0.2), Exact(0.2)])
def test_blocks_of_many_points_and_of_groups(design):
    groups = np.random.default_rng(0).integers(0, 900, 10_000)
    for options in ({}, {"groups": groups}):
        whole = draw_members(design, 7, runs=40, points=10_000, **options)
        for some in (slice(0, 1), slice(4095, 4098), slice(9000, None), slice(5, 5)):
            block = draw_members(
                design,
                7,
                runs=40,
                points=10_000,
                some_runs=slice(13, 33),
                some_points=some,
                **options,
            )
            np.testing.assert_array_equal(block, whole[13:33, some])


@pytest.mark.parametrize("design", [Balanced(0.5), Bernoulli(0.5), Everyone()])
def test_a_billion_points_are_never_in_one_place(design):
    with peak_memory() as memory:
        block = draw_members(
            design,
            0,
            runs=1000,
            points=10**9,
            some_runs=slice(700, 720),
            some_points=slice(10**9 - 50, None),
        )
    assert block.shape == (20, 50)
    assert memory.grown < 2e7
    if design != Everyone():
        assert 0.3 < block.mean() < 0.7


def test_without_goes_round_however_many_runs():
    member = draw_members(Without(SETS), 0, runs=10, points=8)
    for run, row in enumerate(member):
        left = [[], *SETS][run % 4]
        assert np.flatnonzero(~row).tolist() == sorted(left)


def test_groups_are_not_torn_apart():
    groups = np.array([0, 0, 1, 1, 2, 2])
    whole = draw_members(Without([[0, 1], [5, 4]]), 0, runs=3, points=6, groups=groups)
    assert whole.sum(axis=1).tolist() == [6, 4, 4]
    assert draw_members(Everyone(), 0, runs=2, points=6, groups=groups).all()
    for torn in (Without([[1]]), Given(np.eye(6, dtype=bool))):
        with pytest.raises(ValueError, match="points of one group enter together"):
            draw_members(torn, 0, runs=3, points=6, groups=groups)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: as_design("balanced", 1.0),
            ValueError,
            "`fraction` must lie strictly",
        ),
        (lambda: Bernoulli("half"), ValueError, "`fraction` must lie strictly"),
        (lambda: as_design(Balanced(0.2), 0.5), ValueError, "`fraction` goes with the"),
        (lambda: as_design(MINE, 0.5), ValueError, "`fraction` goes with the names"),
        (lambda: as_design("everyone", 0.5), ValueError, "`fraction` goes with the"),
        (lambda: as_design(Balanced), TypeError, "must be a design, not a class"),
        (lambda: as_design(None), TypeError, "`design` must be boolean; got"),
        (lambda: as_design([[1, 0]]), TypeError, "`design` must be boolean; got"),
        (lambda: Given(MINE[0]), ValueError, r"axes \(runs, points\)"),
        (
            lambda: Given(MINE & (MINE.sum(1) < 0)[:, None]),
            ValueError,
            "run 0 has none",
        ),
        (lambda: Without([]), ValueError, "`sets` must hold at least one set"),
        (lambda: Without([[]]), ValueError, "set 0 has shape"),
        (lambda: Without([[0], [0.5]]), ValueError, "set 1 has shape"),
        (lambda: Without([[-1]]), ValueError, "no negative index; set 0"),
        (
            lambda: draw_members(Without([[3]]), 0, runs=2, points=3),
            ValueError,
            "set 0 has 1, the last of them 3",
        ),
        (
            lambda: draw_members(Without([[0, 1]]), 0, runs=2, points=2),
            ValueError,
            "must leave some of the 2 points",
        ),
        (
            lambda: draw_members(Given(MINE), 0, runs=46, points=23),
            ValueError,
            r"in 46 runs of 23 points; its matrix has shape \(45, 23\)",
        ),
        (
            lambda: draw_members(Given(MINE), 0, runs=4, points=22),
            ValueError,
            "of 22 points",
        ),
        (
            lambda: draw(some_runs=slice(0, 9, 2)),
            ValueError,
            "`some_runs` must have no gaps",
        ),
    ],
)
def test_what_makes_no_design(call, error, message):
    with pytest.raises(error, match=message):
        call()
