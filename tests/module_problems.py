"""Small modules with data to train them on, for tests of ModuleTrainer."""

from __future__ import annotations

import functools

import numpy as np
import torch
from scores import log_likelihood
from torch import nn
from torch.nn import functional

SEEDS = [11, 12, 2**64 - 1]
RNG = np.random.default_rng(0)
POINTS = 37
MEMBER = RNG.random((3, POINTS)) < 0.5
LABELS = RNG.integers(0, 3, POINTS)


def token_score(output, target):
    # (batch, tokens, classes) and (batch, tokens) -> (batch, tokens)
    return -functional.cross_entropy(output.mT, target, reduction="none")


def perceptron(inputs=16, hidden=32, classes=3, dropout=0.0):
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, classes),
    )


class TokenModel(nn.Module):
    """Predicts a class for every token, through an embedding and a norm."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(9, 6)
        self.norm = nn.LayerNorm(6)
        self.out = nn.Linear(6, 9)

    def forward(self, tokens):
        return self.out(functional.gelu(self.norm(self.embed(tokens).cumsum(1))))


class TwoInputs(nn.Module):
    """Takes two arguments, uses one weight twice, and freezes another."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 5) / 3)
        self.again = self.weight
        self.frozen = nn.Parameter(torch.randn(5), requires_grad=False)
        self.unused = nn.Parameter(torch.randn(2))
        self.scale = nn.Parameter(torch.tensor(0.5))
        self.out = nn.Linear(5, 3)

    def forward(self, first, second):
        mixed = torch.tanh(first @ self.weight + second) @ self.again
        return self.out(mixed * self.scale + self.frozen)


def dense(*shape, seed=0):
    rng = np.random.default_rng([seed, *shape])
    return rng.normal(size=(POINTS, *shape)).astype("f4")


PROBLEMS = {
    "perceptron": (perceptron, (dense(16), LABELS), log_likelihood),
    "odd sizes": (
        functools.partial(perceptron, 7, 5),
        (dense(7), LABELS),
        log_likelihood,
    ),
    "convolution": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 9, 3)
        ),
        (dense(1, 5, 5), LABELS),
        log_likelihood,
    ),
    "tokens": (TokenModel, RNG.integers(0, 9, (POINTS, 4)), token_score),
    "two inputs": (TwoInputs, (dense(5), dense(5, seed=1), LABELS), log_likelihood),
    "regression": (
        lambda: nn.Linear(4, 2),
        (dense(4), dense(2)),
        lambda output, target: -((output - target) ** 2).sum(-1),
    ),
}
