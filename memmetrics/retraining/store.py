"""Finished runs in a directory.

It holds ``manifest.json`` and ``stacks/``, one file for each finished stack.
Which runs are finished is read from those files alone, so that any number of processes
may work on one store, and any of them may be killed at any moment.
"""

from __future__ import annotations

import shutil
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics._mapped import allocate, release
from memmetrics.retraining import shards
from memmetrics.retraining.errors import StoreError
from memmetrics.retraining.manifest import (
    check_same,
    configuration_hash,
    libraries_of,
    package_versions,
    read_manifest,
    write_manifest,
)
from memmetrics.retraining.memory import contents
from memmetrics.retraining.worker import Finished

_ABANDONED_SECONDS = 3600.0


class DirectoryStore:
    """Finished runs in a directory.

    Parameters
    ----------
    directory : Path
        Created if it does not exist.
    configuration : mapping
        Whatever decides the numbers, as plain JSON values.
    stack_size : int or None
        Runs in a stack; None for that of the store, or `default_stack_size`.
    default_stack_size : int
        For a new store.

    Raises
    ------
    StoreMismatchError
        If the directory holds runs of another configuration; shows the difference.
    StoreError
        If it cannot be read or written.
    """

    def __init__(
        self,
        directory: Path,
        configuration: Mapping[str, Any],
        *,
        stack_size: int | None,
        default_stack_size: int,
    ) -> None:
        self.directory = directory
        self.stacks = directory / "stacks"
        self.identity = configuration_hash(configuration)
        self.keys: list[str] = []
        self.places: dict[int, tuple[Path, int]] = {}
        self.checked: set[str] = set()
        manifest = read_manifest(directory)
        self.resumed = manifest is not None
        if manifest is None:
            self._create(configuration, stack_size or default_stack_size)
            # Of two processes that begin at once, both compare with the last word.
            manifest = read_manifest(directory) or {}
        self.stack_size = int(manifest["stack_size"])
        current = dict(configuration)
        if stack_size is not None:
            current["stack_size"] = stack_size
            manifest["configuration"]["stack_size"] = self.stack_size
        check_same(directory, manifest["configuration"], current)
        self._warn_of_versions(manifest)

    def _create(self, configuration: Mapping[str, Any], stack_size: int) -> None:
        if self.stacks.is_dir() and any(self.stacks.glob("*.npz")):
            raise StoreError(f"`store` {self.directory} has stacks but no manifest")
        try:
            self.stacks.mkdir(parents=True, exist_ok=True)
            write_manifest(self.directory, configuration, stack_size)
        except FileExistsError:
            return  # another process was faster
        except OSError as error:
            raise StoreError(
                f"`store` {self.directory} cannot be written: {error}"
            ) from error

    def _warn_of_versions(self, manifest: Mapping[str, Any]) -> None:
        configuration = manifest["configuration"]
        now = package_versions(libraries_of(configuration))
        then = manifest["versions"]
        changed = [
            f"{name} {then.get(name)} (now {now[name]})"
            for name in now
            if now[name] != then.get(name)
        ]
        if changed:
            warnings.warn(
                f"`store` {self.directory} was begun with {', '.join(changed)}; its "
                "runs and new ones may differ in their last digits",
                stacklevel=4,
            )

    def expect(self, keys: Sequence[str]) -> None:
        """See `Store`."""
        self.keys = list(keys)

    def missing(self) -> list[int]:
        """Return the runs not yet finished, reading all files that are new.

        A shard that is truncated or altered is removed, with one warning for all.
        """
        self.places = {}
        corrupt = []
        for path in sorted(self.stacks.glob("*.npz")):
            try:
                self._index(path)
            except shards.CorruptShardError as error:
                corrupt.append(str(error))
                self._remove(path)
        if corrupt:
            warnings.warn(
                f"`store` {self.directory}: {len(corrupt)} damaged stacks are computed "
                f"again ({'; '.join(corrupt[:3])})",
                stacklevel=4,
            )
        return [run for run in range(len(self.keys)) if run not in self.places]

    def _index(self, path: Path) -> None:
        header = shards.read_header(path)
        if header["configuration"] != self.identity:
            raise shards.CorruptShardError(f"{path.name}: of another configuration")
        wanted = [
            (run, row)
            for row, (run, key) in enumerate(
                zip(header["runs"], header["keys"], strict=True)
            )
            if run < len(self.keys) and self.keys[run] == key
        ]
        if wanted and path.name not in self.checked:
            shards.check_shard(path)
            self.checked.add(path.name)
        for run, row in wanted:
            self.places.setdefault(run, (path, row))

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(
                f"`store` {self.directory}: {path.name} is damaged and cannot be "
                f"removed: {error}"
            ) from error

    def probe(self, expected_bytes: int) -> None:
        """Raise StoreError unless so much can be written, before long work starts."""
        try:
            self.stacks.mkdir(exist_ok=True)
            self._remove_abandoned()
            trial = self.stacks / "trial"
            with shards.AtomicFile(trial) as file:
                file.write(b"\0" * 4096)
            trial.unlink(missing_ok=True)
            free = shutil.disk_usage(self.stacks).free
        except OSError as error:
            raise StoreError(
                f"`store` {self.directory} cannot be written: {error}"
            ) from error
        if free < expected_bytes:
            raise StoreError(
                f"`store` {self.directory} needs about {expected_bytes:,} bytes; its "
                f"disk has {free:,} left"
            )

    def _remove_abandoned(self) -> None:
        """Remove what killed processes left half written, but nobody's live file."""
        for path in self.stacks.glob(f"{shards.TEMPORARY}*"):
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                path.unlink(missing_ok=True)

    def holds(self, runs: tuple[int, ...]) -> bool:
        """See `Store`."""
        return self._path(runs).exists()

    def _path(self, runs: tuple[int, ...]) -> Path:
        return self.stacks / shards.shard_name(runs, (self.keys[run] for run in runs))

    def add(self, finished: Finished) -> None:
        """See `Store`.

        Raises
        ------
        StoreError
            If it cannot be written, for instance because the disk is full.
        """
        header: shards.Header = {
            "configuration": self.identity,
            "runs": list(finished.runs),
            "keys": [self.keys[run] for run in finished.runs],
            "checksums": {},
        }
        path = self._path(finished.runs)
        try:
            shards.write_shard(path, header, contents(finished))
        except OSError as error:
            saved = len(self.keys) - len(self.missing())
            raise StoreError(
                f"`store` {self.directory}: runs {finished.runs[0]}-"
                f"{finished.runs[-1]} could not be written ({error}); {saved} of "
                f"{len(self.keys)} runs are safe there, and the same call resumes"
            ) from error
        self.checked.add(path.name)

    def gather(self, name: str) -> npt.NDArray[Any] | None:
        """See `Store`; large arrays are mapped from a file that has no name."""
        rows: dict[Path, list[tuple[int, int]]] = {}
        for run, (path, row) in self.places.items():
            rows.setdefault(path, []).append((run, row))
        result: npt.NDArray[Any] | None = None
        for path, pairs in rows.items():
            if name not in shards.read_header(path)["checksums"]:
                return None
            array = shards.read_arrays(path, [name])[name]
            if result is None:
                shape = (len(self.keys), *array.shape[1:])
                result = self._allocate(shape, array.dtype)
            runs, places = zip(*pairs, strict=True)
            result[list(runs)] = array[list(places)]
            release(result)
        return result

    def _allocate(
        self, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> npt.NDArray[Any]:
        try:
            return allocate(shape, dtype, self.directory)
        except OSError as error:
            raise StoreError(
                f"`store` {self.directory}: all runs are safe there, but its disk has "
                f"no room to put {shape} of {dtype} together: {error}"
            ) from error
