"""Ordinary sentences that a small grammar makes, where no text is given.

A sentence has a template, which says how it is built, and a topic, which says what it
is about; all topics share the templates.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

TOPICS = {
    "kitchen": (
        ("cook", "baker", "waiter"),
        ("kettle", "saucer", "ladle", "onion", "bread", "pepper"),
    ),
    "harbour": (
        ("sailor", "pilot", "diver"),
        ("anchor", "rudder", "barge", "lantern", "rope", "herring"),
    ),
    "garden": (
        ("gardener", "florist", "beekeeper"),
        ("rose", "spade", "hedge", "tulip", "barrow", "nettle"),
    ),
    "school": (
        ("teacher", "pupil", "janitor"),
        ("ruler", "chalk", "satchel", "globe", "atlas", "pencil"),
    ),
    "theatre": (
        ("actor", "dancer", "singer"),
        ("curtain", "violin", "mask", "drum", "costume", "script"),
    ),
    "workshop": (
        ("joiner", "smith", "potter"),
        ("hammer", "chisel", "anvil", "plank", "bellows", "rivet"),
    ),
}
_VERBS = ("lost", "found", "moved", "sold", "drew", "wanted")
TEMPLATES = (
    "the {person} {verb} the {thing} today",
    "a {thing} was {verb} by the {person}",
    "no {person} ever {verb} this {thing}",
    "whose {thing} had the {person} {verb}",
)


@dataclass(frozen=True)
class Sentence:
    """A sentence, and what it has in common with others."""

    text: str
    template: int
    topic: str


def sentences() -> list[Sentence]:
    """Return all that the grammar can say."""
    return [
        Sentence(template.format(person=person, verb=verb, thing=thing), number, topic)
        for number, template in enumerate(TEMPLATES)
        for topic, (persons, things) in TOPICS.items()
        for person, verb, thing in product(persons, _VERBS, things)
    ]
