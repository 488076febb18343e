"""What a store's runs are runs of, written once and compared ever after."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from memmetrics.retraining.base import Trainer
from memmetrics.retraining.errors import StoreError, StoreMismatchError
from memmetrics.retraining.shards import AtomicFile

FORMAT = 1
NAME = "manifest.json"
_CONTENT = {"configuration": dict, "stack_size": int, "versions": dict}
_PACKAGES = ("torch", "numpy", "scipy")


def trainer_configuration(trainer: Trainer) -> dict[str, Any]:
    """Return what identifies a recipe, as plain JSON values.

    A trainer's own ``configuration()`` if it has one; else its class and, for a
    dataclass, its fields: plain values as they are, others by their type alone.

    Raises
    ------
    TypeError
        If ``configuration()`` holds something that JSON has no word for.
    """
    kind = type(trainer)
    identity: dict[str, Any] = {"class": f"{kind.__module__}.{kind.__qualname__}"}
    if hasattr(trainer, "configuration"):
        identity.update(trainer.configuration())
    elif dataclasses.is_dataclass(trainer):
        for field in dataclasses.fields(trainer):
            identity[field.name] = _plain(getattr(trainer, field.name))
    try:
        plain: dict[str, Any] = json.loads(json.dumps(identity))
    except TypeError as error:
        raise TypeError(
            f"`{kind.__name__}.configuration()` must be of plain JSON values: {error}"
        ) from error
    return plain


def _plain(value: Any) -> Any:
    try:
        json.dumps(value)
    except TypeError:
        return f"a {type(value).__name__}"
    return value


def package_versions() -> dict[str, str]:
    """Return the versions of what the numbers may depend on.

    Examples
    --------
    >>> sorted(package_versions())
    ['memmetrics', 'numpy', 'python', 'scipy', 'torch']
    """
    from memmetrics import __version__  # not at the top: it is what imports this

    versions = {"python": platform.python_version(), "memmetrics": __version__}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return versions


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
    directory: Path, configuration: Mapping[str, Any], stack_size: int
) -> None:
    """Write the manifest of a new store; FileExistsError if there is one by now."""
    content = {
        "format": FORMAT,
        "configuration": configuration,
        "stack_size": stack_size,
        "versions": package_versions(),
    }
    with AtomicFile(directory / NAME, exclusive=True) as file:
        file.write(json.dumps(content, indent=2, sort_keys=True).encode())


def check_same(
    directory: Path, stored: Mapping[str, Any], configuration: Mapping[str, Any]
) -> None:
    """Raise StoreMismatchError, key by key, if a store is of another configuration."""
    before, now = _flat(stored), _flat(configuration)
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
