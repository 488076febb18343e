"""What is claimed of the definitions and of their cheap predictors."""

from __future__ import annotations

from functools import partial

import pandas as pd

from studies._kit.estimates import Estimate, median_of
from studies._kit.verdicts import Claim
from studies.definitions import findings
from studies.definitions.predictors import FEWER, GEOMETRY, GRADIENTS, ONE_RUN, WARM
from studies.definitions.scores import GAP, GEOMETRY as GEOMETRIC, MEMORIZATION

_OURS = "this project"
_SAME = 0.7


def _per_data_set(series: pd.Series, reduce: str) -> Estimate:
    """Reduce families to one number a data set, and take the median of those."""
    return median_of(series.groupby("data_set").agg(reduce))


def all_agree(table: pd.DataFrame, family: str) -> Estimate:
    """Median agreement of all pairs of definitions in one family."""
    return median_of(findings.of_family(findings.all_pairs(table), family))


def difference(
    table: pd.DataFrame, first: tuple[str, str], second: tuple[str, str] | None
) -> Estimate:
    """Share of the bound that one predictor has over another, where both exist."""
    one = findings.predicted(table, *first)
    other = findings.predicted(table, *second) if second else 0.0
    return _per_data_set((one - other).dropna(), "median")


def warm_over_few(table: pd.DataFrame) -> Estimate:
    """Share of the cheapest warm starts less that of four retrainings."""
    few = findings.predicted(table, FEWER, "4 runs")
    return _per_data_set((findings.cheapest(table, WARM) - few).dropna(), "median")


def of_metric(table: pd.DataFrame, metric: str) -> Estimate:
    """Median over families of a number that each data set has."""
    rows = findings.rows_of(table, metric).set_index(["family", "data_set"])
    return _per_data_set(rows["estimate"], "median")


def in_networks(table: pd.DataFrame) -> Estimate:
    """Self-influence of one model less four retrainings, in the two classifiers."""
    rows = table[table["family"].isin(findings.NETWORKS)]
    return difference(rows, (GRADIENTS, "self-influence"), (FEWER, "4 runs"))


_AGREE = tuple(
    Claim(
        f"All definitions pick out the same points: {family} (median rank agreement "
        "of all pairs, noise taken out)",
        _OURS,
        f"at least {_SAME}",
        partial(all_agree, family=family),
        at_least=_SAME,
    )
    for family in findings.FAMILIES
)

CLAIMS = (
    *_AGREE,
    Claim(
        "The three definitions by retraining pick out the same points in every family "
        "(the lowest family's median pair)",
        _OURS,
        f"at least {_SAME}",
        lambda table: _per_data_set(findings.retrained_pairs(table), "min"),
        at_least=_SAME,
    ),
    Claim(
        "Datapoint dimensionality picks out what counterfactual memorization does "
        "(median over families)",
        "the paper's measure against nostalgebraist's in the thread",
        f"at least {_SAME}",
        lambda table: _per_data_set(
            findings.pair_agreement(table, GEOMETRIC[0], MEMORIZATION), "median"
        ),
        at_least=_SAME,
    ),
    Claim(
        "A point with a low training loss, beside held-out ones, is a memorized one "
        "(agreement of the per-point gap with memorization, median over families)",
        "Nanda in the thread, read point by point",
        "above 0",
        lambda table: _per_data_set(
            findings.pair_agreement(table, GAP, MEMORIZATION), "median"
        ),
        at_least=0.0,
    ),
    Claim(
        "No predictor that costs less than 16 trainings reaches 0.9 of what noise "
        "allows (the best of them, median over families)",
        _OURS,
        f"below {findings.GOOD}",
        lambda table: median_of(findings.best_of_cheap(table)),
        at_most=findings.GOOD,
    ),
    Claim(
        "64 retrainings reach 0.9 of what noise allows in every family (the lowest)",
        _OURS,
        f"at least {findings.GOOD}",
        lambda table: _per_data_set(findings.predicted(table, FEWER, "64 runs"), "min"),
        at_least=findings.GOOD,
    ),
    Claim(
        "Gradients of one trained classifier say more than four retrainings "
        "(self-influence less four runs, MLP and convolutional)",
        _OURS,
        "above 0",
        in_networks,
        at_least=0.0,
    ),
    Claim(
        "The geometry of one trained model ranks points half as well as possible "
        "(leverage, median over families)",
        _OURS,
        "at least 0.5",
        lambda table: difference(table, (GEOMETRY, "leverage"), None),
        at_least=0.5,
    ),
    Claim(
        "One run's difference in differences ranks single points half as well as "
        "possible (median over families)",
        "Lesci et al. 2024, of groups, read point by point",
        "at least 0.5",
        lambda table: difference(table, (ONE_RUN, "one run, half of the points"), None),
        at_least=0.5,
    ),
    Claim(
        "Warm starts from one trained model say more than four retrainings, at about "
        "the same cost (median over families)",
        _OURS,
        "above 0",
        warm_over_few,
        at_least=0.0,
    ),
    Claim(
        "Sharing a seed within blocks of four runs gains nothing (ratio of variances, "
        "median over families)",
        _OURS,
        "0.5 to 1.1, without gain",
        lambda table: of_metric(table, "seed_variance_ratio"),
        at_least=0.9,
    ),
    Claim(
        "Adjusting scores for other points' membership by ridge regression saves 3 to "
        "10% of the variance (median over families)",
        _OURS,
        "0.03 to 0.10 at 256 runs",
        lambda table: of_metric(table, "ridge_gain"),
        at_least=0.03,
        at_most=0.10,
    ),
)
