"""Dropout by key: the right share, a new mask with each call, none shared by runs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from memmetrics.trainers.module.layers.dropout import KeyedDropout, use_keyed_dropout


def keyed(p, key):
    layer = KeyedDropout(p)
    layer.key.fill_(key)
    return layer


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_share_and_scale(p):
    values = keyed(p, 3)(torch.ones(200, 500))
    kept = values != 0
    # five standard errors of a share among 100,000
    margin = 5 * (p * (1 - p) / values.numel()) ** 0.5
    assert abs(kept.float().mean() - (1 - p)) < margin
    torch.testing.assert_close(values[kept], torch.full_like(values[kept], 1 / (1 - p)))
    for axis in (0, 1):  # no stripes
        assert kept.float().mean(axis).std() < 2 * (p * (1 - p) / 200) ** 0.5


def test_masks_of_calls_and_keys_are_unrelated():
    layer, other = keyed(0.5, 3), keyed(0.5, 4)
    ones = torch.ones(100_000)
    masks = torch.stack([layer(ones), layer(ones), other(ones), other(ones)]) / 2
    correlation = torch.corrcoef(masks)
    assert (correlation - torch.eye(4)).abs().max() < 0.02


def test_the_same_key_gives_the_same_masks_and_padding_none_other():
    first, second = keyed(0.5, 3), keyed(0.5, 3)
    short, long = first(torch.ones(4, 7)), second(torch.ones(9, 7))
    assert torch.equal(short, long[:4])
    assert torch.equal(first.key, second.key)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_all_or_nothing(p):
    values = torch.randn(5, 5)
    assert torch.equal(keyed(p, 1)(values), values * (1 - p))


def test_evaluation_leaves_values_and_key_alone():
    layer = keyed(0.5, 3).eval()
    values = torch.randn(5)
    assert torch.equal(layer(values), values)
    assert layer.key == 3


@pytest.mark.parametrize("p", [0.3, 1.0])
def test_in_place_overwrites_what_went_in(p):
    values = torch.randn(50)
    expected = keyed(p, 3)(values.clone())
    layer = KeyedDropout(p, inplace=True)
    layer.key.fill_(3)
    assert layer(values) is values
    torch.testing.assert_close(values, expected)


def test_a_layer_with_hooks_stays_that_layer():
    module = nn.Sequential(nn.Dropout(0.1), nn.Dropout(0.1))
    module[0].register_forward_hook(lambda *_: None)
    use_keyed_dropout(module, 0)
    assert type(module[0]) is nn.Dropout
    assert isinstance(module[1], KeyedDropout)


def test_every_layer_gets_its_own_key_from_the_seed():
    def build(seed):
        module = nn.Sequential(
            nn.Dropout(0.1), nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.2))
        )
        use_keyed_dropout(module, seed)
        return module

    module, again, other = build(0), build(0), build(1)
    layers = [child for child in module.modules() if isinstance(child, KeyedDropout)]
    assert [layer.p for layer in layers] == [0.1, 0.2]
    assert layers[0].key != layers[1].key
    assert module[0].key == again[0].key
    assert module[0].key != other[0].key
