from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from studies._kit.estimates import Estimate, best_of_others, chosen, median_of
from studies._kit.verdicts import COLUMNS, Claim, judge, over_seeds, verdicts

TABLE = pd.DataFrame({"features": [100, 100, 100], "estimate": [1.0, 2.0, 3.0]})


def claim(at_least, at_most, **options):
    return Claim(
        "The numbers lie there.",
        "Somebody",
        "2",
        lambda table: median_of(table["estimate"]),
        at_least,
        at_most,
        **options,
    )


@pytest.mark.parametrize(
    ("at_least", "at_most", "verdict"),
    [
        (1.0, 3.0, "holds"),
        (-np.inf, 3.0, "holds"),
        (3.1, np.inf, "fails"),
        (-np.inf, 0.9, "fails"),
        (1.5, np.inf, "depends"),
        (1.9, 2.1, "depends"),
        (3.0, np.inf, "depends"),
    ],
)
def test_the_interval_against_the_range_is_the_verdict(at_least, at_most, verdict):
    estimate, found = judge(claim(at_least, at_most), TABLE)
    assert estimate == Estimate(2.0, 1.0, 3.0)
    assert found == verdict


def test_a_claim_about_another_size_is_out_of_scale():
    large = claim(1.0, 3.0, in_scale=lambda table: table["features"].max() >= 10_000)
    assert judge(large, TABLE)[1] == "out of scale"
    assert judge(large, TABLE.assign(features=10_000))[1] == "holds"


def test_without_an_answer_there_is_no_verdict():
    assert judge(claim(1.0, 3.0), TABLE[:0])[1] == "out of scale"
    assert judge(claim(1.0, 3.0), TABLE.assign(estimate=np.nan))[1] == "out of scale"


@pytest.mark.parametrize(
    ("at_least", "at_most", "words"),
    [(0.9, np.inf, "≥ 0.9"), (-np.inf, 0, "≤ 0"), (0.5, 2, "0.5 to 2"), (5, 5, "5")],
)
def test_what_is_allowed_is_said(at_least, at_most, words):
    assert claim(at_least, at_most).allowed() == words


def test_verdicts_are_one_row_a_claim():
    table = verdicts("study", [claim(1.0, 3.0), claim(4.0, 5.0)], TABLE)
    assert tuple(table.columns) == COLUMNS
    assert table["verdict"].tolist() == ["holds", "fails"]
    assert table["ours"].tolist() == [2.0, 2.0]
    assert tuple(verdicts("study", [], TABLE).columns) == COLUMNS


def test_a_verdict_that_another_seed_does_not_give_depends():
    claims = [claim(1.0, 3.0), claim(4.0, 5.0)]
    first = verdicts("study", claims, TABLE)
    moved = verdicts("study", claims, TABLE.assign(estimate=TABLE["estimate"] + 0.5))
    assert moved["verdict"].tolist() == ["depends", "fails"]
    joint = over_seeds(first, [first, moved])
    assert joint["verdict"].tolist() == ["depends", "fails"]
    assert joint["seeds"].tolist() == ["2 of 3", "3 of 3"]
    pd.testing.assert_series_equal(joint["ours"], first["ours"])
    alone = over_seeds(first, [])
    assert alone["verdict"].tolist() == ["holds", "fails"]
    assert alone["seeds"].tolist() == ["1 of 1", "1 of 1"]


@pytest.mark.parametrize("count", [6, 8, 9, 12, 20, 40])
def test_order_statistics_cover_the_median_as_promised(count):
    """By a plain count over many samples of a distribution far from normal."""
    rng = np.random.default_rng(count)
    samples = rng.lognormal(sigma=3.0, size=(4000, count))
    found = [median_of(sample) for sample in samples]
    covered = np.mean([estimate.low <= 1.0 <= estimate.high for estimate in found])
    assert covered >= 0.95 - 3 * (0.95 * 0.05 / 4000) ** 0.5


@pytest.mark.parametrize("count", [6, 8, 9, 12, 20, 40])
def test_the_interval_is_the_narrowest_of_its_kind(count):
    estimate = median_of(np.arange(count, dtype=float))
    rank = int(estimate.low) + 1  # how many values from the end, counted from 1

    def covers(rank):
        return 1 - 2 * stats.binom.cdf(rank - 1, count, 0.5)

    assert covers(rank) >= 0.95 > covers(rank + 1)


def test_few_values_give_their_whole_range():
    assert median_of([2.0, 8.0, 4.0]) == Estimate(4.0, 2.0, 8.0)
    assert np.isnan(median_of([1.0, np.nan]).value)


def test_a_data_set_has_no_say_in_what_it_is_judged_by():
    # Of fifty candidates that are nothing but noise, the best looks like something.
    values = pd.DataFrame(np.random.default_rng(0).normal(size=(6, 50)))
    own = values[values.median().idxmax()]
    assert own.median() > 0.5
    medians = [
        chosen(noise, best_of_others(noise)).value
        for noise in map(
            pd.DataFrame, np.random.default_rng(1).normal(size=(200, 6, 50))
        )
    ]
    assert abs(np.mean(medians)) < 3 * np.std(medians) / 200**0.5


def test_a_candidate_that_is_the_best_everywhere_is_chosen():
    values = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [0.0, 0.0, 0.0]})
    assert chosen(values, best_of_others(values)) == Estimate(2.0, 1.0, 3.0)
    assert chosen(values[:1], best_of_others(values[:1])).value == 1.0
