"""Points in the order of one metric, with their intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from memmetrics.plotting.frame import axes_or_current, finish, plot_visible, visible
from memmetrics.plotting.shared_words import with_shared_words
from memmetrics.plotting.tables import metric_label, select
from memmetrics.plotting.theme import COLORS


@with_shared_words
def draw_ranking(
    table: pd.DataFrame,
    metric: str,
    *,
    ax: Axes | None = None,
    color: str = COLORS["blue"],
    label: str | None = None,
) -> Axes:
    """Estimates from the largest to the smallest, each with its interval.

    Parameters
    ----------
    table : DataFrame
        Tidy table with the columns `metric`, `estimate`, `low`, `high`; a row whose
        interval is missing gets a dot only.
    metric : str
        Which metric.
    $ax
        The horizontal axis is the rank as a fraction of the points,
        so that data sets of different sizes can share it.
    $color
    $label

    $returns

    $raises

    Examples
    --------
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> table = pd.DataFrame(
    ...     {"metric": "gap", "estimate": [1.0, 2.0], "low": 0.5, "high": 2.5}
    ... )
    >>> ax = draw_ranking(table, "gap", ax=Figure().add_subplot())
    >>> ax.lines[0].get_ydata().tolist()
    [2.0, 1.0]
    """
    ax = axes_or_current(ax)
    # An estimate without an interval still has its place in the order.
    rows = select(table, metric, "low", "high", finite=()).sort_values(
        "estimate", ascending=False, kind="stable"
    )
    ranks = (np.arange(len(rows)) + 0.5) / max(len(rows), 1)
    estimates = rows["estimate"].to_numpy(float)
    both: dict[str, Any] = {"color": color, "rasterized": True}
    size = 3 if len(rows) < 500 else 2
    shown = plot_visible(
        ax, ranks, estimates, label=label, linestyle="none", markersize=size, **both
    )
    bounds = rows[["low", "high"]].to_numpy(float)  # (points, 2)
    known = shown & visible(ax, *bounds.T)
    ax.vlines(ranks[known], *bounds[known].T, alpha=0.3, linewidth=1.0, **both)
    fraction = "rank, from the highest (fraction of points)"
    return finish(ax, fraction, metric_label(table, metric))
