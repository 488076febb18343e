"""Pictures of kinds and copies, and of near-duplicates."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from memmetrics.plotting import COLORS
from studies._kit.chapter import Picture
from studies._kit.pictures import BAND, draw_band
from studies._text.collection import KINDS
from studies.documents.means import MEMORIZATION, alone, family_means, means

_COLORS = {
    "random": COLORS["vermillion"],
    "sentence": COLORS["blue"],
    "repetition": COLORS["green"],
}


def kinds(table: pd.DataFrame) -> Picture:
    """Memorization by copies, a panel a number of epochs."""
    steps = sorted(alone(table)["epochs"].unique())
    figure = Figure(figsize=(3 * len(steps), 3.6), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, len(steps), sharey=True))
    for ax, epochs in zip(axes, steps, strict=True):
        rows = alone(table)
        for kind in KINDS:
            chosen = rows[(rows["epochs"] == epochs) & (rows["kind"] == kind)]
            draw_band(
                chosen,
                "copies",
                metric=MEMORIZATION,
                ax=ax,
                color=_COLORS[kind],
                label=kind,
            )
        ax.set(title=f"{epochs} epochs", xlabel="copies (number)", ylabel="")
    axes[0].set_ylabel("memorization (nats a character)")
    axes[0].legend()
    by_kind = means(table, "kind").median()
    values = ", ".join(f"{kind} {by_kind[kind]:.2f}" for kind in KINDS)
    caption = f"{BAND} Over all copies and epochs, the medians are: {values}."
    return Picture("kinds", "Memorization by kind, copies and epochs", caption, figure)


def families(table: pd.DataFrame) -> Picture:
    """Draw a document alone, one of a family, and the family as a whole."""
    found = family_means(table)
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    for ax, kind in zip(axes, ("random", "sentence"), strict=True):
        values = found.loc[kind]
        for row in values.to_numpy():
            ax.plot(range(3), row, color=COLORS["gray"], linewidth=0.8, marker=".")
        ax.plot(range(3), values.median(), color=_COLORS[kind], linewidth=2, marker="o")
        ax.set_xticks(range(3), list(values.columns))
        ax.set_xlim(-0.3, 2.3)
        ax.set_title(f"{kind} documents")
    axes[0].set_ylabel("memorization (nats a character)")
    epochs = table.loc[table["coins"] == "family", "epochs"].iloc[0]
    caption = (
        f"Thin lines are data sets, the thick one their median; {epochs} epochs. Left: "
        "documents of one copy that have no near-duplicates. Middle: near-duplicates "
        "that come and go one by one. Right: all of a family together."
    )
    return Picture(
        "families", "Near-duplicates, one by one and together", caption, figure
    )
