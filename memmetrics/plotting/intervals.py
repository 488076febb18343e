"""Few numbers, each with its interval: metrics of one number, models side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from memmetrics.plotting.frame import (
    LARGEST,
    axes_or_current,
    finish,
    legend_name,
    plain,
    size_in_points,
)
from memmetrics.plotting.shared_words import with_shared_words
from memmetrics.plotting.tables import metric_label, select
from memmetrics.plotting.theme import COLORS


@with_shared_words
def draw_intervals(
    table: pd.DataFrame,
    metric: str,
    *,
    names: str | None = None,
    ax: Axes | None = None,
    color: str = COLORS["blue"],
    label: str | None = None,
) -> Axes:
    """Estimates with their intervals, one line below the other.

    Parameters
    ----------
    table : DataFrame
        Tidy table with the columns `metric`, `estimate`, `low`, `high`; a row whose
        interval is missing gets a dot only.
    metric : str
        Which metric: one of a single number, or any with a row for each name.
    names : str, optional
        Column that names the lines, such as a model or a statistic; without it there
        is one line, the metric's. Rows of one name share a line.
    $ax
        Lines go from top to bottom in the order of the table.
    $color
    $label

    $returns

    $raises

    Examples
    --------
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> table = pd.DataFrame({
    ...     "metric": "train_test_gap", "model": ["small", "large"],
    ...     "estimate": [0.1, 0.6], "low": [0.0, 0.4], "high": [0.2, 0.8]})
    >>> ax = draw_intervals(
    ...     table, "train_test_gap", names="model", ax=Figure().add_subplot())
    >>> [text.get_text() for text in ax.get_yticklabels()]
    ['small', 'large']
    """
    ax = axes_or_current(ax)
    named = [] if names is None else [names]
    rows = select(table, metric, "low", "high", finite=(), words=named)
    rows = rows[np.abs(rows["estimate"]) <= LARGEST]
    estimates = rows["estimate"].to_numpy(float)
    bounds = rows[["low", "high"]].to_numpy(float).T  # (2, rows)
    # A missing end is where the estimate is.
    ends = np.where(np.abs(bounds) <= LARGEST, bounds, estimates)
    words = [metric.replace("_", " ")] * len(rows) if names is None else rows[names]
    lines = [plain(word) for word in words]
    ax.errorbar(
        estimates,
        lines,
        xerr=np.abs(ends - estimates),
        linestyle="none",
        marker="o",
        markersize=5,
        capsize=3,
        color=color,
        label=legend_name(label),
    )
    if ax.get_xscale() == "linear":
        few = max(2, min(8, int(size_in_points(ax)[0] / 55)))
        ax.xaxis.set_major_locator(MaxNLocator(few))
    if not ax.yaxis_inverted():
        ax.invert_yaxis()
    ax.margins(y=0.5 / max(len(set(lines)), 1))
    return finish(ax, metric_label(table, metric), "")
