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
    return _describe(value, frozenset())


def _describe(value: object, above: frozenset[int]) -> Any:
    """Describe a value; `above` are the ids of what it is a part of."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (np.ndarray, np.generic, torch.Tensor)):
        array = np.ascontiguousarray(to_numpy(value))
        return {
            "shape": list(array.shape),
            "dtype": array.dtype.str,
            "digest": _digest(array.tobytes()),
        }
    if id(value) in above:  # a recursive function, say
        return "itself"
    above |= {id(value)}
    if isinstance(value, Mapping):
        return {str(key): _describe(item, above) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_describe(item, above) for item in value]
    return _describe_callable(value, above)


def _describe_callable(value: object, above: frozenset[int]) -> Any:
    if isinstance(value, functools.partial):
        return {
            "name": "functools.partial",
            "function": _describe(value.func, above),
            "arguments": _describe([value.args, value.keywords], above),
        }
    if isinstance(value, types.MethodType):
        return {
            "method": _describe(value.__func__, above),
            "of": _describe(value.__self__, above),
        }
    if isinstance(value, types.FunctionType):
        parts = [
            _code(value.__code__),
            value.__defaults__,
            value.__kwdefaults__,
            [cell.cell_contents for cell in value.__closure__ or ()],
        ]
        digest = _digest(repr(_describe(parts, above)).encode())
        return {"name": _name(value), "digest": digest}
    if isinstance(value, (type, types.BuiltinFunctionType)):
        return _name(value)
    state = getattr(value, "__dict__", {})
    return {"name": _name(type(value)), "state": _describe(dict(state), above)}


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
