"""The documents that both parts of the study plant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memmetrics.plotting import COLORS
from studies._kit.chapter import Settings
from studies._kit.randomness import generator, stream_of
from studies._text.collection import Collection, plant_documents
from studies._text.texts import Data, Text, load_text

STREAM = stream_of("recital")
DOCUMENTS, RUNS, CHANGES, MODELS = range(4)
KINDS = ("random", "sentence")
COLOR = {"random": COLORS["vermillion"], "sentence": COLORS["blue"]}


@dataclass(frozen=True)
class Planting:
    """Documents: `each` of two kinds in every number of copies, among `background`.

    The first `prefix` characters are given, and the others have to follow.
    """

    prefix: int = 8
    epochs: int = 10
    copies: tuple[int, ...] = (1, 2, 4, 8)
    each: int = 3
    background: int = 60
    data_sets: int = 6

    def collection(self, settings: Settings, data_set: int) -> Collection:
        """Return the documents of one data set; those that are planted come first."""
        text = load_text(settings.data)
        rng = generator(settings.seed, STREAM, DOCUMENTS, data_set)
        planted = plant_documents(
            text,
            rng,
            copies=self.copies,
            each=self.each,
            background=self.background,
            kinds=KINDS,
        )
        return Collection(text, planted)

    @property
    def planted(self) -> int:
        """How many documents are planted."""
        return self.each * len(self.copies) * len(KINDS)


def changed_prefixes(
    text: Text, documents: Sequence[str], prefix: int, rng: np.random.Generator
) -> Data:
    """Return each document with one character of its prefix changed, at every place.

    Inputs and targets, (documents · prefix, LENGTH), the places of one document after
    another. Only what is read changes: the targets are those of the document itself.
    """
    inputs, target = (np.repeat(part, prefix, axis=0) for part in text.data(documents))
    rows = np.arange(len(inputs))
    read = 1 + rows % prefix  # the mark of the beginning is read first
    (known,) = text.data([text.letters])[1]
    # The place of a letter that is there is drawn from all others, of one fewer.
    drawn = known[rng.integers(len(known) - 1, size=len(rows))]
    inputs[rows, read] = np.where(drawn == inputs[rows, read], known[-1], drawn)
    return inputs, target
