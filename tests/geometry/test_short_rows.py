"""The compiled kernel for short rows against the blocks of torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from memmetrics import datapoint_dimensionality, feature_dimensionality
from memmetrics.geometry import short_rows as _short_rows

pytest.importorskip("numba")


@pytest.fixture
def both_ways(monkeypatch):
    monkeypatch.setattr(_short_rows, "_TASK", 700)
    used = []
    fill = _short_rows.fill_dimensionality
    monkeypatch.setattr(
        "memmetrics.metrics.dimensionality.fill_dimensionality",
        lambda *given, **options: used.append(1) or fill(*given, **options),
    )

    def compute(function):
        monkeypatch.setattr(_short_rows, "_PAYS", 2**62)
        plain = function()
        assert not used
        monkeypatch.setattr(_short_rows, "_PAYS", 0)
        fast = function()
        assert used
        return np.asarray(plain), np.asarray(fast)

    return compute


def vectors_of(case):
    rng = np.random.default_rng(case)
    hidden = (1, 2, 3, 7, 32)[case % 5]
    points = (47, 700, 701, 2111)[case % 4]
    vectors = rng.normal(size=(points, hidden)) * 10 ** rng.uniform(-6, 6)
    vectors *= rng.choice([0, 1e-3, 1, 1e3], size=(points, 1))
    return vectors.astype([np.float32, np.float64][case // 5 % 2])


@pytest.mark.parametrize("case", range(20))
def test_numpy(both_ways, case):
    plain, fast = both_ways(lambda: datapoint_dimensionality(vectors_of(case)))
    assert plain.dtype == fast.dtype
    np.testing.assert_allclose(fast, plain, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("case", range(0, 20, 3))
def test_tensors(both_ways, case):
    vectors = torch.from_numpy(vectors_of(case))
    plain, fast = both_ways(lambda: feature_dimensionality(vectors))
    np.testing.assert_allclose(fast, plain, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("case", range(0, 20, 3))
def test_held_out_points(both_ways, case):
    new, train = vectors_of(case)[:11] * 3, vectors_of(case)
    plain, fast = both_ways(lambda: datapoint_dimensionality(new, reference=train))
    np.testing.assert_allclose(fast, plain, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("layout", ["strided", "columns", "reversed"])
def test_any_layout(both_ways, layout):
    wide = np.random.default_rng(0).normal(size=(4000, 6))
    vectors = {
        "strided": wide[::3, ::2],
        "columns": np.asfortranarray(wide),
        "reversed": wide[::-1, ::-1],
    }[layout]
    before = vectors.copy()
    vectors.flags.writeable = False
    plain, fast = both_ways(lambda: datapoint_dimensionality(vectors))
    np.testing.assert_allclose(fast, plain, rtol=1e-12)
    np.testing.assert_array_equal(vectors, before)


def test_rows_that_nearly_share_a_direction(both_ways):
    line = np.outer(np.linspace(-1, 1, 999), [1.0, 2.0, 3.0])
    nearly = line + 1e-7 * np.random.default_rng(0).normal(size=line.shape)
    plain, fast = both_ways(lambda: datapoint_dimensionality(nearly))
    np.testing.assert_allclose(fast, plain, rtol=1e-6)


def test_threads_do_not_matter(monkeypatch):
    monkeypatch.setattr(_short_rows, "_PAYS", 0)
    monkeypatch.setattr(_short_rows, "_TASK", 512)
    vectors = np.random.default_rng(1).normal(size=(5000, 2))
    found = []
    for threads in (1, 3):
        monkeypatch.setattr(_short_rows.torch, "get_num_threads", lambda n=threads: n)
        found.append(datapoint_dimensionality(vectors))
    np.testing.assert_array_equal(*found)


def test_a_gradient_goes_through_torch(monkeypatch):
    monkeypatch.setattr(_short_rows, "_PAYS", 0)
    vectors = torch.from_numpy(vectors_of(1)[:40]).double().requires_grad_()
    datapoint_dimensionality(vectors).sum().backward()
    assert vectors.grad is not None
    assert float(vectors.grad.abs().sum()) > 0
    with torch.no_grad():
        assert not datapoint_dimensionality(vectors).requires_grad
    new = vectors.detach() * 2
    held_out = datapoint_dimensionality(new, reference=vectors)
    assert held_out.requires_grad


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_bad_number_is_found(monkeypatch, bad):
    monkeypatch.setattr(_short_rows, "_PAYS", 0)
    for vectors in (vectors_of(3), torch.from_numpy(vectors_of(3))):
        vectors[5, 1] = bad
        with pytest.raises(ValueError, match="`weights` must be finite; got 1 NaN"):
            feature_dimensionality(vectors)
