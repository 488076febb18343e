"""Vectors whose lengths differ by any factor, against exact rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from memmetrics import datapoint_dimensionality, leverage
from memmetrics.geometry import short_rows as _short_rows


def exact(array):
    return [[Fraction(float(number)) for number in row] for row in array]


def dot(first, second):
    return sum(a * b for a, b in zip(first, second, strict=True))


def echelon(rows):
    """Independent combinations of the rows, and the columns where they begin."""
    rows, begins = [row[:] for row in rows], []
    for column in range(len(rows[0])):
        rank = len(begins)
        places = [i for i in range(rank, len(rows)) if rows[i][column]]
        if not places:
            continue
        rows[rank], rows[places[0]] = rows[places[0]], rows[rank]
        for i in range(rank + 1, len(rows)):
            factor = rows[i][column] / rows[rank][column]
            pairs = zip(rows[i], rows[rank], strict=True)
            rows[i] = [a - factor * b for a, b in pairs]
        begins.append(column)
    return rows[: len(begins)], begins


def solve(matrix, right):
    """Solve a regular system, Gauss and Jordan."""
    rows = [[*row, number] for row, number in zip(matrix, right, strict=True)]
    for column in range(len(rows)):
        place = next(i for i in range(column, len(rows)) if rows[i][column])
        rows[column], rows[place] = rows[place], rows[column]
        rows[column] = [number / rows[column][column] for number in rows[column]]
        for i, row in enumerate(rows):
            if i != column:
                pairs = zip(row, rows[column], strict=True)
                rows[i] = [a - row[column] * b for a, b in pairs]
    return [row[-1] for row in rows]


def leverage_exactly(vectors, reference=None):
    """hᵀ (HᵀH)⁺ h in independent columns; ℓ / (1 + ℓ) beside a reference."""
    train = exact(vectors if reference is None else reference)
    basis, columns = echelon(train)
    chosen = [[row[column] for column in columns] for row in train]
    axes = list(zip(*chosen, strict=True))
    moment = [[dot(first, second) for second in axes] for first in axes]
    result = []
    for row in exact(vectors):
        rest = row
        for base, column in zip(basis, columns, strict=True):
            factor = rest[column] / base[column]
            rest = [a - factor * b for a, b in zip(rest, base, strict=True)]
        own = [row[column] for column in columns]
        value = dot(own, solve(moment, own)) if columns else Fraction(0)
        held_out = Fraction(1) if any(rest) else value / (1 + value)
        result.append(float(value if reference is None else held_out))
    return np.array(result)


def dimensionality_exactly(vectors, reference=None):
    among = exact(vectors if reference is None else reference)
    result = []
    for row in exact(vectors):
        square = dot(row, row)
        overlap = sum(dot(row, other) ** 2 for other in among)
        overlap += 0 if reference is None else square**2
        result.append(float(square**2 / overlap) if square else 0.0)
    return np.array(result)


def whole_vectors(seed, decades, *, few_dimensions=False):
    """Small whole numbers times powers of two: relations between rows are exact."""
    rng = np.random.default_rng(seed)
    points, hidden = rng.integers(1, 10), rng.integers(1, 5)
    vectors = rng.integers(-3, 4, (points, hidden)).astype(np.float64)
    if few_dimensions and hidden > 1:
        vectors[:, 0] = vectors[:, 1:].sum(1)
    new = rng.integers(-3, 4, (3, hidden)).astype(np.float64)
    new[0] = vectors[0]
    powers = np.round(rng.uniform(-decades, decades, points) * np.log2(10))
    return vectors * 2.0 ** powers[:, np.newaxis], new * 2.0 ** powers[0]


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    decades=st.sampled_from([0, 6, 12, 30, 100, 290]),
    few_dimensions=st.booleans(),
)
def test_leverage_of_exactly_related_rows(seed, decades, few_dimensions):
    vectors, new = whole_vectors(seed, decades, few_dimensions=few_dimensions)
    expected = leverage_exactly(vectors)
    np.testing.assert_allclose(leverage(vectors), expected, rtol=0, atol=1e-12)
    held_out = leverage_exactly(new, vectors)
    np.testing.assert_allclose(
        leverage(new, reference=vectors), held_out, rtol=0, atol=1e-12
    )
    distinct, copy = np.unique(vectors, axis=0, return_inverse=True)
    np.testing.assert_allclose(
        leverage(vectors, duplicates="merge"),
        leverage_exactly(distinct)[copy.ravel()],
        rtol=0,
        atol=1e-12,
    )


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10**6),
    decades=st.sampled_from([3, 6, 12, 30, 300]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_leverage_of_any_rows(seed, decades, dtype):
    rng = np.random.default_rng(seed)
    points, hidden = rng.integers(1, 12), rng.integers(1, 5)
    decades = min(decades, 30) if dtype == np.float32 else decades
    lengths = 10 ** rng.uniform(-decades, decades, (points, 1))
    vectors = (rng.normal(size=(points, hidden)) * lengths).astype(dtype)
    vectors = np.concatenate([vectors, vectors[:2], np.zeros_like(vectors[:1])])
    result = leverage(vectors)
    assert ((result >= 0) & (result <= 1)).all()
    # In float32, what differs by less than ten of its roundings is one direction.
    atol = 1e-5 if dtype == np.float32 else 1e-9
    np.testing.assert_allclose(result, leverage_exactly(vectors), rtol=0, atol=atol)


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), decades=st.sampled_from([2, 80, 150, 290]))
def test_dimensionality_of_rows_of_separate_supports(seed, decades):
    rng = np.random.default_rng(seed)
    vectors = rng.uniform(1, 2, size=(rng.integers(2, 12), 4))
    half = len(vectors) // 2
    vectors[:half, :2] = 0
    vectors[half:, 2:] = 0
    vectors[:half] *= 10.0 ** rng.uniform(-decades, decades)
    vectors[half:] *= 10.0 ** rng.uniform(-decades, decades)
    np.testing.assert_allclose(
        datapoint_dimensionality(vectors), dimensionality_exactly(vectors), rtol=1e-9
    )
    new = vectors[[0, -1]] * 3
    np.testing.assert_allclose(
        datapoint_dimensionality(new, reference=vectors),
        dimensionality_exactly(new, vectors),
        rtol=1e-9,
    )


def test_short_rows_among_very_many(monkeypatch):
    monkeypatch.setattr(_short_rows, "_PAYS", 1)
    vectors = np.repeat([[1.0, 0.0], [0.0, 1e-80], [0.0, 0.0]], [5, 4, 3], axis=0)
    expected = np.repeat([1 / 5, 1 / 4, 0], [5, 4, 3])
    np.testing.assert_allclose(datapoint_dimensionality(vectors), expected)


def test_runs_of_every_kind_together():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2, 3, 10, 3)) * 10 ** rng.uniform(-12, 12, (2, 3, 10, 1))
    vectors[0, 1] = rng.normal(size=(10, 3))
    vectors[1, 1, :, 0] = 0
    vectors[1, 2] = 0
    new = rng.normal(size=(2, 3, 5, 3))
    whole = leverage(vectors, flatten=1)
    held_out = leverage(new, reference=vectors, flatten=1)
    for run in np.ndindex(2, 3):
        alone = leverage(new[run], reference=vectors[run])
        np.testing.assert_allclose(whole[run], leverage(vectors[run]), atol=1e-12)
        np.testing.assert_allclose(held_out[run], alone, atol=1e-12)


@pytest.mark.parametrize("decades", [0, 4, 8])
def test_gradient_of_leverage(decades):
    rng = np.random.default_rng(0)
    lengths = torch.tensor(10 ** rng.uniform(-decades, decades, (6, 1)))
    units = torch.tensor(rng.normal(size=(6, 3)), requires_grad=True)
    assert torch.autograd.gradcheck(lambda u: leverage(u * lengths), (units,))
    assert torch.autograd.gradgradcheck(lambda u: leverage(u * lengths), (units,))
    assert torch.autograd.gradcheck(
        lambda u: leverage(u, reference=(u * lengths).flip(0)), (units,)
    )


def test_gradient_of_the_dimensionality_of_short_rows():
    rng = np.random.default_rng(0)
    lengths = torch.tensor([[1.0], [1.0], [1e-80], [1e-80], [1e-80]])
    lengths = lengths.double()
    units = torch.tensor(rng.uniform(1, 2, size=(5, 2)))
    support = torch.tensor([[1, 0], [1, 0], [0, 1], [0, 1], [0, 1]])
    units = (units * support).requires_grad_()

    def of_units(units):
        return datapoint_dimensionality(units * support * lengths)

    assert torch.autograd.gradcheck(of_units, (units,))
