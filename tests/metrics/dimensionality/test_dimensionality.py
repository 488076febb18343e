"""Dimensionality is what its definition says, whatever the vectors."""

from __future__ import annotations

import numpy as np
import pytest
from dimensionality_reference import by_definition
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from memmetrics import datapoint_dimensionality, feature_dimensionality
from memmetrics.geometry import second_moment


def polygon(corners):
    angle = 2 * np.pi * np.arange(corners) / corners
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def random_vectors(case):
    rng = np.random.default_rng(case)
    points, hidden = rng.integers(1, 40), rng.integers(1, 12)
    vectors = rng.normal(size=(points, hidden)) * 10 ** rng.uniform(-6, 6)
    kind = case % 6
    if kind == 1:  # lengths of all sizes
        vectors *= 10 ** rng.uniform(-6, 6, size=(points, 1))
    elif kind == 2:
        vectors[rng.random(points) < 0.3] = 0
    elif kind == 3:
        vectors[:] = vectors[0]
    elif kind == 4:  # orthogonal, with lengths of all sizes
        vectors = np.linalg.svd(vectors, full_matrices=False)[0]
        vectors *= 10 ** rng.uniform(-4, 4, size=(points, 1))
    elif kind == 5:  # few dimensions in many
        vectors = rng.normal(size=(points, 2)) @ rng.normal(size=(2, hidden))
    return vectors.astype([np.float32, np.float64][case // 6 % 2])


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_random_cases_follow_the_definition(first):
    for case in range(first, first + 100):
        vectors = random_vectors(case)
        result = datapoint_dimensionality(vectors)
        assert result.dtype == vectors.dtype
        np.testing.assert_allclose(
            result, by_definition(vectors), rtol=0, atol=1e-6, err_msg=f"case {case}"
        )


@pytest.mark.parametrize("first", range(0, 200, 100))
def test_held_out_points_stand_beside_the_training_points(first):
    for case in range(first, first + 100):
        train = random_vectors(case)
        rng = np.random.default_rng(case)
        size = (5, train.shape[1])
        new = (rng.normal(size=size) * abs(train).max()).astype(train.dtype)
        np.testing.assert_allclose(
            datapoint_dimensionality(new, reference=train),
            by_definition(new, train),
            rtol=0,
            atol=1e-6,
            err_msg=f"case {case}",
        )


def test_a_held_out_point_is_worth_what_it_would_be_among_the_training_points():
    rng = np.random.default_rng(0)
    train, new = rng.normal(size=(20, 3)), rng.normal(size=(1, 3))
    together = datapoint_dimensionality(np.concatenate([train, new]))
    alone = datapoint_dimensionality(new, reference=train)
    assert alone == pytest.approx(together[-1:])


@pytest.mark.parametrize("corners", [3, 4, 5, 8, 100])
def test_polygon(corners):
    expected = np.full(corners, 2 / corners)
    np.testing.assert_allclose(
        feature_dimensionality(polygon(corners)), expected, rtol=1e-14
    )


def test_known_answers():
    basis = feature_dimensionality(np.eye(4))
    assert basis.tolist() == [1, 1, 1, 1]
    antipodal = feature_dimensionality(np.array([[1.0], [-1.0]]))
    assert antipodal.tolist() == [0.5, 0.5]
    alike = datapoint_dimensionality(np.full((7, 3), 1e-5))
    np.testing.assert_allclose(alike, np.full(7, 1 / 7), rtol=1e-12)
    assert datapoint_dimensionality(np.zeros((3, 2))).tolist() == [0, 0, 0]


vectors_of_any_kind = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=8),
    elements=st.floats(-1e6, 1e6, allow_subnormal=False).map(
        lambda x: 0 if abs(x) < 1e-6 else x
    ),
)


@given(vectors=vectors_of_any_kind, power=st.integers(-6, 6))
def test_bounds_scale_and_sum(vectors, power):
    result = datapoint_dimensionality(vectors)
    assert ((result >= 0) & (result <= 1)).all()
    assert (result[(vectors != 0).any(1)] > 0).all()
    assert result.sum() <= min(vectors.shape) + 1e-9
    scaled = datapoint_dimensionality(vectors * 2.0**power)
    np.testing.assert_allclose(scaled, result, rtol=1e-9, atol=1e-12)


@given(vectors=vectors_of_any_kind, seed=st.integers(0, 100))
def test_order_and_rotation_do_not_matter(vectors, seed):
    rng = np.random.default_rng(seed)
    result = datapoint_dimensionality(vectors)
    order = rng.permutation(len(vectors))
    np.testing.assert_allclose(
        datapoint_dimensionality(vectors[order]), result[order], atol=1e-9
    )
    rotation = np.linalg.qr(rng.normal(size=(vectors.shape[1],) * 2))[0]
    np.testing.assert_allclose(
        datapoint_dimensionality(vectors @ rotation), result, atol=1e-5
    )


@pytest.mark.parametrize("scale", [1e-200, 1e-60, 1.0, 1e60, 1e150])
def test_extreme_scales(scale):
    vectors = np.random.default_rng(0).normal(size=(9, 3))
    expected = by_definition(vectors)
    np.testing.assert_allclose(datapoint_dimensionality(vectors * scale), expected)


def test_leading_axes_are_so_many_calls():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2, 3, 10, 4)) * 10.0 ** rng.integers(-6, 6, (2, 3, 1, 1))
    vectors[0, 1, :, 1:] = 0  # one run of rank 1
    reference = rng.normal(size=(2, 3, 6, 4))
    whole = datapoint_dimensionality(vectors, flatten=1)
    held_out = datapoint_dimensionality(vectors, reference=reference, flatten=1)
    for run in np.ndindex(2, 3):
        np.testing.assert_allclose(whole[run], by_definition(vectors[run]), atol=1e-9)
        np.testing.assert_allclose(
            held_out[run], by_definition(vectors[run], reference[run]), atol=1e-9
        )


def test_many_blocks(monkeypatch):
    vectors = np.random.default_rng(0).normal(size=(1000, 3))
    monkeypatch.setattr(second_moment.Vectors, "_rows_per_block", lambda _: 13)
    np.testing.assert_allclose(
        datapoint_dimensionality(vectors), by_definition(vectors), atol=1e-12
    )
    singular = vectors * [1, 1e-9, 0]
    np.testing.assert_allclose(
        datapoint_dimensionality(singular), by_definition(singular), atol=1e-9
    )


class TestDuplicates:
    vectors = np.array([[1.0, 0.0], [1.0, 0.0], [-0.0, 2.0], [1.0, 0.0], [0.0, 2.0]])

    def test_copies_share_by_default(self):
        expected = [1 / 3, 1 / 3, 1 / 2, 1 / 3, 1 / 2]
        assert datapoint_dimensionality(self.vectors) == pytest.approx(expected)

    def test_copies_count_as_one_when_merged(self):
        merged = datapoint_dimensionality(self.vectors, duplicates="merge")
        assert merged == pytest.approx(np.ones(5))

    def test_merging_is_removing_copies(self):
        rng = np.random.default_rng(0)
        distinct = rng.normal(size=(2, 8, 3))
        copies = rng.integers(0, 8, 30)
        copies[:8] = range(8)
        merged = datapoint_dimensionality(distinct[:, copies], duplicates="merge")
        expected = datapoint_dimensionality(distinct)[:, copies]
        np.testing.assert_allclose(merged, expected, rtol=1e-10)
        new = rng.normal(size=(2, 5, 3))
        np.testing.assert_allclose(
            datapoint_dimensionality(
                new, reference=distinct[:, copies], duplicates="merge"
            ),
            datapoint_dimensionality(new, reference=distinct),
            rtol=1e-10,
        )


@pytest.mark.slow
@pytest.mark.timing
def test_four_million_vectors_cost_few_copies():
    import time

    vectors = np.random.default_rng(0).standard_normal((4_000_000, 2), np.float32)

    def seconds(call, repeats):
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        return min(times)

    copy = seconds(vectors.copy, 10)
    assert seconds(lambda: feature_dimensionality(vectors), 5) < 60 * copy
