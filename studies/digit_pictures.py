"""Pictures of which digits are memorized."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from memmetrics.plotting import (
    COLORS,
    draw_correlations,
    draw_image,
    draw_ranking,
    draw_tail,
    metric_label,
)
from studies.chapter import Picture
from studies.digits import Images
from studies.points import POINT_METRICS, rank_correlations

_SHOWN = 8
_MEMORIZATION = POINT_METRICS[0]


def gallery(scores: pd.DataFrame, images: Images, *, most: bool) -> Picture:
    """Digits at one end of every definition, with scores and intervals."""
    figure = Figure(figsize=(11, 1.78 * len(POINT_METRICS)), layout="constrained")
    axes = figure.subplots(len(POINT_METRICS), _SHOWN)
    extremes = {}
    for row, metric in zip(axes, POINT_METRICS, strict=True):
        of_metric = scores[scores["metric"] == metric]
        shown = of_metric.sort_values("estimate", ascending=not most)[:_SHOWN]
        extremes[metric] = set(shown["index"])
        for ax, score in zip(row, shown.to_dict("records"), strict=False):
            draw_image(
                images.pixels[int(score["index"])], ax=ax, caption=_caption(score)
            )
        row[0].set_ylabel(metric.replace("_", "\n"), fontsize=9)
    end = "most" if most else "least"
    shared = {
        metric: len(extremes[metric] & extremes[_MEMORIZATION])
        for metric in POINT_METRICS[1:]
    }
    counts = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in shared.items())
    return Picture(
        f"gallery_{end}",
        f"The {end} memorized digits, by each definition",
        f"The {_SHOWN} digits at the {'upper' if most else 'lower'} end of each "
        "definition, the extreme one first, with the score and its 95% interval. "
        f"Of the {_SHOWN} by counterfactual memorization, the other definitions share: "
        f"{counts}.",
        figure,
    )


def _caption(score: dict[str, float]) -> str:
    """Score and interval under an image."""
    return f"{score['estimate']:.3f}\n[{score['low']:.3f}, {score['high']:.3f}]"


def ranking(scores: pd.DataFrame, images: Images) -> Picture:
    """Counterfactual memorization of every digit, from the highest."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    ax = figure.subplots()
    draw_ranking(scores, _MEMORIZATION, ax=ax)
    ax.axhline(0, color=COLORS["gray"], linewidth=1)
    rows = scores[scores["metric"] == _MEMORIZATION]
    labels = images.labels[rows["index"].to_numpy(int)]
    by_label = rows["estimate"].astype(float).groupby(labels).mean()
    return Picture(
        "digit_ranking",
        "Counterfactual memorization of every digit",
        f"{(rows['low'] > 0).mean():.0%} of the digits have an interval above 0. "
        f"The mean is highest for the digit {by_label.idxmax()} "
        f"({by_label.max():.4f}) and lowest for {by_label.idxmin()} "
        f"({by_label.min():.4f}).",
        figure,
    )


def tails(table: pd.DataFrame) -> Picture:
    """Leverage of training digits and of held-out digits."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    ax = figure.subplots()
    tops = {}
    for metric, color, label in (
        ("leverage", COLORS["blue"], "training digits"),
        ("held_out_leverage", COLORS["vermillion"], "held-out digits"),
    ):
        draw_tail(table, metric, ax=ax, color=color, label=label)
        values = table.loc[table["metric"] == metric, "estimate"].astype(float)
        tops[metric] = values.quantile(0.99)
    ax.set_xlabel(metric_label(table, "leverage"))
    ax.legend()
    further = tops["leverage"] > 1.25 * tops["held_out_leverage"]
    finding = "It does" if further else "It hardly does"
    return Picture(
        "leverage_tails",
        "Leverage of training digits and of digits never seen",
        "If a network gave single training digits a direction of their own, their "
        "curve would reach further to the right than that of held-out digits. "
        f"{finding}: one in a hundred training digits has a leverage above "
        f"{tops['leverage']:.3f}, one in a hundred held-out digits above "
        f"{tops['held_out_leverage']:.3f}.",
        figure,
    )


def correlations(table: pd.DataFrame) -> Picture:
    """Rank correlations of all pairs of definitions."""
    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    ax = figure.subplots()
    draw_correlations(table, POINT_METRICS, ax=ax)
    ax.tick_params(labelsize=8)
    with_memorization = rank_correlations(table).sort_values(ascending=False)
    values = ", ".join(
        f"{str(name).replace('_', ' ')} {value:+.2f}"
        for name, value in with_memorization.items()
    )
    return Picture(
        "digit_correlations",
        "Do the definitions agree on digits?",
        "Spearman's rank correlation, digit by digit. With counterfactual "
        f"memorization: {values}.",
        figure,
    )


def pixels(table: pd.DataFrame, images: Images) -> Picture:
    """Feature dimensionality of every pixel, beside the mean image."""
    rows = table[table["metric"] == "feature_dimensionality"]
    means = rows.groupby("index")["estimate"].mean().to_numpy(float)
    shape = images.pixels.shape[1:]
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for ax, values, label in (
        (left, images.pixels.mean(0), "mean brightness (as stored)"),
        (right, means.reshape(shape), "feature dimensionality (dimensionless)"),
    ):
        picture = ax.imshow(np.asarray(values, dtype=float), cmap="cividis")
        ax.set(xlabel="column (pixels)", ylabel="row (pixels)")
        ax.grid(visible=False)
        figure.colorbar(picture, ax=ax, label=label, shrink=0.85)
    highest = np.unravel_index(int(means.argmax()), shape)
    return Picture(
        "pixels",
        "Feature dimensionality of every pixel",
        "Left, the mean training digit; right, how much of a hidden dimension each "
        f"pixel has to itself. The dimensionalities sum to {means.sum():.2f}; the "
        f"largest, {means.max():.2f}, is at row {highest[0]}, column {highest[1]}.",
        figure,
    )
