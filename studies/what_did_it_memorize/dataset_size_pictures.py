"""Pictures of what changes as the data set grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, ScalarFormatter

from memmetrics.plotting import COLORS, draw_curve, draw_estimates, draw_vectors
from studies._kit.chapter import Picture
from studies._kit.words import counted

Floats: TypeAlias = npt.NDArray[np.floating[Any]]

_FEATURE, _POINT = COLORS["vermillion"], COLORS["blue"]
# A feature above this dimensionality has a direction of its own.
OWN_DIRECTION = 0.15
FEATURES = f"features above {OWN_DIRECTION}"
# The test loss lies within a few hundredths of 1, but for the peak in the middle:
# below this loss the axis is linear, above it logarithmic.
_BREAK = 1.06
# Dimensionalities this close together, relative to the largest, are an equal share.
_REGULAR = 0.1


@dataclass(frozen=True, eq=False)
class Vectors:
    """Vectors of one network: (features, 2) and (points, 2)."""

    features: Floats
    points: Floats


def double_descent(
    table: pd.DataFrame, summary: pd.DataFrame, constant: float
) -> Picture:
    """Test loss with both dimensionalities below it on the same axis."""
    figure = Figure(figsize=(9, 9), layout="constrained")
    peak, detail, points, features = figure.subplots(
        4, 1, sharex=True, height_ratios=[1, 1.2, 1.6, 1.6]
    )
    _draw_losses(table, peak, detail, constant)
    best = table[table["best"]]
    draw_estimates(
        best,
        "points",
        metric="datapoint_dimensionality",
        ax=points,
        color=_POINT,
        spread=0.15,
    )
    sizes = np.sort(table["points"].unique())
    guide = np.minimum(2 / sizes, 1)
    points.plot(
        sizes, np.minimum(guide, 1), "--", color=COLORS["gray"], label="2 / points"
    )
    points.legend(loc="upper right")
    draw_estimates(
        best,
        "points",
        metric="feature_dimensionality",
        ax=features,
        color=_FEATURE,
        spread=0.15,
    )
    points.set_ylim(-0.02, None)
    features.axhline(
        0.4, linestyle="--", color=COLORS["gray"], label="2 / 5, a pentagon"
    )
    features.set_ylim(-0.02, max(0.47, features.get_ylim()[1]))
    features.legend(loc="upper left")
    for ax, name in ((points, "datapoint"), (features, "feature")):
        ax.set_ylabel(f"{name} dimensionality\n(dimensionless)")
    for ax in (peak, detail, points):
        ax.set_xlabel("")
        ax.tick_params(labelbottom=False)
    features.set_xlabel("training points (number)")
    features.set_xscale("log")
    features.xaxis.set_major_formatter(ScalarFormatter())
    figure.align_ylabels()
    return Picture(
        "double_descent",
        "Test loss and dimensionalities against the number of training points",
        _double_descent_caption(summary, constant),
        figure,
    )


def _draw_losses(
    table: pd.DataFrame, peak: Axes, detail: Axes, constant: float
) -> None:
    """Test loss on a broken axis: the peak above, the neighborhood of 1 below."""
    losses = table[table["metric"] == "test_loss"]
    above = losses["estimate"] > _BREAK
    _draw_loss(losses, above, peak)
    _draw_loss(losses, ~above, detail)
    peak.set(yscale="log", ylim=(_BREAK, max(2 * _BREAK, 1.3 * losses.estimate.max())))
    peak.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    peak.yaxis.set_major_formatter(ScalarFormatter())
    peak.yaxis.set_minor_formatter(NullFormatter())
    peak.set_ylabel("")
    peak.spines["bottom"].set_visible(False)
    peak.tick_params(bottom=False, which="both")
    peak.legend(loc="upper left")
    detail.axhline(1.0, linestyle="--", color=COLORS["gray"])
    detail.axhline(constant, linestyle=":", color=COLORS["green"])
    detail.set_ylim(min(0.97, losses.estimate.min() - 0.005), _BREAK)
    # One label for the two halves, in the middle of both.
    detail.set_ylabel("test loss (squared error)", y=1.0)
    _mark_break(peak, detail)


def _draw_loss(losses: pd.DataFrame, within: pd.Series, ax: Axes) -> None:
    """Draw the whole curve, but dots only where they are within this axis."""
    if within.any():
        draw_estimates(
            losses[within],
            "points",
            metric="test_loss",
            ax=ax,
            color=COLORS["gray"],
            label="every network",
            spread=0.08,
        )
    best = losses[losses["best"]].sort_values("points")
    draw_curve(
        best,
        "points",
        metric="test_loss",
        ax=ax,
        color=COLORS["black"],
        label="lowest training loss",
    )
    ax.lines[-1].set_markevery(within[best.index].to_numpy(bool).tolist())


def _mark_break(upper: Axes, lower: Axes) -> None:
    """Slanted strokes on the vertical axis where its scale changes."""
    for ax, height in ((upper, 0.0), (lower, 1.0)):
        ax.plot(
            [0.0],
            [height],
            transform=ax.transAxes,
            marker=[(-1, -0.5), (1, 0.5)],
            markersize=9,
            linestyle="none",
            color=COLORS["gray"],
            clip_on=False,
        )


def _double_descent_caption(summary: pd.DataFrame, constant: float) -> str:
    worst = summary.loc[summary["test loss"].idxmax()]
    up_to_peak = summary[summary["points"] <= worst["points"]]
    highest = up_to_peak["largest feature dimensionality"].max()
    text = (
        f"The test loss is highest, {worst['test loss']:.2f}, at "
        f"{counted(int(worst['points']), 'point')} (above {_BREAK} the axis is "
        "logarithmic). Dashed: 2 / points, an equal share of both hidden dimensions. "
        f"Up to there no feature has more than {highest:.2f} of one. "
    )
    learned = _generalizing(summary)
    if learned.empty:
        return text + "No feature gets a direction of its own at these sizes."
    counts, loss = learned[FEATURES], learned["test loss"].max()
    fewest, most = int(counts.min()), int(counts.max())
    number = (
        counted(most, "feature") if fewest == most else f"{fewest} to {most} features"
    )
    have = "has" if most == 1 else "have"
    place = "below" if loss < constant else "not below"
    return text + (
        f"From {counted(int(learned['points'].min()), 'point')} on, {number} {have} a "
        f"dimensionality above {OWN_DIRECTION}, all others less, and the test loss is "
        f"at most {loss:.4f}: {place} that of the best constant answer, "
        f"{constant:.4f} (dotted)."
    )


def _generalizing(summary: pd.DataFrame) -> pd.DataFrame:
    """Sizes from which on some feature always has a direction of its own."""
    has_features = summary[FEATURES] > 0
    return summary[has_features[::-1].cummin()[::-1]]


def vectors(models: Mapping[int, Vectors], table: pd.DataFrame) -> Picture:
    """Feature vectors above, hidden vectors of the points below, for some sizes."""
    figure = Figure(figsize=(11, 4.7), layout="constrained")
    axes = figure.subplots(2, len(models), squeeze=False)
    for (above, below), (points, drawn) in zip(axes.T, models.items(), strict=True):
        draw_vectors(drawn.features, ax=above, color=_FEATURE)
        draw_vectors(drawn.points, ax=below, color=_POINT)
        above.set_title(f"{points:,} points", loc="center")
        below.set_xlabel("hidden dimension 1")
        for ax in (above, below):
            ax.xaxis.set_major_locator(MaxNLocator(3))
            ax.yaxis.set_major_locator(MaxNLocator(3))
            ax.tick_params(labelsize=8)
    axes[0, 0].set_ylabel("features\nhidden dimension 2")
    axes[1, 0].set_ylabel("training points\nhidden dimension 2")
    fewest, most = min(models), max(models)
    best = table[table["best"]]
    of_points = _estimates(best, "datapoint_dimensionality", fewest)
    of_features = _estimates(best, "feature_dimensionality", most)
    caption = (
        f"Each line is the vector of a feature (above) or of a training point (below); "
        f"each panel has its own scale. {_arrangement(of_points)} "
        f"At {counted(most, 'point')}, {_outstanding(of_features)}."
    )
    title = f"The vectors, at {counted(len(models), 'size')}"
    return Picture("vectors", title, caption, figure)


def _arrangement(dimensionalities: pd.Series) -> str:
    """How the fewest points lie, in words: regular if all have the same share."""
    low, high = dimensionalities.min(), dimensionalities.max()
    points = counted(len(dimensionalities), "point")
    if len(dimensionalities) > 2 and high - low <= _REGULAR * high:
        found = "the points form a regular figure, with dimensionalities"
    else:
        found = "the points have dimensionalities"
    if f"{low:.2f}" == f"{high:.2f}":
        return f"At {points} {found} of {low:.2f}."
    return f"At {points} {found} from {low:.2f} to {high:.2f}."


def _outstanding(dimensionalities: pd.Series) -> str:
    """How many features have a direction of their own, in words."""
    count = int((dimensionalities > OWN_DIRECTION).sum())
    largest = f"{dimensionalities.max():.2f} of a dimension"
    if count == 0:
        return f"no feature stands out; none has more than {largest}"
    if count == 1:
        return f"1 feature stands out, with {largest}"
    return f"{count:,} features stand out, the strongest with {largest}"


def _estimates(table: pd.DataFrame, metric: str, points: int) -> pd.Series:
    chosen = (table["metric"] == metric) & (table["points"] == points)
    return table.loc[chosen, "estimate"]


def lengths(table: pd.DataFrame) -> Picture:
    """How large the weights and the bias of the best network are at each size."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    ax = figure.subplots()
    best = table[table["best"]]
    for metric, color, label in (
        ("weight_length", _FEATURE, "all weights"),
        ("bias_length", COLORS["green"], "bias"),
    ):
        draw_curve(best, "points", metric=metric, ax=ax, color=color, label=label)
    ax.set(xscale="log", yscale="log", ylabel="length (Euclidean norm)")
    ax.set_xlabel("training points (number)")
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.legend()
    longest = best[best["metric"] == "weight_length"].set_index("points")["estimate"]
    caption = (
        f"The weights are longest, {longest.max():.1f}, at "
        f"{counted(longest.idxmax(), 'point')}, and {longest.iloc[-1]:.1f} long at "
        f"{counted(longest.index[-1], 'point')}. Memorizing takes large weights in the "
        "paper's Figure 4."
    )
    return Picture("lengths", "Length of the weights and of the bias", caption, figure)
