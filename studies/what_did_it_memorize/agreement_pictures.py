"""Pictures of how far definitions of memorization agree."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from memmetrics.plotting import (
    COLORS,
    draw_correlations,
    draw_pair,
    draw_ranking,
    metric_label,
)
from studies._kit.chapter import Picture
from studies._kit.words import counted, listed, signed
from studies.what_did_it_memorize.points import POINT_METRICS, rank_correlations

_COLORS = (COLORS["vermillion"], COLORS["blue"], COLORS["green"])
_MEMORIZATION, *_OTHERS = POINT_METRICS


def ranking(table: pd.DataFrame, summary: pd.DataFrame) -> Picture:
    """Counterfactual memorization of every point, from the highest."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    ax = figure.subplots()
    for (points, rows), color in zip(table.groupby("points"), _COLORS, strict=False):
        draw_ranking(
            rows, _MEMORIZATION, ax=ax, color=color, label=f"{points:,} points"
        )
    ax.axhline(0, color=COLORS["gray"], linewidth=1)
    ax.legend(title="training set")
    note = " Above 1 the axis is logarithmic." if _compress(ax, table) else ""
    ax.set_ylim(bottom=-0.5)
    shares = ", ".join(
        f"{row['clearly memorized (share)']:.0%} of "
        f"{counted(int(row['points']), 'point')} "
        f"(mean {row['mean memorization']:.2f})"
        for row in summary.to_dict("records")
    )
    caption = (
        "How much better a point is reconstructed by networks that were trained on "
        "it than by those that were not, with 95% intervals. The interval lies above "
        f"0 for {shares}.{note}"
    )
    return Picture(
        "memorization_ranking", "Who is memorized, and how surely", caption, figure
    )


def correlations(table: pd.DataFrame) -> Picture:
    """Rank correlations of all pairs of definitions at each size."""
    sizes = table["points"].unique()
    figure = Figure(figsize=(11, 4.9), layout="constrained")
    axes = figure.subplots(1, len(sizes), squeeze=False)[0]
    names = [metric.replace("_", " ") for metric in POINT_METRICS]
    for ax, points in zip(axes, sizes, strict=True):
        draw_correlations(table[table["points"] == points], POINT_METRICS, ax=ax)
        ax.set_title(f"{points:,} points", loc="center")
        ax.set_xticklabels(names, rotation=90)
        ax.tick_params(labelsize=8.5)
        if ax is not axes[0]:
            ax.set_yticklabels([])
    strongest = [_strongest(table[table["points"] == size], size) for size in sizes]
    caption = (
        "Spearman's rank correlation, point by point; red means that two definitions "
        "agree on who is memorized, blue that they disagree. Closest to counterfactual "
        f"memorization is {', '.join(strongest)}."
    )
    return Picture("correlations", "Do the definitions agree?", caption, figure)


def _strongest(table: pd.DataFrame, points: int) -> str:
    """Say which definition is closest to memorization at one size."""
    known = rank_correlations(table).dropna()
    if known.empty:
        return f"none at {counted(points, 'point')} (undefined)"
    name = str(known.abs().idxmax())
    value = signed(known[name])
    return f"{name.replace('_', ' ')} at {counted(points, 'point')} ({value})"


def pairs(table: pd.DataFrame) -> Picture:
    """Counterfactual memorization against every other definition, at each size."""
    sizes = table["points"].unique()
    figure = Figure(figsize=(11, 2.9 * len(sizes)), layout="constrained")
    axes = figure.subplots(len(sizes), len(_OTHERS), squeeze=False)
    for row, points, color in zip(axes, sizes, _COLORS, strict=False):
        rows = table[table["points"] == points]
        for ax, metric in zip(row, _OTHERS, strict=True):
            draw_pair(rows, metric, _MEMORIZATION, ax=ax, color=color)
            ax.set_title(
                ax.get_title("left")
                .replace("rank correlation undefined", "ρ undefined")
                .replace("rank correlation", "ρ ="),
                loc="left",
            )
            ax.set(xlabel="", ylabel="")
            _compress(ax, rows)
        row[0].set_ylabel(f"{points:,} points\n{_short(table, _MEMORIZATION)}")
    for ax, metric in zip(axes[-1], _OTHERS, strict=True):
        ax.set_xlabel(_short(table, metric))
    ends = list(dict.fromkeys([sizes[0], sizes[-1]]))
    of_ends = [rank_correlations(table[table["points"] == points]) for points in ends]
    changes = ", ".join(
        f"{name.replace('_', ' ')} {listed([signed(of[name]) for of in of_ends])}"
        for name in _OTHERS
    )
    places = " and at ".join(counted(points, "point") for points in ends)
    caption = (
        "Each dot is a training point; ρ is the rank correlation. Against "
        f"counterfactual memorization, at {places}: {changes}."
    )
    return Picture("pairs", "Point by point", caption, figure)


def _compress(ax: Axes, table: pd.DataFrame) -> bool:
    """Make the vertical axis logarithmic above 1 if memorization goes far beyond.

    A point that a network never saw can be reconstructed much worse than as zero,
    which is a loss of 1; a few such points would squeeze all others together.
    """
    estimates = table.loc[table["metric"] == _MEMORIZATION, "estimate"]
    if not estimates.max() > 2:
        return False
    ax.set_yscale("symlog", linthresh=1, linscale=1.5)
    ax.set_yticks([0, 0.5, 1, 2, 5, 10, 20, 50, 100])
    ax.set_ylim(top=1.5 * estimates.max())
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    return True


def _short(table: pd.DataFrame, metric: str) -> str:
    """Label of an axis over two lines, for narrow panels."""
    name, _, unit = metric_label(table, metric).partition(" (")
    return f"{name}\n({unit}" if unit else name
