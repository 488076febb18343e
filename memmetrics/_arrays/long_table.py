"""Scores in a tidy table, one row for each run and point, as arrays.

Columns: ``run``, ``point`` (or ``target``), ``score``, ``member``; where there are any,
``token``, ``group`` (of the point) and ``seed`` (of the run). An empty score is a hole.
A target whose ``member`` is empty in every run is held out: no training point.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["fields_of_table"]

_TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}


def fields_of_table(frame: pd.DataFrame) -> dict[str, npt.NDArray[Any]]:
    """Return the fields of `Retrainings` that a tidy table holds.

    Parameters
    ----------
    frame : DataFrame
        Its columns are those of the module's docstring; others are left alone.

    Returns
    -------
    dict of str to array
        ``scores (runs, targets[, tokens])``, ``member (runs, points)``, ``own`` and,
        where the table has them, ``groups`` and ``seeds``. Runs and points are in the
        order of their labels; whole numbers of points are their places, from 0. Where
        points are texts, these are ``names (targets,)``.

    Raises
    ------
    ValueError
        If a column is missing or holds something else, a row is there twice, or
        membership of a point in a run is not said.

    Examples
    --------
    >>> frame = pd.DataFrame({"run": [0, 0, 1, 1], "point": [0, 1, 0, 1],
    ...                       "score": [1.0, None, 3.0, 4.0], "member": [1, 0, 0, 1]})
    >>> fields = fields_of_table(frame)
    >>> fields["scores"]
    array([[ 1., nan],
           [ 3.,  4.]])
    >>> fields["member"]
    array([[ True, False],
           [False,  True]])
    """
    unit = _unit(frame)
    run, runs = _numbered(frame["run"])
    target, targets = _placed(frame[unit])
    places = [run, target]
    shape = [len(runs), len(targets)]
    if "token" in frame:
        token, tokens = _placed(frame["token"])
        places.append(token)
        shape.append(len(tokens))
    _refuse_twice(places, shape, [name for name in (unit, "token") if name in frame])
    values = _scores(frame["score"])
    scores = np.full(shape, np.nan, values.dtype)
    scores[tuple(places)] = values
    member, held_out = _members(
        _truth(frame["member"]), run, target, (runs, targets), unit
    )
    points = ~held_out
    fields = {
        "scores": scores,
        "member": member[:, points],
        "own": np.where(points, np.cumsum(points) - 1, -1),
    }
    if "group" in frame:
        groups = _one_each(frame["group"], target, targets, unit)
        fields["groups"] = groups[points]
    if "seed" in frame:
        fields["seeds"] = _one_each(frame["seed"], run, runs, "run")
    if isinstance(targets[0], str):
        fields["names"] = np.array(targets)
    return fields


def _unit(frame: pd.DataFrame) -> str:
    units = [name for name in ("point", "target") if name in frame]
    missing = [name for name in ("run", "score", "member") if name not in frame]
    if len(units) != 1 or missing:
        raise ValueError(
            "a table of scores has the columns run, point (or target), score and "
            f"member, one row for each run and point; got {', '.join(map(str, frame))}"
        )
    if frame.empty:
        raise ValueError("the table has no rows")
    return units[0]


def _numbered(column: pd.Series[Any]) -> tuple[npt.NDArray[np.intp], list[Any]]:
    """Return the place of every row's label, and the labels in their order."""
    if column.isna().any():
        raise ValueError(f"column {column.name!r} is empty in some row")
    if column.dtype.kind == "f" and (column % 1 == 0).all():
        column = column.astype(np.int64)
    if column.dtype.kind not in "iu":
        column = column.astype(str)
    places, labels = pd.factorize(column, sort=True)
    return places, list(labels)


def _placed(column: pd.Series[Any]) -> tuple[npt.NDArray[np.intp], list[Any]]:
    """As `_numbered`; whole numbers must be the places themselves."""
    places, labels = _numbered(column)
    if not isinstance(labels[0], str) and labels != list(range(len(labels))):
        missing = next(i for i in range(len(labels)) if labels[i] != i)
        raise ValueError(
            f"column {column.name!r} must number from 0 without gaps, or hold texts "
            f"(which are numbered in alphabetical order); there is no {missing}, "
            f"and the last is {labels[-1]}"
        )
    return places, labels


def _refuse_twice(
    places: list[npt.NDArray[np.intp]], shape: list[int], names: list[str]
) -> None:
    flat = np.ravel_multi_index(tuple(places), tuple(shape))
    if len(np.unique(flat)) < len(flat):
        raise ValueError(
            f"there are two rows of one run and {' and '.join(names)}; one is allowed"
        )


def _scores(column: pd.Series[Any]) -> npt.NDArray[Any]:
    try:
        numbers = pd.to_numeric(column)
    except (TypeError, ValueError) as error:
        raise ValueError(f"column 'score' must hold numbers: {error}") from error
    kind = numbers.dtype if numbers.dtype in (np.float16, np.float32) else np.float64
    values: npt.NDArray[Any] = numbers.to_numpy(kind, na_value=np.nan)
    return values


def _truth(column: pd.Series[Any]) -> npt.NDArray[np.float64]:
    """Return 1 for members, 0 for others, NaN where the table does not say."""
    values: npt.NDArray[np.float64]
    if column.dtype.kind in "biuf":
        values = column.to_numpy(np.float64, na_value=np.nan)
    else:
        words = column.astype("string").str.strip().str.lower()
        # A copy: pandas may give a view that must not be written to.
        values = words.map(_TRUTH).to_numpy(np.float64, na_value=np.nan, copy=True)
        values[(words.notna() & words.ne("")).to_numpy(bool) & np.isnan(values)] = -1.0
    wrong = ~np.isin(values, (0.0, 1.0)) & ~np.isnan(values)
    if wrong.any():
        raise ValueError(
            "column 'member' must hold true and false, or 0 and 1; "
            f"got {column.iloc[int(np.argmax(wrong))]!r}"
        )
    return values


def _members(
    truth: npt.NDArray[np.float64],
    run: npt.NDArray[np.intp],
    target: npt.NDArray[np.intp],
    labels: tuple[list[Any], list[Any]],
    unit: str,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return membership `(runs, targets)`, and which targets are held out."""
    said = np.zeros((2, *map(len, labels)), dtype=bool)
    for value in (0, 1):
        rows = truth == value
        said[value, run[rows], target[rows]] = True
    known = said.any(axis=0)
    held_out: npt.NDArray[np.bool_] = np.logical_not(known.any(axis=0))
    if held_out.all():
        raise ValueError("column 'member' is empty")
    unknown = (
        "has no row that says whether it was trained on (a score that is missing is a "
        "row with an empty `score`)"
    )
    for wrong, what in (
        (said.all(axis=0), "is said to be a member and not to be one"),
        (~known & ~held_out, unknown),
    ):
        if wrong.any():
            where, which = np.argwhere(wrong)[0]
            raise ValueError(
                f"{unit} {labels[1][which]!r} {what} in run {labels[0][where]!r}"
            )
    return said[1], held_out


def _one_each(
    column: pd.Series[Any], places: npt.NDArray[np.intp], labels: list[Any], unit: str
) -> npt.NDArray[Any]:
    """Return what a column says of each label; it must say the same in all its rows."""
    codes, values = pd.factorize(column)
    if (codes < 0).any():
        raise ValueError(f"column {column.name!r} is empty in some row")
    chosen = np.empty(len(labels), dtype=np.intp)
    chosen[places] = codes
    differ = chosen[places] != codes
    if differ.any():
        label = labels[places[int(np.argmax(differ))]]
        raise ValueError(f"column {column.name!r} has two values for {unit} {label!r}")
    kept = np.asarray(values)[chosen]
    return kept.astype(str) if kept.dtype.kind not in "iu" else kept
