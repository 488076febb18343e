"""Curves with their bands over data sets, which most studies of the paper draw."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from memmetrics.plotting import metric_label
from studies._kit.estimates import median_of
from studies._kit.toy import by_data_set

# About as many numbers as fit below a narrow panel.
_TICKS = 8
BAND = "Lines are medians over data sets, bands their 95% intervals."


def draw_band(
    table: pd.DataFrame,
    condition: str,
    *,
    metric: str,
    ax: Axes,
    color: str,
    label: str | None = None,
) -> Axes:
    """Median over data sets at each value of a condition, with its interval."""
    columns = by_data_set(table, metric, condition)
    estimates = [median_of(columns[place].dropna()) for place in columns]
    places = columns.columns.to_numpy(float)
    ax.plot(
        places,
        [estimate.value for estimate in estimates],
        marker="o",
        markersize=4,
        linewidth=1.5,
        color=color,
        label=label,
    )
    ax.fill_between(
        places,
        [estimate.low for estimate in estimates],
        [estimate.high for estimate in estimates],
        color=color,
        alpha=0.2,
        linewidth=0,
    )
    ax.set(xscale="log", xlabel=condition.replace("_", " "))
    ax.set_ylabel(metric_label(table, metric))
    tick_at(ax, places)
    return ax


def tick_at(ax: Axes, places: npt.ArrayLike) -> Axes:
    """Mark the values that were tried, as many as can be read, on a logarithmic axis.

    The last is always among them.
    """
    values = np.asarray(places, dtype=float)
    apart = (np.log(values[-1]) - np.log(values[0])) / _TICKS
    kept = [values[-1]]
    for value in values[-2::-1]:
        if np.log(kept[-1]) - np.log(value) >= apart:
            kept.append(value)
    ax.set_xticks(kept)
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    return ax


def log_lengths(ax: Axes) -> Axes:
    """Scale the vertical axis logarithmically, with plain numbers."""
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    return ax


def log_from_one(ax: Axes, *, linear: float) -> Axes:
    """Scale losses by how far from 1, the zero model, they lie.

    Linear within `linear` of 1, logarithmic beyond: the peak is thousands of times
    higher than what there is to see beside it. Axes that share this scale get it too,
    wide enough for what is drawn in any of them.
    """

    def place(loss: npt.ArrayLike) -> npt.NDArray[np.float64]:
        distances: npt.NDArray[np.float64] = np.asarray(loss, dtype=float) - 1.0
        places: npt.NDArray[np.float64] = np.arcsinh(distances / linear)
        return places

    def loss_at(place: npt.ArrayLike) -> npt.NDArray[np.float64]:
        losses: npt.NDArray[np.float64] = np.sinh(np.asarray(place, dtype=float))
        return 1.0 + linear * losses

    ax.set_yscale("function", functions=(place, loss_at))
    sharing = ax.get_shared_y_axes().get_siblings(ax)
    drawn = place([each.dataLim.intervaly for each in sharing])
    lowest, highest = drawn.min(), drawn.max()
    margin = 0.05 * (highest - lowest) + 0.1
    low, high = loss_at([lowest - margin, highest + margin])
    ax.set_ylim(low, high)
    far = LogLocator(subs=(1, 2, 5)).tick_values(2, max(high, 10))
    near = (1 - linear, 1.0, 1 + linear, 1.05, 1.1, 1.2, 1.5)
    shown = [it for it in (*near, *far) if low <= it <= high]
    ax.set_yticks(_apart(ax, shown))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    return ax


def _apart(ax: Axes, ticks: list[float]) -> list[float]:
    """Leave out ticks too close to the one before to be read."""
    kept: list[float] = []
    for tick in ticks:
        height = ax.transData.transform((1.0, tick))[1]
        if not kept or height - ax.transData.transform((1.0, kept[-1]))[1] > 25:
            kept.append(tick)
    return kept
