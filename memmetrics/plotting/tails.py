"""How far up a metric reaches: the share of points above each value."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from memmetrics.plotting.tables import metric_label, select
from memmetrics.plotting.theme import COLORS


def draw_tail(
    table: pd.DataFrame,
    metric: str,
    *,
    ax: Axes,
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
    ax : Axes
        Where to draw. Both axes become logarithmic, so that only positive estimates
        can be shown; the shares are of all.
    color, label : str, optional
        Of the line.

    Returns
    -------
    Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If `table` lacks a column or the metric.

    Examples
    --------
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> table = pd.DataFrame({"metric": "leverage", "estimate": [0.1, 0.4]})
    >>> ax = draw_tail(table, "leverage", ax=Figure().add_subplot())
    >>> ax.lines[0].get_ydata().tolist()
    [1.0, 0.5]
    """
    values = np.sort(select(table, metric)["estimate"].to_numpy(float))
    shares = 1.0 - np.arange(len(values)) / max(len(values), 1)
    positive = values > 0
    ax.step(
        values[positive],
        shares[positive],
        where="pre",
        linewidth=1.6,
        color=color,
        label=label,
    )
    if positive.any():
        ax.set(xscale="log", yscale="log")
        for axis in (ax.xaxis, ax.yaxis):
            # Less than a decade wide, the usual ticks would be 2 × 10⁻¹ and such.
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(StrMethodFormatter("{x:g}"))
            axis.set_minor_formatter(NullFormatter())
    ax.set_xlabel(metric_label(table, metric))
    ax.set_ylabel("share of points at or above")
    return ax
