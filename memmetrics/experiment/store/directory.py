"""Finished runs in a directory.

It holds ``manifest.json`` and ``stacks/``, one file for each finished stack.
Which runs are finished is read from those files alone, so that any number of processes
may work on one store, and any of them may be killed at any moment. Nothing is ever
deleted but what this program left half written: a damaged stack is moved to
``damaged/``, and a file of another store is left alone.
"""

from __future__ import annotations

import os
import secrets
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.mapped import allocate, release
from memmetrics.errors import StoreError
from memmetrics.experiment.execution.stacks import Finished
from memmetrics.experiment.store import shards
from memmetrics.experiment.store.claims import SUFFIX, Claims
from memmetrics.experiment.store.manifest import (
    check_same,
    configuration_hash,
    libraries_of,
    package_versions,
    read_manifest,
    write_manifest,
)
from memmetrics.experiment.store.memory import Layout

__all__ = ["DirectoryStore"]

_ABANDONED_SECONDS = 3600.0

Stamp: TypeAlias = tuple[int, int, int]  # when a file was written, its size and place


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
        include_points: bool = False,
    ) -> None:
        self.directory = directory
        self.stacks = directory / "stacks"
        self.keys: list[str] = []
        self.places: dict[int, tuple[Path, int]] = {}
        self.checked: set[str] = set()
        self.headers: dict[str, tuple[Stamp, shards.Header]] = {}
        self.foreign: dict[str, Stamp] = {}
        self.layout = Layout()
        self.claims = Claims(self.stacks)
        manifest = read_manifest(directory)
        if manifest is None:
            self._create(
                configuration, stack_size or default_stack_size, include_points
            )
            # Of two processes that begin at once, both compare with the last word.
            manifest = read_manifest(directory)
        if manifest is None:
            raise StoreError(f"`store` {directory}: its manifest cannot be created")
        self.identity = configuration_hash(manifest["configuration"])
        self.stack_size = int(manifest["stack_size"])
        current = dict(configuration)
        if stack_size is not None:
            current["stack_size"] = stack_size
            manifest["configuration"]["stack_size"] = self.stack_size
        check_same(directory, manifest["configuration"], current)
        self._warn_of_versions(manifest)

    def _create(
        self, configuration: Mapping[str, Any], stack_size: int, include_points: bool
    ) -> None:
        if self.stacks.is_dir() and any(self.stacks.glob("*.npz")):
            raise StoreError(f"`store` {self.directory} has stacks but no manifest")
        with self._reporting("cannot be written"):
            self.stacks.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):  # another process was faster
                write_manifest(
                    self.directory, configuration, stack_size, include_points
                )

    @contextmanager
    def _reporting(self, what: str) -> Iterator[None]:
        """Say of which store the system complains, and what cannot be done."""
        try:
            yield
        except OSError as error:
            raise StoreError(f"`store` {self.directory} {what}: {error}") from error

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
                stacklevel=5,
            )

    def expect(self, keys: Sequence[str]) -> None:
        """See `MemoryStore`."""
        self.keys = list(keys)

    def missing(self) -> list[int]:
        """Return the runs not yet finished, reading all files that are new.

        A shard that is truncated or altered is moved aside, and one of another
        configuration passed over, with one warning for all.
        """
        self.places = {}
        damaged, strange = [], []
        for path, stamp in self._files():
            if self.foreign.get(path.name) == stamp:
                continue
            try:
                self._index(path, stamp)
            except shards.ForeignShardError as error:
                strange.append(str(error))
                self.foreign[path.name] = stamp
            except shards.CorruptShardError as error:
                damaged.append(str(error))
                if not self._set_aside(path):
                    self.foreign[path.name] = stamp
        self._warn(damaged, "damaged stacks are computed again")
        self._warn(strange, "files are passed over")
        return [run for run in range(len(self.keys)) if run not in self.places]

    def _warn(self, errors: list[str], what: str) -> None:
        if errors:
            warnings.warn(
                f"`store` {self.directory}: {len(errors)} {what} "
                f"({'; '.join(errors[:3])})",
                stacklevel=6,
            )

    def _files(self) -> list[tuple[Path, Stamp]]:
        """Return the files that look like shards, in order, each with its stamp."""
        found = []
        with (
            self._reporting("cannot be read"),
            suppress(FileNotFoundError),
            os.scandir(self.stacks) as entries,
        ):
            for name in sorted(entry.name for entry in entries):
                path = self.stacks / name
                with suppress(FileNotFoundError):  # gone since it was listed
                    if name.endswith(".npz"):
                        found.append((path, _stamp(path)))
        return found

    def _index(self, path: Path, stamp: Stamp) -> None:
        """Note which runs a shard holds; its content is checked when it is new."""
        known = self.headers.get(path.name)
        if known is None or known[0] != stamp:
            self.checked.discard(path.name)
            self.headers[path.name] = known = (stamp, self._own_header(path))
        header = known[1]
        wanted = [
            (run, row)
            for row, (run, key) in enumerate(
                zip(header["runs"], header["keys"], strict=True)
            )
            if 0 <= run < len(self.keys) and self.keys[run] == key
        ]
        if wanted and path.name not in self.checked:
            shards.check_shard(path)
            self.checked.add(path.name)
        for run, row in wanted:
            self.places.setdefault(run, (path, row))

    def _own_header(self, path: Path) -> shards.Header:
        """Return the header of a shard of this store, under the name it was given."""
        header = shards.read_header(path)
        if header["configuration"] != self.identity:
            raise shards.ForeignShardError(f"{path.name}: of another configuration")
        name = shards.shard_name(tuple(header["runs"]), header["keys"])
        if name != path.name:
            raise shards.ForeignShardError(f"{path.name}: it is {name}, renamed")
        return header

    def _set_aside(self, path: Path) -> bool:
        """Move a file where it is in nobody's way; whether that could be done."""
        aside = self.directory / "damaged"
        try:
            aside.mkdir(exist_ok=True)
            path.rename(aside / f"{path.name}-{secrets.token_hex(4)}")
        except FileNotFoundError:
            return True  # another process was faster
        except OSError:
            return False  # nothing can be written; `add` or `probe` will say so
        return True

    def probe(self, expected_bytes: int) -> None:
        """Raise StoreError unless so much can be written, before long work starts."""
        with self._reporting("cannot be written"):
            self.stacks.mkdir(exist_ok=True)
            trial = self.stacks / f"trial-{secrets.token_hex(4)}"
            with shards.AtomicFile(trial) as file:
                file.write(b"\0" * 4096)
            # By the clock of the disk, which may be another machine's.
            self._remove_abandoned(now=trial.stat().st_mtime)
            trial.unlink(missing_ok=True)
            free = shutil.disk_usage(self.stacks).free
        if free < expected_bytes:
            raise StoreError(
                f"`store` {self.directory} needs about {expected_bytes:,} bytes; its "
                f"disk has {free:,} left"
            )

    def _remove_abandoned(self, now: float) -> None:
        """Remove what killed processes left behind, but nobody's live file."""
        for path in (
            *self.stacks.glob(f"{shards.TEMPORARY}*"),
            *self.stacks.glob(f"*{SUFFIX}"),
        ):
            of_a_stack = path.name.endswith(SUFFIX)
            if of_a_stack and not path.with_name(path.stem).exists():
                continue  # perhaps at work, by a clock that is slow
            with suppress(FileNotFoundError):  # no longer half written
                if now - path.stat().st_mtime > _ABANDONED_SECONDS:
                    path.unlink()

    def holds(self, runs: tuple[int, ...]) -> bool:
        """See `MemoryStore`."""
        path = self._path(runs)
        return path.name not in self.foreign and path.exists()

    def claim(self, runs: tuple[int, ...]) -> bool:
        """See `MemoryStore`."""
        if self.holds(runs):
            return False
        name = self._path(runs).name
        if not self.claims.take(name):
            return False
        if self.holds(runs):  # finished and given back in between
            self.claims.drop(name)
            return False
        return True

    def claiming(self) -> AbstractContextManager[None]:
        """See `MemoryStore`."""
        return self.claims

    def _path(self, runs: tuple[int, ...]) -> Path:
        return self.stacks / shards.shard_name(runs, (self.keys[run] for run in runs))

    def add(self, finished: Finished) -> None:
        """See `MemoryStore`.

        Raises
        ------
        StoreError
            If it cannot be written, for instance because the disk is full.
        """
        arrays = finished.contents()
        self.layout.check(finished.runs, arrays)
        header: shards.Header = {
            "configuration": self.identity,
            "runs": list(finished.runs),
            "keys": [self.keys[run] for run in finished.runs],
            "checksums": {},
        }
        path = self._path(finished.runs)
        try:
            self._clear_name(path)
            shards.write_shard(path, header, arrays)
        except OSError as error:
            saved = len(self.keys) - len(self.missing())
            raise StoreError(
                f"`store` {self.directory}: runs {finished.runs[0]}-"
                f"{finished.runs[-1]} could not be written ({error}); {saved} of "
                f"{len(self.keys)} runs are safe there, and the same call resumes"
            ) from error
        self.claims.drop(path.name)
        self.checked.add(path.name)
        with suppress(FileNotFoundError):
            self.headers[path.name] = (_stamp(path), header)

    def _clear_name(self, path: Path) -> None:
        """Move away what has the name of a new shard, unless it is the same stack."""
        if not path.exists():
            return
        try:
            self._own_header(path)
        except (shards.ForeignShardError, shards.CorruptShardError) as error:
            if not self._set_aside(path):
                raise OSError(f"{error}, and cannot be moved") from error
        self.foreign.pop(path.name, None)

    def gather(self, name: str) -> npt.NDArray[Any] | None:
        """See `MemoryStore`; large arrays are mapped from a file that has no name."""
        rows: dict[Path, list[tuple[int, int]]] = {}
        for run, (path, row) in self.places.items():
            rows.setdefault(path, []).append((run, row))
        layout = Layout()
        result: npt.NDArray[Any] | None = None
        for path, pairs in rows.items():
            header = self.headers[path.name][1]
            layout.check_names(tuple(header["runs"]), header["checksums"])
            if name not in header["checksums"]:
                continue
            array = shards.read_arrays(path, [name])[name]
            layout.check_shape(tuple(header["runs"]), name, array)
            if result is None:
                shape = (len(self.keys), *array.shape[1:])
                result = self._allocate(shape, array.dtype)
            dtype = np.result_type(result, array)
            if dtype != result.dtype:
                result = self._converted(result, dtype)
            runs, places = zip(*pairs, strict=True)
            result[list(runs)] = array[list(places)]
            release(result)
        return result

    def _converted(
        self, array: npt.NDArray[Any], dtype: np.dtype[Any]
    ) -> npt.NDArray[Any]:
        wider = self._allocate(array.shape, dtype)
        with np.errstate(invalid="ignore"):  # rows still to be filled hold anything
            for run, row in enumerate(array):  # one by one: it may be mapped from disk
                wider[run] = row
        return wider

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


def _stamp(path: Path) -> Stamp:
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino
