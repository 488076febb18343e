"""The API reference, written from each public module's ``__all__`` before a build.

A name is documented once, at the first address in `MODULES` that has it; tables of
later modules link there.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

MODULES = (
    "memmetrics",
    "memmetrics.metrics",
    "memmetrics.statistics",
    "memmetrics.designs",
    "memmetrics.trainers",
    "memmetrics.selection",
    "memmetrics.plotting",
    "memmetrics.testing",
    "memmetrics.errors",
)
HEAD = """\
API reference
=============

Every public name, by the module that users import it from. The :ref:`genindex` has
them in alphabetical order.
"""


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages as soon as the configuration is known."""
    app.connect("config-inited", prepare)
    return {"parallel_read_safe": True}


def prepare(app: Sphinx, config: Config) -> None:
    """Write the index, and tell apart files whose names differ in case only."""
    write(Path(app.srcdir) / "api")
    config.autosummary_filename_map = {
        f"{name}.{public}": f"{name}.{public}-class"
        for name in MODULES
        for public in public_names(importlib.import_module(name))
        if public != public.lower()
    }


def write(folder: Path) -> None:
    """Write ``index.rst``, from which autosummary makes a page for every name."""
    folder.mkdir(exist_ok=True)
    text = HEAD + "".join(sections())
    index = folder / "index.rst"
    if not index.exists() or index.read_text("utf-8") != text:
        index.write_text(text, "utf-8")


def sections() -> Iterator[str]:
    """Yield one section a module: its own names, then those documented before."""
    first: dict[int, str] = {}
    for name in MODULES:
        module = importlib.import_module(name)
        own, elsewhere = [], []
        for public in public_names(module):
            address = f"{name}.{public}"
            known = first.setdefault(id(getattr(module, public)), address)
            (own if known == address else elsewhere).append(known)
        if own or elsewhere:
            yield section(module, own, elsewhere)


def public_names(module: Any) -> list[str]:
    """Return the names of ``__all__`` but modules, which have sections of their own."""
    listed = getattr(module, "__all__", ())
    names = [name for name in listed if not inspect.ismodule(getattr(module, name))]
    return sorted(names, key=lambda name: (name.lower(), name))


def section(module: Any, own: list[str], elsewhere: list[str]) -> str:
    """Return the text of one module's section."""
    summary = (inspect.getdoc(module) or "").partition("\n\n")[0].replace("\n", " ")
    lines = ["", module.__name__, "-" * len(module.__name__), "", summary, ""]
    if own:
        lines += [".. autosummary::", "   :toctree: generated", "   :nosignatures:", ""]
        lines += [f"   {address}" for address in own]
    if elsewhere:
        links = ", ".join(f":py:obj:`~{address}`" for address in elsewhere)
        lines += ["", f"Documented above: {links}."]
    return "\n".join([*lines, ""])
