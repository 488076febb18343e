"""Pictures of what was measured: cost against size, one line per implementation."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.curves import Curves
from benchmarks.peers import OURS
from benchmarks.retrainings import ONE_AT_A_TIME
from memmetrics.plotting import theme
from memmetrics.plotting.theme import COLORS

__all__ = ["draw_all"]

_STYLES = {
    "torch loop": ("vermillion", "s"),
    "torch.func": ("orange", "D"),
    "JAX": ("blue", "^"),
    "memmetrics fused": ("green", "o"),
    "memmetrics eager": ("purple", "v"),
    "memmetrics compiled": ("sky", "P"),
    "memmetrics compiled, cuda": ("black", "P"),
    "memmetrics eager, cuda": ("gray", "v"),
    "dattri": ("gray", "X"),
    "pyDVL": ("black", "p"),
}


_LIMIT_STYLE: Any = {
    "linestyle": "--",
    "color": COLORS["black"],
    "linewidth": 1.2,
    "label": "arithmetic at the rate of a matrix product",
    "zorder": 1,
}


def draw_all(found: dict[str, Any], folder: Path) -> None:
    """Write every picture into `folder`."""
    with theme():
        pictures = {
            "training_step": _training_step(found),
            "retrainings": _retrainings(found),
            "metrics": _metrics(found),
        }
        for name, figure in pictures.items():
            figure.savefig(folder / f"{name}.png")


def operations(*, points: int, features: int, hidden: int) -> int:
    """Count the floating-point operations of the dense part of one step.

    For every point and feature: hidden products and sums for z, the same again for
    each of the two products with R, the maximum, and the sum of R.
    """
    return points * features * (6 * hidden + 2)


def _training_step(found: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    axes = figure.subplots(1, 3, sharey=True)
    panels = (
        ("hidden", "hidden units", "10,000 features, 1,000 points"),
        ("points", "points", "10,000 features, hidden 2"),
        ("features", "features", "1,000 points, hidden 2"),
    )
    usual = {"points": 1000, "features": 10_000, "hidden": 2}
    for ax, (name, label, title) in zip(axes, panels, strict=True):
        _lines(ax, found[name], scale=1e3)
        sizes = sorted(
            {int(size) for curve in found[name].values() for size, _ in curve}
        )
        at_limit = [operations(**{**usual, name: size}) for size in sizes]
        ax.plot(
            sizes, 1e3 * np.array(at_limit) / found["arithmetic_rate"], **_LIMIT_STYLE
        )
        ax.set(xlabel=label, title=title)
    axes[0].set_xscale("log", base=2)
    axes[0].set_xticks([2, 4, 8, 16, 32, 64], labels=["2", "4", "8", "16", "32", "64"])
    axes[0].set_ylabel("one training step (ms)")
    _legend(figure, axes, columns=4)
    return figure


def _retrainings(found: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(7, 5), layout="constrained")
    ax = figure.subplots()
    curves: Curves = dict(found["runs"])
    last = max(size for curve in curves.values() for size, _ in curve)
    # The loops take the same for every model: a level line for the plain one, and the
    # harnesses around it as single points, which would otherwise lie upon it.
    places = {"torch loop": (1, last), "dattri": (8,), "pyDVL": (32,)}
    for name in ONE_AT_A_TIME & curves.keys():
        ((_, seconds),) = curves[name]
        curves[name] = [[place, seconds] for place in places[name]]
    _lines(ax, curves, scale=1e3)
    at_limit = 1000 * operations(points=32, features=128, hidden=8)
    ax.axhline(1e3 * at_limit / found["arithmetic_rate"], **_LIMIT_STYLE)
    ax.set_xscale("log", base=2)
    ticks = [1, 4, 16, 64, 256]
    ax.set_xticks(ticks, labels=[str(tick) for tick in ticks])
    ax.set(
        xlabel="models trained in one call (runs)",
        ylabel="one model of 1,000 steps (ms)",
        title="128 features, hidden 8, a half of 64 points each",
    )
    _legend(figure, [ax], columns=2)
    return figure


def _metrics(found: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(7, 5), layout="constrained")
    ax = figure.subplots()
    colors = [name for name in COLORS if name != "gray"]
    for (name, curve), color, marker in zip(
        found["metrics"].items(), colors * 3, "osD^vPXph<" * 3, strict=False
    ):
        sizes, seconds = np.array(curve).T
        ax.plot(
            sizes,
            1e3 * seconds,
            marker=marker,
            color=COLORS[color],
            markersize=5,
            label=name.replace("_", " "),
        )
    x = np.array([300, 3e5])
    copied = 2 * 8 * 8 * x / found["copy_rate"]
    ax.plot(
        x,
        1e3 * copied,
        "--",
        color=COLORS["black"],
        linewidth=1.2,
        label="copying (points, 8) in float64",
    )
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="points (or features)",
        ylabel="one evaluation (ms)",
        title="Hidden 8; 64 runs",
    )
    _legend(figure, [ax], columns=2)
    return figure


def _lines(ax: Axes, curves: Curves, *, scale: float) -> None:
    for name, curve in curves.items():
        color, marker = _STYLES.get(name, ("gray", "."))
        sizes, seconds = np.array(curve).T
        ours = name == OURS.name
        ax.plot(
            sizes,
            scale * seconds,
            marker=marker,
            color=COLORS[color],
            markersize=6,
            linewidth=2.2 if ours else 1.4,
            markeredgecolor="white",
            markeredgewidth=0.5,
            zorder=3 if ours else 2,
            label=name,
        )
    ax.set(xscale="log", yscale="log")


def _legend(figure: Figure, axes: Iterable[Axes], *, columns: int) -> None:
    entries: dict[str, Any] = {}
    for ax in axes:
        for line, label in zip(*ax.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, line)
    figure.legend(
        handles=list(entries.values()),
        labels=list(entries),
        loc="outside lower center",
        ncols=columns,
    )
