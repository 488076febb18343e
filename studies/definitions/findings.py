"""What the table says: the numbers that words, pictures and verdicts share."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies.definitions.predictors import FEWER
from studies.definitions.scores import GEOMETRY, MEMORIZATION, RETRAINED

TOYS = ("toy, few points", "toy, between", "toy, many points")
AUTOENCODER, TREE = "autoencoder", "tree"
NETWORKS = ("MLP", "convolutional")
FAMILIES = (*TOYS, AUTOENCODER, *NETWORKS, TREE)

# A predictor is cheap below so many trainings, and good from this share of the bound.
CHEAP, GOOD = 16.0, 0.9


def rows_of(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Rows of one metric."""
    return table[table["metric"] == metric]


def pair_agreement(
    table: pd.DataFrame, first: str, second: str, metric: str = "noiseless_agreement"
) -> pd.Series:
    """Agreement of two definitions, by family and data set."""
    rows = rows_of(table, metric)
    named = rows["first"].isin([first, second]) & rows["second"].isin([first, second])
    return rows[named].set_index(["family", "data_set"])["estimate"]


def of_family(series: pd.Series, family: str) -> pd.Series:
    """Values of one family, none if it has none."""
    return series[series.index.get_level_values("family") == family]


def all_pairs(table: pd.DataFrame, metric: str = "noiseless_agreement") -> pd.Series:
    """Median agreement of all pairs, by family and data set."""
    rows = rows_of(table, metric)
    return rows.groupby(["family", "data_set"])["estimate"].median()


def retrained_pairs(table: pd.DataFrame) -> pd.Series:
    """Median agreement of the definitions by retraining, by family and data set."""
    rows = rows_of(table, "noiseless_agreement")
    rows = rows[rows["first"].isin(RETRAINED) & rows["second"].isin(RETRAINED)]
    return rows.groupby(["family", "data_set"])["estimate"].median()


def matrix(table: pd.DataFrame, metric: str, names: tuple[str, ...]) -> pd.DataFrame:
    """Median agreement of all pairs over data sets and families: a square."""
    rows = rows_of(table, metric)
    medians = rows.groupby(["first", "second"])["estimate"].median()
    square = pd.DataFrame(np.nan, index=list(names), columns=list(names))
    for (first, second), value in medians.items():
        square.loc[first, second] = square.loc[second, first] = value
    return square


def shares(table: pd.DataFrame) -> pd.DataFrame:
    """Share of the bound that each predictor reaches: one row a predictor.

    Columns: group, predictor, cost (the median), one column a family (the median over
    data sets; NaN where the family has none), their median, and `wide`, whether most
    families have it.
    """
    rows = rows_of(table, "share_of_bound")
    keys = ["group", "predictor"]
    by_family = rows.pivot_table(
        index=keys, columns="family", values="estimate", aggfunc="median", sort=False
    )
    frame = by_family.reindex(columns=list(FAMILIES))
    frame.insert(0, "cost", rows.groupby(keys)["cost"].median())
    frame["median"] = frame[list(FAMILIES)].median(axis=1)
    frame["wide"] = frame[list(FAMILIES)].notna().sum(axis=1) > len(FAMILIES) / 2
    return frame.reset_index()


def best_cheap(found: pd.DataFrame, family: str) -> pd.Series:
    """Return the cheap predictor of `shares` that says most in one family.

    A row of `shares`; of no name where nothing can be told.
    """
    cheap = found[(found["cost"] < CHEAP) & found[family].notna()]
    if cheap.empty:
        nothing = {"predictor": "nothing", "group": "", "cost": np.nan, family: np.nan}
        return pd.Series(nothing)
    return cheap.loc[cheap[family].idxmax()]


def runs_needed(found: pd.DataFrame, family: str) -> float:
    """Least number of retrainings of `shares` that is good; infinite if none."""
    fewer = found[(found["group"] == FEWER) & (found[family] >= GOOD)]
    return float(fewer["cost"].min()) if len(fewer) else float("inf")


def predicted(table: pd.DataFrame, group: str, predictor: str) -> pd.Series:
    """Share of the bound of one predictor, by family and data set."""
    rows = rows_of(table, "share_of_bound")
    chosen = (rows["group"] == group) & (rows["predictor"] == predictor)
    return rows[chosen].set_index(["family", "data_set"])["estimate"]


def best_of_cheap(table: pd.DataFrame) -> pd.Series:
    """Best cheap predictor's median share over families, by data set.

    Of those that most families have.
    """
    rows = rows_of(table, "share_of_bound")
    keys = ["group", "predictor", "data_set"]
    cheap = rows[rows["cost"] < CHEAP].groupby(keys)["estimate"]
    wide = cheap.count() > len(FAMILIES) / 2
    return cheap.median()[wide].groupby("data_set").max()


def cheapest(table: pd.DataFrame, group: str) -> pd.Series:
    """Share of the bound of a group's cheapest predictor, by family and data set."""
    found = shares(table)
    of_group = found[found["group"] == group].sort_values("cost", kind="stable")
    name = "" if of_group.empty else str(of_group["predictor"].iloc[0])
    return predicted(table, group, name)


def frontier(found: pd.DataFrame) -> pd.DataFrame:
    """Predictors of `shares` that nothing as cheap beats, by the median of families.

    Only such as most families have.
    """
    found = found.sort_values(["cost", "median"], ascending=[True, False])
    found = found[found["wide"]]
    best = found["median"].cummax().shift(fill_value=-np.inf)
    return found[found["median"] > best]


def geometry_of(table: pd.DataFrame, family: str) -> pd.Series:
    """Agreement of each geometric definition with memorization in one family."""
    values = {
        name: of_family(pair_agreement(table, name, MEMORIZATION), family).median()
        for name in GEOMETRY
    }
    return pd.Series(values)
