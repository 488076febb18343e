"""The share of a spectrum that the point alone accounts for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from memmetrics.selection import memorized_share


def table_of(first, last, *, removed=(1, 20), n_in=8):
    """Spectrum of one point from (loss, standard error) under two rules."""
    estimate, error = zip(first, last, strict=True)
    return pd.DataFrame(
        {
            "index": [3, 3],
            "rule": ["point", "class"],
            "removed": removed,
            "estimate": estimate,
            "standard_error": error,
            "n_in": n_in,
        }
    )


def test_it_is_the_ratio_with_all_shares_that_are_not_refuted():
    found = memorized_share(table_of((0.3, 0.05), (0.8, 0.1)), confidence=0.9)
    quantile = stats.t.ppf(0.95, 7)

    def beyond(share):
        error = np.hypot(0.05, share * 0.1)
        return abs(0.3 - share * 0.8) / error - quantile

    assert found["estimate"].item() == pytest.approx(0.3 / 0.8)
    low = optimize.brentq(beyond, -1, 0.3 / 0.8)
    high = optimize.brentq(beyond, 0.3 / 0.8, 5)
    assert found["low"].item() == pytest.approx(low)
    assert found["high"].item() == pytest.approx(high)


def test_a_ratio_to_nothing_is_unbounded():
    found = memorized_share(table_of((0.3, 0.05), (0.1, 0.1)))
    assert (found["low"].item(), found["high"].item()) == (-np.inf, np.inf)


def test_a_point_without_a_kind_is_memorized():
    found = memorized_share(table_of((0.3, 0.05), (0.3, 0.05), removed=(1, 1)))
    assert found[["estimate", "low", "high"]].to_numpy().tolist() == [[1, 1, 1]]


def test_the_interval_covers_where_runs_on_all_points_are_shared():
    rng = np.random.default_rng(0)
    runs, trials, errors = 10, 2000, (1.0, 1.5, 0.7)
    means = 5.0, 2.0, -1.0  # on all points, without the point, without its class
    samples = [
        rng.normal(mean, error, size=(trials, runs))
        for mean, error in zip(means, errors, strict=True)
    ]
    everyone, *without = [
        (each.mean(1), each.var(1, ddof=1) / runs) for each in samples
    ]
    truth = (means[0] - means[1]) / (means[0] - means[2])
    frames = [
        pd.DataFrame(
            {
                "index": np.arange(trials),
                "rule": rule,
                "removed": removed,
                "estimate": everyone[0] - mean,
                "standard_error": np.sqrt(everyone[1] + variance),
                "n_in": runs,
            }
        )
        for rule, removed, (mean, variance) in zip(
            ("point", "class"), (1, 9), without, strict=True
        )
    ]
    found = memorized_share(pd.concat(frames))
    covered = ((found["low"] <= truth) & (truth <= found["high"])).mean()
    assert 0.95 <= covered <= 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="removed"), "must have the columns"),
        (lambda table: table[:1], "at least 2 rules"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        memorized_share(change(table_of((0.3, 0.1), (0.5, 0.1))))
