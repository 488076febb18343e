"""The tails of the leverages, their ratio, and galleries of both ends."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from memmetrics.plotting import COLORS, draw_image, draw_tail
from studies._kit.chapter import Picture
from studies._kit.images import Images
from studies._kit.pictures import BAND, draw_band
from studies._kit.words import below_a_picture
from studies.real_images.leverages import ratio_of_tops, tail_ratios
from studies.real_images.networks import MODELS

_LABELS = {"training": COLORS["blue"], "held out": COLORS["vermillion"]}
_SHOWN = 10


def tails(table: pd.DataFrame) -> Picture:
    """Share of images above each leverage, at the smallest and largest size."""
    sizes = sorted({table["points"].min(), table["points"].max()})
    figure = Figure(figsize=(10, 7), layout="constrained")
    axes = figure.subplots(len(MODELS), len(sizes), squeeze=False)
    for row, model in zip(axes, MODELS, strict=True):
        for ax, points in zip(row, sizes, strict=True):
            rows = table[(table["model"] == model) & (table["points"] == points)]
            for metric, label in zip(
                ("leverage", "held_out_leverage"), _LABELS, strict=True
            ):
                draw_tail(rows, metric, ax=ax, color=_LABELS[label], label=label)
            ax.set(title=f"{model}, {points:,} images", xlabel="leverage (dimensions)")
            ax.legend()
    caption = (
        "Share of images whose leverage is at least as large, all data sets together. "
        "Where the training curve reaches further right, the network gives training "
        "images directions that images like them do not get."
    )
    return Picture("tails", "Images trained on and images held out", caption, figure)


def ratios(table: pd.DataFrame) -> Picture:
    """Ratio of the tops against the size of the training set."""
    figure = Figure(figsize=(7, 3.8), layout="constrained")
    ax = figure.subplots()
    found = tail_ratios(table)
    for model, color in zip(MODELS, (COLORS["blue"], COLORS["green"]), strict=True):
        rows = found[found["model"] == model]
        draw_band(rows, "points", metric="tail_ratio", ax=ax, color=color, label=model)
    ax.axhline(1.0, linestyle="--", color=COLORS["gray"])
    ax.set(
        xlabel="training images (number)",
        ylabel="top 1%, training over held out (ratio)",
    )
    ax.legend()
    ends = [f"{model} {ratio_of_tops(table, model).value:.3g}" for model in MODELS]
    caption = (
        f"{BAND} The leverage that one image in a hundred exceeds, of training images "
        f"over held-out ones. With the most images: {', '.join(ends)}."
    )
    return Picture("ratios", "How much further the training tail goes", caption, figure)


def gallery(table: pd.DataFrame, images: Images) -> Picture:
    """Training images with the largest and the smallest leverage in the classifier."""
    chosen = table[
        (table["metric"] == "leverage")
        & (table["model"] == MODELS[0])
        & (table["points"] == table["points"].max())
        & (table["data_set"] == 0)
    ].sort_values("estimate")
    names = images.shown()
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    axes = figure.subplots(2, _SHOWN)
    ends = (chosen[::-1][:_SHOWN], chosen[:_SHOWN])
    for row, rows in zip(axes, ends, strict=True):
        for ax, score in zip(row, rows.to_dict("records"), strict=True):
            place = int(score["index"])
            caption = f"{below_a_picture(names[place])}\n{score['estimate']:.3f}"
            draw_image(images.pixels[place], ax=ax, caption=caption)
    axes[0, 0].set_ylabel("largest")
    axes[1, 0].set_ylabel("smallest")
    return Picture(
        "gallery",
        "Training images with the largest and the smallest leverage",
        "In the classifier of the first data set with the most images: what the image "
        f"shows and its leverage. The median is {chosen['estimate'].median():.3f}.",
        figure,
    )
