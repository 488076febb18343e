"""The kernel as the Python that it is, and what is written out of it."""

from __future__ import annotations

import importlib.util
import traceback

import numpy as np
import pytest
import torch

import memmetrics as mm
from memmetrics.trainers.toy import fused
from memmetrics.trainers.toy.kernel import compiling, unrolling

MODULE = """
from __future__ import annotations

from memmetrics.trainers.toy.kernel.unrolling import registers, unrolled

UNITS = 1
POINTS = 1


def products(left, right):
    a, b = registers(2)
    for q in unrolled(POINTS):
        a[q] = left[q]
        for k in unrolled(UNITS):
            b[q, k] = a[q] * right[k]
    total = 0
    for q in unrolled(POINTS):
        total += sum(b[q, k] for k in unrolled(UNITS))
    return total, UNITS, POINTS
"""


@pytest.fixture
def module(tmp_path):
    path = tmp_path / "products.py"
    path.write_text(MODULE)
    spec = importlib.util.spec_from_file_location("products", path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_written_out_is_the_same_function(module):
    options = [module], {"UNITS": 3, "POINTS": 2}
    plain = unrolling.specialized(*options, write_out=False)["products"]
    written_out = unrolling.specialized(*options)["products"]
    left, right = [2, 3], [5, 7, 11]
    assert plain(left, right) == written_out(left, right) == (115, 3, 2)
    assert module.products(left, right) == (10, 1, 1)
    names = set(written_out.__code__.co_varnames)
    assert {"a_0", "a_1", "b_0_0", "b_1_2"} <= names
    assert not {"a", "b", "k", "q"} & names


def test_a_traceback_shows_the_line(module):
    written_out = unrolling.specialized([module], {"UNITS": 3, "POINTS": 2})["products"]
    with pytest.raises(IndexError) as caught:
        written_out([2, 3], [5, 7])
    (last,) = traceback.extract_tb(caught.tb)[-1:]
    assert last.line == "b[q, k] = a[q] * right[k]"


@pytest.mark.parametrize("sparsity", [0.97, 0.6])
@pytest.mark.parametrize("hidden", [1, 2, 5, 7, 9])
def test_compiled_equals_the_python_it_was_written_as(hidden, sparsity, monkeypatch):
    data = mm.sparse_features(5, 530, sparsity, rng=0)
    options = {"hidden": hidden, "steps": 2, "threads": 1, "dtype": "float64"}
    trainer = mm.ToyTrainer(**options, adam_epsilon=1e-5)
    compiled = trainer.fit(data, np.ones((1, 5), bool), seeds=[0])

    def plain(hidden, kind):
        constants = compiling.constants(hidden, kind)
        modules = compiling.MODULES
        return unrolling.specialized(modules, constants, write_out=False)["train"]

    monkeypatch.setattr(fused, "training_kernel", plain)
    as_written = trainer.fit(data, np.ones((1, 5), bool), seeds=[0])
    torch.testing.assert_close(compiled.weights, as_written.weights)
    torch.testing.assert_close(compiled.bias, as_written.bias)
    assert not torch.equal(
        compiled.weights, trainer._starting_values(1, 530, [0], None)[0]
    )


def inner_names(hidden):
    """Return the names of the functions that a kernel calls, but for the barrier."""
    kernel = compiling.training_kernel(hidden, "sparse").py_func
    return {
        value.py_func.__qualname__
        for value in kernel.__globals__.values()
        if hasattr(value, "py_func") and value is not compiling.barrier.pass_barrier
    }


def test_every_compiled_form_has_a_name_of_its_own(monkeypatch):
    names = {
        compiling.training_kernel(hidden, kind).__qualname__
        for hidden in (1, 2, 8, 12)
        for kind in ("sparse", "dense")
    }
    assert len(names) == 8
    one, two = (inner_names(hidden) for hidden in (1, 2))
    assert one
    assert not one & two  # machine code is linked by them
    # Numba's cache sees changes in the last module's file alone.
    original = compiling.inspect.getsource
    own = (compiling.barrier, compiling.unrolling, compiling.nonzeros)
    for module in (*compiling.MODULES, *own):
        monkeypatch.setattr(
            compiling.inspect,
            "getsource",
            lambda asked, changed=module: original(asked) + "\n" * (asked is changed),
        )
        compiling.training_kernel.cache_clear()
        name = compiling.training_kernel(2, "sparse").__qualname__
        assert name not in names
        names.add(name)
    compiling.training_kernel.cache_clear()
