"""Every kind of module gives the same stacked, where it is stacked, as alone."""

from __future__ import annotations

import copy
import random

import numpy as np
import pytest
import torch
from scores import log_likelihood
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations

import memmetrics as mm
from memmetrics.trainers.module.layers.padding import FrozenPadding

RNG = np.random.default_rng(0)
POINTS = 40
LABELS = RNG.integers(0, 3, POINTS)
VECTORS = (RNG.normal(size=(POINTS, 8)).astype("f4"), LABELS)
IMAGES = (RNG.normal(size=(POINTS, 2, 6, 6)).astype("f4"), LABELS)
TOKENS = RNG.integers(1, 9, (POINTS, 5))
TOKENS[7:, 3:] = 0  # the first documents have no padding
TEXTS = (TOKENS, LABELS)
MEMBER = RNG.random((4, POINTS)) < 0.5
MEMBER[3, 5:] = False  # fewer points than a batch
SEEDS = [3, 4, 5, 6]


class Wrapped(nn.Module):
    """A function of the inputs and of a few layers, then a linear layer."""

    def __init__(self, function, features=8, **layers):
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.function = function
        self.out = nn.Linear(features, 3)

    def forward(self, inputs):
        return self.out(self.function(self, inputs))


def of(function, features=8, **builders):
    def factory():
        layers = {name: build() for name, build in builders.items()}
        return Wrapped(function, features, **layers)

    return factory


def sequence(*builders):
    return lambda: nn.Sequential(*(build() for build in builders))


def buffered(name, value):
    def build():
        module = nn.Module()
        module.register_buffer(name, torch.as_tensor(value))
        return module

    return build


def embedding(**options):
    return of(
        lambda self, tokens: self.embed(tokens).sum(1),
        embed=lambda: nn.Embedding(9, 8, **options),
    )


def by_hand_normalized(self, inputs):
    if not self.training:
        return inputs
    return (inputs - inputs.mean(0)) / (inputs.var(0) + 1e-3).sqrt()


def mixing(self, inputs):
    return 0.999 * inputs + 0.001 * inputs.flip(0) if self.training else inputs


def averaging(self, inputs):
    if self.training:
        self.kept.mean = 0.9 * self.kept.mean + 0.1 * inputs.mean(0).detach()
    return inputs - self.kept.mean


def counting(self, inputs):
    self.kept.calls.add_(1)
    return torch.where(self.kept.calls > 9, inputs - inputs.mean(0), inputs)


def counting_plainly(self, inputs):
    self.calls = getattr(self, "calls", 0) + 1
    return inputs - inputs.mean(0) if self.calls > 9 else inputs


def seldom_noisy(_, inputs):
    return inputs if random.random() < 0.99 else 2 * inputs  # noqa: S311


def overwriting(self, inputs):
    with torch.no_grad():
        self.out.weight.clamp_(-9, 9)
    return inputs


def clipped():
    module = nn.Linear(8, 3)
    module.weight.register_hook(lambda gradient: gradient.clamp(-1e-3, 1e-3))
    return module


def tied():
    module = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 8), nn.Linear(8, 3))
    module[2].weight = module[0].weight
    return module


def with_list():
    module = Wrapped(lambda self, inputs: self.hidden[0](inputs))
    module.hidden = [nn.Linear(8, 8)]
    return module


def shared_start(base=nn.Linear(8, 3)):  # noqa: B008 - one for all on purpose
    return copy.deepcopy(base)


class UpcastNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(8))

    def forward(self, inputs):
        wide = inputs.to(torch.float32)
        return (wide / wide.pow(2).mean(-1, keepdim=True).sqrt()).to(
            inputs
        ) * self.scale


def linear():
    return nn.Linear(8, 3)


STACKED = {
    "linear": (linear, VECTORS),
    "tied": (tied, VECTORS),
    "layer norm": (sequence(lambda: nn.LayerNorm(8), nn.SiLU, linear), VECTORS),
    "RMS norm": (sequence(lambda: nn.RMSNorm(8), nn.ELU, linear), VECTORS),
    "zero start": (
        of(
            lambda self, inputs: self.gate * inputs,
            gate=lambda: nn.Parameter(torch.zeros(8)),
        ),
        VECTORS,
    ),
    "PReLU": (sequence(lambda: nn.Linear(8, 8), nn.PReLU, linear), VECTORS),
    "group norm": (
        sequence(
            lambda: nn.Conv2d(2, 4, 3),
            lambda: nn.GroupNorm(2, 4),
            nn.ReLU,
            lambda: nn.MaxPool2d(2),
            nn.Flatten,
            lambda: nn.Linear(16, 3),
        ),
        IMAGES,
    ),
    "strided": (
        sequence(
            lambda: nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2),
            nn.GELU,
            lambda: nn.AdaptiveAvgPool2d(1),
            nn.Flatten,
            lambda: nn.Linear(4, 3),
        ),
        IMAGES,
    ),
    "embedding": (embedding(), TEXTS),
    "padded embedding": (embedding(padding_idx=0), TEXTS),
    "attention": (
        of(
            lambda self, tokens: self.attend(self.embed(tokens)).mean(1),
            embed=lambda: nn.Embedding(9, 8, padding_idx=0),
            attend=lambda: nn.TransformerEncoderLayer(
                8, 2, 8, dropout=0.0, batch_first=True
            ),
        ),
        TEXTS,
    ),
    "in place": (
        sequence(lambda: nn.Linear(8, 8), lambda: nn.ReLU(inplace=True), linear),
        VECTORS,
    ),
    "copies of one start": (shared_start, VECTORS),
    "upcast": (sequence(UpcastNorm, linear), VECTORS),
}
ALONE = {
    "weight norm": (
        sequence(lambda: parametrizations.weight_norm(nn.Linear(8, 8)), linear),
        VECTORS,
    ),
    "bilinear": (
        of(lambda self, x: self.pair(x, x), pair=lambda: nn.Bilinear(8, 8, 8)),
        VECTORS,
    ),
    "scale_grad_by_freq": (embedding(scale_grad_by_freq=True), TEXTS),
    "max_norm": (embedding(max_norm=0.5), TEXTS),
    "functional padding": (
        of(
            lambda self, tokens: functional.embedding(
                tokens, self.rows, padding_idx=0
            ).sum(1),
            rows=lambda: nn.Parameter(torch.randn(9, 8)),
        ),
        TEXTS,
    ),
    "instance norm": (
        sequence(
            lambda: nn.InstanceNorm2d(2, track_running_stats=True),
            nn.Flatten,
            lambda: nn.Linear(72, 3),
        ),
        IMAGES,
    ),
    "spectral norm": (
        sequence(lambda: parametrizations.spectral_norm(nn.Linear(8, 8)), linear),
        VECTORS,
    ),
    "normalized by hand": (of(by_hand_normalized), VECTORS),
    "mixing": (of(mixing), VECTORS),
    "buffer reassigned": (of(averaging, kept=buffered("mean", np.zeros(8))), VECTORS),
    "buffer counts": (of(counting, kept=buffered("calls", 0)), VECTORS),
    "attribute counts": (of(counting_plainly), VECTORS),
    "hidden layers": (with_list, VECTORS),
    "seldom noisy": (of(seldom_noisy), VECTORS),
    "overwriting": (of(overwriting), VECTORS),
    "clipped": (clipped, VECTORS),
    "GRU": (
        of(
            lambda self, x: self.cell(x[..., None])[0][:, -1], cell=lambda: nn.GRU(1, 8)
        ),
        VECTORS,
    ),
}


def fitted(factory, data, **options):
    options = {"steps": 12, "batch_size": 8, "dtype": "float64"} | options
    trainer = mm.ModuleTrainer(factory, score=log_likelihood, **options)
    return trainer.fit(data, MEMBER, seeds=SEEDS)


@pytest.mark.parametrize("batch_size", [8, None])
@pytest.mark.parametrize("name", STACKED)
def test_stacked_is_alone(name, batch_size):
    factory, data = STACKED[name]
    dtype = "float32" if name == "upcast" else "float64"
    options = {"batch_size": batch_size, "dtype": dtype}
    if name == "upcast":  # rounds in float32, of which AdamW would make much
        options |= {"optimizer": torch.optim.SGD, "optimizer_options": {"lr": 0.1}}
    together = fitted(factory, data, **options)
    alone = fitted(factory, data, stacked=False, **options)
    assert together.one_at_a_time is None
    tolerance = 1e-10 if dtype == "float64" else 1e-5
    for key, value in together.parameters.items():
        torch.testing.assert_close(
            value, alone.parameters[key], atol=tolerance, rtol=tolerance
        )
    np.testing.assert_allclose(
        together.scores(data), alone.scores(data), atol=10 * tolerance
    )


@pytest.mark.parametrize("batch_size", [8, None])
@pytest.mark.parametrize("name", ALONE)
def test_what_may_differ_is_trained_alone(name, batch_size):
    factory, data = ALONE[name]
    stack = fitted(factory, data, batch_size=batch_size, dtype="float32")
    assert stack.one_at_a_time is not None


def test_the_padding_row_stays_as_it_was():
    stack = fitted(embedding(padding_idx=0), TEXTS)
    assert stack.one_at_a_time is None
    assert (stack.parameters["embed.weight"][:, 0] == 0).all()
    assert (stack.parameters["embed.weight"][:, 1:] != 0).all()


def test_frozen_padding_is_an_embedding_with_padding():
    layer = nn.Embedding(9, 4, padding_idx=-2)
    tokens = torch.arange(9).repeat(2)
    plain = layer(tokens)
    (expected,) = torch.autograd.grad((plain**2).sum(), layer.weight)
    layer.__class__ = FrozenPadding
    assert torch.equal(layer(tokens), plain)
    (found,) = torch.autograd.grad((layer(tokens) ** 2).sum(), layer.weight)
    assert torch.equal(found, expected)


def test_one_module_for_all_runs_is_refused():
    module = nn.Linear(8, 3)
    before = module.weight.detach().clone()
    for stacked in (None, False):
        with pytest.raises(ValueError, match=r"new module each time.*'weight'"):
            fitted(lambda: module, VECTORS, dtype=None, stacked=stacked)
    assert torch.equal(module.weight, before)
