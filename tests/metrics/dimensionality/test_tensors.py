"""Dimensionality of tensors: their type, their device, their gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from dimensionality_reference import by_definition

from memmetrics import datapoint_dimensionality, feature_dimensionality


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
