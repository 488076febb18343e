"""Embeddings whose padding row stays as it is, vectorized over runs too."""

from __future__ import annotations

from typing import cast

import torch
from torch.nn import functional


class FrozenPadding(torch.nn.Embedding):
    """An embedding whose row `padding_idx` gets no gradient.

    torch tells that row by its number among all rows, which in a stack is the number
    of the first run's row only. Here the token decides.
    """

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return a vector for each token."""
        vectors = functional.embedding(tokens, self.weight)
        padding = tokens.eq(cast("int", self.padding_idx))[..., None]
        return torch.where(padding, vectors.detach(), vectors)


def use_frozen_padding(module: torch.nn.Module) -> None:
    """Make a `FrozenPadding` of every plain embedding with a padding row, in place."""
    for child in module.modules():
        if (
            type(child) is torch.nn.Embedding
            and child.padding_idx is not None
            and child.max_norm is None
            and not child.scale_grad_by_freq
            and not child.sparse
        ):
            child.__class__ = FrozenPadding
