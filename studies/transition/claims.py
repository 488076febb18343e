"""What the paper and its replications say of the transition, as numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies._kit.estimates import Estimate, median_of
from studies._kit.toy import by_data_set
from studies._kit.verdicts import Claim
from studies.transition.published import PUBLISHED, at_papers_size

_PAPER = "Henighan et al. 2023"
_JERMYN = "Jermyn, comments on the paper"
_OURS = "this project"


def _sizes(
    table: pd.DataFrame, reduction: str, metric: str, part: str = "sizes"
) -> pd.DataFrame:
    """Return (data sets, points) of one metric."""
    rows = table[(table["part"] == part) & (table["loss_reduction"] == reduction)]
    return by_data_set(rows, metric, "points")


def _occurrences(table: pd.DataFrame) -> float:
    """How often each feature occurs in one point, on average."""
    # 1 − 0.99 is 0.01 and some rounding, which must not decide at the edge of a range.
    return round(1.0 - float(table["sparsity"].iloc[0]), 12)


def _from_one_occurrence(
    table: pd.DataFrame, reduction: str, part: str = "sizes"
) -> pd.DataFrame:
    """Test losses by points times the density of features, from 1 on.

    Sizes below one occurrence do not count: there, single points that lie at the
    origin raise the loss.
    """
    losses = _sizes(table, reduction, "test_loss", part)
    losses.columns = losses.columns * _occurrences(table)
    return losses.loc[:, losses.columns >= 1.0]


def peak_occurrences(table: pd.DataFrame, reduction: str) -> Estimate:
    """Where the test loss is highest: points times the density of features."""
    losses = _from_one_occurrence(table, reduction)
    return median_of([] if losses.empty else losses.idxmax(axis=1))


def wider_peak(table: pd.DataFrame, what: str) -> Estimate:
    """Place or height above 1 of the wider networks' peak, over that of the others."""
    wide, narrow = (
        _from_one_occurrence(table, "mean", part) for part in ("wider", "sizes")
    )
    if wide.empty or narrow.empty:
        return median_of([])
    if what == "place":
        return median_of(wide.idxmax(axis=1) / narrow.idxmax(axis=1))
    # A data set without a peak above 1 has one of the smallest that can be told apart.
    heights = [(part.max(axis=1) - 1.0).clip(lower=1e-4) for part in (wide, narrow)]
    return median_of(heights[0] / heights[1])


def from_published(table: pd.DataFrame) -> Estimate:
    """How far the test loss is from the paper's at the median size."""
    losses = _sizes(table, "mean", "test_loss")
    known = [size for size in losses if size in PUBLISHED]
    away = losses[known] - [PUBLISHED[size] for size in known]
    return median_of(away.abs().median(axis=1))


def onset_occurrences(table: pd.DataFrame, reduction: str) -> Estimate:
    """From where on some feature has a direction of its own, in occurrences of each.

    NaN if at the largest size some data set has none.
    """
    learned = _sizes(table, reduction, "features_of_their_own") >= 1
    stays = learned.iloc[:, ::-1].cummin(axis=1).iloc[:, ::-1]
    first = stays.idxmax(axis=1).where(stays.any(axis=1)).astype(float)
    return median_of(first * _occurrences(table))


def _features_at_the_end(table: pd.DataFrame) -> Estimate:
    return median_of(_sizes(table, "mean", "features_of_their_own").iloc[:, -1])


def _below_constant(table: pd.DataFrame) -> Estimate:
    return median_of(_sizes(table, "mean", "test_loss_above_constant").iloc[:, -1])


def peak_ratio(table: pd.DataFrame) -> Estimate:
    """How many times higher above 1 the peak of the test loss is with the sum."""
    summed, averaged = (
        _sizes(table, reduction, "test_loss").max(axis=1) - 1.0
        for reduction in ("sum", "mean")
    )
    # A data set without a peak above 1 has one of the smallest that can be told apart.
    return median_of(summed / averaged.clip(lower=1e-4))


def train_loss_difference(table: pd.DataFrame) -> Estimate:
    """How much higher the train loss is with the mean, where the sum's test peak is."""
    peak = int(_sizes(table, "sum", "test_loss").median().idxmax())
    averaged, summed = (
        _sizes(table, reduction, "train_loss")[peak] for reduction in ("mean", "sum")
    )
    return median_of(averaged - summed)


def longest_weights(table: pd.DataFrame) -> Estimate:
    """At how many times more points the weights are longest with the sum."""
    summed, averaged = (
        _sizes(table, reduction, "weight_length").idxmax(axis=1)
        for reduction in ("sum", "mean")
    )
    return median_of(summed / averaged)


def joined_by_epsilon(table: pd.DataFrame) -> Estimate:
    """Test loss of the mean less that of the sum with the equivalent epsilon."""
    rows = table[table["part"] == "epsilon"]
    equivalent = 1e-8 * rows["features"]
    summed = rows[
        (rows["loss_reduction"] == "sum")
        & np.isclose(rows["adam_epsilon"], equivalent, rtol=1e-6, atol=0)
    ]
    averaged = rows[rows["loss_reduction"] == "mean"]
    pairs = [
        by_data_set(part, "test_loss", "points").iloc[:, 0]
        for part in (averaged, summed)
    ]
    return median_of(pairs[0] - pairs[1])


def _two_epsilons(table: pd.DataFrame, metric: str) -> list[pd.Series]:
    """One metric of the sum with ε = 1e-8, and with that of the paper's mean, 1e-4."""
    rows = table[(table["part"] == "epsilon") & (table["loss_reduction"] == "sum")]
    found = by_data_set(rows, metric, "adam_epsilon")
    return [
        found.loc[:, np.isclose(found.columns, epsilon, rtol=1e-6, atol=0)].mean(axis=1)
        for epsilon in (1e-8, 1e-4)
    ]


def lower_peak_by_epsilon(table: pd.DataFrame) -> Estimate:
    """Excess of the test loss over 1 with ε = 1e-8, over that with ε = 1e-4."""
    small, large = _two_epsilons(table, "test_loss")
    return median_of((small - 1.0) / (large - 1.0).clip(lower=1e-4))


def train_loss_by_epsilon(table: pd.DataFrame) -> Estimate:
    """How much higher the train loss is with ε = 1e-4."""
    small, large = _two_epsilons(table, "train_loss")
    return median_of(large - small)


def _test_loss_at_2000(table: pd.DataFrame) -> Estimate:
    losses = _sizes(table, "mean", "test_loss")
    return median_of(losses.get(2000, []))


CLAIMS = (
    Claim(
        "The test loss peaks at about two occurrences of each feature "
        "(mean over features; points × (1 − sparsity) at the peak)",
        f"{_PAPER}, Figure 3",
        "2 (2,000 points, sparsity 0.999)",
        lambda table: peak_occurrences(table, "mean"),
        at_least=1.0,
        at_most=4.0,
    ),
    Claim(
        "At 2,000 points the test loss is about 1.015 (mean over features)",
        f"{_PAPER}, Figure 3",
        "1.015, mean of 4",
        _test_loss_at_2000,
        at_least=1.0,
        at_most=1.03,
        in_scale=at_papers_size,
    ),
    Claim(
        "At the paper's size the test losses are those of its figure (distance at the "
        "median size, mean over features)",
        f"{_PAPER}, Figure 3",
        "0, read off to 0.0003, means of 4",
        from_published,
        at_most=0.001,
        in_scale=at_papers_size,
    ),
    Claim(
        "With four hidden dimensions the peak of the test loss lies at more points "
        "(ratio of the numbers of points, mean over features)",
        f"{_PAPER}, Figure 5",
        "2.5 (5,000 against 2,000)",
        lambda table: wider_peak(table, "place"),
        at_least=1.2,
    ),
    Claim(
        "At 10,000 features it is higher (ratio of the heights above 1, mean over "
        "features)",
        f"{_PAPER}, Figure 5",
        "28 (1.57 against 1.02)",
        lambda table: wider_peak(table, "height"),
        at_least=2.0,
        in_scale=at_papers_size,
    ),
    Claim(
        "With many points five features have a direction of their own "
        "(number with dimensionality above 0.15)",
        f"{_PAPER}, Figure 3",
        "5",
        _features_at_the_end,
        at_least=5,
        at_most=5,
    ),
    Claim(
        "With many points the test loss is below that of the best constant answer "
        "(difference)",
        f"{_PAPER}, Figure 3; Olah in the thread",
        "below the zero model",
        _below_constant,
        at_most=0.0,
    ),
    Claim(
        "Features appear from about ten occurrences of each on (sum over features)",
        _JERMYN,
        "about 10",
        lambda table: onset_occurrences(table, "sum"),
        at_least=5.0,
        at_most=20.0,
    ),
    Claim(
        "Features appear at five to ten occurrences of each (mean over features)",
        f"{_PAPER}, Figure 3",
        "5 to 10",
        lambda table: onset_occurrences(table, "mean"),
        at_least=5.0,
        at_most=10.0,
    ),
    Claim(
        "At 10,000 features the replications' high peak comes from summing over "
        "features: its excess over 1 is many times that of the mean (ratio)",
        _OURS,
        "447 against 1.006 at 2,000 points of 10,000 features",
        peak_ratio,
        at_least=10.0,
        in_scale=at_papers_size,
    ),
    Claim(
        "There, averaging is the worse optimizer: higher train loss where the sum's "
        "test loss peaks (difference)",
        f"{_OURS}; Henighan et al., update of July 2023",
        "0.9905 against 0.972",
        train_loss_difference,
        at_least=0.0,
        in_scale=at_papers_size,
    ),
    Claim(
        "There, the weights are longest at more points with the sum than with the mean "
        "(ratio of these numbers)",
        f"{_JERMYN}, against {_PAPER}, Figure 4",
        "rising over 100 to 1,000, against a maximum near 30",
        longest_weights,
        at_least=2.0,
        in_scale=at_papers_size,
    ),
    Claim(
        "Adam's ε alone does it: with 1e-4, which is what averaging over 10,000 "
        "features amounts to, the sum's test loss is closer to 1 (excess with 1e-8 "
        "over that with 1e-4)",
        _OURS,
        "447 against 1.006 at 2,000 points of 10,000 features",
        lower_peak_by_epsilon,
        at_least=5.0,
    ),
    Claim(
        "The larger ε is the worse optimizer (train loss with 1e-4 less that with "
        "1e-8)",
        f"{_OURS}; Henighan et al., update of July 2023",
        "0.9905 against 0.972",
        train_loss_by_epsilon,
        at_least=0.0,
    ),
    Claim(
        "The mean with ε = 1e-8 is the sum with ε larger by the number of features "
        "(difference of test losses)",
        _OURS,
        "the same",
        joined_by_epsilon,
        at_least=-0.005,
        at_most=0.005,
    ),
)
