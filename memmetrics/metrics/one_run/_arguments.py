"""One run's scores and coins, as arrays, as a ledger or as evidence."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics.evidence import OneRun

__all__ = ["one_run_iv", "scored"]


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
