"""How far up a metric reaches: the share of points above each value."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from memmetrics.plotting.frame import (
    axes_or_current,
    finish,
    legend_name,
    on_log_axis,
    size_in_points,
    tick_logarithmically,
)
from memmetrics.plotting.shared_words import with_shared_words
from memmetrics.plotting.tables import metric_label, select
from memmetrics.plotting.theme import COLORS

# What a metric is of, where it is not of points, by the first word of its name.
_ENTRIES = {"feature": "features", "group": "groups"}


@with_shared_words
def draw_tail(
    table: pd.DataFrame,
    metric: str,
    *,
    ax: Axes | None = None,
    color: str = COLORS["blue"],
    label: str | None = None,
) -> Axes:
    """Share of points whose estimate is at least as large as each value.

    Parameters
    ----------
    table : DataFrame
        Tidy table with the columns `metric` and `estimate`.
    metric : str
        Which metric.
    $ax
        Both axes become logarithmic, so that only positive estimates
        can be shown; the shares are of all.
    $color
    $label

    $returns

    $raises

    Examples
    --------
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> table = pd.DataFrame({"metric": "leverage", "estimate": [0.1, 0.4]})
    >>> ax = draw_tail(table, "leverage", ax=Figure().add_subplot())
    >>> ax.lines[0].get_ydata().tolist()
    [1.0, 0.5]
    """
    ax = axes_or_current(ax)
    values = np.sort(select(table, metric)["estimate"].to_numpy(float))
    shares = 1.0 - np.arange(len(values)) / max(len(values), 1)
    positive = on_log_axis(values)
    ax.step(
        values[positive],
        shares[positive],
        where="pre",
        # One value makes no line.
        marker="o" if positive.sum() == 1 else None,
        linewidth=1.6,
        color=color,
        label=legend_name(label),
    )
    if positive.any():
        ax.set(xscale="log", yscale="log")
        width, height = size_in_points(ax)
        (left, bottom), (right, top) = ax.dataLim.get_points()
        tick_logarithmically(ax.xaxis, left, right, width)
        tick_logarithmically(ax.yaxis, bottom, top, height)
    entries = _ENTRIES.get(metric.partition("_")[0], "points")
    labels = metric_label(table, metric), f"share of {entries} at or above"
    return finish(ax, *labels, empty="no positive estimate")
