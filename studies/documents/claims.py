"""What the thread says of documents, as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from studies._kit.estimates import Estimate, median_of
from studies._kit.verdicts import Claim
from studies.documents.means import MEMORIZATION, UNSEEN, family_means, means

_THREAD = "nostalgebraist in the thread"


def _difference(table: pd.DataFrame, more: str, less: str) -> Estimate:
    found = means(table, "kind")
    return median_of(found[more] - found[less])


def _rise(table: pd.DataFrame, along: str, kind: str) -> Any:
    """Memorization at the most copies (epochs) less that at the fewest."""
    found = means(table, along, "kind")
    values = found.columns.get_level_values(along)
    return found[values.max(), kind] - found[values.min(), kind]


def _extra_rise(table: pd.DataFrame, along: str) -> Estimate:
    return median_of(_rise(table, along, "random") - _rise(table, along, "repetition"))


def _of_family(table: pd.DataFrame, compare: Any) -> Estimate:
    """Compare the three numbers of each data set, kinds together."""
    return median_of(compare(family_means(table).groupby("data_set").mean()))


def largest_share(table: pd.DataFrame) -> Estimate:
    """Memorization over the never-seen loss of the same document: the largest."""
    key = ["data_set", "epochs", "document", "copies", "kind", "family"]
    own = table[table["coins"] == "own"]
    wide: Mapping[str, Any] = own.pivot_table(
        index=key, columns="metric", values="estimate"
    )
    share = wide[MEMORIZATION] / wide[UNSEEN]
    return median_of(share.groupby("data_set").max())


def _growth_of_bound(table: pd.DataFrame) -> Estimate:
    """Never-seen loss of random strings at the most epochs less that at the fewest."""
    found = means(table, "epochs", "kind", metric=UNSEEN).xs("random", axis=1, level=1)
    return median_of(found.iloc[:, -1] - found.iloc[:, 0])


def _unseen(table: pd.DataFrame) -> Estimate:
    found = means(table, "kind", metric=UNSEEN)
    return median_of(found["repetition"] - found["random"])


CLAIMS = (
    Claim(
        "Random strings are memorized more than a repeated word (difference, nats a "
        "character, over all copies and epochs)",
        _THREAD,
        "above 0",
        lambda table: _difference(table, "random", "repetition"),
        at_least=0.0,
    ),
    Claim(
        "Ordinary sentences lie between: random strings more than sentences",
        "this project",
        "above 0",
        lambda table: _difference(table, "random", "sentence"),
        at_least=0.0,
    ),
    Claim(
        "Ordinary sentences lie between: sentences more than a repeated word",
        "this project",
        "above 0",
        lambda table: _difference(table, "sentence", "repetition"),
        at_least=0.0,
    ),
    Claim(
        "More copies raise the memorization of random strings (most copies less one)",
        _THREAD,
        "above 0",
        lambda table: median_of(_rise(table, "copies", "random")),
        at_least=0.0,
    ),
    Claim(
        "More copies raise that of random strings more than that of a repeated word "
        "(difference of the rises)",
        _THREAD,
        "above 0",
        lambda table: _extra_rise(table, "copies"),
        at_least=0.0,
    ),
    Claim(
        "More epochs raise the memorization of random strings (most less fewest)",
        _THREAD,
        "above 0",
        lambda table: median_of(_rise(table, "epochs", "random")),
        at_least=0.0,
    ),
    Claim(
        "More epochs raise that of random strings more than that of a repeated word "
        "(difference of the rises)",
        _THREAD,
        "above 0",
        lambda table: _extra_rise(table, "epochs"),
        at_least=0.0,
    ),
    Claim(
        "Near-duplicates lower each individual score (one of a family over alone)",
        _THREAD,
        "low",
        lambda table: _of_family(
            table, lambda found: found["one of a family"] / found["alone"]
        ),
        at_most=0.5,
    ),
    Claim(
        "The family as a whole stays memorized (whole family over alone)",
        _THREAD,
        "something is memorized",
        lambda table: _of_family(
            table, lambda found: found["whole family"] / found["alone"]
        ),
        at_least=0.8,
    ),
    Claim(
        "Memorization is bounded by the never-seen loss, by arithmetic: a loss cannot "
        "be below 0 (its largest share of it)",
        _THREAD,
        "at most 1",
        largest_share,
        at_most=1.0,
    ),
    Claim(
        "That bound is a fixed one: the never-seen loss of random strings does not "
        "grow with epochs (most less fewest, nats a character)",
        "this project",
        "about 0",
        _growth_of_bound,
        at_most=0.5,
    ),
    Claim(
        "The never-seen loss of a repeated word is below that of a random string "
        "(difference)",
        _THREAD,
        "low to begin with",
        _unseen,
        at_most=0.0,
    ),
)
