"""Numbers of any kind and magnitude, in the statistics of rankings and shares."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from memmetrics import Result
from memmetrics.selection import memorized_share
from memmetrics.statistics import (
    discoveries,
    rank_agreement,
    reliability_from_errors,
    split_half_reliability,
)


@pytest.fixture
def runs():
    rng = np.random.default_rng(0)
    return rng.normal(size=60) + 2 * rng.normal(size=(9, 60))


def spectrum_of(first, last, **columns):
    estimate, error = zip(first, last, strict=True)
    table = {
        "index": [3, 3],
        "rule": ["point", "class"],
        "removed": [1, 20],
        "estimate": estimate,
        "standard_error": error,
        "n_in": 8,
        **columns,
    }
    return pd.DataFrame(table)


def limits_of(table):
    return memorized_share(table)[["low", "high"]].to_numpy()[0]


def test_a_few_points_in_one_order_prove_little():
    for points in (4, 5, 20):
        found = rank_agreement(np.arange(points), np.arange(points))
        assert found.estimate == pytest.approx(1)
        assert found.high == pytest.approx(1)
        assert found.low < 1 - 6 / (points**3 - points)
        opposed = rank_agreement(np.arange(points), -np.arange(points))
        assert opposed.high == pytest.approx(-found.low)
    assert rank_agreement(range(4), range(4)).low < 0


@pytest.mark.parametrize("points", [4, 5, 6, 8])
def test_the_interval_of_a_few_points_covers(points):
    rng = np.random.default_rng(1)
    first, other = rng.normal(size=(2, 600, points))
    second = 0.9 * first + 0.19**0.5 * other
    truth = 6 / np.pi * np.arcsin(0.9 / 2)
    hits = 0
    for pair in zip(first, second, strict=True):
        found = rank_agreement(*pair)
        hits += found.low <= truth <= found.high
    assert hits / 600 >= 0.93


def test_numbers_may_be_of_any_kind():
    values = [3.0, 1.0, 2.0, 5.0, 4.0]
    expected = rank_agreement(values, np.arange(5))
    for kind in (
        torch.tensor(values, requires_grad=True),
        torch.tensor(values).bfloat16(),
        np.array(values, dtype=object),
        pd.Series(values, dtype="Float64"),
    ):
        assert rank_agreement(kind, np.arange(5)) == expected
        assert reliability_from_errors(kind, np.ones(5)) == pytest.approx(0.6)
    missing = pd.Series([None, *values], dtype="Float64")
    assert rank_agreement(missing, [9, *range(5)]).estimate == expected.estimate


@pytest.mark.parametrize(
    "values",
    [list("abcd"), np.arange(4) * 1j, np.ma.array(np.arange(4), mask=[0] * 3 + [1])],
)
def test_what_is_no_number_is_named(values):
    with pytest.raises(TypeError, match="`first` must"):
        rank_agreement(values, np.arange(4))
    with pytest.raises(TypeError, match="`estimate` must"):
        reliability_from_errors(values, np.ones(4))
    with pytest.raises(TypeError, match="`reliabilities` must hold real numbers"):
        rank_agreement(range(4), range(4), reliabilities="ab")


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30, 1e200])
def test_reliabilities_have_no_unit(runs, scale):
    found = reliability_from_errors(
        [1 * scale, 2 * scale, 4 * scale], [0.5 * scale] * 3
    )
    assert found == pytest.approx(1 - 0.25 / np.var([1, 2, 4], ddof=1))
    for ranks in (True, False):
        expected, scaled = (
            split_half_reliability(
                lambda kept, s=s: s * runs[kept].mean(0), 9, rng=1, ranks=ranks
            )
            for s in (1.0, scale)
        )
        assert scaled == pytest.approx(expected)


def test_a_statistic_is_a_number_a_point(runs):
    expected = split_half_reliability(lambda kept: runs[kept].mean(0), 9, rng=1)
    tensors = torch.tensor(runs, requires_grad=True)
    found = split_half_reliability(
        lambda kept: tensors[torch.from_numpy(kept)].mean(0), 9, rng=1
    )
    assert found == pytest.approx(expected)
    for statistic in (
        lambda kept: runs[kept].mean(),
        lambda kept: runs[kept][:2],
        lambda kept: runs[0, : kept.sum()],
    ):
        with pytest.raises(ValueError, match="`statistic` must give"):
            split_half_reliability(statistic, 9, rng=1)
    infinite = split_half_reliability(
        lambda kept: np.append(runs[kept].mean(0), np.inf), 9, rng=1, ranks=False
    )
    assert np.isnan(infinite)


@pytest.mark.parametrize("scale", [1e-200, 1e-90, 1e30, 1e90, 1e200])
def test_a_share_has_no_unit(scale):
    expected = limits_of(spectrum_of((0.3, 0.05), (0.8, 0.1)))
    found = limits_of(
        spectrum_of((0.3 * scale, 0.05 * scale), (0.8 * scale, 0.1 * scale))
    )
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("error", [1e-3, 1e-9, 1e-13])
def test_a_share_known_well_has_an_interval_as_small(error):
    # Nearly normal: the error of a ratio, to first order.
    low, high = limits_of(spectrum_of((0.3, 0.3 * error), (0.8, 0.8 * error)))
    assert low < 0.375 < high
    half = 2.364624 * 0.375 * 2**0.5 * error
    assert (high - low) / 2 == pytest.approx(half, rel=2e-2)


def test_runs_without_a_set_that_diverged_count_for_less():
    wide = limits_of(spectrum_of((0.3, 0.01), (0.8, 0.1), n_out=[8, 3]))
    narrow = limits_of(spectrum_of((0.3, 0.01), (0.8, 0.1), n_out=[8, 8]))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_a_loss_that_is_nan_has_no_share():
    for table in (
        spectrum_of((np.nan, np.nan), (0.8, 0.1)),
        spectrum_of((0.3, 0.1), (np.nan, np.nan)),
    ):
        found = memorized_share(table)[["estimate", "low", "high"]]
        assert found.isna().to_numpy().all()


def test_every_point_must_be_there_once():
    table = spectrum_of((0.3, 0.05), (0.8, 0.1))
    with pytest.raises(ValueError, match="one row for each rule and point; point 3"):
        memorized_share(pd.concat([table, table]))
    more = pd.concat([table, table.assign(index=4)[:1]])
    with pytest.raises(ValueError, match="its first and its last rule; point 4"):
        memorized_share(more)


def test_one_p_value_of_all_is_that_of_each():
    result = Result("x", unit="score", estimate=[1.0, 2.0], columns={"p_value": 0.01})
    assert discoveries(result).tolist() == [True, True]


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (np.array([0.01]), TypeError, "`result` must be a Result or a DataFrame"),
        (None, TypeError, "`result` must be a Result or a DataFrame"),
        (pd.DataFrame({"p_value": [0.01, np.inf]}), ValueError, "must lie in"),
        (pd.DataFrame({"p_value": ["a"]}), TypeError, "`p_value` must hold real"),
    ],
)
def test_what_has_no_p_values_is_refused(result, error, message):
    with pytest.raises(error, match=message):
        discoveries(result)
