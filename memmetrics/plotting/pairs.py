"""Two metrics against each other, point by point."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from memmetrics.plotting.frame import axes_or_current, finish, scatter_visible
from memmetrics.plotting.shared_words import with_shared_words
from memmetrics.plotting.tables import by_index, metric_label, rank_correlations
from memmetrics.plotting.theme import COLORS


@with_shared_words
def draw_pair(
    table: pd.DataFrame,
    horizontal: str,
    vertical: str,
    *,
    ax: Axes | None = None,
    color: str = COLORS["blue"],
) -> Axes:
    """One dot a point, with Spearman's rank correlation in the title.

    Parameters
    ----------
    table : DataFrame
        Tidy table with the columns `metric`, `index`, `estimate`; estimates of
        several runs are averaged, point by point.
    horizontal, vertical : str
        The two metrics.
    $ax
    $color

    $returns

    $raises

    Examples
    --------
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> table = pd.DataFrame(
    ...     {
    ...         "metric": ["a"] * 4 + ["b"] * 4,
    ...         "index": [0, 1, 2, 3] * 2,
    ...         "estimate": [1.0, 2.0, 3.0, 4.0, 1.0, 4.0, 9.0, 16.0],
    ...     }
    ... )
    >>> draw_pair(table, "a", "b", ax=Figure().add_subplot()).get_title("left")
    'rank correlation 1.00'
    """
    ax = axes_or_current(ax)
    points = by_index(table, [horizontal, vertical]).dropna()
    first, second = points.to_numpy(float).T
    scatter_visible(ax, first, second, color=color, s=12, alpha=0.6)
    value = rank_correlations(points)[0, 1]
    known = np.isfinite(value)
    ax.set_title(
        f"rank correlation {f'{value:z.2f}' if known else 'undefined'}", loc="left"
    )
    labels = metric_label(table, horizontal), metric_label(table, vertical)
    return finish(ax, *labels, empty="no point with both estimates")
