"""Areas, ROC curves and recovered directions, drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from memmetrics.plotting import COLORS
from studies._kit.chapter import Picture
from studies._kit.estimates import median_of
from studies.anomaly_detection.detectors import DETECTORS, KNOWN

_REFERENCE_COLORS = {"trained on": COLORS["blue"], "ordinary": COLORS["vermillion"]}
_DRAWN = {
    "leverage": "blue",
    "dimensionality": "sky",
    "neighbor distance": "green",
    "rarity of its main atom": "purple",
    "unexplained output": "vermillion",
    KNOWN: "black",
}
_ORDER = [*DETECTORS, KNOWN]


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Median areas, one row a detector and reference, one column a world."""
    rows = table[table["metric"] == "area"]
    frame = rows.pivot_table(
        index=["reference", "detector"],
        columns="world",
        values="estimate",
        aggfunc="median",
        sort=False,
    )
    return frame.round(3).astype(object).where(frame.notna(), "").reset_index()


def areas(table: pd.DataFrame) -> Picture:
    """Area under the curve of every detector, with its interval."""
    figure, axes = _panels(table, "area")
    axes[0].set_yticks(range(len(_ORDER)), _ORDER)
    axes[0].invert_yaxis()
    for ax in axes:
        ax.axvline(0.5, linestyle="--", color=COLORS["gray"])
        ax.set(xlim=(-0.03, 1.03), xlabel="area under the ROC curve")
    caption = (
        "Medians over data sets with their 95% intervals; dashed: chance. Colors: the "
        "reference that a detector compares with. The true features are known in the "
        "toy models only."
    )
    return Picture("areas", "Who finds what", caption, figure)


def recoveries(table: pd.DataFrame) -> Picture:
    """Cosine between true directions and those that the finds give."""
    figure, axes = _panels(table, "recovered_cosine")
    axes[0].set_yticks(range(len(_ORDER)), _ORDER)
    axes[0].invert_yaxis()
    for ax in axes:
        ax.set(xlim=(-1.05, 1.05), xlabel="cosine to the true direction")
    chance = table[
        (table["metric"] == "recovered_cosine") & (table["detector"] == "chance")
    ]
    each = chance.groupby("world", sort=False)["estimate"].median()
    atoms = table[table["metric"] == "atom_cosine"]
    nearest = atoms.groupby("world", sort=False)["estimate"].median()
    caption = (
        "Medians over data sets with their 95% intervals. Flagging at random gives "
        + ", ".join(f"{value:.2f} ({world})" for world, value in each.items())
        + "; the nearest atom of a learned dictionary has "
        + ", ".join(f"{value:.2f} ({world})" for world, value in nearest.items())
        + "."
    )
    return Picture("recovered", "What the finds give away", caption, figure)


def curves(table: pd.DataFrame) -> Picture:
    """ROC curves with the fresh ordinary points as reference."""
    rows = table[
        (table["metric"] == "true_positive_rate") & (table["reference"] == "ordinary")
    ]
    worlds = list(dict.fromkeys(rows["world"]))
    figure = Figure(figsize=(3.6 * len(worlds), 4), layout="constrained")
    axes = figure.subplots(1, len(worlds), sharey=True)
    for ax, world in zip(axes, worlds, strict=True):
        for detector, color in _DRAWN.items():
            one = rows[(rows["world"] == world) & (rows["detector"] == detector)]
            if not one.empty:
                _draw_curve(one, ax, COLORS[color], detector)
        rates = np.geomspace(1e-3, 1, 50)
        ax.plot(rates, rates, "--", color=COLORS["gray"])
        ax.set(xscale="log", xlim=(1e-3, 1), title=world)
        ax.set_xlabel("false alarms (share of the others)")
    axes[0].set_ylabel("found (share of the planted)")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    caption = (
        "Six of the detectors, against fresh ordinary points: medians over data sets, "
        "bands their 95% intervals at each rate of false alarms; dashed: chance."
    )
    return Picture("curves", "Finds against false alarms", caption, figure)


def _draw_curve(rows: pd.DataFrame, ax: Axes, color: str, label: str) -> None:
    by_rate = rows.pivot_table(
        index="data_set", columns="false_positive_rate", values="estimate"
    )
    estimates = [median_of(by_rate[rate]) for rate in by_rate]
    places = by_rate.columns.to_numpy(float)
    ax.plot(places, [it.value for it in estimates], color=color, label=label)
    ax.fill_between(
        places,
        [it.low for it in estimates],
        [it.high for it in estimates],
        color=color,
        alpha=0.12,
        linewidth=0,
    )


def _panels(table: pd.DataFrame, metric: str) -> tuple[Figure, list[Axes]]:
    """One panel a world, one line a detector, one mark a reference."""
    rows = table[table["metric"] == metric]
    worlds = list(dict.fromkeys(rows["world"]))
    figure = Figure(figsize=(2 + 2.8 * len(worlds), 4.6), layout="constrained")
    axes = list(figure.subplots(1, len(worlds), sharey=True, squeeze=False)[0])
    for ax, world in zip(axes, worlds, strict=True):
        ax.set_title(world)
        for step, (reference, color) in zip(
            (-0.15, 0.15), _REFERENCE_COLORS.items(), strict=True
        ):
            here = rows[(rows["world"] == world) & (rows["reference"] == reference)]
            places, found = [], []
            for place, detector in enumerate(_ORDER):
                values = here[here["detector"] == detector]["estimate"]
                if len(values):
                    places.append(place + step)
                    found.append(median_of(values))
            middle = np.array([it.value for it in found])
            reach = [
                middle - [it.low for it in found],
                [it.high for it in found] - middle,
            ]
            ax.errorbar(
                middle,
                places,
                xerr=reach,
                fmt="o",
                markersize=4,
                color=color,
                label=reference,
            )
    handles, labels = axes[0].get_legend_handles_labels()
    named = [f"reference: {label}" for label in labels]
    figure.legend(handles, named, loc="outside lower center", ncols=len(named))
    return figure, axes
