"""Estimates against a condition of the experiment, such as the number of points."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from memmetrics.plotting.frame import (
    Floats,
    axes_or_current,
    finish,
    in_words,
    plot_visible,
    scatter_visible,
)
from memmetrics.plotting.shared_words import with_shared_words
from memmetrics.plotting.tables import metric_label, select
from memmetrics.plotting.theme import COLORS

# Successive multiples of the golden ratio spread evenly over the unit interval, so
# that the jitter needs no random numbers and a picture never changes by itself.
_GOLDEN = (5**0.5 - 1) / 2


@with_shared_words
def draw_curve(
    table: pd.DataFrame,
    condition: str,
    *,
    metric: str,
    ax: Axes | None = None,
    color: str = COLORS["blue"],
    label: str | None = None,
) -> Axes:
    """Line through the mean estimate at each value of a condition.

    Parameters
    ----------
    table : DataFrame
        Tidy table with the columns `metric`, `estimate` and `condition`.
    condition : str
        Column for the horizontal axis.
    metric : str
        Which metric to draw.
    $ax
    $color
    $label

    $returns

    $raises

    Examples
    --------
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> table = pd.DataFrame(
    ...     {"metric": "test_loss", "points": [3, 3, 10], "estimate": [1.0, 3.0, 5.0]}
    ... )
    >>> ax = draw_curve(
    ...     table, "points", metric="test_loss", ax=Figure().add_subplot()
    ... )
    >>> ax.lines[0].get_ydata().tolist()
    [2.0, 5.0]
    """
    ax = axes_or_current(ax)
    means = select(table, metric, condition).groupby(condition)["estimate"].mean()
    places, heights = means.index.to_numpy(float), means.to_numpy(float)
    style = {"color": color, "markersize": 4, "linewidth": 1.5}
    plot_visible(ax, places, heights, label=label, **style)
    return finish(ax, in_words(condition), metric_label(table, metric))


@with_shared_words
def draw_estimates(
    table: pd.DataFrame,
    condition: str,
    *,
    metric: str,
    ax: Axes | None = None,
    color: str = COLORS["blue"],
    label: str | None = None,
    spread: float = 0.0,
) -> Axes:
    """One dot an estimate, spread sideways a little so that crowds can be seen.

    Parameters
    ----------
    table : DataFrame
        Tidy table with the columns `metric`, `estimate` and `condition`.
    condition : str
        Column for the horizontal axis; positive values.
    metric : str
        Which metric to draw.
    $ax
    $color
    $label
    spread : float, optional
        Width of the sideways spread, as a fraction of the condition's value, so
        that it is equally wide everywhere on a logarithmic axis.

    $returns

    $raises

    Examples
    --------
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> table = pd.DataFrame(
    ...     {"metric": "leverage", "points": 5, "estimate": [0.4, 0.4, 0.3]}
    ... )
    >>> ax = draw_estimates(
    ...     table, "points", metric="leverage", ax=Figure().add_subplot()
    ... )
    >>> len(ax.collections[0].get_offsets())
    3
    """
    ax = axes_or_current(ax)
    rows = select(table, metric, condition)
    places = _spread_out(rows[condition].to_numpy(float), spread)
    heights = rows["estimate"].to_numpy(float)
    scatter_visible(ax, places, heights, label=label, color=color, s=9, alpha=0.5)
    return finish(ax, in_words(condition), metric_label(table, metric))


def _spread_out(values: Floats, spread: float) -> Floats:
    """Move each value by at most half of `spread`, relative to itself."""
    offsets = np.arange(len(values)) * _GOLDEN % 1.0 - 0.5
    return values * (1.0 + spread * offsets)
