"""The answer of a metric: estimates with their uncertainty, as a tidy table on demand.

Every metric's table has the same columns, so that tables of different metrics can be
concatenated: ``metric, unit, run, index, estimate, standard_error, low, high, n_in,
n_out``, then the metric's own columns. What a metric does not have is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from memmetrics._arrays.validation import to_numpy

__all__ = ["COLUMNS", "Result", "default_axes"]

COLUMNS = (
    "metric",
    "unit",
    "run",
    "index",
    "estimate",
    "standard_error",
    "low",
    "high",
    "n_in",
    "n_out",
)
_FLOATS = ("standard_error", "low", "high")
_COUNTS = ("n_in", "n_out")


@dataclass(frozen=True, eq=False)
class Result:
    """Estimates of one metric, with whatever is known of their uncertainty.

    Parameters
    ----------
    metric : str
        Name of the metric.
    unit : str
        Unit of the estimates, e.g. ``"score"``; ``"dimensionless"`` for a ratio.
    estimate : array, tensor or number
        One number for each entry of `axes`.
    standard_error, low, high : same shape as `estimate`, optional
        Standard error and the ends of the confidence interval, in the same unit.
    n_in, n_out : same shape as `estimate`, optional
        How many runs had the point in their training set, and how many had not.
    columns : mapping of str to array of the same shape, or to one value, optional
        Further columns of the table, e.g. which interval was used.
    axes : sequence of str, optional
        Name of each axis of `estimate`. Default: none for a number, ``index`` for one
        axis, ``run, index`` for two, and further leading axes are ``axis_0, axis_1,
        …``. An axis of another name than ``run`` and ``index`` becomes a column.

    Raises
    ------
    ValueError
        If a shape differs from the shape of `estimate`, an axis has no name, or a
        column of `columns` takes a name that is taken.

    Examples
    --------
    >>> result = Result("loss", unit="nats", estimate=[0.5, 0.25], n_in=[3, 4])
    >>> result.to_frame()[["metric", "index", "estimate", "n_in", "n_out"]]
      metric  index  estimate  n_in  n_out
    0   loss      0      0.50     3   <NA>
    1   loss      1      0.25     4   <NA>
    """

    metric: str
    unit: str
    estimate: Any
    standard_error: Any = None
    low: Any = None
    high: Any = None
    n_in: Any = None
    n_out: Any = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    axes: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Check the shapes and the names."""
        shape = np.shape(to_numpy(self.estimate))
        object.__setattr__(self, "columns", dict(self.columns))
        object.__setattr__(self, "axes", _axes_iv(self.axes, shape))
        for name in (*_FLOATS, *_COUNTS):
            _check_shape(getattr(self, name), name, shape, scalar=False)
        for name, value in self.columns.items():
            if name in COLUMNS or name in (self.axes or ()):
                raise ValueError(f"`columns` must not redefine {name!r}")
            _check_shape(value, f"columns[{name!r}]", shape, scalar=True)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per estimate, in the columns common to all metrics.

        Returns
        -------
        pandas.DataFrame
            ``run``, ``index``, ``n_in`` and ``n_out`` are nullable integers; missing
            numbers are NaN. Axes of another name follow, then the metric's own columns.

        Examples
        --------
        >>> Result("gap", unit="loss", estimate=1.5).to_frame().shape
        (1, 10)
        """
        estimate = to_numpy(self.estimate)
        places = dict(zip(self.axes or (), np.indices(estimate.shape), strict=True))
        frame: dict[str, Any] = {"metric": self.metric, "unit": self.unit}
        for name in ("run", "index"):
            frame[name] = _integers(places.pop(name, None), estimate.size)
        frame["estimate"] = estimate.ravel()
        for name in _FLOATS:
            frame[name] = _floats(getattr(self, name), estimate.size)
        for name in _COUNTS:
            frame[name] = _integers(getattr(self, name), estimate.size)
        for name, numbers in places.items():
            frame[name] = _integers(numbers, estimate.size)
        for name, value in self.columns.items():
            column = np.broadcast_to(to_numpy(value), estimate.shape)
            frame[name] = _exact(column.ravel())
        return pd.DataFrame(frame, index=pd.RangeIndex(estimate.size))


def default_axes(ndim: int) -> tuple[str, ...]:
    """Return the names of `ndim` axes, of which the last are runs and what they hold.

    Examples
    --------
    >>> default_axes(1), default_axes(3)
    (('index',), ('axis_0', 'run', 'index'))
    """
    leading = [f"axis_{number}" for number in range(ndim - 2)]
    return tuple([*leading, "run", "index"][len(leading) + 2 - ndim :])


def _axes_iv(axes: Sequence[str] | None, shape: tuple[int, ...]) -> tuple[str, ...]:
    names = default_axes(len(shape)) if axes is None else tuple(axes)
    if len(names) != len(shape) or len(set(names)) != len(names):
        raise ValueError(
            "`axes` must give each axis of `estimate` a name of its own; "
            f"got {names} for shape {shape}"
        )
    return names


def _check_shape(
    value: Any, name: str, shape: tuple[int, ...], *, scalar: bool
) -> None:
    if value is None:
        return
    received = np.shape(to_numpy(value))
    if received != shape and not (scalar and received == ()):
        raise ValueError(
            f"`{name}` must have the shape {shape} of `estimate`; got {received}"
        )


def _integers(values: Any, size: int) -> pd.Series[Any]:
    if values is None:
        return pd.Series(pd.NA, index=range(size), dtype="Int64")
    return pd.Series(to_numpy(values).ravel()).astype("Int64")


def _exact(column: npt.NDArray[Any]) -> Any:
    """Return whole numbers as nullable ones, and anything else as it is.

    Joined with tables that lack the column, others would become floats, and large ones
    the same float.
    """
    if column.dtype.kind not in "iu":
        return column
    return pd.array(column, dtype="Int64" if column.dtype.kind == "i" else "UInt64")


def _floats(values: Any, size: int) -> npt.NDArray[Any]:
    if values is None:
        return np.full(size, np.nan)
    return to_numpy(values).ravel()
