"""Fields of evidence from files: how text is read, and what counts as membership."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.files import read_array, read_labels

__all__ = ["as_membership", "read_field"]

# How text is read, where it is not a table of numbers (rows, columns).
_LABELS = {"own", "groups", "seeds", "strata"}
_MASKS = {"member", "entered"}


def read_field(name: str, path: str, *, axes: Literal[1, 2] = 2) -> npt.NDArray[Any]:
    """Return the field `name` of an evidence from a ``.npy``, ``.npz`` or ``.csv``.

    Numbers in text that stand in a single column have as many axes as `axes` says.

    Raises
    ------
    OSError, TypeError, ValueError
        If the file cannot be read or does not hold it; the message names the file.
    """
    if not path.endswith(".csv"):
        array = read_array(path)
    elif name in _LABELS:
        array = read_labels(path)
    else:
        array = read_array(path, ndmin=axes)
    return as_membership(array, path, name) if name in _MASKS else array


def as_membership(
    array: npt.NDArray[Any], where: str, name: str = "member"
) -> npt.NDArray[np.bool_]:
    """Return membership as Booleans: other programs save it as 0 and 1.

    Raises
    ------
    TypeError, ValueError
        If there is anything else in it; the message says that it was found in `where`.

    Examples
    --------
    >>> as_membership(np.array([[1, 0]]), "member.npy")
    array([[ True, False]])
    """
    if array.dtype == bool:
        return array
    if array.dtype.kind not in "iuf":
        raise TypeError(
            f"{where}: `{name}` must be boolean or hold 0 and 1 only; "
            f"got dtype {array.dtype}"
        )
    other = array[(array != 0) & (array != 1)]
    if other.size:
        raise ValueError(
            f"{where}: `{name}` must be boolean or hold 0 and 1 only; got {other[0]}"
        )
    return array.astype(bool)
