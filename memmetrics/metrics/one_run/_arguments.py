"""One run's scores and coins, and the rows of what they tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics.evidence import OneRun
from memmetrics.result import NUMBERS, Result


def one_run_iv(
    scores: object, entered: object, strata: object, reference_scores: object
) -> OneRun:
    """Return evidence of what was given.

    Parameters
    ----------
    scores : OneRun or array (items,)
        Evidence comes alone.
    entered : bool array (items,) or ledger
        A ledger is any object with `entered`, and `strata` unless others are given.
    strata, reference_scores : array (items,) or None
        As in `OneRun`.

    Raises
    ------
    TypeError, ValueError
        As `OneRun` raises, or if `entered` is missing, or evidence does not come alone.
    """
    others = {
        "entered": entered,
        "strata": strata,
        "reference_scores": reference_scores,
    }
    if isinstance(scores, OneRun):
        given = [name for name, value in others.items() if value is not None]
        if given:
            raise TypeError(f"`{given[0]}` must not be given beside evidence")
        return scores
    if entered is None:
        raise TypeError("`entered` must say which items entered training; got None")
    if hasattr(entered, "entered"):
        others["entered"] = entered.entered
        if strata is None:
            others["strata"] = getattr(entered, "strata", None)
    arrays: dict[str, Any] = {"scores": scores, **others}
    return OneRun(**arrays)


def scored(
    evidence: OneRun,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return scores less those of the reference, and which items have one.

    Both are ``(items,)``.
    """
    values = evidence.scores.astype(np.float64)
    if evidence.reference_scores is not None:
        values = values - evidence.reference_scores
    return values, ~np.isnan(values)


def result_of_rows(
    metric: str, unit: str, rows: Sequence[Any], **more: npt.NDArray[Any]
) -> Result:
    """Return rows, which are named tuples, as a result; what is no number is a column.

    Columns of which there are arrays already come first.
    """
    table: dict[str, Any] = dict(more)
    for name in rows[0]._fields:
        values = [getattr(row, name) for row in rows]
        table[name] = np.array(values, object if isinstance(values[0], str) else None)
    numbers = {name: table.pop(name) for name in NUMBERS}
    return Result(metric, unit, **numbers, columns=table, axes=("row",))
