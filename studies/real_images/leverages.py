"""Leverage of images trained on and of images held out: numbers from the table."""

from __future__ import annotations

import pandas as pd

from studies._kit.estimates import Estimate, median_of
from studies._kit.toy import by_data_set
from studies.real_images.networks import MODELS


def tops(table: pd.DataFrame, metric: str) -> pd.Series:
    """Leverage that one image in a hundred exceeds, by model, points, data set."""
    rows = table[table["metric"] == metric]
    return rows.groupby(["model", "points", "data_set"])["estimate"].quantile(0.99)


def tail_ratios(table: pd.DataFrame) -> pd.DataFrame:
    """Top leverage of training images over that of held-out ones, a tidy table."""
    ratio = tops(table, "leverage") / tops(table, "held_out_leverage")
    return ratio.rename("estimate").reset_index().assign(metric="tail_ratio")


def summarize(table: pd.DataFrame) -> pd.DataFrame:
    """Medians over data sets, one row a model and size."""
    columns = {
        "training, top 1%": tops(table, "leverage"),
        "held out, top 1%": tops(table, "held_out_leverage"),
        "largest over median": outliers_of(table),
    }
    frame = pd.DataFrame(columns).groupby(["model", "points"]).median()
    frame["ratio of tops"] = (
        tail_ratios(table).groupby(["model", "points"])["estimate"].median()
    )
    for name in ("train_accuracy", "test_accuracy"):
        rows = table[table["metric"] == name]
        frame[name.replace("_", " ")] = rows.groupby(["model", "points"])[
            "estimate"
        ].median()
    return frame.round(4).reset_index()


def outliers_of(table: pd.DataFrame) -> pd.Series:
    """Largest leverage of a training image over the median one."""
    groups = table[table["metric"] == "leverage"].groupby(
        ["model", "points", "data_set"]
    )["estimate"]
    return groups.max() / groups.median()


def ratio_of_tops(table: pd.DataFrame, model: str) -> Estimate:
    """Ratio of the tops with the most images."""
    found = tail_ratios(table)
    rows = found[found["model"] == model]
    return median_of(by_data_set(rows, "tail_ratio", "points").iloc[:, -1])


def shrinks(table: pd.DataFrame) -> Estimate:
    """Ratio of the tops with the fewest images over that with the most."""
    found = tail_ratios(table)
    by_size = by_data_set(found[found["model"] == MODELS[0]], "tail_ratio", "points")
    return median_of(by_size.iloc[:, 0] / by_size.iloc[:, -1])


def outliers(table: pd.DataFrame) -> Estimate:
    """Largest leverage over the median one, in the classifier with the most images."""
    found = outliers_of(table)[MODELS[0]]
    return median_of(found[found.index.get_level_values("points").max()])
