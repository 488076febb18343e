"""Tokens and substrings: where in a document memorization is."""

from __future__ import annotations

import pandas as pd

from studies._kit.chapter import Study
from studies._kit.estimates import Estimate, median_of
from studies._kit.verdicts import Claim
from studies.tokens.places import Places, begins, ends, known, shares_of_unseen
from studies.tokens.substring import (
    MASKED,
    SHARED,
    TRAINED,
    UNIQUE,
    Substring,
    means,
)

_NANDA = "Nanda in the thread"


def _after_over_before(table: pd.DataFrame, kind: str) -> Estimate:
    found = known(_places(table), kind)
    return median_of(found["after"] - found["before"])


def _places(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["part"] == "places"]


def _part(table: pd.DataFrame, over: tuple[str, str, str], under: object) -> Estimate:
    """Ratio of two columns of `means`."""
    found = means(table[table["part"] == "substring"])
    return median_of(found[over] / found[under])


CLAIMS = (
    Claim(
        "Predicting each token is a task of its own: of a sentence, the last quarter "
        "is memorized more than the first (difference, nats)",
        f"{_NANDA}; direction: this project",
        "differs",
        lambda table: median_of(ends(_places(table), "sentence")),
        at_least=0.0,
    ),
    Claim(
        "The same of random strings (difference, nats)",
        f"{_NANDA}; direction: this project",
        "differs",
        lambda table: median_of(ends(_places(table), "random")),
        at_least=0.0,
    ),
    Claim(
        "Memorization is where the prefix says which document it is: of random "
        "strings, after it is known less before (difference, nats)",
        "Olah in the thread (a pattern of preceding tokens)",
        "above 0",
        lambda table: _after_over_before(table, "random"),
        at_least=0.0,
    ),
    Claim(
        "The same of sentences (difference, nats)",
        "Olah in the thread (a pattern of preceding tokens)",
        "above 0",
        lambda table: _after_over_before(table, "sentence"),
        at_least=0.0,
    ),
    Claim(
        "Memorization of sentences begins later in the document than that of random "
        "strings (place of half of the last quarter's, difference)",
        "this project",
        "above 0",
        lambda table: median_of(
            begins(_places(table), "sentence") - begins(_places(table), "random")
        ),
        at_least=0.0,
    ),
    Claim(
        "Within sentences it is at the places that are hard to predict (rank "
        "correlation with the never-seen loss, over places)",
        "nostalgebraist in the thread (of documents)",
        "above 0.5, if so",
        lambda table: median_of(shares_of_unseen(_places(table), "sentence")),
        at_least=0.5,
    ),
    Claim(
        "Of each document, a repeated substring is memorized at most half as much as "
        "one of its own (ratio, trained)",
        "nostalgebraist in the thread (of near-duplicates)",
        "low",
        lambda table: _part(
            table, (SHARED, TRAINED, "middle"), (UNIQUE, TRAINED, "middle")
        ),
        at_most=0.5,
    ),
    Claim(
        "Without gradient on it, the repeated substring is not memorized (over what it "
        "is with)",
        _NANDA,
        "about 0",
        lambda table: _part(
            table, (SHARED, MASKED, "middle"), (SHARED, TRAINED, "middle")
        ),
        at_most=0.2,
    ),
    Claim(
        "nor is a substring of its own (over what it is with)",
        "this project",
        "about 0",
        lambda table: _part(
            table, (UNIQUE, MASKED, "middle"), (UNIQUE, TRAINED, "middle")
        ),
        at_most=0.2,
    ),
    Claim(
        "while the rest of documents with the repeated substring is memorized as "
        "before (over what it is with)",
        _NANDA,
        "about 1",
        lambda table: _part(table, (SHARED, MASKED, "rest"), (SHARED, TRAINED, "rest")),
        at_least=0.8,
        at_most=1.25,
    ),
)

STUDY = Study(
    name="tokens",
    group="thread",
    title="Tokens and substrings: where in a document memorization is",
    text="""
Nanda finds it odd, in the thread, to talk about documents as the unit: a document of
a thousand tokens is a thousand tasks of predicting one, each of which can be memorized.
He asks what happens if a repeated substring gets no gradient while the rest of the
document stays. Counterfactual memorization is measured of every character here, on
small transformers that are trained many times.
""",
    presets={
        "quick": (
            Places(
                epochs=8,
                copies=(1, 4),
                each=2,
                background=12,
                runs=16,
                data_sets=2,
            ),
            Substring(
                epochs=8, families=2, members=3, background=8, runs=16, data_sets=2
            ),
        ),
        "laptop": (Places(), Substring()),
        "paper": (
            Places(each=12, background=400, runs=256, data_sets=8),
            Substring(families=6, background=400, runs=256, data_sets=8),
        ),
    },
    claims=CLAIMS,
    data="documents",
)
