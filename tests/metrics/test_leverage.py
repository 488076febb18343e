from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from memmetrics import Fit, Leverage, datapoint_dimensionality, leverage


def by_search(vectors):
    """sup_v (v·h)² / Σ_j (v·h_j)² over very many directions v in the plane."""
    angle = np.linspace(0, np.pi, 20_001)
    overlap = vectors @ np.stack([np.cos(angle), np.sin(angle)])
    return (overlap**2 / (overlap**2).sum(0)).max(1)


def rank_and_vectors(case):
    rng = np.random.default_rng(case)
    rank = int(rng.integers(1, 6))
    points, hidden = rank + rng.integers(0, 30), rank + rng.integers(0, 6)
    vectors = rng.normal(size=(points, rank)) @ rng.normal(size=(rank, hidden))
    vectors *= 10 ** rng.uniform(-6, 6)
    if case % 3 == 0:  # lengths of all sizes
        vectors *= 10 ** rng.uniform(-3, 3, size=(points, 1))
    if case % 4 == 0:
        vectors = np.concatenate([vectors, np.zeros((2, hidden)), vectors[:3]])
    return rank, vectors.astype([np.float32, np.float64][case % 2])


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_sums_to_the_rank_and_is_above_dimensionality(first):
    for case in range(first, first + 100):
        rank, vectors = rank_and_vectors(case)
        result = leverage(vectors)
        assert result.sum() == pytest.approx(rank, abs=1e-5), case
        assert (result <= 1).all()
        assert (result >= datapoint_dimensionality(vectors) - 1e-6).all()


def test_is_the_diagonal_of_the_projection():
    for case in range(50):
        vectors = np.random.default_rng(case).normal(size=(12, 1 + case % 11))
        projection = vectors @ np.linalg.pinv(vectors)
        np.testing.assert_allclose(leverage(vectors), np.diag(projection), atol=1e-9)


def test_is_the_supremum_over_directions():
    vectors = np.random.default_rng(0).normal(size=(9, 2))
    np.testing.assert_allclose(leverage(vectors), by_search(vectors), rtol=1e-5)


any_vectors = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=8),
    elements=st.integers(-1000, 1000).map(float),
)


@given(vectors=any_vectors)
def test_bounds(vectors):
    result = leverage(vectors)
    assert ((result >= 0) & (result <= 1)).all()
    assert (result >= datapoint_dimensionality(vectors) - 1e-9).all()
    assert result.sum() == pytest.approx(np.linalg.matrix_rank(vectors), abs=1e-6)


@given(vectors=any_vectors, seed=st.integers(0, 100))
def test_any_basis_gives_the_same(vectors, seed):
    rng = np.random.default_rng(seed)
    basis = rng.normal(size=(vectors.shape[1],) * 2) + 5 * np.eye(vectors.shape[1])
    np.testing.assert_allclose(leverage(vectors @ basis), leverage(vectors), atol=1e-6)


def test_a_short_vector_counts_as_much_as_a_long_one():
    vectors = np.array([[1e6, 0.0], [0.0, 1e-6]], dtype=np.float32)
    assert leverage(vectors).tolist() == [1, 1]


class TestHeldOut:
    def test_closed_form(self):
        rng = np.random.default_rng(0)
        train, new = rng.normal(size=(30, 4)), rng.normal(size=(9, 4))
        alone = np.einsum("ih,hk,ik->i", new, np.linalg.inv(train.T @ train), new)
        expected = alone / (1 + alone)
        np.testing.assert_allclose(leverage(new, reference=train), expected)

    def test_is_what_the_point_would_have_among_the_training_points(self):
        rng = np.random.default_rng(0)
        for rank in (1, 2, 3):
            train = rng.normal(size=(20, rank)) @ rng.normal(size=(rank, 3))
            new = np.stack([rng.normal(size=3), train[0] * 2])
            for row in new:
                together = leverage(np.concatenate([train, row[None]]))[-1]
                alone = leverage(row[None], reference=train)[0]
                assert alone == pytest.approx(together, abs=1e-9)

    def test_a_direction_of_its_own_is_worth_one(self):
        train = np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0]])
        new = np.array([[5.0, 0.0, 1e-3], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
        assert leverage(new, reference=train) == pytest.approx([1, 0.5, 0])

    def test_nothing_was_learned(self):
        new, train = np.array([[1.0, 0.0], [0.0, 0.0]]), np.zeros((3, 2))
        assert leverage(new, reference=train).tolist() == [1, 0]
        assert leverage(train).tolist() == [0, 0, 0]


def test_leading_axes_of_different_rank():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2, 3, 8, 4))
    vectors[0, 1, :, 1:] = 0
    vectors[1, 2] = 0
    new = rng.normal(size=(2, 3, 5, 4))
    whole = leverage(vectors, flatten=1)
    held_out = leverage(new, reference=vectors, flatten=1)
    for run in np.ndindex(2, 3):
        np.testing.assert_allclose(whole[run], leverage(vectors[run]), atol=1e-12)
        np.testing.assert_allclose(
            held_out[run], leverage(new[run], reference=vectors[run]), atol=1e-12
        )


def test_copies_count_as_one_when_merged():
    rng = np.random.default_rng(0)
    distinct = rng.normal(size=(8, 3))
    copies = np.concatenate([np.arange(8), rng.integers(0, 8, 20)])
    merged = leverage(distinct[copies], duplicates="merge")
    np.testing.assert_allclose(merged, leverage(distinct)[copies], rtol=1e-10)


def test_gradient():
    double = {
        "generator": torch.Generator().manual_seed(0),
        "dtype": torch.float64,
        "requires_grad": True,
    }
    hidden, reference = torch.randn(3, 6, 4, **double), torch.randn(3, 9, 4, **double)
    assert torch.autograd.gradcheck(leverage, (hidden,))
    assert torch.autograd.gradgradcheck(leverage, (hidden,))
    assert torch.autograd.gradcheck(
        lambda h, r: leverage(h, reference=r), (hidden, reference)
    )


def test_gradient_of_zero_rows_is_finite():
    hidden = torch.zeros(4, 3)
    hidden[0] = 1
    hidden.requires_grad_()
    leverage(hidden).sum().backward()
    assert torch.isfinite(hidden.grad).all()


def test_tensors():
    hidden = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    result = leverage(hidden)
    assert result.dtype == torch.float32
    np.testing.assert_array_equal(result.numpy(), leverage(hidden.numpy()))


def test_metric():
    fit = Fit(hidden=np.ones((4, 2)), reference=np.eye(2))
    result = Leverage()(fit)
    assert result.estimate == pytest.approx(np.full(4, 2 / 3))
    assert (result.metric, result.unit) == ("leverage", "dimensionless")
    with pytest.raises(ValueError, match="needs `hidden`"):
        Leverage()(Fit(weights=np.eye(2)))


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="`hidden` must be finite"):
        leverage(np.array([[np.nan, 1.0]]))
    with pytest.raises(ValueError, match="`hidden` must have axes"):
        leverage(np.ones(3))
    with pytest.raises(ValueError, match="same leading axes and hidden size"):
        leverage(np.ones((2, 3)), reference=np.ones((2, 4)))
