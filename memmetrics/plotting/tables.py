"""What the pictures need to ask of a tidy table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from memmetrics.plotting.frame import Floats, in_words, plain

# Columns that name something; all others hold numbers.
_NAMES = ("index", "rule")
# Fewer points have no rank correlation worth the name.
_FEWEST = 3


def select(
    table: pd.DataFrame,
    metric: str,
    *columns: str,
    finite: Sequence[str] | None = None,
    words: Sequence[str] = (),
) -> pd.DataFrame:
    """Rows of one metric without missing estimates.

    Rows are left out, too, where a column of `finite` is missing: by default, all the
    `columns` that the caller needs. The columns of `words` need not hold numbers.

    Raises
    ------
    ValueError
        If a column is missing, or no row of `table` has this metric.
    """
    needed = ("metric", "estimate", *columns, *words)
    missing = [name for name in needed if name not in table.columns]
    if missing:
        raise ValueError(
            f"`table` lacks the columns {missing}; it has {list(table.columns)}"
        )
    if table.empty:
        raise ValueError("`table` must have rows; received none")
    rows = table[table["metric"] == metric]
    if rows.empty:
        known = sorted(table["metric"].astype(str).unique())
        raise ValueError(f"`metric` must be one of {known}; received {metric!r}")
    rows = rows.assign(
        **{
            name: numbers(rows[name])
            for name in ("estimate", *columns)
            if name not in _NAMES
        }
    )
    return rows.dropna(subset=["estimate", *(columns if finite is None else finite)])


def numbers(column: pd.Series) -> Floats:
    """Values of a column, whatever it keeps them in; NaN where one is missing.

    Raises
    ------
    ValueError
        If a value is not a number.
    """
    try:
        values = column.astype(object).to_numpy(float, na_value=float("nan"))
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"column {column.name!r} of `table` must hold numbers: {error}"
        ) from error
    return values  # type: ignore[no-any-return]


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
        For example ``"datapoint dimensionality (dimensions)"``. It is drawn as it
        stands: a dollar sign has a backslash, so that no mathematics begins.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"metric": ["test_loss"], "unit": ["squared error"]})
    >>> metric_label(table, "test_loss")
    'test loss (squared error)'
    """
    name = in_words(metric)
    if "unit" not in table.columns:
        return name
    units = table.loc[table["metric"] == metric, "unit"].dropna().unique()
    unit = plain(units[0]) if len(units) else ""
    return f"{name} ({unit})" if unit else name


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
        metric: select(table, metric, "index")
        .groupby("index", observed=True)["estimate"]
        .mean()
        for metric in metrics
    }
    return pd.DataFrame(means)[list(metrics)]


def rank_correlations(points: pd.DataFrame) -> Floats:
    """Spearman's rank correlation of every pair of columns; NaN where undefined.

    It is undefined for fewer than three points, and for what is the same everywhere.
    """
    if len(points) < _FEWEST:
        return np.full((points.shape[1],) * 2, np.nan)
    # Ranks first, because pandas needs scipy for method="spearman" and gives the same.
    correlations: Floats = points.rank().corr().to_numpy(float)
    return correlations
