"""What selection rules select: asked for, and checked, before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics.designs import Bools
from memmetrics.selection import Rule
from memmetrics.trainers.base import Data

__all__ = ["select_points"]


def select_points(
    rules: Mapping[str, Rule],
    data: Data,
    chosen: npt.NDArray[np.int64],
    count: int,
    largest_share: float,
) -> Bools:
    """Return what each rule selects for each point.

    Parameters
    ----------
    rules : mapping of str to function
        Selection rules by name.
    data : csr_array, array, or tuple of arrays
        What a rule is given.
    chosen : int array (chosen,)
        The points it is asked for.
    count : int
        How many points there are.
    largest_share : float
        Largest share of the data that a rule may select.

    Returns
    -------
    bool array (rules · chosen, points)
        One rule's rows follow one another.

    Raises
    ------
    ValueError
        If a rule returns no selection, leaves out the point, or selects too many.

    Examples
    --------
    >>> rules = {"point": lambda data, point: [point]}
    >>> select_points(rules, np.eye(3), np.array([1]), 3, largest_share=0.5)
    array([[False,  True, False]])
    """
    if not rules or not hasattr(rules, "items"):
        raise ValueError(
            f"`rules` must map at least one name to a function; got {rules!r}"
        )
    if not 0 < largest_share < 1:
        raise ValueError(
            f"`largest_share` must lie strictly between 0 and 1; got {largest_share!r}"
        )
    selected = np.zeros((len(rules) * len(chosen), count), dtype=bool)
    places = (
        (name, rule, int(point)) for name, rule in rules.items() for point in chosen
    )
    for row, (name, rule, point) in zip(selected, places, strict=True):
        row[_selection_iv(rule(data, point), name, point, count)] = True
        if not row[point]:
            raise ValueError(
                f"rule {name!r} must select the point itself; for point {point} it "
                f"selects {int(row.sum())} others"
            )
        if row.mean() > largest_share:
            raise ValueError(
                f"rule {name!r} selects {row.mean():.0%} of the data for point "
                f"{point}, more than `largest_share` = {largest_share:.0%}"
            )
    return selected


def _selection_iv(
    selection: npt.ArrayLike, name: str, point: int, count: int
) -> npt.NDArray[Any]:
    """Check what a rule returned: something that can index `count` points."""
    array = np.asarray(selection)
    mask = array.dtype == bool and array.shape == (count,)
    indices = array.dtype.kind in "iu" and array.ndim == 1
    if not mask and not indices:
        raise ValueError(
            f"rule {name!r} must return a boolean mask of {count} points or an array "
            f"of indices; for point {point} it returned shape {array.shape} and dtype "
            f"{array.dtype}"
        )
    looks_like_mask = array.shape == (count,) and set(array.tolist()) == {0, 1}
    if indices and looks_like_mask and count > 2:
        raise ValueError(
            f"rule {name!r} must return a mask as booleans, or indices that differ; "
            f"for point {point} it returned {count} integers, all 0 or 1"
        )
    if indices and array.size and (array.min() < 0 or array.max() >= count):
        raise ValueError(
            f"rule {name!r} must return indices between 0 and {count - 1}; for point "
            f"{point} it returned some from {array.min()} to {array.max()}"
        )
    return array
