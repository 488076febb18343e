"""Canaries for a model that can be trained only once: drawn, tossed for, written down.

A list of items is drawn, and a fair coin for each decides whether it goes into the
training data. The ledger keeps the coins for when the model is trained and its scores
of all items, those in and those out, can be compared: see
`memmetrics.metrics.one_run`.
"""

from __future__ import annotations

from memmetrics.planting.kinds import (
    NearDuplicates,
    RandomText,
    RandomTokens,
    Sentences,
)
from memmetrics.planting.ledger import Ledger, Planted
from memmetrics.planting.plant import plant

__all__ = [
    "Ledger",
    "NearDuplicates",
    "Planted",
    "RandomText",
    "RandomTokens",
    "Sentences",
    "plant",
]
