"""What a function reads from outside: globals, closures, modules of the user's own."""

from __future__ import annotations

import dis
import importlib
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from memmetrics.errors import UnidentifiedError
from memmetrics.identity.libraries import is_library
from memmetrics.identity.source import inner_codes

_GLOBALS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
_CELLS = {"LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"}
_ATTRIBUTES = {"LOAD_ATTR", "LOAD_METHOD"}
# With these a function can read what its code does not name.
_ANYTHING = {"eval", "exec", "globals", "__import__"}


def outside_of(
    function: FunctionType, ignored: frozenset[str] = frozenset()
) -> Iterator[tuple[str, Any]]:
    """Yield the name and the value of everything that a function reads.

    Of a module of the user's own these are the attributes that the function takes, or
    all there are if it is used in any other way.

    Raises
    ------
    UnidentifiedError
        If the function can read anything at all, as with ``eval``.

    Examples
    --------
    >>> def scaled_by(scale):
    ...     return lambda x: scale * x
    >>> list(outside_of(scaled_by(3)))
    [('scale', 3)]
    """
    cells = dict(cells_of(function))
    names = function.__globals__
    for from_cell, (name, *attributes) in _reads(function.__code__):
        place = cells if from_cell else names
        if name in place and name not in ignored:
            yield _reached(name, place[name], attributes)
        elif name in _ANYTHING:
            raise UnidentifiedError(
                f"`{function.__qualname__}`", f"with `{name}` it can read anything"
            )
    for module, parts in _imports(function.__code__):
        yield from _imported(module, parts, names.get("__package__"))


def cells_of(function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield the name and the value of each variable that a function closes over."""
    cells = function.__closure__ or ()
    for name, cell in zip(function.__code__.co_freevars, cells, strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not assigned yet
            continue


def _reached(name: str, value: Any, attributes: list[str]) -> tuple[str, Any]:
    """Follow attributes for as long as they are taken of the user's own modules."""
    for attribute in attributes:
        if not isinstance(value, ModuleType) or is_library(value.__name__):
            break
        if not hasattr(value, attribute):
            return f"{name}.{attribute}", None
        name, value = f"{name}.{attribute}", getattr(value, attribute)
    return name, value


def _imported(
    name: str, parts: tuple[str, ...], package: str | None
) -> Iterator[tuple[str, Any]]:
    """Yield what an import inside a function would bring."""
    try:
        module = importlib.import_module(name, package)
    except ImportError:  # perhaps it is meant to be optional
        yield name, None
        return
    if not parts:
        top = name.partition(".")[0]
        yield from {name: module, top: importlib.import_module(top)}.items()
    for part in parts:
        if hasattr(module, part):
            yield f"{name}.{part}", getattr(module, part)
        else:
            yield from _imported(f"{name}.{part}", (), package)


def _reads(code: CodeType) -> Iterator[tuple[bool, tuple[str, ...]]]:
    """Yield whether from a closure, the variable, and attributes taken right away."""
    chain: tuple[str, ...] = ()
    from_cell = False
    for step in dis.get_instructions(code):
        if chain and step.opname in _ATTRIBUTES:
            chain += (step.argval,)
            continue
        if chain:
            yield from_cell, chain
        chain = (step.argval,) if step.opname in _GLOBALS | _CELLS else ()
        from_cell = step.opname in _CELLS
    for inner in inner_codes(code):
        yield from _reads(inner)


def _imports(code: CodeType) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the modules that code imports, dots first, and the names from each."""
    steps = list(dis.get_instructions(code))
    for place, step in enumerate(steps):
        if step.opname == "IMPORT_NAME":
            level, parts = steps[place - 2].argval, steps[place - 1].argval
            yield "." * level + step.argval, parts or ()
    for inner in inner_codes(code):
        yield from _imports(inner)
