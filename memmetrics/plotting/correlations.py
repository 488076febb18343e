"""Rank correlations between metrics, as a table of colors and numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from memmetrics.plotting.tables import by_index

# Above this strength the color is so dark that white numbers read better.
_DARK = 0.6


def draw_correlations(table: pd.DataFrame, metrics: Sequence[str], *, ax: Axes) -> Axes:
    """Spearman's rank correlation of every pair of metrics, point by point.

    Parameters
    ----------
    table : DataFrame
        Tidy table with the columns `metric`, `index`, `estimate`; estimates of
        several runs are averaged, point by point.
    metrics : sequence of str
        Which metrics, in order.
    ax : Axes
        Where to draw. Blue is negative, red positive; the number is in the cell,
        and a dash where a correlation is undefined.

    Returns
    -------
    Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If `table` lacks a column or a metric.

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
    ranks = by_index(table, metrics).dropna().rank()
    # Ranks first, because pandas needs scipy for method="spearman" and gives the same.
    correlations = ranks.corr().to_numpy(float)  # (metrics, metrics)
    ax.imshow(correlations, cmap="RdBu_r", vmin=-1, vmax=1)
    for row, column in np.ndindex(correlations.shape):
        value = correlations[row, column]
        ax.text(
            column,
            row,
            f"{value:.2f}" if np.isfinite(value) else "–",
            ha="center",
            va="center",
            color="white" if abs(value) > _DARK else "black",
        )
    names = [metric.replace("_", "\n") for metric in metrics]
    ax.set_xticks(range(len(names)), names)
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    return ax
