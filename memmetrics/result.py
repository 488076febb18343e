"""The answer of a metric: estimates with their uncertainty, as a tidy table on demand.

Every metric's table has the same columns, so that tables of different metrics can be
concatenated: ``metric, unit, run, index, estimate, standard_error, low, high, n_in,
n_out``, then the metric's own columns. What a metric does not have is missing.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from memmetrics._arrays.validation import to_numpy

__all__ = ["COLUMNS", "NUMBERS", "Result", "default_axes"]

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

NUMBERS = ("estimate", *_FLOATS, *_COUNTS)
"""Names of what a result has for each entry of its axes."""

_SHOWN = 3  # at either end, of the rows that a `repr` shows


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
    attrs : mapping, optional
        Where the numbers come from, in plain values; the table carries it on.
    places : mapping of str to int array of the same shape, optional
        Where each estimate stood along the axes of the result that it was taken from,
        as indexing writes it. Default: 0, 1, … along each of `axes`.

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

    Parts of a result are results that remember their places, and it shows its extremes:

    >>> result[1].to_frame()["index"].tolist()
    [1]
    >>> result[result.estimate > 0.3]
    Result of 'loss', 1 estimate
     index  estimate  unit
         0       0.5  nats
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
    attrs: Mapping[str, Any] | None = None
    places: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        """Check the shapes and the names."""
        shape = np.shape(to_numpy(self.estimate))
        object.__setattr__(self, "columns", dict(self.columns))
        object.__setattr__(self, "attrs", dict(self.attrs or {}))
        object.__setattr__(self, "axes", _axes_iv(self.axes, shape))
        for name in (*_FLOATS, *_COUNTS):
            _check_shape(getattr(self, name), name, shape, scalar=False)
        for name, value in self.columns.items():
            if name in COLUMNS or name in (self.axes or ()):
                raise ValueError(f"`columns` must not redefine {name!r}")
            _check_shape(value, f"columns[{name!r}]", shape, scalar=True)
        for name, value in (self.places or {}).items():
            _check_shape(value, f"places[{name!r}]", shape, scalar=False)

    def __len__(self) -> int:
        """Return how many entries the first axis has."""
        if not self.axes:
            raise TypeError("a result of a single number has no length")
        return len(self.estimate)

    def __getitem__(self, key: Any) -> Result:
        """Return the part that NumPy's indexing of the estimates would give.

        A number, a slice, a mask, an array of numbers, or one of these for each axis.
        """
        keys: list[Any] = [
            one if one is ... or isinstance(one, slice) else to_numpy(one)
            for one in (key if isinstance(key, tuple) else (key,))
        ]

        def part(values: Any) -> Any:
            whole = values is None or np.ndim(to_numpy(values)) == 0
            return values if whole else _as_array(values)[tuple(keys)]

        estimate = _as_array(self.estimate)[tuple(keys)]
        kept = [
            name
            for name, one in itertools.zip_longest(self.axes or (), keys)
            if one is None or isinstance(one, slice) or np.ndim(one)
        ]
        return replace(
            self,
            estimate=estimate,
            **{name: part(getattr(self, name)) for name in NUMBERS[1:]},
            columns={name: part(values) for name, values in self.columns.items()},
            # A mask of several axes, and a list of places, leave one axis of entries.
            axes=kept if len(kept) == np.ndim(estimate) else ("entry",),
            places={name: part(place) for name, place in self._places().items()},
        )

    def __repr__(self) -> str:
        """Return the most extreme rows, with their intervals."""
        estimate = to_numpy(self.estimate)
        known = np.flatnonzero(~np.isnan(estimate.ravel()))
        order = known[np.argsort(-estimate.ravel()[known], kind="stable")]
        size, missing = estimate.size, estimate.size - known.size
        head = f"Result of {self.metric!r}, {size:,} estimate{'s' * (size != 1)}"
        head += f", {missing:,} of them NaN" if missing else ""
        if known.size > 2 * _SHOWN:
            head += f"; the largest and smallest {_SHOWN}"
            order = np.r_[order[:_SHOWN], order[-_SHOWN:]]
        extremes = self[np.unravel_index(order, estimate.shape)] if self.axes else self
        frame = extremes.to_frame()
        shown = [*self._places(), "estimate", "low", "high", "unit"]
        frame = frame[shown].dropna(axis="columns", how="all")
        return f"{head}\n{frame.to_string(index=False)}" if len(frame) else head

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
        places = self._places()
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
        table = pd.DataFrame(frame, index=pd.RangeIndex(estimate.size))
        table.attrs.update(self.attrs or {})
        return table

    def _places(self) -> dict[str, npt.NDArray[Any]]:
        """Return where each estimate stands, by the name of the axis."""
        if self.places is not None:
            return dict(self.places)
        shape = np.shape(to_numpy(self.estimate))
        axes: Any = np.indices(shape, sparse=True)
        return {
            name: np.broadcast_to(places, shape)
            for name, places in zip(self.axes or (), axes, strict=True)
        }


def default_axes(ndim: int) -> tuple[str, ...]:
    """Return the names of `ndim` axes, of which the last are runs and what they hold.

    Examples
    --------
    >>> default_axes(1), default_axes(3)
    (('index',), ('axis_0', 'run', 'index'))
    """
    leading = [f"axis_{number}" for number in range(ndim - 2)]
    return tuple([*leading, "run", "index"][len(leading) + 2 - ndim :])


def _as_array(values: Any) -> Any:
    return values if isinstance(values, torch.Tensor) else np.asarray(values)


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
