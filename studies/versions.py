"""Which versions of what computed the numbers."""

from __future__ import annotations

import platform
from importlib import metadata

import memmetrics

_PACKAGES = (
    "torch",
    "numba",
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "matplotlib",
)


def versions() -> dict[str, str]:
    """Return the version of each package that has a part in the numbers."""
    found = {"memmetrics": memmetrics.__version__, "python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
