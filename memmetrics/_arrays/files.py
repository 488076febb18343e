"""Saved arrays in, tables out: nothing is unpickled, no file is left half written."""

from __future__ import annotations

import csv
import importlib.util
import os
import warnings
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = [
    "archive_names",
    "check_table_path",
    "read_array",
    "read_labels",
    "read_lines",
    "read_table",
    "write_table",
    "write_whole",
]

_TABLES = (".csv", ".parquet")
_EXACT = 2**53  # from here on, float64 lacks some integers

# Numbers as they were written: the default of pandas 3, where asking is deprecated.
_EXACT_FLOATS: dict[str, Any] = (
    {"float_precision": "round_trip"} if int(pd.__version__.split(".")[0]) < 3 else {}
)


def read_array(path: str, *, ndmin: Literal[0, 1, 2] = 0) -> npt.NDArray[Any]:
    """Return the array saved in `path`: ``.npy``, ``.npz`` or ``.csv`` of numbers.

    Parameters
    ----------
    path : str
        File name. ``runs.npz:scores`` is the array `scores` of an archive; the name
        may be left out when the archive holds only one.
    ndmin : {0, 1, 2}
        Least number of axes of an array read from text, where a single row and a
        single column look alike.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it does not hold one array of numbers, or a larger one than there is memory
        for; the message names the file.

    Examples
    --------
    >>> read_array("scores.txt")
    Traceback (most recent call last):
    ValueError: scores.txt: expected a .npy, .npz or .csv file
    """
    file, name = _located(path)
    try:
        if file.suffix == ".csv":
            return _numbers(file, ndmin)
        # Opened here, since numpy leaves a damaged archive open.
        with file.open("rb") as stream:
            return _binary(stream, name)
    except Exception as error:
        raise _unreadable(file, error) from error


def read_labels(path: str) -> npt.NDArray[Any]:
    """Return integers or texts from a ``.csv`` file, one row or one column of them.

    They never go through floating point, where 2**53 and 2**53 + 1 are one number.
    What is not integers throughout is text.

    Raises
    ------
    OSError, ValueError
        As `read_array` raises.
    """
    file, _ = _located(path)
    try:
        labels = _texts(file)
    except Exception as error:
        raise _unreadable(file, error) from error
    with suppress(ValueError):
        labels = np.vectorize(_integer, otypes=[object])(labels)
        with suppress(OverflowError):  # seeds may have more than 64 bits
            labels = labels.astype(np.int64)
    return labels


def archive_names(path: str) -> list[str]:
    """Return the names of the arrays in an archive ``.npz``; none is read.

    Raises
    ------
    OSError, ValueError
        As `read_array` raises, or if it is no archive.
    """
    file, _ = _located(path)
    try:
        with file.open("rb") as stream:
            loaded = np.load(stream, allow_pickle=False)
            names = None if isinstance(loaded, np.ndarray) else list(loaded)
    except Exception as error:
        raise _unreadable(file, error) from error
    if names is None:
        raise ValueError(f"{file}: holds one array without a name")
    return names


def read_lines(path: str) -> list[str]:
    """Return the lines of a text file.

    Raises
    ------
    OSError, ValueError
        If it cannot be read; the message names the file.
    """
    file = Path(path)
    _refuse_odd(file)
    try:
        return file.read_text("utf-8-sig").rstrip("\n").split("\n")
    except ValueError as error:
        raise _unreadable(file, error) from error


def read_table(path: str) -> pd.DataFrame:
    """Return a table with named columns from a ``.csv`` or ``.parquet`` file.

    Raises
    ------
    OSError, ImportError, ValueError
        If it cannot be read; the message names the file.
    """
    file = Path(path)
    _refuse_odd(file)
    try:
        if file.suffix == ".parquet":
            _require_parquet(path)
            return pd.read_parquet(file)
        return pd.read_csv(
            file, encoding="utf-8-sig", skipinitialspace=True, **_EXACT_FLOATS
        )
    except ImportError:
        raise
    except Exception as error:
        raise _unreadable(file, error) from error


def _texts(file: Path) -> npt.NDArray[Any]:
    # Excel begins its files with a byte order mark; "-sig" takes it off.
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = [row for row in csv.reader(stream) if row and row[0][:1] != "#"]
    cells = np.array([[cell.strip() for cell in row] for row in rows])
    if not cells.size:
        raise ValueError("holds nothing")
    return np.atleast_1d(cells.squeeze())


def _located(path: str) -> tuple[Path, str]:
    """Return the file that a path means, and the name of the array in it, if any."""
    archive, separator, name = path.partition(".npz:")
    file = Path(f"{archive}.npz" if separator else path)
    if file.suffix not in {".npy", ".npz", ".csv"}:
        raise ValueError(f"{path}: expected a .npy, .npz or .csv file")
    _refuse_odd(file)
    return file, name


def _refuse_odd(file: Path) -> None:
    if file.exists() and not file.is_file():
        # To open a pipe could take for ever, and a folder has no content.
        raise ValueError(f"{file}: expected a file; got a folder, a pipe or a device")


def _unreadable(file: Path, error: Exception) -> Exception:
    # Damage makes numpy, zipfile and zlib raise whatever came to hand.
    if isinstance(error, OSError) and error.filename is not None:
        return error
    return ValueError(f"{file}: {str(error) or type(error).__name__}")


def _numbers(file: Path, ndmin: Literal[0, 1, 2]) -> npt.NDArray[Any]:
    with file.open(encoding="utf-8-sig") as stream, warnings.catch_warnings():
        # An empty file gets an error instead.
        warnings.filterwarnings("ignore", "loadtxt: input contained no data")
        array = np.loadtxt(stream, delimiter=",", ndmin=ndmin, quotechar='"')
    if not array.size:
        raise ValueError("holds no numbers")
    return array


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        number = float(text)  # as numpy.savetxt writes integers: 1.000e+00
    if not number.is_integer() or abs(number) >= _EXACT:
        raise ValueError(f"{text} is no integer")
    return int(number)


def _binary(stream: IO[bytes], name: str) -> npt.NDArray[Any]:
    # What is inside decides, not the suffix: numpy reads either.
    loaded = np.load(stream, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return loaded
    names = list(loaded)
    if not name and len(names) == 1:
        name = names[0]
    if name not in names:
        raise ValueError(
            "say which array, as in FILE.npz:NAME; it has "
            f"{', '.join(names) or 'none at all'}"
        )
    _check_memory(loaded, name)
    array = loaded[name]
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{name} is no array")  # noqa: TRY004, the file is wrong
    return array


def _check_memory(archive: Any, name: str) -> None:
    """Refuse what was packed so small that unpacking it would fill the memory."""
    member = name if name in archive.zip.namelist() else f"{name}.npy"
    if not hasattr(os, "sysconf"):
        return  # Windows does not say
    unpacked = archive.zip.getinfo(member).file_size
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if unpacked > installed:
        raise ValueError(
            f"{name} takes {unpacked / 1e9:,.0f} GB unpacked, and this machine has "
            f"{installed / 1e9:,.0f} GB"
        )


def check_table_path(path: str) -> None:
    """Find out, before the work that leads to it, that a table cannot be written.

    Raises
    ------
    ValueError
        If the suffix is not of a format that tables are written in.
    OSError
        If there is something of that name that is no file, the folder does not exist,
        or nothing can be written to it.
    ImportError
        If the format is parquet and pyarrow is not installed.
    """
    file = Path(path)
    if file.suffix not in _TABLES:
        raise ValueError(f"{path}: a table is written as {' or '.join(_TABLES)}")
    if not file.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {file.parent}")
    if file.exists() and not file.is_file():
        raise FileExistsError(f"{path}: there is something of that name, and no file")
    if file.suffix == ".parquet":
        _require_parquet(path)
    # To write is the only sure way to learn whether one can.
    temporary = _temporary(file)
    try:
        temporary.touch()
    except OSError as error:
        raise OSError(f"{path}: cannot be written ({error.strerror})") from error
    temporary.unlink()


def _require_parquet(path: str) -> None:
    if importlib.util.find_spec("pyarrow") is None:
        raise ImportError(
            f'{path}: parquet needs pyarrow (pip install "memmetrics[parquet]")'
        )


def write_table(frame: pd.DataFrame, path: str) -> None:
    """Write `frame` to `path`, as CSV or parquet by its suffix.

    The table appears under its name only when it is complete.

    Raises
    ------
    ValueError, OSError, ImportError
        As `check_table_path` raises, or if the file cannot be written.
    """
    check_table_path(path)
    file = Path(path)
    temporary = _temporary(file)
    try:
        if file.suffix == ".csv":
            frame.to_csv(temporary, index=False)
        else:
            frame.to_parquet(temporary, index=False)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(file: Path, content: bytes) -> None:
    """Write a file that appears under its name only when it is complete.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind then.
    """
    temporary = _temporary(file)
    try:
        temporary.write_bytes(content)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)


def _temporary(file: Path) -> Path:
    return file.with_name(f".{file.stem}.{os.getpid()}{file.suffix}")
