"""Objects and classes in parts: what makes one differ from another of its kind."""

from __future__ import annotations

import copyreg
import dis
import enum
import functools
import inspect
import types
from typing import Any

import torch

from memmetrics.identity.libraries import is_library

__all__ = ["belongs", "is_special", "recipe_state", "take_apart"]

# Of a class: what Python or its libraries put there, which differs between versions.
_PUT_THERE = {"_abc_impl", "_is_protocol", "_is_runtime_protocol"}
_DESCRIPTORS = (
    types.FunctionType,
    property,
    staticmethod,
    classmethod,
    functools.cached_property,
    functools.partialmethod,
)
_SLOTS = (types.MemberDescriptorType, types.GetSetDescriptorType)


def take_apart(value: Any) -> tuple[Any, tuple[Any, ...], Any, list[Any]]:
    """Return by what pickle would make an object, of what, with what state and items.

    Examples
    --------
    >>> from fractions import Fraction
    >>> take_apart(Fraction(1, 3))[1]
    (1, 3)
    """
    reduce = copyreg.dispatch_table.get(type(value))
    reduced = reduce(value) if reduce else value.__reduce_ex__(4)
    if isinstance(reduced, str):  # known by its name alone
        if not is_library(type(value).__module__):
            raise TypeError(reduced)
        return None, (reduced,), None, []
    made, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
    if made.__module__ == "copyreg":
        arguments = arguments[1:]
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):
        state = {**(state[0] or {}), **state[1]}  # of an object with slots
    if isinstance(state, dict):
        state = _lasting(value, state)
    return made, arguments, state, [*(items or ()), *(pairs or ())]


def recipe_state(trainer: object) -> dict[str, Any]:
    """Return a trainer's attributes, but for those that only its ``fit`` gives it.

    Examples
    --------
    >>> class Recipe:
    ...     def __init__(self, rate):
    ...         self.rate = rate
    ...
    ...     def fit(self, data, member, *, seeds):
    ...         self.center = max(data)
    ...         return self
    >>> recipe = Recipe(0.1).fit(range(4), None, seeds=[0])
    >>> recipe_state(recipe), vars(recipe)
    ({'rate': 0.1}, {'rate': 0.1, 'center': 3})
    """
    _, arguments, state, items = take_apart(trainer)
    kind = type(trainer)
    results = _given(kind, "fit", set()) - _given(kind, "__init__", set())
    kept = {k: v for k, v in dict(state or {}).items() if k not in results}
    more = {"<arguments>": arguments, "<items>": items}
    return kept | {name: value for name, value in more.items() if value}


def _given(kind: type, method: str, seen: set[str]) -> set[str]:
    """Return the attributes that a method sets, and the methods that it mentions."""
    function = inspect.getattr_static(kind, method, None)
    if method in seen or not isinstance(function, types.FunctionType):
        return set()
    seen.add(method)
    steps = list(dis.get_instructions(function.__code__))
    mentioned = {s.argval for s in steps if s.opname in {"LOAD_ATTR", "LOAD_METHOD"}}
    given = {s.argval for s in steps if s.opname == "STORE_ATTR"}
    return given.union(*(_given(kind, name, seen) for name in sorted(mentioned)))


def _lasting(value: object, state: dict[Any, Any]) -> dict[Any, Any]:
    """Return the state without what is computed from the rest, or says a version."""
    empty = vars(torch.nn.Module()) if isinstance(value, torch.nn.Module) else {}
    cached = functools.cached_property
    return {
        name: item
        for name, item in state.items()
        if not (name == "_sklearn_version" or (name in empty and item == empty[name]))
        and not isinstance(getattr(type(value), str(name), None), cached)
    }


def belongs(cls: type, name: str, value: object) -> bool:
    """Return whether an attribute is the class's own, not put there by Python.

    Examples
    --------
    >>> class Recipe:
    ...     rate = 0.1
    >>> [name for name in vars(Recipe) if belongs(Recipe, name, vars(Recipe)[name])]
    ['rate']
    """
    if name in _PUT_THERE or isinstance(value, _SLOTS):
        return False
    if issubclass(cls, enum.Enum) and (name in cls.__members__ or name[0] == "_"):
        return isinstance(value, _DESCRIPTORS) and not _is_generated(cls, value)
    if _is_generated(cls, value):
        return False
    return not is_special(name) or isinstance(value, _DESCRIPTORS)


def is_special(name: str) -> bool:
    """Return whether a name is one of Python's, such as ``__doc__``."""
    return name.startswith("__") and name.endswith("__")


def _is_generated(cls: type, value: object) -> bool:
    """Return whether a method was made from fields, which are known themselves."""
    function = getattr(value, "__func__", value)
    function = getattr(function, "__wrapped__", function)  # a repr that may recur
    if not isinstance(function, types.FunctionType):
        return False
    home = function.__globals__.get("__name__")
    of_fields = hasattr(cls, "__dataclass_fields__") or hasattr(cls, "_fields")
    made = function.__code__.co_filename.startswith(("<string>", "<attrs"))
    inherited = issubclass(cls, enum.Enum) or hasattr(cls, "_fields")
    return (of_fields and made) or (
        inherited and (is_library(home) or str(home).startswith("namedtuple_"))
    )
