"""What a store knows a recipe by: whatever changes numbers, and nothing else."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import json
import math
import sys
import threading
import types
import uuid
from collections import namedtuple
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from hypothesis import given, strategies as st
from simple_trainers import NearestMean

import memmetrics as mm
from memmetrics.errors import StoreMismatchError, UnidentifiedError
from memmetrics.experiment.store.manifest import trainer_configuration
from memmetrics.identity.describe import describe

POINTS = np.random.default_rng(0).normal(size=(12, 2))


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Slotted:
    __slots__ = ("rate", "steps")

    def __init__(self, rate):
        self.rate = rate


@dataclasses.dataclass
class Options:
    rate: float = 0.1
    loss: object = None


Pair = namedtuple("Pair", "first second")  # noqa: PYI024 - the other kind


def text(value):
    return json.dumps(describe(value), sort_keys=True)


def closing_over(value):
    return lambda indices, seed: (indices, seed, value)


def tensor(*values, dtype=torch.float32, grad=False):
    return torch.tensor(values, dtype=dtype, requires_grad=grad)


def sparse(values, kind=scipy.sparse.csr_array):
    return kind(np.array(values))


# All of them differ from one another.
VALUES = [
    *(None, True, False, 0, 1, 2**70, 0.0, -0.0, 1.0, math.nan, math.inf, 1j, -1j),
    *("", "1", "a", b"", b"1", bytearray(b"1"), (), [], {}, set(), frozenset()),
    *((1,), [1], {1}, frozenset({1}), {1: 0}, {"1": 0}, {1.0: 0}, {True: 0}),
    *([[1], 2], [[1, 2]], [1, [2]], ["1", 2], ["<set>", []], {"<set>": []}),
    *({"a": 1, "b": 2}, {"a": 2, "b": 1}, {"a": {1, 2}}, {"a": {1, 3}}),
    *(range(3), range(1, 3), slice(1), slice(2), Path("a"), Path("b"), Ellipsis),
    *(fractions.Fraction(1, 3), fractions.Fraction(2, 3), decimal.Decimal("1.0")),
    *(decimal.Decimal("1.00"), uuid.UUID(int=1), uuid.UUID(int=2)),
    *(dt.date(2020, 1, 1), dt.date(2020, 1, 2)),
    *(
        dt.datetime(2020, 1, 1),  # noqa: DTZ001 - on purpose
        dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    ),
    *(Colour.RED, Colour.BLUE, Colour, Slotted(1), Slotted(2), Slotted, Options()),
    *(Options(0.2), Options(loss=len), Options(loss=max), Pair(1, 2), Pair(2, 1)),
    *(types.SimpleNamespace(a=1), types.SimpleNamespace(a=2)),
    *(np.float32(1), np.float64(1), np.int64(1), np.int32(1), np.bool_(True)),
    *(np.dtype("f4"), np.dtype("f8"), np.dtype([("a", "f4")]), np.float32, np.float64),
    *(np.arange(3), np.arange(3.0), np.arange(3, dtype="i4"), np.arange(6)),
    *(np.arange(6).reshape(2, 3), np.arange(6).reshape(3, 2), np.array(0), np.zeros(0)),
    *(np.zeros((0, 3)), np.array(["a", "b"]), np.array(["a", "c"]), np.array([b"a"])),
    *(np.array([1, "a"], dtype=object), np.array([2, "a"], dtype=object)),
    *(np.array(["2020"], "M8[D]"), np.array(["2020"], "M8[s]"), np.array([1, None])),
    *(np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 2], mask=[1, 0])),
    *(np.zeros(2, [("a", "i1"), ("b", "f8")]), np.ones(2, [("a", "i1"), ("b", "f8")])),
    *(tensor(1), tensor(1, dtype=torch.float64), tensor(1, grad=True), tensor(2)),
    *(tensor(1, dtype=torch.bfloat16), torch.tensor(1.0), torch.zeros(0)),
    *(torch.nn.Parameter(tensor(1)), torch.eye(2), torch.eye(2).to_sparse()),
    *(torch.float32, torch.float64, torch.device("cpu"), torch.device("cuda")),
    *(sparse([[0, 1]]), sparse([[1, 0]]), sparse([[0, 1.0]]), sparse([[0], [1]])),
    *(
        sparse([[0, 1]], scipy.sparse.csr_matrix),
        sparse([[0, 1]], scipy.sparse.coo_array),
    ),
    *(pd.Series([1, 2]), pd.Series([1, 3]), pd.Series([1, 2], index=[1, 0])),
    *(pd.Series(["a", "b"]), pd.Series(["a", "b"], dtype="category")),
    *(pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"b": [1, 2]}), pd.Index([1, 2])),
    *(pd.Timestamp(0), pd.Timestamp(1), pd.NA, np.random.default_rng(0)),
    *(np.random.default_rng(1), np.random.SeedSequence(1), np.random.RandomState(0)),
    *(torch.Generator(), torch.Generator().manual_seed(1), torch.nn.ReLU()),
    *(torch.nn.Dropout(0.1), torch.nn.Dropout(0.2), len, max, np.exp, np.log, np.mean),
    *(torch.relu, torch.nn.functional.relu, np.linalg.norm, scipy.linalg, np.linalg),
    *(
        functools.partial(max, 1),
        functools.partial(max, 2),
        functools.partial(max, a=1),
    ),
    *([].append, [1].append, "a".join, "b".join),
    *(lambda x: x, lambda x: x + 1, lambda x: x + 2, lambda x, y: x, lambda x=1: x),
    *(lambda x=2: x, lambda *, x=1: x, lambda *x: x, lambda **x: x, lambda: (yield)),
    *map(closing_over, (b"c", b"d", tuple, types)),
    *(lambda x: x in {"a", "b"}, lambda x: x in {"a", "c"}, lambda: 1, lambda: True),
    *(lambda: 1.0, lambda: "1", lambda: [y + 1 for y in POINTS], lambda: {*POINTS}),
]


def test_no_two_values_are_taken_for_the_same():
    seen = {}
    for value in VALUES:
        for wrap in (lambda v: v, closing_over):
            if wrap is closing_over and isinstance(value, types.FunctionType):
                continue
            described = text(wrap(value))
            assert described not in seen, (value, seen[described])
            seen[described] = value


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_is_the_same_again_alone_and_closed_over(value):
    assert text(value) == text(value)
    if not isinstance(value, (types.BuiltinMethodType, types.FunctionType, type(np))):
        assert text(copy.deepcopy(value)) == text(value)
    assert text(closing_over(value)) == text(closing_over(value))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (np.ones((3, 2)), np.asfortranarray(np.ones((3, 2)))),
        (np.arange(3), np.arange(6)[::2] // 2),
        (np.arange(3), np.arange(3, dtype=">i8")),
        (torch.eye(3), torch.eye(3).T),
        (set("abcdef"), set("fedcba")),
        (Slotted, copy.copy(Slotted)),
        (functools.partial(max, a=1, b=2), functools.partial(max, b=2, a=1)),
        (Options(0.1), copy.deepcopy(Options(0.1))),
        ([[1], [1]], [[1]] * 2),
    ],
)
def test_what_makes_no_difference(first, second):
    assert text(first) == text(second)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.binary(max_size=3)
    | st.fractions()
    | st.dates()
    | st.uuids()
)
HASHABLE = st.recursive(
    SCALARS, lambda s: st.tuples(s, s) | st.frozensets(s, max_size=3), max_leaves=5
)
NESTED = st.recursive(
    HASHABLE,
    lambda s: (
        st.lists(s, max_size=3)
        | st.sets(HASHABLE, max_size=3)
        | st.dictionaries(HASHABLE, s, max_size=3)
    ),
    max_leaves=8,
)


def plain(value):
    """Write a value down by another way: types, and elements of sets in order."""
    if isinstance(value, dict):
        return "dict", [(plain(key), plain(item)) for key, item in value.items()]
    if isinstance(value, (set, frozenset)):
        return type(value).__name__, sorted(repr(plain(item)) for item in value)
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [plain(item) for item in value]
    return type(value).__name__, repr(value)


@given(NESTED, NESTED)
def test_descriptions_are_equal_where_values_are(first, second):
    same = repr(plain(first)) == repr(plain(second))
    assert (text(first) == text(second)) == same
    assert (text(closing_over(first)) == text(closing_over(second))) == same
    assert text(copy.deepcopy(first)) == text(first)
    json.loads(text(first))


def test_descriptions_stay_small_and_fast_whatever_is_shared():
    value = function = [0]
    for _ in range(60):
        value = [value, value]
        function = closing_over((function, function))
    assert len(text(value)) < 3000
    assert len(text(function)) < 50_000
    looping = [1]
    looping.append(looping)
    assert text(looping) != text([1, [1]])


@pytest.mark.parametrize(
    "value",
    [threading.Lock(), (i for i in range(3)), sys.stderr, memoryview(b"a")],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_known_is_refused_with_a_store_only(value, tmp_path):
    def score(indices, seed):
        return np.zeros(len(POINTS)) * (value is None)

    def run(**options):
        return mm.retrain(mm.FunctionTrainer(score), POINTS, runs=2, rng=0, **options)

    message = f"`value` of `function` cannot be identified.*{type(value).__name__}"
    with pytest.raises(UnidentifiedError, match=message) as caught:
        run(store=tmp_path / "store")
    assert "`identity=`" in str(caught.value)
    assert not (tmp_path / "store").exists()
    run()
    run(store=tmp_path / "store", identity=["mine", 1])
    with pytest.raises(StoreMismatchError, match="identity: stored"):
        run(store=tmp_path / "store", identity=["mine", 2])


class Mine:
    """Somebody's own trainer, without a configuration."""

    def __init__(self, lr, loss=None):
        self.lr, self.loss = lr, loss

    def fit(self, data, member, *, seeds):
        self.centers = np.stack([data[row].mean(0) for row in member])
        return self

    def scores(self, targets):
        return -np.abs(targets - self.centers[:, np.newaxis]).sum(-1) * self.lr


def test_a_trainer_of_ones_own_is_known_by_its_attributes(tmp_path):
    def run(trainer):
        return mm.retrain(trainer, POINTS, runs=4, rng=0, store=tmp_path).scores

    trainer = Mine(0.1)
    first = run(trainer)
    assert np.array_equal(run(trainer), first)  # what `fit` left in it is no matter
    assert np.array_equal(run(Mine(0.1)), first)
    for other in (Mine(0.2), Mine(0.1, lambda x: x), NearestMean()):
        with pytest.raises(StoreMismatchError, match="trainer"):
            run(other)


def test_a_function_in_a_field_counts():
    one, two = Options(loss=lambda x: x), Options(loss=lambda x: -x)
    assert trainer_configuration(one) != trainer_configuration(two)


def test_a_trainer_derived_from_ours_is_known_by_its_code():
    class Louder(mm.ToyTrainer):
        def fit(self, *arguments, **options):
            return super().fit(*arguments, **options)

    assert trainer_configuration(Louder())["<code>"]
    assert "<code>" not in trainer_configuration(mm.ToyTrainer())
