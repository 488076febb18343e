"""Values of other libraries' types: told apart or refused, never taken for the same."""

from __future__ import annotations

import array
import collections
import enum
import functools
import io
import ipaddress
import itertools
import json
import operator
import random
import re
import string
import types
import zoneinfo

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import torch

from memmetrics.errors import UnidentifiedError
from memmetrics.identity.describe import describe


class Flag(enum.IntFlag):
    A = 1
    B = 2


@functools.lru_cache
def one_more(x):
    return x + 1


@functools.lru_cache
def two_more(x):
    return x + 2


def wrapping(function):
    @functools.wraps(function)
    def wrapped(*arguments):
        return function(*arguments)

    return wrapped


class Slow:
    rate = 1

    @staticmethod
    def step(x):
        return x

    @classmethod
    def scaled(cls, x):
        return cls.rate * x


class Fast:
    rate = 2

    @staticmethod
    def step(x):
        return x + 1

    @classmethod
    def scaled(cls, x):
        return cls.rate * x


PAIRS = [
    (collections.OrderedDict(a=1, b=2), collections.OrderedDict(b=2, a=1)),
    (collections.Counter("ab"), collections.Counter("abb")),
    (collections.deque([1], 3), collections.deque([1], 4)),
    (collections.defaultdict(int, a=1), collections.defaultdict(list, a=1)),
    (re.compile("a"), re.compile("a", re.IGNORECASE)),
    (array.array("i", [1]), array.array("l", [1])),
    (operator.itemgetter(1), operator.itemgetter(2)),
    (operator.methodcaller("a"), operator.methodcaller("b")),
    (one_more, two_more),
    (wrapping(len), wrapping(max)),
    (Slow.step, Fast.step),
    (Slow.scaled, Fast.scaled),
    (functools.partial(len), functools.partial(max)),
    (zoneinfo.ZoneInfo("UTC"), zoneinfo.ZoneInfo("Etc/GMT+1")),
    (Flag.A, Flag.A | Flag.B),
    (list[int], list[float]),
    (types.MappingProxyType({1: 2}), types.MappingProxyType({1: 3})),
    (ipaddress.ip_address("1.1.1.1"), ipaddress.ip_address("1.1.1.2")),
    (string.Template("a"), string.Template("b")),
    (random.Random(1), random.Random(2)),  # noqa: S311 - no cipher
    (itertools.count(1), itertools.count(2)),
    (io.StringIO("a"), io.StringIO("b")),
    (np.poly1d([1, 2]), np.poly1d([1, 3])),
    (np.random.Philox(1), np.random.Philox(2)),
    (np.vectorize(one_more), np.vectorize(two_more)),
    (np.float16(1), np.float32(1)),
    (np.timedelta64(1, "s"), np.timedelta64(1, "m")),
    (np.add.reduce, np.multiply.reduce),
    (scipy.stats.norm(0, 1), scipy.stats.norm(0, 2)),
    (pd.Interval(0, 1), pd.Interval(0, 1, closed="both")),
    (pd.Categorical(["a", "b"]), pd.Categorical(["a", "b"], categories=["b", "a"])),
    (pd.Period("2020"), pd.Period("2021")),
    (torch.Size([1, 2]), torch.Size([2, 1])),
    (torch.optim.SGD, torch.optim.Adam),
    (torch.nn.CrossEntropyLoss(), torch.nn.CrossEntropyLoss(label_smoothing=0.1)),
    (memoryview(b"a"), memoryview(b"b")),
    ((x for x in [1]), (x for x in [2])),
    (np.nditer([1]), np.nditer([2])),
]


def text(value):
    return json.dumps(describe(value), sort_keys=True)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: type(pair[0]).__name__)
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: lambda: value])
def test_they_are_told_apart_or_refused(pair, wrap):
    first, second = map(wrap, pair)
    try:
        described = text(first)
    except UnidentifiedError:
        with pytest.raises(UnidentifiedError, match="cannot be identified"):
            text(second)
        assert isinstance(pair[0], (memoryview, types.GeneratorType, np.nditer))
        return
    assert described == text(first)
    assert described != text(second)
