"""The four metrics, point by point.

Counterfactual memorization and datapoint dimensionality are about points already. The
other two are brought down to them: the train/test gap of a point is the mean loss of
held-out points less its own, and its feature dimensionality is the average over its
features, each weighted with its share x² of the point, whose length is 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse, stats

import memmetrics as mm

# In the order in which they are drawn everywhere.
POINT_METRICS = (
    "counterfactual_memorization",
    "point_gap",
    "datapoint_dimensionality",
    "leverage",
    "point_feature_dimensionality",
)
CONFIDENCE = 0.95


class PointGap:
    """Mean loss of held-out points less the loss of each training point."""

    name, version, needs = "point_gap", 1, mm.Losses
    unit, cost = "squared error", "points + test_points"

    def __call__(self, evidence: mm.Losses) -> mm.Result:
        """Return the gap of every training point, with leading runs kept."""
        held_out = np.asarray(evidence.test).mean(-1, keepdims=True)
        return mm.Result(
            self.name, unit=self.unit, estimate=held_out - np.asarray(evidence.train)
        )


def measure_points(
    trainer: mm.ToyTrainer, data: Any, test: Any, **options: Any
) -> pd.DataFrame:
    """Tidy table of all metrics of `POINT_METRICS` and those they come from.

    `options` (runs, fits, rng) go to `memmetrics.measure`. The trainer's threads do the
    work, in this process: networks this small are trained before workers have started.
    """
    metrics: list[str | mm.Metric] = [
        "feature_dimensionality",
        "datapoint_dimensionality",
        "leverage",
        "train_test_gap",
        PointGap(),
        "counterfactual_memorization",
    ]
    table = mm.measure(trainer, data, metrics, test=test, n_jobs=1, **options)
    averaged = _average_over_features(table, data)
    return pd.concat([table, averaged], ignore_index=True)


def _average_over_features(table: pd.DataFrame, data: Any) -> pd.DataFrame:
    """Feature dimensionality of each point's features, weighted with x²."""
    rows = table[table["metric"] == "feature_dimensionality"]
    by_run = rows.pivot_table(index="run", columns="index", values="estimate")
    squares = sparse.csr_array(data).power(2)  # (points, features)
    averages = (squares @ by_run.to_numpy(float).T).T  # (runs, points)
    frame = mm.Result(
        "point_feature_dimensionality", unit="dimensionless", estimate=averages
    ).to_frame()
    # Positions of runs become their numbers again.
    return frame.assign(run=by_run.index.to_numpy()[frame["run"]])


def with_intervals(table: pd.DataFrame) -> pd.DataFrame:
    """One row a metric and point, with an interval.

    Metrics of single networks are averaged over networks, with Student's interval of
    the mean: it says how much another start would change. Counterfactual memorization
    comes with the interval of its own estimator.
    """
    own = table["run"].isna() & table["index"].notna()
    columns = ["metric", "unit", "index", "estimate", "low", "high"]
    averaged = [
        _average_over_runs(rows).assign(metric=metric, unit=unit)
        for (metric, unit), rows in table[
            table["run"].notna() & table["index"].notna()
        ].groupby(["metric", "unit"])
    ]
    return pd.concat([table.loc[own, columns], *averaged], ignore_index=True)[columns]


def _average_over_runs(rows: pd.DataFrame) -> pd.DataFrame:
    grouped = rows.groupby("index")["estimate"]
    mean, count = grouped.mean(), grouped.count()
    half = stats.t.ppf(0.5 + CONFIDENCE / 2, count - 1) * grouped.std() / count**0.5
    return pd.DataFrame(
        {"estimate": mean, "low": mean - half, "high": mean + half}
    ).reset_index()


def rank_correlations(table: pd.DataFrame) -> pd.Series:
    """Spearman's rank correlation of each metric with counterfactual memorization."""
    means = table[table["metric"].isin(POINT_METRICS)].pivot_table(
        index="index", columns="metric", values="estimate", aggfunc="mean"
    )
    first, *others = POINT_METRICS
    ranks = means.rank()
    return ranks[list(others)].corrwith(ranks[first])


def clearly_memorized(table: pd.DataFrame) -> float:
    """Share of points whose interval of counterfactual memorization is above 0."""
    rows = table[table["metric"] == POINT_METRICS[0]]
    return float((rows["low"] > 0).mean())
