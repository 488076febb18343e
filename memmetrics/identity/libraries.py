"""Which modules are installed libraries, known by name and version, and which yours."""

from __future__ import annotations

import sys
import sysconfig
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

__all__ = ["is_installed", "is_library", "library_name", "library_version", "public"]

_INSTALLED = {"site-packages", "dist-packages"}


def is_library(name: str | None) -> bool:
    """Return whether a module of this name is installed, rather than the user's own.

    Examples
    --------
    >>> is_library("json"), is_library("numpy.linalg"), is_library("__main__")
    (True, True, False)
    """
    module = sys.modules.get(name or "")
    if module is None or name == "__main__":
        return False
    if name == "builtins" or str(name).partition(".")[0] == "memmetrics":
        return True
    origin: str | None = getattr(module, "__file__", None)
    if origin is None:
        spec = getattr(module, "__spec__", None)
        folders = [str(folder) for folder in getattr(module, "__path__", [])]
        origin = folders[0] if folders else getattr(spec, "origin", None)
        # torch and others put modules together in memory: parts of their package.
        if origin is None and "." in str(name):
            return is_library(str(name).rpartition(".")[0])
    return origin is not None and is_installed(origin)


@cache
def is_installed(origin: str) -> bool:
    """Return whether a file is part of Python, of a library, or of memmetrics."""
    if origin in {"built-in", "frozen"} or origin.startswith("<frozen "):
        return True
    path = Path(origin)
    if path.is_relative_to(Path(__file__).parents[1]):
        return True
    standard = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
    return bool(_INSTALLED & set(path.parts)) or any(
        path.is_relative_to(folder) for folder in standard
    )


def library_name(value: object) -> str | None:
    """Return the public name of what a library offers, None for anything else.

    Private modules on the way are left out, since they move from version to version.

    Examples
    --------
    >>> from concurrent.futures import Future
    >>> library_name(Future), library_name(len), library_name(3)
    ('concurrent.futures.Future', 'builtins.len', None)
    """
    if isinstance(value, ModuleType):
        return public(value.__name__) if is_library(value.__name__) else None
    home = getattr(value, "__module__", None)
    path = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if not (isinstance(home, str) and isinstance(path, str) and is_library(home)):
        return None
    found: object = sys.modules[home]
    for name in path.split("."):
        found = getattr(found, name, None)
    return public(f"{home}.{path}") if found is value else None


def public(name: str) -> str:
    """Return a dotted name without its private modules."""
    first, *between = name.split(".")
    last = between[-1:]
    return ".".join([first, *(n for n in between[:-1] if n[0] != "_"), *last])


@cache
def library_version(name: str) -> str:
    """Return the version of an installed library, by the name it is imported by."""
    try:
        return version(name)
    except PackageNotFoundError:
        module = sys.modules.get(name)
        return str(getattr(module, "__version__", "not installed"))
