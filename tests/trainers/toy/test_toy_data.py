from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given, strategies as st

import memmetrics as mm
from memmetrics.trainers.toy.data import as_points


@given(
    points=st.integers(1, 40),
    features=st.integers(1, 200),
    sparsity=st.floats(0, 0.999),
    seed=st.integers(0, 2**32 - 1),
)
def test_rows_have_length_one_or_are_empty(points, features, sparsity, seed):
    data = mm.sparse_features(points, features, sparsity, rng=seed)
    assert data.shape == (points, features)
    assert data.has_canonical_format
    assert (data.data > 0).all()
    norms = np.sqrt(data.multiply(data).sum(1))
    filled = np.diff(data.indptr) > 0
    np.testing.assert_allclose(norms[filled], 1, rtol=1e-5)
    assert (norms[~filled] == 0).all()


def test_share_of_active_features_and_their_distribution():
    data = mm.sparse_features(4000, 500, 0.9, rng=3)
    assert data.nnz / (4000 * 500) == pytest.approx(0.1, abs=0.002)
    active = np.bincount(data.indices, minlength=500)
    expected, deviation = 400, np.sqrt(4000 * 0.1 * 0.9)
    assert (abs(active - expected) < 5 * deviation).all()
    # Before scaling the active values are uniform, so within a row the ratio of two
    # neighbors is below one half in a quarter of the cases.
    first = data.indptr[:-1][np.diff(data.indptr) > 1]
    ratio = data.data[first] / data.data[first + 1]
    assert (ratio < 0.5).mean() == pytest.approx(0.25, abs=0.03)


def test_sparsity_zero_is_dense():
    data = mm.sparse_features(3, 7, 0, rng=0)
    assert data.nnz == 21


def test_same_seed_same_data():
    first, second = (mm.sparse_features(9, 99, 0.9, rng=5) for _ in range(2))
    assert (first != second).nnz == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 5, 0.9), r"`points` must be an integer of at least 1; got 0"),
        ((5, 2.5, 0.9), r"`features` must be an integer of at least 1; got 2.5"),
        ((5, 5, 1.0), r"`sparsity` must lie in \[0, 1\); got 1.0"),
        ((5, 5, float("nan")), r"`sparsity` must lie in"),
    ],
)
def test_sparse_features_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        mm.sparse_features(*arguments, rng=0)


@pytest.mark.parametrize(("rng", "error"), [(-1, ValueError), ("a", TypeError)])
def test_sparse_features_bad_seed(rng, error):
    with pytest.raises(error, match=r"`rng` must be a seed of at least 0.*got"):
        mm.sparse_features(2, 5, 0.5, rng=rng)


@pytest.mark.parametrize(
    "data",
    [
        np.array([[0, 2], [1, 0]]),
        np.array([[0, 2.0], [1, 0]]),
        torch.tensor([[0, 2.0], [1, 0]]),
        torch.tensor([[0, 2.0], [1, 0]]).to_sparse(),
        scipy.sparse.coo_array(([1.0, 1.0, 1.0], ([0, 0, 1], [1, 1, 0]))),
        scipy.sparse.csc_matrix(np.array([[0, 2.0], [1, 0]])),
        [[0, 2], [1, 0]],
    ],
    ids=["int", "float", "tensor", "sparse tensor", "duplicates", "matrix", "list"],
)
def test_as_points_takes_any_layout(data):
    points = as_points(data)
    assert points.has_canonical_format
    assert points.dtype.kind == "f"
    np.testing.assert_array_equal(points.toarray(), [[0, 2], [1, 0]])


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (np.zeros(3), ValueError, r"\(points, features\); got shape \(3,\)"),
        (np.zeros((0, 3)), ValueError, r"must not be empty; got shape \(0, 3\)"),
        (np.array([["a"]]), TypeError, r"must hold real numbers; got dtype"),
        (np.array([[1, np.nan]]), ValueError, r"finite; got 1 NaN or infinite"),
        (np.array([[np.inf, -np.inf]]), ValueError, r"finite; got 2 NaN or infinite"),
    ],
)
def test_as_points_bad_input(data, error, message):
    with pytest.raises(error, match=message):
        as_points(data)
