"""Pictures of what definitions and predictors say of the same points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from memmetrics.plotting import COLORS
from studies._kit.chapter import Picture
from studies._kit.words import listed, signed
from studies.definitions import findings
from studies.definitions.points import KINDS, Floats
from studies.definitions.predictors import GROUPS
from studies.definitions.scores import DEFINITIONS, LEAST_RELIABILITY, MEMORIZATION

_MARKS = ("o", "s", "D", "^", "v", "P", "X")
_COLORS = ("vermillion", "orange", "purple", "blue", "green", "black", "sky")
_SHORT = {
    MEMORIZATION: "counterfactual\nmemorization",
    "C-score, negated": "C-score,\nnegated",
    "membership advantage": "membership\nadvantage",
    "per-point gap": "per-point\ngap",
    "datapoint dimensionality": "datapoint\ndimensionality",
    "leverage": "leverage",
    "self-influence (gradients)": "self-influence\n(gradients)",
}
_DARK = 0.6
_PANELS = {
    "toy": findings.TOYS,
    "autoencoder": (findings.AUTOENCODER,),
    "MLP and convolutional": findings.NETWORKS,
    "tree": (findings.TREE,),
}


def all_pictures(table: pd.DataFrame) -> list[Picture]:
    """Return every picture, the answers first."""
    return [answers(table), predictors(table), families(table), kinds(table)]


def _figure(width: float, height: float) -> Figure:
    """Return an empty figure with room for long names at its left edge."""
    layout = ConstrainedLayoutEngine(w_pad=0.2)
    return Figure(figsize=(width, height), layout=layout)


def answers(table: pd.DataFrame) -> Picture:
    """Both questions in one picture: the matrix of agreements, and the frontier."""
    figure = _figure(13, 5.9)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    square = findings.matrix(table, "noiseless_agreement", DEFINITIONS)
    _draw_matrix(left, square, [_SHORT[name] for name in DEFINITIONS])
    left.set_title("Do the definitions agree?")
    found = findings.shares(table)
    _draw_frontier(right, found.copy())
    right.set_title("Can I skip the retraining?")
    pairs = square.to_numpy()[np.triu_indices(len(square), 1)]
    known = pairs[np.isfinite(pairs)]
    caption = (
        "Left: Spearman's rank correlation of every pair of definitions, noise taken "
        "out; each number is the median over families of models and data sets. Of "
        f"{len(known)} pairs {(known >= 0.7).sum()} reach 0.7, and "
        f"{(known < 0).sum()} are negative. Right: rank correlation of a predictor "
        "with counterfactual memorization, as a share of what a perfect predictor "
        "would reach beside its noise, against its cost. Marks are medians over "
        "families, thin lines reach from the lowest family to the highest; marks are "
        "hollow where most families have no such predictor; the gray line joins those "
        "of the others that nothing as cheap beats. Below "
        f"{findings.CHEAP:g} trainings {_best_below(found)}."
    )
    return Picture("answers", "Both answers", caption, figure)


def _best_below(found: pd.DataFrame) -> str:
    """Say which of the cheap predictors reaches most."""
    best = findings.frontier(found)
    cheap = best[best["cost"] < findings.CHEAP]
    if cheap.empty:
        return "nothing can be told"
    last = cheap.iloc[-1]
    return (
        f"the best is {last['predictor']} ({last['group']}), which reaches "
        f"{last['median']:.2f} for {last['cost']:.3g} trainings"
    )


def _draw_matrix(ax: Axes, square: pd.DataFrame, labels: Sequence[str]) -> None:
    values = square.to_numpy(float).copy()
    np.fill_diagonal(values, np.nan)
    _draw_numbers(ax, values, "RdBu_r", -1.0, 1.0)
    ax.set_xticks(range(len(labels)), labels, rotation=90, fontsize=8)
    ax.set_yticks(range(len(labels)), labels, fontsize=8)


def _draw_numbers(
    ax: Axes, values: Floats, colors: str, low: float, high: float
) -> None:
    """Draw a table of colors with numbers; nothing where there is none."""
    if not values.size:
        ax.set_title("nothing can be told")
        return
    ax.imshow(values, cmap=colors, vmin=low, vmax=high, aspect="auto")
    ax.grid(visible=False)
    middle, reach = (low + high) / 2, (high - low) / 2
    for row, column in np.ndindex(values.shape):
        value = float(values[row, column])
        if not np.isfinite(value):
            continue
        dark = abs(value - middle) / reach > _DARK
        text = f"{round(value, 2) + 0.0:.2f}"
        color = "white" if dark else COLORS["black"]
        label = ax.text(column, row, text, ha="center", va="center", fontsize=8)
        # It lies within the axes: measuring hundreds of them takes seconds.
        label.set(color=color, in_layout=False)


def _draw_frontier(ax: Axes, found: pd.DataFrame) -> None:
    places = found[list(findings.FAMILIES)]
    # Predictors of one cost would lie on one another: spread them by a little.
    nth = found.groupby("cost").cumcount()
    count = found.groupby("cost")["cost"].transform("count")
    found["x"] = found["cost"] * 1.06 ** (nth - (count - 1) / 2)
    for group, mark, color in zip(GROUPS, _MARKS, _COLORS, strict=True):
        rows = found[(found["group"] == group) & found["median"].notna()]
        if rows.empty:
            continue
        of_group = places.loc[rows.index]
        ax.vlines(
            rows["x"],
            of_group.min(axis=1),
            of_group.max(axis=1),
            color=COLORS[color],
            linewidth=0.8,
            alpha=0.45,
        )
        ax.plot([], [], mark, color=COLORS[color], label=group, ms=6.5)
        for wide, fill in ((True, COLORS[color]), (False, "white")):
            some = rows[rows["wide"] == wide]
            ax.plot(
                some["x"], some["median"], mark, color=COLORS[color], mfc=fill, ms=6.5
            )
    best = findings.frontier(found)
    ax.plot(best["x"], best["median"], color=COLORS["gray"], lw=1.2, zorder=0)
    ax.axhline(findings.GOOD, ls="--", lw=1, color=COLORS["gray"])
    ax.axhline(0.0, lw=0.8, color=COLORS["gray"])
    ax.axvline(findings.CHEAP, ls=":", lw=1, color=COLORS["gray"])
    ax.set_xscale("log", base=2)
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    # A share exceeds 1 by chance, the more so the less reliable memorization is.
    ax.set_ylim(
        min(-1.08, places.min(axis=None) - 0.05),
        max(1.05, places.max(axis=None) + 0.05),
    )
    ax.set_xlabel("cost (trainings)")
    ax.set_ylabel("rank correlation with memorization\n(share of what noise allows)")
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="lower right", fontsize=8)


def predictors(table: pd.DataFrame) -> Picture:
    """Return a table of numbers: every predictor in every family."""
    found = findings.shares(table)
    order = {group: place for place, group in enumerate(GROUPS)}
    found = found.sort_values(
        ["group", "cost"], key=lambda c: c.map(order) if c.name == "group" else c
    )
    columns = [name for name in findings.FAMILIES if found[name].notna().any()]
    figure = _figure(11, 0.29 * len(found) + 1.6)
    ax = figure.subplots()
    _draw_numbers(ax, found[columns].to_numpy(float), "RdBu_r", -1.0, 1.0)
    labels = [
        f"{row['predictor']} ({row['group']}): {row['cost']:.3g}"
        for row in found.to_dict("records")
    ]
    ax.set_yticks(range(len(labels)), labels, fontsize=8)
    _name_families(ax, columns)
    phrases = []
    for family in columns:
        best = findings.best_cheap(found, family)
        phrases.append(f"{family}: {best['predictor']} ({best[family]:.2f})")
    caption = (
        "Share of the possible rank correlation with counterfactual memorization, "
        "medians over data sets; behind each name its cost in trainings, the median "
        "over families. Empty where a family has no such predictor, or memorization "
        f"itself is so unreliable (below {LEAST_RELIABILITY:g}) that nothing can be "
        "told. Best below "
        f"{findings.CHEAP:g} trainings in "
        f"{'; '.join(phrases)}."
    )
    return Picture("predictors", "Every predictor in every family", caption, figure)


def families(table: pd.DataFrame) -> Picture:
    """Return a table of numbers: every pair of definitions in every family."""
    rows = findings.rows_of(table, "noiseless_agreement")
    square = rows.pivot_table(
        index=["first", "second"],
        columns="family",
        values="estimate",
        aggfunc="median",
        sort=False,
    ).reindex(columns=list(findings.FAMILIES))
    figure = _figure(11, 0.29 * len(square) + 1.6)
    ax = figure.subplots()
    _draw_numbers(ax, square.to_numpy(float), "RdBu_r", -1.0, 1.0)
    names = [f"{first}: {second}" for first, second in square.index]
    ax.set_yticks(range(len(names)), names, fontsize=8)
    _name_families(ax, list(square.columns))
    pairs = findings.all_pairs(table)
    phrases = [
        f"{family} {signed(findings.of_family(pairs, family).median())}"
        for family in findings.FAMILIES
    ]
    caption = (
        "Rank agreement without noise, medians over data sets. Empty where a family "
        "has no such definition, or where one is so unreliable (below "
        f"{LEAST_RELIABILITY:g}) that nothing can be told. The median pair: "
        f"{listed(phrases)}."
    )
    return Picture("families", "Agreement in each family", caption, figure)


def kinds(table: pd.DataFrame) -> Picture:
    """Return the mean rank of each kind of point, by each definition."""
    rows = findings.rows_of(table, "mean_rank")
    order = [kind for kind in (*KINDS, "zero hidden vector") if kind in set(rows.kind)]
    names = [_SHORT[name].replace("\n", " ") for name in DEFINITIONS]
    figure = _figure(13, 4.6)
    axes = figure.subplots(1, len(_PANELS))
    for ax, (title, members) in zip(axes, _PANELS.items(), strict=True):
        square = (
            rows[rows["family"].isin(members)]
            .pivot_table(
                index="kind", columns="first", values="estimate", aggfunc="median"
            )
            .reindex(index=order, columns=list(DEFINITIONS))
        )
        _draw_numbers(ax, square.to_numpy(float), "PuOr_r", 0.0, 1.0)
        ax.set_title(title)
        ax.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
        ax.set_yticks(range(len(order)), order if ax is axes[0] else [], fontsize=8)
    spread = rows[rows["kind"] != KINDS[0]].pivot_table(
        index=["kind", "family"], columns="first", values="estimate", aggfunc="median"
    )
    apart = (spread.max(axis=1) - spread.min(axis=1)).groupby("kind").median()
    caption = (
        "Mean rank of the points of each kind, from 0 (least memorized) to 1 (most); "
        "0.5 is what chance gives. Medians over data sets and families. Definitions "
        f"part most over points of the kind {apart.idxmax()}: between the lowest and "
        f"the highest definition lie {apart.max():.2f} of all ranks (median over "
        f"families); least over {apart.idxmin()} ({apart.min():.2f})."
    )
    return Picture("kinds", "Where they part", caption, figure)


def _name_families(ax: Axes, names: Sequence[str]) -> None:
    ax.set_xticks(range(len(names)), names, rotation=30, ha="right", fontsize=8.5)
