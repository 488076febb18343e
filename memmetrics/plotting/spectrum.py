"""The selection-function spectrum as memorization curves."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from memmetrics.plotting.tables import select
from memmetrics.plotting.theme import COLORS


def draw_spectrum(
    table: pd.DataFrame,
    *,
    ax: Axes,
    color: str = COLORS["blue"],
    label: str | None = None,
) -> Axes:
    """Score lost against the share of the data removed, one curve for each point.

    A strong line joins the rules' means over points. Steep at the left means
    memorized, rising slowly means generalized.

    Parameters
    ----------
    table : DataFrame
        As `memmetrics.spectrum.spectrum` returns it, or some points' rows of it.
    ax : Axes
        Where to draw. The horizontal axis is logarithmic from the smallest share on,
        and linear from there to 0, where nothing is lost.
    color, label : str, optional
        Of the curves, for instance to set two kinds of points apart.

    Returns
    -------
    Axes
        The same `ax`.

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
    rows = select(table, "selection_spectrum", "index", "rule", "share_removed")
    for _, curve in rows.groupby("index"):
        _draw_from_nothing(curve, ax, color=color, linewidth=0.7, alpha=0.35)
    means = rows.groupby("rule")[["share_removed", "estimate"]].mean()
    _draw_from_nothing(means, ax, color=color, linewidth=2, marker="o", label=label)
    ax.set_xscale("symlog", linthresh=float(rows["share_removed"].min()))
    ax.set_xlim(left=0)
    ax.set_xlabel("share of the data removed")
    ax.set_ylabel("score lost")
    return ax


def _draw_from_nothing(curve: pd.DataFrame, ax: Axes, **style: object) -> None:
    curve = curve.sort_values("share_removed")
    shares = np.concatenate([[0.0], curve["share_removed"].to_numpy(float)])
    lost = np.concatenate([[0.0], curve["estimate"].to_numpy(float)])
    ax.plot(shares, lost, **style)  # type: ignore[arg-type]
