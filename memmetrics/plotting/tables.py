"""What the pictures need to ask of a tidy table."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd


def select(
    table: pd.DataFrame, metric: str, *columns: str, finite: Sequence[str] | None = None
) -> pd.DataFrame:
    """Rows of one metric without missing estimates.

    Rows are left out, too, where a column of `finite` is missing: by default, all the
    `columns` that the caller needs.

    Raises
    ------
    ValueError
        If a column is missing, or no row of `table` has this metric.
    """
    needed = ("metric", "estimate", *columns)
    missing = [name for name in needed if name not in table.columns]
    if missing:
        raise ValueError(
            f"`table` lacks the columns {missing}; it has {list(table.columns)}"
        )
    rows = table[table["metric"] == metric]
    if rows.empty:
        known = sorted(table["metric"].astype(str).unique())
        raise ValueError(f"`metric` must be one of {known}; received {metric!r}")
    return rows.dropna(subset=["estimate", *(columns if finite is None else finite)])


def metric_label(table: pd.DataFrame, metric: str) -> str:
    """Name of a metric with its unit, for an axis.

    Parameters
    ----------
    table : DataFrame
        Tidy table; its `unit` column is used if there is one.
    metric : str
        Which metric.

    Returns
    -------
    str
        For example ``"datapoint dimensionality (dimensions)"``.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"metric": ["test_loss"], "unit": ["squared error"]})
    >>> metric_label(table, "test_loss")
    'test loss (squared error)'
    """
    name = metric.replace("_", " ")
    if "unit" not in table.columns:
        return name
    units = table.loc[table["metric"] == metric, "unit"].dropna().unique()
    return f"{name} ({units[0]})" if len(units) else name


def by_index(table: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """One row a point, one column a metric: the mean over runs.

    Parameters
    ----------
    table : DataFrame
        Tidy table with the columns `metric`, `index`, `estimate`.
    metrics : sequence of str
        Which metrics, in the order of the columns.

    Returns
    -------
    DataFrame
        Indexed by `index`; NaN where a point has no estimate of a metric.

    Raises
    ------
    ValueError
        If `table` lacks a column or a metric.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame(
    ...     {"metric": ["a", "a", "b"], "index": [0, 0, 0], "estimate": [1.0, 3.0, 5.0]}
    ... )
    >>> by_index(table, ["a", "b"]).loc[0].tolist()
    [2.0, 5.0]
    """
    means = {
        metric: select(table, metric, "index").groupby("index")["estimate"].mean()
        for metric in metrics
    }
    return pd.DataFrame(means)
