"""Rank correlations between metrics, as a table of colors and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from memmetrics.plotting.frame import (
    axes_or_current,
    plain,
    shortened,
    size_in_points,
    wrapped,
)
from memmetrics.plotting.shared_words import with_shared_words
from memmetrics.plotting.tables import by_index, rank_correlations

# Above this strength the color is so dark that white numbers read better.
_DARK = 0.6
# Height of a line, of its letters, and what is still readable, in points.
_LINE, _READABLE = 1.35, 6.0


@with_shared_words
def draw_correlations(
    table: pd.DataFrame, metrics: Sequence[str], *, ax: Axes | None = None
) -> Axes:
    """Spearman's rank correlation of every pair of metrics, point by point.

    Parameters
    ----------
    table : DataFrame
        Tidy table with the columns `metric`, `index`, `estimate`; estimates of
        several runs are averaged, point by point.
    metrics : sequence of str
        Which metrics, in order.
    $ax
        Blue is negative, red positive; the number is in the cell, and a dash where a
        correlation is undefined.

    $returns

    Raises
    ------
    ValueError
        If `metrics` is empty, or `table` lacks a column or a metric.

    Examples
    --------
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> table = pd.DataFrame(
    ...     {
    ...         "metric": ["a"] * 3 + ["b"] * 3,
    ...         "index": [0, 1, 2] * 2,
    ...         "estimate": [1.0, 2.0, 3.0, 3.0, 2.0, 1.0],
    ...     }
    ... )
    >>> ax = draw_correlations(table, ["a", "b"], ax=Figure().add_subplot())
    >>> [text.get_text() for text in ax.texts]
    ['1.00', '-1.00', '-1.00', '1.00']
    """
    ax = axes_or_current(ax)
    if len(metrics) == 0:
        raise ValueError("`metrics` must name at least one metric; received none")
    points = by_index(table, metrics).dropna()
    correlations = rank_correlations(points)  # (metrics, metrics)
    ax.imshow(correlations, cmap="RdBu_r", vmin=-1, vmax=1)
    # Names at the sides may take the rest, if a layout makes room for them.
    cell = 0.6 * min(size_in_points(ax)) / len(metrics)
    # "-0.12" is three times as wide as high.
    size = min(float(mpl.rcParams["font.size"]), cell / 3.2)
    middle: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": size}
    for (row, column), value in np.ndenumerate(correlations):
        text = f"{value:z.2f}" if np.isfinite(value) else "–"
        color = "white" if abs(value) > _DARK else "black"
        ax.text(column, row, text, color=color, **middle)
    _name_cells(ax, metrics, cell)
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    return ax


def _name_cells(ax: Axes, metrics: Sequence[str], cell: float) -> None:
    """Write the names at both axes, each as large as its cell allows."""
    size = float(mpl.rcParams["font.size"])
    words = [name.replace("_", " ") for name in metrics]
    names = [wrapped(plain(name), 90, size) for name in words]
    size = min(size, cell / _LINE / max(name.count("\n") + 1 for name in names))
    if size < _READABLE:
        size = min(float(mpl.rcParams["font.size"]), cell / _LINE)
        letters = max(3, int(cell * len(metrics) / size))
        names = [plain(shortened(name, letters)) for name in words]
    longest = max(len(line) for name in names for line in name.split("\n"))
    ax.set_xticks(range(len(names)), names, fontsize=size)
    ax.set_yticks(range(len(names)), names, fontsize=size)
    if longest * 0.7 * size > cell:
        ax.tick_params(axis="x", labelrotation=90)
