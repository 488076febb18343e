"""What a store's runs are runs of, written once and compared ever after."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from memmetrics.errors import StoreError, StoreMismatchError
from memmetrics.experiment.store.shards import AtomicFile
from memmetrics.identity.describe import describe_all
from memmetrics.identity.libraries import is_library, library_version
from memmetrics.identity.objects import recipe_state
from memmetrics.trainers.base import Trainer

__all__ = [
    "NAME",
    "check_same",
    "configuration_hash",
    "libraries_of",
    "package_versions",
    "read_manifest",
    "trainer_configuration",
    "write_manifest",
]

FORMAT = 1
NAME = "manifest.json"
_CONTENT = {"configuration": dict, "stack_size": int, "versions": dict}
_PACKAGES = ("torch", "numpy", "scipy")


def trainer_configuration(trainer: Trainer, identity: object = None) -> dict[str, Any]:
    """Return what identifies a recipe, as plain JSON values.

    `identity` if there is one; else a trainer's own ``configuration()``; else the code
    of its class and its attributes, but for those that only ``fit`` gives it.

    Raises
    ------
    UnidentifiedError
        If the trainer, or what its code reads, cannot be known by its content.
    TypeError
        If ``configuration()`` holds something that JSON has no word for.
    """
    kind = type(trainer)
    named = {"class": kind.__qualname__}
    if identity is not None:
        described, libraries = describe_all({"identity": identity})
        return named | described | {"<libraries>": libraries}
    if not hasattr(trainer, "configuration"):
        parts = {"<code>": kind, **recipe_state(trainer)}
        described, libraries = describe_all(parts)
        return named | described | {"<libraries>": libraries}
    own = trainer.configuration()
    try:
        plain: dict[str, Any] = json.loads(json.dumps(own))
    except TypeError as error:
        raise TypeError(
            f"`{kind.__name__}.configuration()` must be of plain JSON values: {error}"
        ) from error
    if not is_library(kind.__module__) and is_library(trainer.configuration.__module__):
        # A trainer of ours that somebody derived another from.
        plain["<code>"] = describe_all({"trainer": kind})[0]["trainer"]
    return named | plain


def package_versions(libraries: Iterable[str] = ()) -> dict[str, str]:
    """Return the versions of what the numbers may depend on.

    Examples
    --------
    >>> sorted(package_versions())
    ['memmetrics', 'numpy', 'python', 'scipy', 'torch']
    """
    from memmetrics import __version__  # not at the top: it is what imports this

    others = {*_PACKAGES, *libraries} - {*sys.stdlib_module_names, "memmetrics"}
    return {
        "python": platform.python_version(),
        "memmetrics": __version__,
        **{name: library_version(name) for name in sorted(others)},
    }


def configuration_hash(configuration: Mapping[str, Any]) -> str:
    """Return a short hash, the same for equal configurations."""
    text = json.dumps(configuration, sort_keys=True).encode()
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def read_manifest(directory: Path) -> dict[str, Any] | None:
    """Return the manifest of a store, None if the store is new.

    Raises
    ------
    StoreError
        If there is one that cannot be read.
    """
    path = directory / NAME
    try:
        manifest = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(f"`store` {directory}: cannot read {NAME}: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise StoreError(f"`store` {directory}: {NAME} is not of format {FORMAT}")
    for key, kind in _CONTENT.items():
        if not isinstance(manifest.get(key), kind):
            raise StoreError(f"`store` {directory}: {NAME} has no proper {key!r}")
    if manifest["stack_size"] < 1:
        raise StoreError(f"`store` {directory}: {NAME} has a stack size below 1")
    return manifest


def write_manifest(
    directory: Path,
    configuration: Mapping[str, Any],
    stack_size: int,
    include_points: bool,
) -> None:
    """Write the manifest of a new store; FileExistsError if there is one by now.

    `include_points` tells readers what the targets are. It decides no number beyond
    what the configuration says of the targets already.
    """
    content = {
        "format": FORMAT,
        "configuration": configuration,
        "stack_size": stack_size,
        "include_points": include_points,
        "versions": package_versions(libraries_of(configuration)),
    }
    with AtomicFile(directory / NAME, exclusive=True) as file:
        file.write(json.dumps(content, indent=2, sort_keys=True).encode())


def libraries_of(configuration: Mapping[str, Any]) -> list[str]:
    """Return the libraries that the code of a recipe uses, as far as it was read."""
    trainer = configuration.get("trainer") or {}
    return [str(name) for name in trainer.get("<libraries>") or ()]


def check_same(
    directory: Path, stored: Mapping[str, Any], configuration: Mapping[str, Any]
) -> None:
    """Raise StoreMismatchError, key by key, if a store is of another configuration."""
    before, now = _flat(_given(stored)), _flat(_given(configuration))
    differences = [
        f"  {key}: stored {before.get(key, 'nothing')}, now {now.get(key, 'nothing')}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]
    if differences:
        raise StoreMismatchError(
            f"`store` {directory} holds runs of another configuration; use another "
            "directory, or the same settings:\n" + "\n".join(differences)
        )


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[f"{prefix}{key}"] = json.dumps(value, sort_keys=True)
    return flat


def _given(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is not None, which is as good as not mentioned."""
    return {name: value for name, value in configuration.items() if value is not None}
