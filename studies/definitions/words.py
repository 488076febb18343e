"""What the study says in words: every number of them computed from the table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from studies._kit.estimates import median_of
from studies._kit.words import listed, signed
from studies.definitions import findings
from studies.definitions.scores import MEMORIZATION

_METHOD = """
Each family is trained on data sets of its own, into which repeated points,
near-duplicates (each value 20% off), outliers (noise of the same length), wrong labels
and one blank point were planted. Many retrainings on random halves give counterfactual
memorization, the C-score (here negated: hard points are high) and membership
advantage; models of all points give datapoint dimensionality, leverage, the per-point
gap (mean held-out loss less the point's own) and self-influence (gᵀ(GᵀG + λ)⁻¹g, by
gradients of the loss). The diagonal of counterfactual influence is counterfactual
memorization, by definition, and is not shown twice. A tree's hidden vector says which
leaf a point is in.

Two noisy rankings cannot agree better than √(rel · rel), with rel the reliability of
each from halves of its models. Agreement is given without noise: divided by that bound,
and between definitions of the same models across different halves. Predictors are
compared with retrainings that they have no model in common with, as a share of √rel,
what a perfect predictor would reach. Their signs are those that their authors give, so
that a negative number is a finding. Cost counts trainings; a model of all points
counts as one. Histories cost nothing beyond the training, except for the tied
autoencoder, whose learning rate follows a schedule: there each checkpoint is a training
of its own.
"""


def text(table: pd.DataFrame) -> str:
    """Answer both questions, then say how."""
    return f"{_agreement_words(table)}\n\n{_predictor_words(table)}\n\n{_METHOD}"


def _agreement_words(table: pd.DataFrame) -> str:
    pairs = findings.all_pairs(table)
    medians = {
        family: findings.of_family(pairs, family).median()
        for family in findings.FAMILIES
    }
    retrained = findings.retrained_pairs(table).groupby("family").median()
    reliability = findings.rows_of(table, "reliability")
    of_memorization = reliability[reliability["first"] == MEMORIZATION]["estimate"]
    each = listed([f"{signed(value)} ({name})" for name, value in medians.items()])
    few = sum(value >= 0.7 for value in medians.values())
    return (
        "Do the definitions agree? The median pair of definitions has a rank "
        f"correlation, noise taken out, of {each}: at least 0.7 in "
        f"{few} of {len(medians)} families. "
        "The three that come from retraining agree with one another by "
        f"{retrained.min():.2f} to {retrained.max():.2f}. Counterfactual memorization "
        f"itself is measured with a reliability of {of_memorization.min():.2f} to "
        f"{of_memorization.max():.2f}."
    )


def _predictor_words(table: pd.DataFrame) -> str:
    phrases = []
    found = findings.shares(table)
    for family in findings.FAMILIES:
        best = findings.best_cheap(found, family)
        needed = findings.runs_needed(found, family)
        runs = f"{needed:g}" if np.isfinite(needed) else "more than were tried"
        if not np.isfinite(best["cost"]):
            phrases.append(f"{family}, nothing can be told")
            continue
        phrases.append(
            f"{family}, {best['predictor']} at {best['cost']:.3g} "
            f"({best[family]:.2f}; retrainings until {findings.GOOD:g}: {runs})"
        )
    best_of = median_of(findings.best_of_cheap(table))
    return (
        "Can I skip the retraining? Below "
        f"{findings.CHEAP:g} trainings the best predictor reaches "
        f"{best_of.value:.2f} of what noise allows, median over families "
        f"({best_of.low:.2f} to {best_of.high:.2f}). By family the best is, with its "
        f"cost in trainings: {'; '.join(phrases)}."
    )


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """One row a family: agreements, and what is cheapest."""
    reliability = findings.rows_of(table, "reliability")
    rows = []
    found = findings.shares(table)
    retrained = findings.retrained_pairs(table)
    for family in findings.FAMILIES:
        own = reliability[reliability["family"] == family]
        of_memorization = own[own["first"] == MEMORIZATION]["estimate"].median()
        best = findings.best_cheap(found, family)
        needed = findings.runs_needed(found, family)
        geometry = findings.geometry_of(table, family)
        rows.append(
            {
                "family": family,
                "reliability of memorization": of_memorization,
                "median pair, as seen": _pair(table, "agreement", family),
                "its bound": _pair(table, "bound", family),
                "without noise": _pair(table, "noiseless_agreement", family),
                "Kendall, as seen": _pair(table, "kendall", family),
                "by retraining": findings.of_family(retrained, family).median(),
                **{f"memorization, {n}": value for n, value in geometry.items()},
                "best below 16": f"{best['predictor']} ({best['cost']:.3g})",
                "reaches": best[family],
                "retrainings until 0.9": needed,
            }
        )
    return pd.DataFrame(rows).round(2)


def _pair(table: pd.DataFrame, metric: str, family: str) -> float:
    pairs = findings.all_pairs(table, metric)
    return float(findings.of_family(pairs, family).median())
