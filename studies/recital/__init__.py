"""Verbatim recital: which documents, from what prefix, by which direction."""

from __future__ import annotations

import pandas as pd

from studies._kit.chapter import Study
from studies._kit.estimates import Estimate, median_of
from studies._kit.verdicts import Claim
from studies.recital.direction import (
    BROKEN,
    OTHERS,
    OTHERS_BROKEN,
    OWN,
    Directions,
    by_data_set,
    leverages,
)
from studies.recital.planting import Planting
from studies.recital.prefixes import (
    MEMORIZED,
    NEEDED,
    RECITED,
    UNSEEN,
    Prefixes,
    agreements,
    by_document,
    survival,
)


def _rise(table: pd.DataFrame, metric: str) -> Estimate:
    """Mean of a metric at the most copies less that at the fewest."""
    wide = by_document(table).pivot_table(
        index="data_set", columns="copies", values=metric
    )
    return median_of(wide.iloc[:, -1] - wide.iloc[:, 0])


def _unseen(table: pd.DataFrame) -> Estimate:
    return median_of(by_document(table).groupby("data_set")[UNSEEN].mean())


def _cheaper(table: pd.DataFrame) -> Estimate:
    """Memorization of recited sentences over that of random text not recited."""
    wide = by_document(table)
    recited = wide[(wide["kind"] == "sentence") & (wide[RECITED] > 0.5)]
    silent = wide[(wide["kind"] == "random") & (wide[RECITED] <= 0.5)]
    means = [rows.groupby("data_set")[MEMORIZED].mean() for rows in (recited, silent)]
    return median_of((means[0] / means[1]).reindex(wide["data_set"].unique()))


def _before_last(table: pd.DataFrame) -> pd.DataFrame:
    """Survival of a change at each place but the last."""
    return survival(table).iloc[:, :-1]


def _last_place(table: pd.DataFrame) -> Estimate:
    """Survival of a change at the other places, their mean, less that at the last."""
    return median_of(_before_last(table).mean(axis=1) - survival(table).iloc[:, -1])


def _trend(table: pd.DataFrame) -> Estimate:
    """Rank correlation of survival with the place of the change, but for the last."""
    found = _before_last(table)
    places = pd.Series(found.columns, index=found.columns)
    return median_of(found.corrwith(places, axis=1, method="spearman"))


def _ratio(table: pd.DataFrame, over: str, under: str) -> Estimate:
    return median_of(by_data_set(table, over) / by_data_set(table, under))


CLAIMS = (
    Claim(
        "More copies make a document more extractable (recital rate at the most "
        "copies less that at one)",
        "Carlini et al. 2022; Olah in the thread",
        "above 0",
        lambda table: _rise(table, RECITED),
        at_least=0.0,
    ),
    Claim(
        "More copies make a shorter prefix enough (characters needed at the most "
        "copies less those at one)",
        "this project",
        "below 0",
        lambda table: _rise(table, NEEDED),
        at_most=0.0,
    ),
    Claim(
        "Recital and counterfactual memorization agree on documents (rank correlation)",
        "this project",
        "at least 0.5, if they are one thing",
        lambda table: median_of(agreements(table)),
        at_least=0.5,
    ),
    Claim(
        "They agree among random strings (rank correlation)",
        "this project",
        "at least 0.5, if they are one thing",
        lambda table: median_of(agreements(table, "random")),
        at_least=0.5,
    ),
    Claim(
        "A sentence that is recited can be memorized less than a random string that is "
        "not (ratio of the means)",
        "this project",
        "below 1",
        _cheaper,
        at_most=1.0,
    ),
    Claim(
        "Models that had not trained on a document do not recite it (rate)",
        "this project",
        "about 0",
        _unseen,
        at_most=0.05,
    ),
    Claim(
        "The pattern is exact: one changed character of the prefix breaks the recital "
        "(share that survives, mean over places)",
        "Olah in the thread",
        "a very specific, exact pattern",
        lambda table: median_of(survival(table).mean(axis=1)),
        at_most=0.5,
    ),
    Claim(
        "A change of the prefix's last character breaks the most (survival of a change "
        "elsewhere, mean, less that at the last place)",
        "this project",
        "above 0",
        _last_place,
        at_least=0.0,
    ),
    Claim(
        "Before it, the nearer the change to the end, the more it breaks (rank "
        "correlation of survival with the place, but for the last)",
        "this project",
        "below 0",
        _trend,
        at_most=0.0,
    ),
    Claim(
        "The prefix of a document that was trained on has more of a direction to "
        "itself (leverage over that of documents not trained on)",
        "Olah in the thread",
        "above 1, if a feature of its own detects it",
        lambda table: median_of(
            leverages(table, trained=True) / leverages(table, trained=False)
        ),
        at_least=1.1,
    ),
    Claim(
        "Without that feature the document loses more than others do (ratio)",
        "Olah in the thread",
        "far above 1, if the feature is the document's own",
        lambda table: _ratio(table, OWN, OTHERS),
        at_least=3.0,
    ),
    Claim(
        "Without that feature the recital breaks (share of the document's recitals)",
        "Olah in the thread",
        "most",
        lambda table: median_of(by_data_set(table, BROKEN)),
        at_least=0.5,
    ),
    Claim(
        "and those of other documents do not (share of their recitals)",
        "Olah in the thread",
        "few",
        lambda table: median_of(by_data_set(table, OTHERS_BROKEN)),
        at_most=0.1,
    ),
)

_QUICK = Planting(
    epochs=16, copies=(1, 6), each=2, background=10, data_sets=2, prefix=8
)

STUDY = Study(
    name="recital",
    group="thread",
    title="Verbatim recital: which documents, from what prefix, by which direction",
    text="""
By memorization Olah means, in the thread, long quotes that a model produces verbatim
once they have begun; the simplest mechanism that he imagines is a feature that
activates when the preceding tokens match a particular pattern. Carlini et al. (2022)
call a document k-extractable if greedy decoding from its first k tokens gives the rest.
Here small transformers are trained many times, so that recital can be set against
counterfactual memorization, and the pattern and the feature be looked for.
""",
    presets={
        "quick": (
            Prefixes(_QUICK, runs=16),
            Directions(_QUICK, models=4),
        ),
        "laptop": (Prefixes(), Directions()),
        "paper": (
            Prefixes(Planting(each=6, background=400, data_sets=8), runs=256),
            Directions(Planting(each=6, background=400, data_sets=8), models=32),
        ),
    },
    claims=CLAIMS,
    data="documents",
)
