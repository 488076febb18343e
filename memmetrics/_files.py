"""Saved arrays in, tables out: nothing is unpickled, no file is left half written."""

from __future__ import annotations

import importlib.util
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["check_table_path", "read_array", "write_table"]

_TABLES = (".csv", ".parquet")


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
        If the file cannot be read.
    ValueError
        If it does not hold one array of numbers; the message names the file.

    Examples
    --------
    >>> read_array("scores.txt")
    Traceback (most recent call last):
    ValueError: scores.txt: expected a .npy, .npz or .csv file
    """
    archive, separator, name = path.partition(".npz:")
    file = Path(f"{archive}.npz" if separator else path)
    if file.suffix not in {".npy", ".npz", ".csv"}:
        raise ValueError(f"{path}: expected a .npy, .npz or .csv file")
    try:
        # Opened here, since numpy leaves a damaged archive open.
        with file.open("rb") as stream:
            if file.suffix == ".csv":
                return np.loadtxt(stream, delimiter=",", ndmin=ndmin)
            # What is inside decides, not the suffix: numpy reads either.
            loaded = np.load(stream, allow_pickle=False)
            return loaded if isinstance(loaded, np.ndarray) else _pick(loaded, name)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{file}: {error}") from error


def _pick(archive: Mapping[str, npt.NDArray[Any]], name: str) -> npt.NDArray[Any]:
    names = list(archive)
    if not name and len(names) == 1:
        name = names[0]
    if name not in names:
        raise ValueError(
            f"say which array, as in FILE.npz:NAME; it has {', '.join(names)}"
        )
    return archive[name]


def check_table_path(path: str) -> None:
    """Find out, before the work that leads to it, that a table cannot be written.

    Raises
    ------
    ValueError
        If the suffix is not of a format that tables are written in.
    OSError
        If the folder does not exist.
    ImportError
        If the format is parquet and pyarrow is not installed.
    """
    file = Path(path)
    if file.suffix not in _TABLES:
        raise ValueError(f"{path}: a table is written as {' or '.join(_TABLES)}")
    if not file.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {file.parent}")
    if file.suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise ImportError(f"{path}: parquet needs pyarrow (pip install pyarrow)")


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
    temporary = file.with_name(f".{file.stem}.{os.getpid()}{file.suffix}")
    try:
        if file.suffix == ".csv":
            frame.to_csv(temporary, index=False)
        else:
            frame.to_parquet(temporary, index=False)
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
