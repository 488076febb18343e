"""The study's table read: means over documents of a kind, or of a family."""

from __future__ import annotations

from typing import Any

import pandas as pd

from studies._text.collection import KINDS

MEMORIZATION, UNSEEN = "counterfactual_memorization", "never_seen_loss"


def alone(table: pd.DataFrame, metric: str = MEMORIZATION) -> pd.DataFrame:
    """Rows of documents without near-duplicates."""
    chosen = (table["metric"] == metric) & (table["family"] < 0)
    return table[chosen & (table["coins"] == "own")]


def means(table: pd.DataFrame, *by: str, metric: str = MEMORIZATION) -> Any:
    """Mean over documents: a row a data set, a column each value of `by`."""
    # First over the documents of a stratum, so that background counts once.
    strata = alone(table, metric).groupby(
        ["data_set", "epochs", "kind", "copies"], as_index=False
    )["estimate"]
    return strata.mean().pivot_table(
        index="data_set", columns=list(by), values="estimate", aggfunc="mean"
    )


def family_means(table: pd.DataFrame) -> pd.DataFrame:
    """Three numbers a data set and kind, at the epochs of the families' own coins."""
    epochs = table.loc[table["coins"] == "family", "epochs"].iloc[0]
    here = table[(table["epochs"] == epochs) & (table["metric"] != UNSEEN)]
    lone = alone(here)
    lone = lone[(lone["copies"] == 1) & lone["kind"].isin(["random", "sentence"])]
    near = here[here["family"] >= 0]
    frames = {
        "alone": lone,
        "one of a family": near[near["coins"] == "own"],
        "whole family": near[near["coins"] == "family"],
    }
    return pd.DataFrame(
        {
            name: frame.groupby(["kind", "data_set"])["estimate"].mean()
            for name, frame in frames.items()
        }
    )


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets: a row a kind and copies, a column a number of epochs."""
    memorized = means(table, "kind", "copies", "epochs").median()
    unseen = means(table, "kind", "copies", "epochs", metric=UNSEEN).median()
    steps = sorted(table["epochs"].unique())
    columns = {f"{epochs} epochs": memorized[:, :, epochs] for epochs in steps}
    columns[f"loss never seen, {steps[-1]} epochs"] = unseen[:, :, steps[-1]]
    found = pd.DataFrame(columns)
    return found.loc[list(KINDS)].round(2).reset_index()
