from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, strategies as st

from memmetrics.statistics import arms as moments
from memmetrics.statistics.arms import Arm, Arms


def random_scores(case):
    """Of several kinds and types, with diverged runs, and arms empty here and there."""
    rng = np.random.default_rng(case)
    runs, points = rng.integers(3, 40), rng.integers(1, 1500)
    scores = rng.normal(size=(runs, points))
    if case % 3 == 0:
        scores = np.round(scores)  # few values
    if case % 4 == 0:
        scores = scores * 1e-3 + 1e6
    if case % 5 == 0:
        scores[0] = np.nan
    member = rng.random((runs, points)) < rng.choice([0.05, 0.5, 0.9])
    return scores.astype([np.float32, np.float64][case % 2]), member


def directly(scores):
    """The statistics of some scores of one point, by their definitions."""
    scores = scores.astype(np.float64)
    if scores.size == 0:
        return (0, *[np.nan] * 5, 0, 0)
    deviation = scores - scores.mean()
    low, high = scores.min(), scores.max()
    return (
        scores.size,
        scores.mean(),
        (deviation**2).sum(),
        (deviation**3).sum(),
        low,
        high,
        (scores == low).sum(),
        (scores == high).sum(),
    )


def columns(arm):
    return np.array([getattr(arm, field.name) for field in fields(Arm)])


def assert_same(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_allclose(columns(one), columns(other), rtol=1e-8, atol=1e-8)


@pytest.fixture(params=["blocks", "kernel"])
def method(request, monkeypatch):
    if request.param == "kernel":
        pytest.importorskip("numba")
    pays = {"blocks": 2**62, "kernel": 0}[request.param]
    monkeypatch.setattr(moments, "_KERNEL_PAYS", pays)


@pytest.mark.usefixtures("method")
class TestBothWays:
    @pytest.mark.parametrize("case", range(20))
    def test_by_definition(self, case):
        scores, member = random_scores(case)
        arms = Arms.from_scores(scores, member)
        finished = ~np.isnan(scores[:, 0])
        for point in range(0, scores.shape[1], 37):
            for arm, chosen in zip(arms, (member, ~member), strict=True):
                mine = scores[finished & chosen[:, point], point]
                np.testing.assert_allclose(
                    columns(arm)[:, point], directly(mine), rtol=1e-9, atol=1e-8
                )

    @pytest.mark.parametrize("case", range(20))
    def test_merging_parts_is_the_whole(self, case):
        scores, member = random_scores(case)
        first = Arms.from_scores(scores[:2], member[:2])
        rest = Arms.from_scores(scores[2:], member[2:])
        assert_same(first.merge(rest), Arms.from_scores(scores, member))
        assert_same(rest.merge(first), Arms.from_scores(scores, member))

    def test_arms_far_apart_keep_their_spread(self):
        rng = np.random.default_rng(0)
        member = rng.random((60, 5)) < 0.5
        noise = rng.normal(scale=1e-9, size=member.shape)
        arms = Arms.from_scores(np.where(member, 0.9, 0.1) + noise, member)
        for point in range(5):
            mine = noise[member[:, point], point]
            assert arms.inside.variance[point] == pytest.approx(mine.var(ddof=1), 1e-4)

    def test_equal_scores_have_no_spread_at_all(self):
        member = np.arange(30).reshape(10, 3) % 2 == 0
        scores = np.where(member, 0.1, 1e8 / 3)
        for arm, score in zip(
            Arms.from_scores(scores, member), (0.1, 1e8 / 3), strict=True
        ):
            assert (arm.mean == score).all()
            assert (arm.variance == 0).all()
            assert (arm.third_moment == 0).all()
            assert (arm.at_lowest == arm.count).all()

    def test_input_is_left_alone(self):
        scores, member = random_scores(1)
        before = scores.copy(), member.copy()
        scores.flags.writeable = member.flags.writeable = False
        Arms.from_scores(scores, member)
        np.testing.assert_array_equal(scores, before[0])
        np.testing.assert_array_equal(member, before[1])

    def test_any_layout(self):
        scores, member = random_scores(1)
        expected = Arms.from_scores(scores, member)
        turned = Arms.from_scores(np.asfortranarray(scores), np.asfortranarray(member))
        assert_same(turned, expected)

    @pytest.mark.parametrize("case", range(20))
    def test_what_a_run_did_not_score_does_not_count(self, case):
        scores, member = random_scores(case)
        rng = np.random.default_rng(case)
        scores[:, rng.random(scores.shape[1]) < 0.5] *= np.where(
            rng.random((len(scores), 1)) < 0.3, np.nan, 1
        )
        scores[rng.random(scores.shape) < rng.choice([1e-4, 0.2])] = np.nan
        arms = Arms.from_scores(scores, member)
        for point in range(0, scores.shape[1], 17):
            scored = ~np.isnan(scores[:, point])
            for arm, chosen in zip(arms, (member, ~member), strict=True):
                mine = scores[scored & chosen[:, point], point]
                np.testing.assert_allclose(
                    columns(arm)[:, point], directly(mine), rtol=1e-9, atol=1e-8
                )
        halves = [Arms.from_scores(scores[k::2], member[k::2]) for k in range(2)]
        assert_same(halves[0].merge(halves[1]), arms)

    @pytest.mark.parametrize("bad", [-np.inf, np.inf])
    def test_an_infinite_score_leaves_its_own_arm_without_a_mean(self, bad):
        scores, member = random_scores(1)
        complete = Arms.from_scores(scores, member)
        scores[2, 0] = bad
        for whole, arm, hit in zip(
            complete,
            Arms.from_scores(scores, member),
            (member[2, 0], not member[2, 0]),
            strict=True,
        ):
            assert arm.infinite.tolist() == [hit] + [False] * (scores.shape[1] - 1)
            assert np.isnan(arm.mean[0]) == np.isnan(arm.squares[0]) == hit
            np.testing.assert_array_equal(arm.count, whole.count)
            np.testing.assert_array_equal(columns(arm)[:, 1:], columns(whole)[:, 1:])

    def test_an_infinite_score_stays_when_runs_are_merged(self):
        scores, member = random_scores(1)
        scores[0, 0] = -np.inf
        parts = [Arms.from_scores(scores[k::2], member[k::2]) for k in range(2)]
        arm = int(not member[0, 0])
        for merged in (parts[0].merge(parts[1]), parts[1].merge(parts[0])):
            assert merged[arm].infinite[0]
            assert np.isnan(merged[arm].mean[0])
            assert merged[arm].at_lowest[0] == 1

    def test_any_byte_but_0_is_true(self):
        scores, member = random_scores(1)
        bytes_of_member = member.view(np.uint8) * np.uint8(255)
        bytes_of_member[::2] &= 2
        odd = bytes_of_member.view(bool)
        assert_same(Arms.from_scores(scores, odd), Arms.from_scores(scores, member))


@given(cuts=st.lists(st.integers(1, 39), max_size=6), seed=st.integers(0, 1000))
def test_any_split_of_the_runs_merges_to_the_same(cuts, seed):
    rng = np.random.default_rng(seed)
    scores, member = rng.exponential(size=(40, 3)), rng.random((40, 3)) < 0.3
    parts = np.split(np.arange(40), sorted(set(cuts)))
    merged, *rest = (Arms.from_scores(scores[part], member[part]) for part in parts)
    for part in rest:
        merged = merged.merge(part)
    assert_same(merged, Arms.from_scores(scores, member))


def test_variance_needs_two_runs():
    member = np.array([[True], [False], [False]])
    arms = Arms.from_scores(np.array([[1.0], [2.0], [4.0]]), member)
    assert np.isnan(arms.inside.variance)
    assert arms.outside.variance == 2


def test_without_numba_blocks_serve(monkeypatch):
    monkeypatch.setattr(moments, "_KERNEL_PAYS", 0)
    monkeypatch.setattr(moments.importlib.util, "find_spec", lambda _: None)
    scores, member = random_scores(2)
    arms = Arms.from_scores(scores, member)
    assert arms.inside.count.tolist() == member.sum(0).tolist()


def test_threads_and_neighbors_do_not_matter(monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setattr(moments, "_KERNEL_PAYS", 0)
    monkeypatch.setattr(moments, "_BLOCKS_OF_A_TASK", 1)
    rng = np.random.default_rng(3)
    scores = rng.exponential(size=(13, 2500)) + 1e6
    member = rng.random(scores.shape) < 0.5
    monkeypatch.setattr(moments.torch, "get_num_threads", lambda: 3)
    whole = Arms.from_scores(scores, member)
    monkeypatch.setattr(moments.torch, "get_num_threads", lambda: 1)
    part = Arms.from_scores(scores[:, 700:], member[:, 700:])
    for one, other in zip(whole, part, strict=True):
        np.testing.assert_array_equal(columns(one)[:, 700:], columns(other))
