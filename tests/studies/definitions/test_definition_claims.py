"""Verdicts on tables made up so that the answer is known."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest

from studies._kit.verdicts import judge
from studies.definitions import findings, pictures, words
from studies.definitions.claims import CLAIMS
from studies.definitions.scores import DEFINITIONS, GEOMETRY, MEMORIZATION, RETRAINED

PREDICTORS = {
    ("fewer runs", "4 runs", 4.0): 0.6,
    ("fewer runs", "64 runs", 64.0): 0.95,
    ("gradients", "self-influence", 1.0): 0.7,
    ("geometry", "leverage", 1.0): 0.2,
    ("warm starts", "from a trained model", 5.0): 0.5,
    ("difference in differences", "one run, half of the points", 1.0): 0.1,
}


def table_of(agreement, shares=PREDICTORS, others=None):
    """Rows of every family and six data sets; `agreement` is of two definitions."""
    rows = []
    for family, data_set in itertools.product(findings.FAMILIES, range(6)):
        here = {"family": family, "data_set": data_set}
        for first, second in itertools.combinations(DEFINITIONS, 2):
            pair = {"first": first, "second": second, **here}
            value = agreement(first, second)
            rows += [
                {"metric": metric, "estimate": value, **pair}
                for metric in ("agreement", "bound", "noiseless_agreement", "kendall")
            ]
        for (group, predictor, cost), share in shares.items():
            labels = {"group": group, "predictor": predictor, "cost": cost}
            rows.append(
                {"metric": "share_of_bound", "estimate": share, **labels, **here}
            )
        numbers = {"seed_variance_ratio": 1.0, "ridge_gain": 0.05} | (others or {})
        rows += [{"metric": m, "estimate": v, **here} for m, v in numbers.items()]
        reliability = {"metric": "reliability", "first": MEMORIZATION}
        rows.append({**reliability, "estimate": 0.9, **here})
    return pd.DataFrame(rows)


def verdict(start, table):
    (claim,) = [claim for claim in CLAIMS if claim.text.startswith(start)]
    return judge(claim, table)[1]


def test_definitions_that_agree_and_that_do_not():
    table = table_of(lambda *_: 0.9)
    for family in findings.FAMILIES:
        words_of_claim = f"All definitions pick out the same points: {family}"
        assert verdict(words_of_claim, table) == "holds"
    apart = table_of(
        lambda first, second: 0.9 if {first, second} <= {*RETRAINED} else 0
    )
    assert verdict("All definitions pick out the same points: tree", apart) == "fails"
    assert verdict("The three definitions by retraining", apart) == "holds"


@pytest.mark.parametrize(("value", "expected"), [(0.8, "holds"), (-0.3, "fails")])
def test_geometry_against_memorization(value, expected):
    def agreement(first, second):
        return value if {first, second} == {MEMORIZATION, GEOMETRY[0]} else 0.5

    assert (
        verdict("Datapoint dimensionality picks out", table_of(agreement)) == expected
    )


def test_what_cheap_predictors_reach():
    table = table_of(lambda *_: 0.9)
    assert verdict("No predictor that costs less than 16", table) == "holds"
    assert verdict("64 retrainings reach", table) == "holds"
    assert verdict("Gradients of one trained classifier", table) == "holds"
    assert verdict("The geometry of one trained model", table) == "fails"
    assert verdict("One run's difference in differences", table) == "fails"
    assert verdict("Warm starts", table) == "fails"
    better = PREDICTORS | {("gradients", "self-influence", 1.0): 0.92}
    table = table_of(lambda *_: 0.9, better)
    assert verdict("No predictor that costs less than 16", table) == "fails"


def test_what_was_tried():
    table = table_of(lambda *_: 0.9)
    assert verdict("Sharing a seed", table) == "holds"
    assert verdict("Adjusting scores", table) == "holds"
    gains = {"seed_variance_ratio": 0.5, "ridge_gain": 0.3}
    table = table_of(lambda *_: 0.9, others=gains)
    assert verdict("Sharing a seed", table) == "fails"
    assert verdict("Adjusting scores", table) == "fails"


def test_words_come_from_the_table():
    text = words.text(table_of(lambda *_: 0.9))
    assert "at least 0.7 in 7 of 7 families" in text
    assert "the best predictor reaches 0.70" in text
    assert "MLP, self-influence at 1 (0.70; retrainings until 0.9: 64)" in text
    summary = words.summary(table_of(lambda *_: 0.4)).set_index("family")
    assert summary.loc["tree", "without noise"] == 0.4


def test_a_family_without_an_answer_is_told_of_as_such():
    table = table_of(lambda *_: 0.9)
    silent = (table["family"] == "tree") & (table["metric"] != "reliability")
    table = table[~silent]
    assert "tree, nothing can be told" in words.text(table)
    words_of_claim = "All definitions pick out the same points: tree"
    assert verdict(words_of_claim, table) == "out of scale"
    assert words.summary(table)["family"].tolist() == list(findings.FAMILIES)


def test_without_any_answer_there_is_a_page_that_says_so():
    table = table_of(lambda *_: 0.9).assign(kind=None)
    table = table[~table["metric"].isin(["share_of_bound", "noiseless_agreement"])]
    ranks = {"metric": "mean_rank", "first": MEMORIZATION, "estimate": 0.5}
    ranks = [
        {**ranks, "family": "tree", "kind": kind} for kind in ("ordinary", "blank")
    ]
    table = pd.concat([table, pd.DataFrame(ranks)], ignore_index=True)
    answers, *others = pictures.all_pictures(table)
    assert "Below 16 trainings nothing can be told." in answers.caption
    for picture in (answers, *others):
        picture.figure.draw_without_rendering()
    assert "tree, nothing can be told" in words.text(table)


def test_shares_above_one_are_inside_the_picture():
    shares = PREDICTORS | {("gradients", "self-influence", 1.0): 1.7}
    answers = pictures.answers(table_of(lambda *_: 0.9, shares))
    low, high = answers.figure.axes[1].get_ylim()
    assert low < -1
    assert high > 1.7
