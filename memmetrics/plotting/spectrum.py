"""The selection-function spectrum as memorization curves."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.scale import SymmetricalLogTransform

from memmetrics.plotting.frame import (
    Floats,
    axes_or_current,
    finish,
    legend_name,
    visible,
)
from memmetrics.plotting.shared_words import with_shared_words
from memmetrics.plotting.tables import select
from memmetrics.plotting.theme import COLORS


@with_shared_words
def draw_spectrum(
    table: pd.DataFrame,
    *,
    ax: Axes | None = None,
    color: str = COLORS["blue"],
    label: str | None = None,
) -> Axes:
    """Score lost against the share of the data removed, one curve for each point.

    A strong line joins the rules' means over points. Steep at the left means
    memorized, rising slowly means generalized.

    Parameters
    ----------
    table : DataFrame
        As `memmetrics.spectrum` returns it, or some points' rows of it.
    $ax
        The horizontal axis is logarithmic from the smallest share on,
        and linear from there to 0, where nothing is lost.
    $color
    $label

    $returns

    Raises
    ------
    ValueError
        If `table` lacks a column, or has no row of a selection spectrum.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> table = pd.DataFrame({
    ...     "metric": "selection_spectrum", "index": 0, "rule": ["point", "class"],
    ...     "share_removed": [0.01, 0.1], "estimate": [0.2, 0.9]})
    >>> ax = draw_spectrum(table, ax=Figure().add_subplot())
    >>> ax.lines[-1].get_xdata().tolist()
    [0.0, 0.01, 0.1]
    """
    ax = axes_or_current(ax)
    rows = select(table, "selection_spectrum", "index", "rule", "share_removed")
    name = legend_name(label)
    shown = visible(ax, *rows[["share_removed", "estimate"]].to_numpy(float).T)
    rows = rows[shown]
    for _, curve in rows.groupby("index", observed=True):
        _draw_from_nothing(curve, ax, color=color, linewidth=0.7, alpha=0.35)
    means = rows.groupby("rule", observed=True)[["share_removed", "estimate"]].mean()
    if len(rows):
        _draw_from_nothing(means, ax, color=color, linewidth=2, marker="o", label=name)
    _compress_shares(ax, rows["share_removed"].to_numpy(float))
    return finish(ax, "share of the data removed", "score lost")


def _compress_shares(ax: Axes, shares: Floats) -> None:
    """Make the axis logarithmic from the smallest share on that any call has drawn."""
    smallest = shares[shares > 0].min(initial=np.inf)
    before = ax.xaxis.get_transform()
    if isinstance(before, SymmetricalLogTransform):
        smallest = min(smallest, before.linthresh)
    if np.isfinite(smallest):
        ax.set_xscale("symlog", linthresh=float(smallest))


def _draw_from_nothing(curve: pd.DataFrame, ax: Axes, **style: object) -> None:
    curve = curve.sort_values("share_removed")
    shares = np.concatenate([[0.0], curve["share_removed"].to_numpy(float)])
    lost = np.concatenate([[0.0], curve["estimate"].to_numpy(float)])
    (line,) = ax.plot(shares, lost, **style)  # type: ignore[arg-type]
    # No margin on the left of 0; the limits grow with what else is drawn.
    line.sticky_edges.x.append(0.0)
