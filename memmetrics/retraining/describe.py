"""What a function or a value is, in plain JSON: for the manifest of a store."""

from __future__ import annotations

import functools
import hashlib
import types
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from memmetrics._validation import to_numpy


def describe(value: object) -> Any:
    """Return plain JSON that is equal for equal values, and differs for others.

    Of a function that is its name and a digest of what it does: bytecode, constants,
    default values, and the values that it closes over. Globals that it reads are
    known by name only.

    Examples
    --------
    >>> describe({"lr": 0.1})
    {'lr': 0.1}
    >>> describe(lambda x: x + 1)["digest"] == describe(lambda x: x + 1)["digest"]
    True
    >>> describe(lambda x: x + 1)["digest"] == describe(lambda x: x + 2)["digest"]
    False
    """
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (np.ndarray, np.generic, torch.Tensor)):
        array = np.ascontiguousarray(to_numpy(value))
        return {
            "shape": list(array.shape),
            "dtype": array.dtype.str,
            "digest": _digest(array.tobytes()),
        }
    if isinstance(value, Mapping):
        return {str(key): describe(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [describe(item) for item in value]
    return _describe_callable(value)


def _describe_callable(value: object) -> Any:
    if isinstance(value, functools.partial):
        return {
            "name": "functools.partial",
            "function": describe(value.func),
            "arguments": [describe(value.args), describe(value.keywords)],
        }
    if isinstance(value, types.MethodType):
        return {"method": describe(value.__func__), "of": describe(value.__self__)}
    if isinstance(value, types.FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        parts = [
            _code(value.__code__),
            describe(value.__defaults__),
            describe(value.__kwdefaults__),
            # a function that closes over itself would never end
            [describe(cell) for cell in cells if cell is not value],
        ]
        return {"name": _name(value), "digest": _digest(repr(parts).encode())}
    if isinstance(value, (type, types.BuiltinFunctionType)):
        return _name(value)
    state = getattr(value, "__dict__", {})
    return {"name": _name(type(value)), "state": describe(dict(state))}


def _code(code: types.CodeType) -> list[Any]:
    """Return what the bytecode does, free of file names and line numbers."""
    literals = [
        _code(item) if isinstance(item, types.CodeType) else repr(item)
        for item in code.co_consts
    ]
    return [code.co_code.hex(), code.co_names, literals]


def _name(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
