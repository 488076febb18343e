"""One small picture for each value of a column, side by side."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memmetrics.plotting.frame import plain

_WIDTH, _HEIGHT = 3.2, 2.8  # of a small picture, in inches


def draw_facets(
    table: pd.DataFrame,
    column: str,
    draw: Callable[..., Any],
    *,
    across: int = 3,
    share: bool = True,
    figure: Figure | None = None,
) -> list[Axes]:
    """Draw the rows of each value of a column on axes of their own.

    Parameters
    ----------
    table : DataFrame
        Tidy table with this column and what `draw` needs.
    column : str
        Its values, in the order of the table, become the titles.
    draw : callable
        ``draw(rows, ax=ax)``, such as a function of this module whose other arguments
        were given by `functools.partial`.
    across : int, default 3
        How many to put side by side.
    share : bool, default True
        Whether all have the same limits.
    figure : Figure, optional
        Where to draw; by default, a new figure of pyplot.

    Returns
    -------
    list of Axes
        One for each value; ``.figure`` of any of them is the whole.

    Raises
    ------
    ValueError
        If `table` lacks the column or has no value in it, or `across` is less than 1.

    Examples
    --------
    >>> from functools import partial
    >>> import pandas as pd
    >>> from matplotlib.figure import Figure
    >>> from memmetrics.plotting import draw_tail
    >>> table = pd.DataFrame(
    ...     {"metric": "leverage", "model": ["a", "a", "b"], "estimate": [1, 3, 2]})
    >>> axes = draw_facets(
    ...     table, "model", partial(draw_tail, metric="leverage"), figure=Figure())
    >>> [ax.get_title() for ax in axes]
    ['model a', 'model b']
    """
    values = _values_iv(table, column, across)
    across = min(across, len(values))
    down = ceil(len(values) / across)
    if figure is None:
        from matplotlib import pyplot as plt

        size = (_WIDTH * across, _HEIGHT * down)
        figure = plt.figure(figsize=size, layout="constrained")
    grid = figure.subplots(down, across, sharex=share, sharey=share, squeeze=False)
    axes: list[Axes] = list(grid.ravel())
    for unused in axes[len(values) :]:
        unused.remove()
    axes = axes[: len(values)]
    for place, (value, ax) in enumerate(zip(values, axes, strict=True)):
        draw(table[table[column] == value], ax=ax)
        own = [title for title in (ax.get_title("left"), ax.get_title()) if title]
        name = plain(f"{column.replace('_', ' ')} {value}")
        ax.set_title("\n".join([name, *own[:1]]))
        _keep_outer_words(
            ax, left=place % across == 0, last=place + across >= len(axes)
        )
    return axes


def _keep_outer_words(ax: Axes, *, left: bool, last: bool) -> None:
    """Say what an axis means at the margins only, a gap in the last row included."""
    if not left:
        ax.set_ylabel("")
    if last:
        ax.tick_params(axis="x", labelbottom=True)
    else:
        ax.set_xlabel("")


def _values_iv(table: pd.DataFrame, column: str, across: int) -> list[Any]:
    if column not in table.columns:
        raise ValueError(f"`table` lacks {column!r}; it has {list(table.columns)}")
    if across < 1:
        raise ValueError(f"`across` must be at least 1; received {across!r}")
    values = list(table[column].dropna().unique())
    if not values:
        raise ValueError(f"`table` must have values in {column!r}; received none")
    return values
