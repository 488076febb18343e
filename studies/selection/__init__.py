"""From memorization to generalization: what a selection rule takes away."""

from __future__ import annotations

import pandas as pd

from studies._kit.chapter import Study
from studies._kit.estimates import Estimate, median_of
from studies._kit.verdicts import Claim
from studies.selection.rules import AT_RANDOM
from studies.selection.spectra import Digits, Documents, Spectra, lost, pooled_share

_THREAD = "nostalgebraist in the thread"


def _more(
    table: pd.DataFrame, domain: str, kind: str, more: str, less: str
) -> Estimate:
    """Score lost by one rule less that by another."""
    found = lost(table, domain, kind)
    return median_of(found[more] - found[less])


def _random_over_sentence(table: pd.DataFrame) -> Estimate:
    random, sentence = (
        lost(table, "documents", kind)["exact string"]
        for kind in ("random", "sentence")
    )
    return median_of(random / sentence)


def _family(table: pd.DataFrame) -> Estimate:
    """Return what a near-duplicate alone takes away, of what its family does."""
    found = lost(table, "documents", "near-duplicate")
    return median_of(found["exact string"] / found["substring"])


CLAIMS = (
    Claim(
        "The simplest rule, the string itself, destroys the most where nothing "
        "generalizes (random strings over sentences, ratio)",
        _THREAD,
        "above 1",
        _random_over_sentence,
        at_least=1.0,
    ),
    Claim(
        "A near-duplicate is memorized by its family: the string alone takes little of "
        "what a common substring does (ratio)",
        _THREAD,
        "low",
        _family,
        at_most=0.5,
    ),
    Claim(
        "Sentences rest on their topic: without it they lose more than without "
        "themselves (difference, nats a character)",
        _THREAD,
        "above 0",
        lambda table: _more(table, "documents", "sentence", "topic", "exact string"),
        at_least=0.0,
    ),
    Claim(
        "and more than without as many at random (difference, nats a character)",
        f"{_THREAD} (the restriction on how many may be removed)",
        "above 0",
        lambda table: _more(table, "documents", "sentence", "topic", AT_RANDOM),
        at_least=0.0,
    ),
    Claim(
        "A sentence is generalized rather than memorized (memorized share)",
        "this project",
        "below a half",
        lambda table: median_of(pooled_share(table, "documents", "sentence")),
        at_most=0.5,
    ),
    Claim(
        "Digits rest on their class: without it they lose more than without their "
        "cluster (difference, nats)",
        "this project",
        "above 0",
        lambda table: _more(table, "digits", "digit", "class", "cluster"),
        at_least=0.0,
    ),
    Claim(
        "and more than without as many at random (difference, nats)",
        f"{_THREAD} (the restriction on how many may be removed)",
        "above 0",
        lambda table: _more(table, "digits", "digit", "class", AT_RANDOM),
        at_least=0.0,
    ),
    Claim(
        "A digit is generalized rather than memorized (memorized share)",
        "this project",
        "below a half",
        lambda table: median_of(pooled_share(table, "digits", "digit")),
        at_most=0.5,
    ),
)

STUDY = Study(
    name="selection",
    group="thread",
    title="From memorization to generalization: the selection-function spectrum",
    text="""
Memorization, nostalgebraist suggests in the thread, may be defined along a spectrum: if
examples can be selected for removal by a very simple function, and without them the
model fails on them, it memorized them; if the function has to do generalization itself,
the model generalizes. Some restriction on how many are removed is needed, too. Here are
such spectra, of documents and of digits, with the bits that each rule takes to write
down.
""",
    presets={
        "quick": (
            Spectra(
                Documents(sentences=30, random=2, members=3, looked_at=1, epochs=4),
                runs=3,
                data_sets=2,
            ),
            Spectra(Digits(images=60, looked_at=2, steps=30), runs=3, data_sets=2),
        ),
        "laptop": (Spectra(Documents()), Spectra(Digits())),
        "paper": (
            Spectra(
                Documents(sentences=600, random=20, looked_at=6), runs=24, data_sets=8
            ),
            Spectra(Digits(images=1000, looked_at=20), runs=24, data_sets=8),
        ),
    },
    claims=CLAIMS,
    data="documents",
)
