"""Runs that did not end in finite numbers: which, and a word about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.mapped import release
from memmetrics.designs import Bools

__all__ = ["diverged_runs", "finite_runs"]


def diverged_runs(flags: Bools, arrays: Mapping[str, npt.NDArray[Any] | None]) -> Bools:
    """Return which runs diverged: their stack said so, or their numbers do.

    One score or loss that is finite is enough, since any other concerns its own target
    only; but weights and hidden activations make sense as a whole.

    Parameters
    ----------
    flags : bool array (runs,)
        What the stacks said.
    arrays : mapping of str to array (runs, ...), or None
        Outputs by name.

    Examples
    --------
    >>> scores = np.array([[1.0, np.nan], [np.nan, np.nan]])
    >>> diverged_runs(np.zeros(2, dtype=bool), {"scores": scores})
    array([False,  True])
    """
    diverged = flags.copy()
    for name, array in arrays.items():
        if array is not None:
            some, every = finite_runs(array)
            diverged |= ~(every if name in ("weights", "hidden") else some)
    return diverged


def finite_runs(array: npt.NDArray[Any]) -> tuple[Bools, Bools]:
    """Return of which runs some, and of which all numbers are finite, each (runs,)."""
    some, every = np.empty((2, len(array)), dtype=bool)
    for run, row in enumerate(array):  # one by one: they may be mapped from disk
        finite = np.isfinite(row)
        some[run], every[run] = finite.any(), finite.all()
        release(array)
    return some, every
