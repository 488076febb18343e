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
from studies._kit.chapter import Picture
from studies._kit.images import Images
from studies._kit.words import counted, signed
from studies.what_did_it_memorize.points import POINT_METRICS, rank_correlations

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
    number = min(_SHOWN, len(extremes[_MEMORIZATION]))
    tied = [
        name.replace("_", " ")
        for name in POINT_METRICS
        if _is_tied(scores[scores["metric"] == name], number, most=most)
    ]
    ties = (
        f" By {', '.join(tied)}, more images than are shown have the same score as the "
        "last one shown; which of them are shown is arbitrary."
        if tied
        else ""
    )
    return Picture(
        f"gallery_{end}",
        f"The {end} memorized images, by each definition",
        f"The {counted(number, 'image')} at the "
        f"{'upper' if most else 'lower'} end of each "
        "definition, the extreme one first, with the score and its 95% interval. "
        f"Of the {number} by counterfactual memorization, the other definitions share: "
        f"{counts}.{ties}",
        figure,
    )


def _is_tied(rows: pd.DataFrame, number: int, *, most: bool) -> bool:
    """Whether the last image shown has the same score as the first one left out."""
    ordered = rows["estimate"].sort_values(ascending=not most).to_numpy(float)
    return len(ordered) > number > 0 and bool(ordered[number - 1] == ordered[number])


def _caption(score: dict[str, float]) -> str:
    """Score and, where there is one, its interval under an image."""
    if not np.isfinite([score["low"], score["high"]]).all():
        return f"{score['estimate']:.3f}"
    return f"{score['estimate']:.3f}\n[{score['low']:.3f}, {score['high']:.3f}]"


def ranking(scores: pd.DataFrame, images: Images) -> Picture:
    """Counterfactual memorization of every digit, from the highest."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    ax = figure.subplots()
    draw_ranking(scores, _MEMORIZATION, ax=ax)
    ax.axhline(0, color=COLORS["gray"], linewidth=1)
    rows = scores[scores["metric"] == _MEMORIZATION]
    labels = images.shown()[rows["index"].to_numpy(int)]
    by_label = rows["estimate"].astype(float).groupby(labels).mean()
    return Picture(
        "digit_ranking",
        "Counterfactual memorization of every image",
        f"{(rows['low'] > 0).mean():.0%} of the images have an interval above 0. "
        f"{_extreme_labels(by_label)}",
        figure,
    )


def _extreme_labels(by_label: pd.Series) -> str:
    """Which labels have the highest and the lowest mean, in words."""
    highest, lowest = f"{by_label.max():.4f}", f"{by_label.min():.4f}"
    if len(by_label) == 1:
        return f"All have the label {by_label.index[0]}; the mean is {highest}."
    if highest == lowest:
        return f"The mean is {highest} for each of the {len(by_label)} labels."
    return (
        f"The mean is highest for the label {by_label.idxmax()} ({highest}) and lowest "
        f"for {by_label.idxmin()} ({lowest})."
    )


def tails(table: pd.DataFrame) -> Picture:
    """Leverage of training digits and of held-out digits."""
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    ax = figure.subplots()
    tops = {}
    for metric, color, label in (
        ("leverage", COLORS["blue"], "training images"),
        ("held_out_leverage", COLORS["vermillion"], "held-out images"),
    ):
        draw_tail(table, metric, ax=ax, color=color, label=label)
        values = table.loc[table["metric"] == metric, "estimate"].astype(float)
        tops[metric] = values.quantile(0.99)
    ax.set_xlabel(metric_label(table, "leverage"))
    ax.legend()
    ratio = tops["leverage"] / max(tops["held_out_leverage"], 1e-300)
    finding = (
        "It does" if ratio > 1.25 else "It hardly does" if ratio > 1 else "It does not"
    )
    return Picture(
        "leverage_tails",
        "Leverage of training images and of images never seen",
        "If a network gave single training images a direction of their own, their "
        "curve would reach further to the right than that of held-out images. "
        f"{finding}: one in a hundred training images has a leverage above "
        f"{tops['leverage']:.3f}, one in a hundred held-out images above "
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
        f"{str(name).replace('_', ' ')} {signed(value)}"
        for name, value in with_memorization.items()
    )
    return Picture(
        "digit_correlations",
        "Do the definitions agree on images?",
        "Spearman's rank correlation, image by image. With counterfactual "
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
    row, column = np.unravel_index(int(means.argmax()), shape)
    alone = (means == means.max()).sum() == 1
    place = f"at row {row}, column {column}" if alone else "that of several pixels"
    return Picture(
        "pixels",
        "Feature dimensionality of every pixel",
        "Left, the mean training image; right, how much of a hidden dimension each "
        f"pixel has to itself. The dimensionalities sum to {means.sum():.2f}; the "
        f"largest, {means.max():.2f}, is {place}.",
        figure,
    )
