"""What a function or a value is, in plain JSON: for the manifest of a store.

Values are known by their content, functions and classes by their code and by all that
it reads, and what belongs to an installed library by its name, since the manifest
holds the library's version. An object is taken apart as pickle would, but nothing is
ever unpickled. What pickle cannot take apart, a lock say, is refused.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import functools
import hashlib
import json
import types
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from memmetrics.errors import UnidentifiedError
from memmetrics.identity.described_arrays import ARRAYS, describe_array
from memmetrics.identity.libraries import (
    is_installed,
    is_library,
    library_name,
    public,
)
from memmetrics.identity.objects import belongs, is_special, take_apart
from memmetrics.identity.outside import cells_of, outside_of
from memmetrics.identity.source import code_of

__all__ = ["describe", "describe_all"]

# Longer descriptions are known by their digest.
_LONGEST = 1000


def describe(value: object) -> Any:
    """Return plain JSON that is equal for equal values, and differs for others.

    Raises
    ------
    UnidentifiedError
        If a value, or something that a function reads, cannot be known by its content.

    Examples
    --------
    >>> describe([0.1, "a"])
    [0.1, 'a']
    >>> describe({1: 2}), describe({"1": 2})
    ({'<dict>': [[1, 2]]}, {'<dict>': [['1', 2]]})
    >>> describe(lambda x: x + 1) == describe(lambda x: (x + 1))
    True
    >>> describe(lambda x: x + 1) == describe(lambda x: x + 2)
    False
    """
    return describe_all({"value": value})[0]["value"]


def describe_all(values: Mapping[str, object]) -> tuple[dict[str, Any], list[str]]:
    """Return the description of each value, and the libraries that they come from."""
    describer = _Describer()
    try:
        described = {name: describer.named(name, item) for name, item in values.items()}
    except RecursionError as error:
        raise UnidentifiedError(describer.where(), "it is nested too deeply") from error
    return described, sorted(describer.libraries)


class _Describer:
    """Describes what belongs together; functions and objects are numbered, as found."""

    def __init__(self, above: dict[int, int] | None = None) -> None:
        self.libraries: set[str] = set()
        self.names: list[str] = []
        self._above = dict(above or {})  # id: depth, of what is being described
        self._numbers: dict[int, tuple[int, object]] = {}  # keeps what has the id
        self._known: dict[int, tuple[Any, object]] = {}
        self._references = 0

    def named(self, name: str, value: object) -> Any:
        """Describe a value; its name is for the error."""
        self.names.append(name)
        described = self.describe(value)
        self.names.pop()
        return described

    def where(self) -> str:
        """Return where in the recipe something is, as `factory`, `lock`."""
        return " of ".join(f"`{name}`" for name in reversed(self.names))

    def describe(self, value: Any) -> Any:  # noqa: PLR0911 - one for each kind
        kind = type(value)
        if value is None or kind in (bool, float, str):
            return value
        if kind is int:
            return value if abs(value) < 2**63 else {"<int>": hex(value)}
        if kind in (bytes, bytearray):
            return {f"<{kind.__name__}>": _digest(bytes(value)), "length": len(value)}
        if isinstance(value, PurePath):
            return {"<path>": str(value)}
        if library := self._library(value):
            return library
        if id(value) in self._known:
            return self._known[id(value)][0]
        if isinstance(value, ARRAYS) and kind.__module__ != "__main__":
            with contextlib.suppress(TypeError):
                return describe_array(value, self.describe)
        if kind in (list, tuple, set, frozenset, dict, types.MappingProxyType):
            return self._container(value)
        if id(value) in self._numbers:
            self._references += 1
            return {"<seen>": self._numbers[id(value)][0]}
        self._numbers[id(value)] = len(self._numbers), value
        return self._definition_or_object(value)

    def _library(self, value: Any) -> dict[str, Any] | None:
        name = library_name(value)
        if name is None:
            return None
        self.libraries.add(name.partition(".")[0])
        return {"<library>": name}

    def _container(self, value: Any) -> Any:
        if id(value) in self._above:
            self._references += 1
            return {"<above>": self._above[id(value)]}
        before = self._references
        self._above[id(value)] = len(self._above)
        if isinstance(value, (set, frozenset)):
            items: list[Any] = sorted(map(self._apart, value), key=_text)
        elif isinstance(value, Mapping):
            items = [
                [self.describe(key), self.describe(item)] for key, item in value.items()
            ]
        else:
            items = [self.describe(item) for item in value]
        del self._above[id(value)]
        kind = "dict" if isinstance(value, Mapping) else type(value).__name__
        described: Any = items if kind == "list" else {f"<{kind}>": items}
        if len(text := _text(described)) > _LONGEST:
            described = {f"<{kind}>": _digest(text.encode()), "length": len(value)}
        if self._references == before:  # the same wherever it is found
            self._known[id(value)] = described, value
        return described

    def _apart(self, item: object) -> Any:
        """Describe an element of a set, whose elements have no order."""
        other = _Describer(self._above)
        other.libraries, other.names = self.libraries, self.names
        return other.describe(item)

    def _definition_or_object(self, value: Any) -> Any:  # noqa: PLR0911 - as above
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, types.ModuleType):
            kept = {k: v for k, v in vars(value).items() if not is_special(k)}
            return {"<module>": self._attributes(kept)}
        if type(value) is functools.partial:
            return {
                "<partial>": [self.describe(value.func), self.describe(value.args)],
                "keywords": self._attributes(value.keywords),
            }
        if isinstance(value, property):
            parts = (value.fget, value.fset, value.fdel)
            return {"<property>": [self.describe(part) for part in parts]}
        if isinstance(value, (staticmethod, classmethod)):
            return {f"<{type(value).__name__}>": self.describe(value.__func__)}
        if isinstance(value, functools.cached_property):
            return {"<cached_property>": self.describe(value.func)}
        if isinstance(value, enum.Enum):
            return {"<enum>": [self.describe(type(value)), value.name]}
        return self._wrapped(value) or self._object(value)

    def _wrapped(self, value: Any) -> dict[str, Any] | None:
        """Describe what a library made of a function: cached, compiled, and so on."""
        kind = type(value)
        inner = getattr(value, "__wrapped__", None)
        if not is_library(kind.__module__) or not callable(inner):
            return None
        options = getattr(value, "targetoptions", None)  # of numba
        return {
            "<wrapped>": [self.describe(kind), self.describe(options)],
            "function": self.describe(inner),
        }

    def _function(self, function: types.FunctionType) -> Any:
        home = function.__globals__.get("__name__")
        described: dict[str, Any]
        file = function.__code__.co_filename
        if isinstance(home, str) and is_library(home) and is_installed(file):
            # Made by a library, of values that may be yours: a decorator's wrapper.
            self.libraries.add(home.partition(".")[0])
            described = {"<library>": public(f"{home}.{function.__code__.co_qualname}")}
            outside = list(cells_of(function))
        else:
            code = code_of(function)
            described = {"<function>": code.content}
            outside = list(outside_of(function, code.annotations))
        values = {
            "defaults": function.__defaults__,
            "keyword_defaults": function.__kwdefaults__,
        }
        attributes = {k: v for k, v in vars(function).items() if k != "__wrapped__"}
        described |= {k: self.named(k, v) for k, v in values.items() if v}
        parts = {"reads": dict(outside), "attributes": attributes}
        return described | {k: self._attributes(v) for k, v in parts.items() if v}

    def _class(self, cls: type) -> Any:
        fields: dict[str, Any] = {}
        if dataclasses.is_dataclass(cls):
            fields = {f.name: self._field(f) for f in dataclasses.fields(cls)}
        if issubclass(cls, enum.Enum):
            members = cls.__members__.items()
            fields = {name: self.describe(member.value) for name, member in members}
        kept = {k: v for k, v in vars(cls).items() if belongs(cls, k, v)}
        described = {
            "<class>": [self.describe(base) for base in cls.__bases__],
            "fields": [[name, fields[name]] for name in fields],
            "body": self._attributes(kept),
        }
        if type(cls) is not type:
            described["metaclass"] = self.describe(type(cls))
        return described

    def _field(self, field: dataclasses.Field[Any]) -> list[Any]:
        parts = [field.init, field.compare, field.kw_only]
        defaults = (field.default, field.default_factory)
        return parts + [
            self.describe(d) for d in defaults if d is not dataclasses.MISSING
        ]

    def _object(self, value: Any) -> Any:
        try:
            made, arguments, state, rest = take_apart(value)
        except Exception as error:  # whatever a class raises that does not pickle
            raise self._unidentified(value) from error
        described = {"<object>": self.describe(type(value))}
        if isinstance(made, types.FunctionType) and library_name(made) is None:
            described["made_by"] = self.describe(made)
        if arguments:
            described["arguments"] = self.describe(arguments)
        if isinstance(state, dict) and all(isinstance(name, str) for name in state):
            described["state"] = self._attributes(state)
        elif state is not None:
            described["state"] = self.describe(state)
        if rest:
            described["items"] = self.describe(rest)
        return described

    def _attributes(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.named(name, values[name]) for name in sorted(values)}

    def _unidentified(self, value: object) -> UnidentifiedError:
        kind = type(value)
        return UnidentifiedError(
            self.where(), f"it is a {kind.__module__}.{kind.__qualname__}"
        )


def _text(described: object) -> str:
    return json.dumps(described, sort_keys=True)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
