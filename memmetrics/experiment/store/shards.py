"""One finished stack as one file: plain arrays, checked when they are read.

The file is an uncompressed ``.npz`` that nothing has to unpickle. Its member ``header``
is JSON: the runs, the key of each run, and a checksum of every array. It is written
under a temporary name, brought to the disk, and renamed, so that a file with a proper
name is always whole, whenever the process or the machine was stopped.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, TypedDict, cast

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.fingerprint import fingerprint
from memmetrics.designs import Bools
from memmetrics.errors import StoreError

TEMPORARY = ".writing-"
# The disk or the network is at fault, or this process has too many files open.
_NOT_DAMAGED = {errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.ENOMEM}


class CorruptShardError(StoreError):
    """A shard is truncated or altered."""


class ForeignShardError(StoreError):
    """A file can be read, but is no stack of this store."""


class Header(TypedDict):
    """What a shard says of itself."""

    configuration: str
    runs: list[int]
    keys: list[str]
    checksums: dict[str, str]


def run_keys(member: Bools, seeds: Iterable[int]) -> list[str]:
    """Return a key for each run, equal only for equal membership and seed."""
    return [
        hashlib.blake2b(
            np.packbits(row).tobytes() + int(seed).to_bytes(8, "little"), digest_size=8
        ).hexdigest()
        for row, seed in zip(member, seeds, strict=True)
    ]


def shard_name(runs: tuple[int, ...], keys: Iterable[str]) -> str:
    """Return the file name of a stack: its runs in plain sight, and its keys' hash."""
    digest = hashlib.blake2b(f"{runs} {list(keys)}".encode(), digest_size=6)
    return f"{runs[0]:08d}-{runs[-1]:08d}-{digest.hexdigest()}.npz"


def write_shard(
    path: Path, header: Header, arrays: dict[str, npt.NDArray[Any]]
) -> None:
    """Write a shard; `header` gets the checksums.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind then.
    TypeError
        If an array holds objects.
    """
    header["checksums"] = {name: fingerprint(array) for name, array in arrays.items()}
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    members: dict[str, Any] = {"header": text, **arrays}
    with AtomicFile(path) as file:
        # Not allow_pickle=False, which older versions of NumPy save as one more array;
        # arrays of objects, which alone are pickled, have no fingerprint.
        np.savez(file, **members)


def read_header(path: Path) -> Header:
    """Return what a shard says of itself.

    Raises
    ------
    CorruptShardError
        If it is damaged.
    ForeignShardError
        If it is whole, but no shard.
    StoreError
        If it cannot be read.
    """
    return cast("Header", _guarded(path, _load_header))


def read_arrays(path: Path, names: Iterable[str]) -> dict[str, npt.NDArray[Any]]:
    """Return arrays of a shard, each compared with its checksum.

    Raises
    ------
    CorruptShardError
        If one is missing, truncated or altered.
    """
    wanted = list(names)

    def load(archive: Any) -> dict[str, npt.NDArray[Any]]:
        header = _load_header(archive)
        checksums = header["checksums"]
        arrays = {}
        for name in wanted:
            arrays[name] = archive[name]
            if len(arrays[name]) != len(header["runs"]):
                raise ValueError(f"{name!r} has {len(arrays[name])} runs")
            if fingerprint(arrays[name]) != checksums[name]:
                raise ValueError(f"the checksum of {name!r} differs")
        return arrays

    return cast("dict[str, npt.NDArray[Any]]", _guarded(path, load))


def check_shard(path: Path) -> None:
    """Raise CorruptShardError unless every array of a shard is whole."""
    for name in read_header(path)["checksums"]:
        read_arrays(path, [name])  # one at a time: they may be large


def _load_header(archive: Any) -> Header:
    if "header" not in archive:
        raise ForeignShardError("no stack of runs")
    header = json.loads(archive["header"].tobytes())
    if not (isinstance(header, dict) and set(Header.__annotations__) <= set(header)):
        raise ForeignShardError("its header is of another version")
    if len(header["runs"]) != len(header["keys"]) or not header["runs"]:
        raise ForeignShardError("its header is of another version")
    return cast("Header", header)


def _guarded(path: Path, load: Any) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a damaged header may look like an old one
            # Opened here, since NumPy leaves a file that is no archive open.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                return load(archive)
    except ForeignShardError as error:
        raise ForeignShardError(f"{path.name}: {error}") from None
    except (PermissionError, MemoryError) as error:
        raise StoreError(f"`store`: cannot read {path}: {error!r}") from error
    except OSError as error:
        if error.errno in _NOT_DAMAGED:
            raise StoreError(f"`store`: cannot read {path}: {error}") from error
        raise CorruptShardError(f"{path.name}: {error}") from error
    except Exception as error:
        # zipfile, zlib, struct, json and numpy all have their own ways to fail.
        raise CorruptShardError(
            f"{path.name}: {type(error).__name__}: {error}"
        ) from error


class AtomicFile:
    """A file that appears under its name only when it is whole and on the disk.

    Parameters
    ----------
    path : Path
        Its final name.
    exclusive : bool, default False
        Whether to raise FileExistsError, instead of replacing, if the name is taken
        by then.
    """

    def __init__(self, path: Path, *, exclusive: bool = False) -> None:
        self.path = path
        self.exclusive = exclusive
        name = f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(4)}"
        self.temporary = path.with_name(name)

    def __enter__(self) -> BinaryIO:
        self.file = self.temporary.open("xb")
        return self.file

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if kind is None:
                self.file.flush()
                os.fsync(self.file.fileno())
        finally:
            try:
                # A full disk may show only now.
                self.file.close()
                if kind is None:
                    self._publish()
            finally:
                self.temporary.unlink(missing_ok=True)

    def _publish(self) -> None:
        if not (self.exclusive and self._linked()):
            self.temporary.replace(self.path)
        _sync_directory(self.path.parent)

    def _linked(self) -> bool:
        """Take the name by a link, which is refused where a rename would replace."""
        try:
            os.link(self.temporary, self.path)
        except FileExistsError:
            raise
        except OSError:
            return False  # a file system without links
        return True


def _sync_directory(directory: Path) -> None:
    """Bring the new name itself to the disk, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
