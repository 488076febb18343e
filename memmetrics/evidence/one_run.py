"""One model that was trained once, on what coins let in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import as_boolean, as_float, as_labels, to_numpy

__all__ = ["OneRun"]


@dataclass(frozen=True, eq=False)
class OneRun:
    """Scores of items under one model, each let into its training by a fair coin.

    Parameters
    ----------
    scores : array (items,)
        Score of every item under the one model, higher is better. NaN where an item
        was not scored: it does not count.
    entered : boolean array (items,)
        Whether the item was in the training set, by a coin of its own that nothing
        else had a part in.
    strata : int or str array (items,), optional
        Kind of each item, such as its number of copies. Default: one kind.
    reference_scores : array (items,), optional
        Scores of the same items under a model that saw none of them, such as the same
        model before training.

    Raises
    ------
    TypeError, ValueError
        If `entered` is not boolean, labels are neither integers nor strings, a score
        is infinite, or the shapes differ.

    Examples
    --------
    >>> import numpy as np
    >>> OneRun(scores=np.zeros(3), entered=np.array([True, False, True])).scores
    array([0., 0., 0.])
    """

    scores: npt.NDArray[Any]
    entered: npt.NDArray[np.bool_]
    strata: npt.NDArray[Any] | None = None
    reference_scores: npt.NDArray[Any] | None = None

    def __post_init__(self) -> None:
        """Standardize and check the arrays."""
        entered = as_boolean(self.entered, "entered", axes="(items,)", ndim=1)
        object.__setattr__(self, "entered", to_numpy(entered))
        for name in ("scores", "reference_scores", "strata"):
            value = getattr(self, name)
            if value is None and name != "scores":
                continue
            checked = _items_iv(value, name, len(entered))
            object.__setattr__(self, name, checked)


def _items_iv(values: object, name: str, items: int) -> npt.NDArray[Any]:
    if name == "strata":
        result = as_labels(values, name)
        if result.dtype.kind == "f":
            raise TypeError(f"`{name}` must be integers or strings; got {result.dtype}")
    else:
        result = to_numpy(as_float(values, name, axes="(items,)", min_ndim=1))
        if np.isinf(result).any():
            raise ValueError(
                f"`{name}` must not be infinite; got {np.isinf(result).sum()} that are"
            )
    if result.shape != (items,):
        raise ValueError(
            f"`{name}` must have one entry for each of the {items} items of `entered`; "
            f"got shape {result.shape}"
        )
    return result
