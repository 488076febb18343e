"""A small transformer in plain torch, and the trainer of many of them.

Each document is LENGTH characters. The transformer reads a mark of the beginning and
all but the last, and predicts each from those before it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

import memmetrics as mm
from studies._text.texts import LENGTH, VOCABULARY

WIDTH = 32
BATCH = 16
LEARNING_RATE = 5e-3
# What `hidden` of a trained stack is: the units of the only block, after the GELU.
UNITS = "block.units"


class Attention(nn.Module):
    """One head, by which a place hears what came before it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.to_head = nn.Linear(width, 3 * width, bias=False)
        self.from_head = nn.Linear(width, width, bias=False)

    def forward(self, stream: torch.Tensor) -> torch.Tensor:
        """Return what each place hears, (documents, places, width)."""
        query, key, value = self.to_head(stream).chunk(3, dim=-1)
        places = stream.shape[-2]
        later = torch.ones(places, places, dtype=torch.bool).triu(1)
        likeness = query @ key.mT / query.shape[-1] ** 0.5
        attention = likeness.masked_fill(later, -torch.inf).softmax(-1)
        heard: torch.Tensor = self.from_head(attention @ value)
        return heard


class Units(nn.Module):
    """The hidden layer of the block: linear, then GELU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 4 * width)

    def forward(self, stream: torch.Tensor) -> torch.Tensor:
        """Return the activations (documents, places, units)."""
        return functional.gelu(self.linear(stream))


class Block(nn.Module):
    """Attention, then a network of its own at every place; both add to the stream."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(width)
        self.attention = Attention(width)
        self.before_units = nn.LayerNorm(width)
        self.units = Units(width)
        self.from_units = nn.Linear(4 * width, width)

    def forward(self, stream: torch.Tensor) -> torch.Tensor:
        """Return the stream (documents, places, width) after this block."""
        stream = stream + self.attention(self.before_attention(stream))
        added: torch.Tensor = self.from_units(self.units(self.before_units(stream)))
        return stream + added


class Transformer(nn.Module):
    """One block between an embedding and a read-out: characters in, logits out."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.characters = nn.Embedding(VOCABULARY, width)
        self.places = nn.Parameter(0.1 * torch.randn(LENGTH, width))
        self.block = Block(width)
        self.last = nn.LayerNorm(width)
        self.read_out = nn.Linear(width, VOCABULARY)
        nn.init.normal_(self.characters.weight, std=0.1)

    def forward(self, characters: torch.Tensor) -> torch.Tensor:
        """Return logits (documents, places, vocabulary)."""
        stream = self.characters(characters) + self.places
        logits: torch.Tensor = self.read_out(self.last(self.block(stream)))
        return logits


def log_likelihoods(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the log-likelihood of every character, (documents, places), in nats."""
    chosen = logits.log_softmax(-1).gather(-1, target.unsqueeze(-1))
    return chosen.squeeze(-1)


def loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Return the loss that is trained, (documents, places), in nats."""
    return -log_likelihoods(logits, target)


def likelihoods_and_predictions(
    logits: torch.Tensor, target: torch.Tensor
) -> torch.Tensor:
    """Return log-likelihoods, then the number of the likeliest character everywhere.

    (documents, 2 · places): one training, both scores; `split` takes them apart.
    """
    predicted = logits.argmax(-1).to(logits.dtype)
    return torch.cat([log_likelihoods(logits, target), predicted], dim=-1)


def split(scores: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Return log-likelihoods and predictions, (runs, documents, places) each."""
    return scores[..., :LENGTH], scores[..., LENGTH:].astype(np.int64)


def text_trainer(steps: int, **options: Any) -> mm.ModuleTrainer:
    """Return the trainer of small transformers; `options` as of `ModuleTrainer`.

    The score is the log-likelihood of every character, unless another is given.
    """
    recipe: dict[str, Any] = {
        "score": log_likelihoods,
        "loss": loss,
        "batch_size": BATCH,
        "optimizer_options": {"lr": LEARNING_RATE, "weight_decay": 0.0},
    }
    return mm.ModuleTrainer(
        partial(Transformer, WIDTH), steps=steps, **(recipe | options)
    )
