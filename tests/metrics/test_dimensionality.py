from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

import memmetrics as mm
from memmetrics import (
    DatapointDimensionality,
    FeatureDimensionality,
    Fit,
    datapoint_dimensionality,
    feature_dimensionality,
)
from memmetrics.geometry import second_moment


def by_definition(vectors, reference=None):
    """D_i = |h_i|² / Σ_j (ĥ_i·h_j)², points by points, in float64."""
    vectors = np.asarray(vectors, dtype=np.float64)
    among = vectors if reference is None else np.asarray(reference, dtype=np.float64)
    result = np.zeros(len(vectors))
    for i, vector in enumerate(vectors):
        length = np.sqrt((vector**2).sum())
        if length > 0:
            overlap = ((among @ (vector / length)) ** 2).sum()
            own = 0 if reference is None else length**2
            result[i] = length**2 / (overlap + own)
    return result


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


class TestTensors:
    def test_same_numbers_same_type(self):
        vectors = torch.randn(4, 20, 3, generator=torch.Generator().manual_seed(0))
        result = datapoint_dimensionality(vectors)
        assert result.dtype == torch.float32
        np.testing.assert_array_equal(
            result.numpy(), datapoint_dimensionality(vectors.numpy())
        )

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
    def test_any_floating_type(self, dtype):
        vectors = torch.randn(9, 3, generator=torch.Generator().manual_seed(0))
        result = feature_dimensionality(vectors.to(dtype))
        assert result.dtype == dtype
        expected = by_definition(vectors.to(dtype).double())
        np.testing.assert_allclose(result.double(), expected, atol=4e-3)

    def test_integers_become_floats(self):
        assert feature_dimensionality(torch.eye(2, dtype=torch.int64)).tolist() == [
            1,
            1,
        ]
        assert feature_dimensionality(np.eye(2, dtype=int)).dtype == np.float64

    def test_gradient(self):
        generator = torch.Generator().manual_seed(0)
        double = {"generator": generator, "dtype": torch.float64, "requires_grad": True}
        hidden = torch.randn(3, 6, 4, **double)
        reference = torch.randn(3, 2, 4, **double)
        assert torch.autograd.gradcheck(feature_dimensionality, (hidden,))
        assert torch.autograd.gradgradcheck(feature_dimensionality, (hidden,))
        assert torch.autograd.gradcheck(
            lambda h, r: datapoint_dimensionality(h, reference=r), (hidden, reference)
        )

    def test_gradient_where_eigenvalues_coincide(self):
        hidden = torch.eye(3, dtype=torch.float64).repeat(2, 1).requires_grad_()
        assert torch.autograd.gradcheck(datapoint_dimensionality, (hidden,))

    def test_merged_gradient_moves_copies_together(self):
        distinct = torch.randn(
            4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
        ).requires_grad_()

        def merged(vectors):
            copies = vectors[[0, 1, 2, 3, 0]]
            return datapoint_dimensionality(copies, duplicates="merge")[:4]

        assert torch.autograd.gradcheck(merged, (distinct,))

    @pytest.mark.parametrize("zeros", [1, 4])
    def test_gradient_of_zero_rows_is_zero(self, zeros):
        hidden = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
        hidden[:zeros] = 0
        hidden.requires_grad_()
        datapoint_dimensionality(hidden).sum().backward()
        assert torch.isfinite(hidden.grad).all()
        assert (hidden.grad[:zeros] == 0).all()

    def test_a_penalty_spreads_features(self):
        weights = torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
        weights.requires_grad_()
        optimizer = torch.optim.Adam([weights], lr=0.05)
        for _ in range(200):
            optimizer.zero_grad()
            (-feature_dimensionality(weights).sum()).backward()
            optimizer.step()
        assert feature_dimensionality(weights.detach()).min() > 0.99

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
    def test_stays_on_its_device(self):
        hidden = torch.randn(50, 3, device="cuda")
        result = datapoint_dimensionality(hidden, reference=hidden[:7])
        assert result.device == hidden.device
        expected = by_definition(hidden.cpu(), hidden[:7].cpu())
        np.testing.assert_allclose(result.cpu(), expected, atol=1e-6)


class TestInput:
    def test_read_only_strided_and_foreign_byte_order(self):
        vectors = np.random.default_rng(0).normal(size=(20, 6))
        vectors.flags.writeable = False
        view = vectors[::-2, ::2]
        expected = by_definition(view)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            np.testing.assert_allclose(datapoint_dimensionality(view), expected)
        swapped = view.astype(view.dtype.newbyteorder())
        np.testing.assert_allclose(datapoint_dimensionality(swapped), expected)
        longer = view.astype(np.longdouble)
        assert datapoint_dimensionality(longer).dtype == np.float64

    def test_lists(self):
        assert feature_dimensionality([[1, 0], [0, 1]]).tolist() == [1, 1]

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("kind", [np.array, torch.tensor])
    def test_not_finite(self, bad, kind):
        with pytest.raises(
            ValueError, match=r"`hidden` must be finite; got 1 .*\(1, 0"
        ):
            datapoint_dimensionality(kind([[1.0, 2.0], [bad, 0.0]]))

    @pytest.mark.parametrize(
        ("hidden", "error", "match"),
        [
            (np.ones(3), ValueError, r"`hidden` must have axes .*got shape \(3,\)"),
            (np.ones((0, 3)), ValueError, r"`hidden` must not be empty.*\(0, 3\)"),
            (np.ones((3, 0)), ValueError, r"`hidden` must not be empty"),
            (np.ones((3, 2), complex), TypeError, "`hidden` must hold real numbers"),
            (np.array([["a"]]), TypeError, "`hidden` must hold real numbers"),
            (torch.ones(2, 2, dtype=torch.complex64), TypeError, "real numbers"),
        ],
    )
    def test_bad_hidden(self, hidden, error, match):
        with pytest.raises(error, match=match):
            datapoint_dimensionality(hidden)

    @pytest.mark.parametrize(
        ("reference", "error", "match"),
        [
            (np.ones((4, 3)), ValueError, r"same leading axes .*\(2, 2\) and \(4, 3\)"),
            (np.ones((1, 4, 2)), ValueError, "same leading axes"),
            (
                torch.ones(4, 2),
                TypeError,
                "must be of one kind; got ndarray and Tensor",
            ),
            (np.full((4, 2), np.nan), ValueError, "`reference` must be finite"),
        ],
    )
    def test_bad_reference(self, reference, error, match):
        with pytest.raises(error, match=match):
            datapoint_dimensionality(np.ones((2, 2)), reference=reference)

    def test_bad_duplicates(self):
        with pytest.raises(ValueError, match="`duplicates` must be 'count' or 'merge'"):
            feature_dimensionality(np.eye(2), duplicates="drop")

    def test_different_devices(self):
        elsewhere = torch.ones(2, 2, device="meta")
        with pytest.raises(ValueError, match="one device; got cpu and meta"):
            datapoint_dimensionality(torch.ones(2, 2), reference=elsewhere)


class TestMetrics:
    fit = Fit(
        weights=np.arange(6.0).reshape(3, 2),
        hidden=np.arange(8.0).reshape(4, 2),
        reference=np.arange(10.0).reshape(5, 2),
    )

    def test_features(self):
        result = FeatureDimensionality()(self.fit)
        np.testing.assert_allclose(result.estimate, by_definition(self.fit.weights))
        assert (result.metric, result.unit) == (
            "feature_dimensionality",
            "dimensionless",
        )

    def test_held_out_points(self):
        result = DatapointDimensionality()(self.fit)
        expected = by_definition(self.fit.hidden, self.fit.reference)
        np.testing.assert_allclose(result.estimate, expected)

    def test_option(self):
        twice = Fit(hidden=np.ones((2, 1)))
        merged = DatapointDimensionality("merge")(twice).estimate
        assert merged == pytest.approx([1, 1])

    def test_what_is_missing_is_said(self):
        with pytest.raises(ValueError, match="needs `weights`"):
            FeatureDimensionality()(Fit(hidden=np.eye(2)))
        with pytest.raises(ValueError, match="needs `hidden`"):
            DatapointDimensionality()(Fit(weights=np.eye(2)))


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


class TestFlatten:
    """Four axes may be those of a convolution, or two of runs: it has to be said."""

    @pytest.mark.parametrize("function", [mm.datapoint_dimensionality, mm.leverage])
    @pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
    def test_says_what_is_meant(self, function, kind):
        images = np.random.default_rng(0).normal(size=(10, 3, 4, 5))
        hidden = kind(images)
        with pytest.warns(UserWarning, match=r"\(10, 3, 4, 5\) is read as .*flatten=3"):
            as_ever = function(hidden)
        np.testing.assert_array_equal(
            function(hidden, flatten=3), function(kind(images.reshape(10, 60)))
        )
        of_runs = function(hidden, flatten=1)
        assert of_runs.shape == (10, 3, 4)
        np.testing.assert_array_equal(of_runs, as_ever)
        np.testing.assert_allclose(of_runs[7, 2], function(kind(images[7, 2])))
        held_out = function(hidden[:2], reference=hidden, flatten=3)
        assert held_out.shape == (2,)

    def test_is_not_needed_with_one_axis_of_runs(self):
        hidden = np.random.default_rng(0).normal(size=(3, 8, 2))
        assert mm.datapoint_dimensionality(hidden).shape == (3, 8)
        assert mm.datapoint_dimensionality(hidden, flatten=2).shape == (3,)

    @pytest.mark.parametrize(
        ("flatten", "error", "match"),
        [
            (0, ValueError, "`flatten` must be at least 1; got 0"),
            (1.5, TypeError, "`flatten` must be a whole number"),
            (2, ValueError, r"must leave an axis of points; got 2 for shape \(4, 2\)"),
        ],
    )
    def test_nonsense(self, flatten, error, match):
        with pytest.raises(error, match=match):
            mm.leverage(np.ones((4, 2)), flatten=flatten)

    @pytest.mark.parametrize("metric", [mm.DatapointDimensionality, mm.Leverage])
    def test_metrics_take_it(self, metric):
        hidden = np.random.default_rng(0).normal(size=(6, 2, 2, 2))
        fit = mm.Fit(hidden=hidden)
        assert metric(flatten=3)(fit).estimate.shape == (6,)
        with pytest.warns(UserWarning, match="flatten=3 for"):
            assert metric()(fit).estimate.shape == (6, 2, 2)
