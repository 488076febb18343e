"""Documents planted among others: what kind each is, and how often it occurs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from memmetrics.planting import NearDuplicates, RandomText
from studies._text.texts import LENGTH, Data, Text

KINDS = ("random", "sentence", "repetition")


@dataclass(frozen=True, eq=False)
class Collection:
    """Training rows: documents, each as often as it has copies.

    `documents` has one row a document: ``document`` (its characters), ``kind``,
    ``copies``, and ``family``, -1 for one that has no near-duplicates.
    """

    text: Text
    documents: pd.DataFrame

    @cached_property
    def row_document(self) -> npt.NDArray[np.int64]:
        """Number of the document that each training row is, (rows,)."""
        copies = self.documents["copies"].to_numpy()
        return np.repeat(np.arange(len(copies)), copies)

    @cached_property
    def first_row(self) -> npt.NDArray[np.int64]:
        """Training row of each document's first copy, (documents,)."""
        copies: npt.NDArray[np.int64] = self.documents["copies"].to_numpy()
        return np.cumsum(copies) - copies

    @cached_property
    def family_of_row(self) -> npt.NDArray[np.int64]:
        """Group of each training row where whole families share a coin, (rows,)."""
        family = self.documents["family"].to_numpy()
        alone = len(family) + np.arange(len(family))
        return np.where(family >= 0, family, alone)[self.row_document]

    @property
    def data(self) -> Data:
        """Inputs and targets of every training row, (rows, LENGTH)."""
        lines = self.documents["document"].to_numpy()
        return self.text.data(lines[self.row_document].tolist())

    def steps(self, epochs: int, batch: int) -> int:
        """Return the steps in which half of the rows are gone through so often."""
        return max(1, round(epochs * len(self.row_document) / 2 / batch))


def random_documents(text: Text, count: int, rng: np.random.Generator) -> list[str]:
    """Return strings of letters of the text, each as likely as any other."""
    drawn = RandomText(count, length=LENGTH, alphabet=text.letters).draw(rng)
    return [str(item) for item in drawn]


def repetitions(text: Text, count: int, rng: np.random.Generator) -> list[str]:
    """Return words of the text, each repeated to the length of a document."""
    words = {
        word
        for document in text.documents[:2000]
        for word in document.split()[:-1]  # the last may be cut
        if 2 <= len(word) <= LENGTH // 4
    }
    # A text without spaces has no such words: pairs of letters stand in.
    known = sorted(words) or [a + b for a in text.letters for b in text.letters]
    chosen = rng.choice(len(known), size=count, replace=len(known) < count)
    return [((known[place] + " ") * LENGTH)[:LENGTH] for place in chosen]


def plant_documents(
    text: Text,
    rng: np.random.Generator,
    *,
    copies: Sequence[int],
    each: int,
    background: int,
    kinds: Sequence[str] = KINDS,
) -> pd.DataFrame:
    """Return documents of every kind in every number of copies, `each` of them.

    `background` more sentences have one copy.
    """
    count = each * len(copies)
    sentences = iter(text.sample(count + background, rng).tolist())
    drawn = {
        "random": random_documents(text, count, rng),
        "repetition": repetitions(text, count, rng),
        "sentence": [text.documents[next(sentences)] for _ in range(count)],
    }
    frames = [
        pd.DataFrame({"document": drawn[kind], "kind": kind}).assign(
            copies=np.tile(copies, each)
        )
        for kind in kinds
    ]
    rest = [text.documents[place] for place in sentences]
    frames.append(pd.DataFrame({"document": rest, "kind": "sentence", "copies": 1}))
    return pd.concat(frames, ignore_index=True).assign(family=-1)


def plant_families(
    text: Text, rng: np.random.Generator, *, families: int, members: int
) -> pd.DataFrame:
    """Return near-duplicates with one character changed, of random text and sentences.

    `families` of each kind, of so many members.
    """
    sentences = [text.documents[place] for place in text.sample(families, rng)]
    frames: list[pd.DataFrame] = []
    for kind, originals in (
        ("random", random_documents(text, families, rng)),
        ("sentence", sentences),
    ):
        near = NearDuplicates(tuple(originals), family=members, changed="letter")
        number = np.repeat(np.arange(families), members) + len(frames) * families
        frames.append(
            pd.DataFrame({"document": near.draw(rng), "kind": kind, "family": number})
        )
    return pd.concat(frames, ignore_index=True).assign(copies=1)
