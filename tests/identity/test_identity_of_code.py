"""What a function is known by: its code, and all that the code reads."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest

import memmetrics as mm
from memmetrics.errors import UnidentifiedError
from memmetrics.identity.describe import describe

RECIPE = """
import functools
import json
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np
import torch

import other

LABELS = np.arange(4)
RATES = {"a": 0.1}
UNUSED = 1


class Mode(Enum):
    FAST = 1


class Sizes(NamedTuple):
    wide: int = 4


def helper(x):
    return x * 2


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


def decorated(function):
    @functools.wraps(function)
    def wrapper(*arguments):
        return 1 * function(*arguments)

    return wrapper


@decorated
def wrapped(x):
    return x + 1


@functools.lru_cache
def cached(x):
    return x + 10


@torch.no_grad()
def without_gradients(x):
    return x + 100


class Base:
    shift = 5

    def lower(self, x):
        return x - self.shift


@dataclass
class Model(Base):
    rate: float = 0.5

    @property
    def double(self):
        return 2 * self.rate

    @staticmethod
    def fixed():
        return 3

    def run(self, x):
        return super().lower(x) * self.double * self.fixed()


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 2)

    def forward(self, x):
        return self.layer(x) * 7


def score(indices, seed):
    from other import late

    def inner(x):
        return [late(y) + 8 for y in x if y in {"a", "b"}]

    total = helper(LABELS[indices]) + RATES["a"] + even(3) + wrapped(1) + cached(2)
    total = total + without_gradients(3) + Model().run(4) + other.used()
    total = total + Mode.FAST.value
    return total + len(inner("ab")) + Sizes().wide + np.sqrt(2)


def factory():
    return Network()
"""
OTHER = """
SCALE = 6


def used():
    return SCALE


def unused():
    return 0


def late(x):
    return x + "9"
"""
DIFFERENT = [
    ("recipe", "np.arange(4)", "np.arange(4)[::-1]"),
    ("recipe", "np.arange(4)", "np.arange(4.0)"),
    ("recipe", '{"a": 0.1}', '{"a": 0.2}'),
    ("recipe", '{"a": 0.1}', '{"a": 0.1, "b": 1}'),
    ("recipe", "FAST = 1", "FAST = 2"),
    ("recipe", "wide: int = 4", "wide: int = 5"),
    ("recipe", "x * 2", "x * 3"),
    ("recipe", "n == 0 or", "n == 1 or"),
    ("recipe", "n != 0 and", "n != 1 and"),
    ("recipe", "1 * function", "2 * function"),
    ("recipe", "return x + 1\n", "return x + 2\n"),
    ("recipe", "x + 10\n", "x + 11\n"),
    ("recipe", "x + 100\n", "x + 101\n"),
    ("recipe", "@torch.no_grad()\n", ""),
    ("recipe", "shift = 5", "shift = 6"),
    ("recipe", "x - self.shift", "x + self.shift"),
    ("recipe", "rate: float = 0.5", "rate: float = 0.6"),
    ("recipe", "2 * self.rate", "3 * self.rate"),
    ("recipe", "return 3", "return 4"),
    ("recipe", "super().lower(x) *", "super().lower(x) +"),
    ("recipe", "+ 8 for", "+ 9 for"),
    ("recipe", '{"a", "b"}', '{"a", "c"}'),
    ("recipe", "np.sqrt", "np.cbrt"),
    ("other", "SCALE = 6", "SCALE = 7"),
    ("other", "return SCALE", "return -SCALE"),
    ("other", '"9"', '"8"'),
]
THE_SAME = [
    ("recipe", "UNUSED = 1", "UNUSED = 2"),
    ("recipe", "x * 2", "(x   *   2)  # twice"),
    ("recipe", "def helper(x):\n", 'def helper(x: np.ndarray) -> int:\n    "A doc."\n'),
    ("recipe", "def inner(x):\n", 'def inner(x: Base) -> Mode:\n        "A doc."\n'),
    ("recipe", "    total = helper", "\n\n    total: int = helper"),
    ("recipe", "class Base:\n", 'class Base:\n    "A doc."\n\n'),
    ("recipe", "LABELS = ", "\n\n\nLABELS = "),
    ("recipe", "np.arange(4)", "np.array([0, 1, 2, 3])"),
    ("recipe", '{"a", "b"}', '{"b", "a",}'),
    ("other", "return 0", "return 1"),
]


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Return a function that imports the recipe with one text replaced."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield lambda *change: _load(tmp_path, *change)
    for name in ("recipe", "other"):
        sys.modules.pop(name, None)


def _load(folder, which="", old="", new=""):
    for name, source in (("recipe", RECIPE), ("other", OTHER)):
        assert name != which or old in source
        changed = source.replace(old, new) if name == which else source
        (folder / f"{name}.py").write_text(changed)
        sys.modules.pop(name, None)
    importlib.invalidate_caches()
    return importlib.import_module("recipe")


def text(value):
    return json.dumps(describe(value), sort_keys=True)


@pytest.mark.parametrize("change", DIFFERENT, ids=lambda change: change[1])
def test_whatever_changes_numbers_changes_the_identity(load, change):
    before = text(load().score)
    assert '"bytecode"' not in before
    assert text(load(*change).score) != before


@pytest.mark.parametrize("change", THE_SAME, ids=lambda change: change[2])
def test_what_does_not_change_numbers_does_not(load, change):
    before = text(load().score)
    assert text(load(*change).score) == before


def test_a_factory_is_known_by_the_class_that_it_makes(load):
    before = text(load().factory)
    changed = load("recipe", "self.layer(x) * 7", "self.layer(x) * 8")
    assert text(changed.factory) != before
    assert text(load().factory) == before


def test_values_that_change_while_it_runs_count(load):
    recipe = load()
    before = text(recipe.score)
    recipe.Base.shift = 50
    shifted = text(recipe.score)
    sys.modules["other"].SCALE = 60
    assert len({before, shifted, text(recipe.score)}) == 3


def test_a_file_that_was_edited_after_import_is_not_mistaken_for_the_code(load):
    recipe = load()
    before = text(recipe.helper)
    Path(recipe.__file__).write_text(RECIPE.replace("x * 2", "x * 3"))
    assert "bytecode" in text(recipe.helper)
    assert text(recipe.helper) != before


SCRIPT = """
import json, sys
import recipe
from memmetrics.identity.describe import describe
values = {"a", "b", "c"}
closure = lambda: (values, recipe)
recipes = [recipe.score, recipe.factory, closure, {"x", "y", (1, "z")}]
print(json.dumps(describe(recipes)))
"""


def test_the_identity_is_the_same_in_every_process(load, tmp_path):
    load()

    def run(seed, *arguments, **options):
        paths = os.pathsep.join([str(tmp_path), str(Path(mm.__path__[0]).parent)])
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": paths}
        command = [sys.executable, *arguments]
        return subprocess.check_output(command, env=environment, text=True, **options)

    (tmp_path / "main.py").write_text(SCRIPT)
    files = {run(seed, str(tmp_path / "main.py")) for seed in ("0", "1")}
    piped = {run(seed, "-", input=SCRIPT) for seed in ("0", "1")}
    assert len(files) == len(piped) == 1
    assert '"bytecode"' not in files.pop()


def test_the_identity_survives_a_trip_to_a_worker():
    values = {"a", "b"}

    def score(indices, seed):
        return [x in {"a", "b"} for x in values] + list(np.arange(3))

    there = joblib.Parallel(n_jobs=2)(joblib.delayed(text)(score) for _ in range(2))
    assert there == [text(score)] * 2


def test_lambdas_on_one_line_are_told_apart():
    one, two, again = lambda x: x + 1, lambda x: x + 2, lambda x: x + 1
    assert text(one) == text(again) != text(two)
    assert '"bytecode"' not in text(one)


def test_a_function_without_source_is_known_by_its_bytecode():
    def made(body):
        names = {"y": 3}
        exec(body, names)  # noqa: S102 - a function of no file
        return names["f"]

    one, two = made("def f(x): return x + y"), made("\n\ndef f(x): return x - y")
    assert "bytecode" in text(one)
    assert text(one) != text(two)
    assert text(one) == text(made('def f(x):\n  "A doc."\n  return x + y'))


@pytest.mark.parametrize("module", ["json", "numpy", "torch", "recipe", "other"])
def test_closing_over_a_module_ends_quickly(load, module):
    load()
    closed = importlib.import_module(module)
    assert text(lambda: closed) == text(lambda: closed)
    assert len(text(lambda: closed)) < 30_000


@pytest.mark.parametrize("call", ["eval('1')", "exec('1')", "globals()['a']"])
def test_what_can_read_anything_is_refused(call):
    names = {}
    exec(f"def f(indices, seed): return {call}", names)  # noqa: S102
    with pytest.raises(UnidentifiedError, match="it can read anything"):
        describe(names["f"])
