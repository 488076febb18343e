"""Evidence from files: scores and membership that somebody saved, or a store of ours.

Whoever trained the models, and with what: scores and membership are all that the
metrics of retrainings look at. Nothing is unpickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias

import numpy.typing as npt

from memmetrics._arrays.fields import as_membership, read_field
from memmetrics._arrays.files import archive_names, read_array, read_table
from memmetrics._arrays.fingerprint import fingerprint
from memmetrics._arrays.long_table import fields_of_table
from memmetrics.evidence import Retrainings
from memmetrics.experiment.store.manifest import NAME
from memmetrics.experiment.stored import read_store

__all__ = ["read_retrainings"]

_FIELDS = ("scores", "member", "own", "groups", "seeds")
_REQUIRED = ("scores", "member")

FilePath: TypeAlias = str | PathLike[str]


def read_retrainings(
    path: FilePath | tuple[FilePath, FilePath],
    *,
    member: npt.ArrayLike | None = None,
    own: npt.ArrayLike | None = None,
    groups: npt.ArrayLike | None = None,
) -> Retrainings:
    """Read scores and membership of many models from files, whoever trained them.

    Parameters
    ----------
    path : path, or pair of paths
        One of these:

        - an archive ``.npz`` with the arrays ``scores`` and ``member`` and, where they
          are needed, ``own``, ``groups`` and ``seeds``, as in `Retrainings`;
        - a folder with ``scores.npy`` and ``member.npy`` (or ``.csv``, a line for each
          run), and the others likewise; or the pair ``(scores, member)`` of such files;
        - a tidy table ``.csv`` or ``.parquet``, a row for each run and point, with the
          columns ``run``, ``point`` (or ``target``), ``score`` and ``member`` and,
          where they are needed, ``token``, ``group`` and ``seed``. Points are numbered
          from 0, or have names, which are numbered in alphabetical order ("doc10"
          before "doc2"). A target whose ``member`` is empty in all runs is held out;
        - the `store` of `retrain`, or of `measure`, without its trainer. It is not
          written to. Who trained on what is drawn again from its seed, and compared
          with what the store says of every run.

        Membership may be Boolean, or 0 and 1. A score that is NaN or empty is missing.
    member, own, groups : array, optional
        What the files do not hold, or to be used in its stead: as in `Retrainings`. A
        store needs `groups` if it was made with groups, and `member` if its subsets
        were given and not drawn.

    Returns
    -------
    Retrainings
        ``scores (runs, targets[, tokens])``, ``member (runs, points)``, ``own``,
        ``groups``, ``seeds``, and in ``attrs`` where they come from. Scores are in the
        unit that they were saved in, higher is better (of losses, save the negative).

    Raises
    ------
    OSError
        If a file cannot be opened.
    TypeError, ValueError
        If it does not hold scores and membership; the message names file and rule.
    StoreError
        If a store cannot be read, or its membership cannot be drawn again.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(Path(folder) / "runs.npz",
    ...              scores=rng.normal(size=(8, 3)), member=rng.random((8, 3)) < 0.5)
    ...     evidence = read_retrainings(Path(folder) / "runs.npz")
    >>> evidence.scores.shape
    (8, 3)
    """
    given = {"member": member, "own": own, "groups": groups}
    given = {name: value for name, value in given.items() if value is not None}
    if isinstance(path, tuple):
        return _evidence(" and ".join(map(str, path)), {**_pair(path), **given})
    where = fspath(path)
    folder = Path(where)
    if folder.is_dir():
        for store in (folder, folder / "retrainings"):
            if (store / NAME).is_file():
                return read_store(store, **given)
    return _evidence(where, {**_fields(where), **given})


def _evidence(where: str, fields: Mapping[str, Any]) -> Retrainings:
    arrays = dict(fields)
    attrs = {"source": where}
    if "names" in arrays:  # known by their hash only, by which parts are compared
        attrs["hash_of_names"] = fingerprint(arrays.pop("names"))
    try:
        return Retrainings(**arrays).with_attrs(attrs)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{where}: {error}") from error


def _fields(where: str) -> dict[str, Any]:
    path = Path(where)
    if path.is_dir():
        return _folder(path)
    if path.suffix == ".npz":
        return _archive(where)
    if path.suffix in {".csv", ".parquet"}:
        frame = read_table(where)
        try:
            return fields_of_table(frame)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
    raise ValueError(
        f"{where}: expected an archive .npz, a table .csv or .parquet, a folder or a "
        "store, or a pair of files (scores, member)"
    )


def _pair(paths: tuple[FilePath, ...]) -> dict[str, npt.NDArray[Any]]:
    if len(paths) != len(_REQUIRED):
        raise ValueError(
            f"`path` must be a path or a pair (scores, member); got {len(paths)} paths"
        )
    return {
        name: read_field(name, fspath(path))
        for name, path in zip(_REQUIRED, paths, strict=True)
    }


def _folder(folder: Path) -> dict[str, npt.NDArray[Any]]:
    files = {}
    for name in _FIELDS:
        for file in (folder / f"{name}.npy", folder / f"{name}.csv"):
            if file.exists() and name in files:
                raise ValueError(f"{folder}: there are both {name}.npy and {name}.csv")
            if file.exists():
                files[name] = file
    _require(folder, files, "no store of ours, and no file {}.npy or {}.csv in it")
    return {name: read_field(name, str(file)) for name, file in files.items()}


def _archive(where: str) -> dict[str, npt.NDArray[Any]]:
    names = archive_names(where)
    _require(where, names, f"no array {{}} in it; it has {', '.join(names) or 'none'}")
    arrays = {name: read_array(f"{where}:{name}") for name in _FIELDS if name in names}
    arrays["member"] = as_membership(arrays["member"], where)
    return arrays


def _require(where: FilePath, names: Any, words: str) -> None:
    for name in _REQUIRED:
        if name not in names:
            raise ValueError(f"{where}: {words.replace('{}', name)}")
