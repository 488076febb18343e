"""Which studies there are: whatever lies in the folder beside the kit."""

from __future__ import annotations

import importlib
import pkgutil

import studies
from studies._kit.chapter import Study


def names(group: str | None = None) -> list[str]:
    """Names of all studies, or of one group's, in alphabetical order."""
    modules = [module.name for module in pkgutil.iter_modules(studies.__path__)]
    found = sorted(name for name in modules if not name.startswith("_"))
    return [name for name in found if group is None or find(name).group == group]


def groups() -> list[str]:
    """Names of all groups, in alphabetical order."""
    return sorted({find(name).group for name in names()})


def find(name: str) -> Study:
    """Import one study: the `STUDY` of its file or folder.

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    if name not in names():
        raise ValueError(f"no study {name!r}; there are {', '.join(names())}")
    study = importlib.import_module(f"studies.{name}").STUDY
    if not isinstance(study, Study):
        raise TypeError(f"studies.{name}.STUDY must be a Study; got {study!r}")
    return study
