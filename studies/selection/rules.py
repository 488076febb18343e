"""Rules of growing breadth, each with the bits that it takes to write it down.

A rule is a short program with constants. All programs are about as short, so that the
constants are what counts: the string that a document must equal, the words of a topic,
the pixels of an image. The rule of a control, as many points at random, needs no
constants but says nothing of the point.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import CountVectorizer

from memmetrics.selection import Rule, Same, this_point
from studies._kit.images import Images
from studies._text.grammar import TEMPLATES, TOPICS
from studies._text.texts import LENGTH, VOCABULARY, Text

SUBSTRING = 8  # characters that documents must share
BEGINNING = 4  # characters that stand for a template, where none is known
_CHARACTER = math.log2(VOCABULARY)
_GRAY = math.log2(17)  # the levels of scikit-learn's digits
_NUMBER = 8.0  # bits of a number that was fitted
_TRIGRAMS = 50
# What all sentences of a template have in common.
_FIXED = [re.sub(r"\{\w+\}", "", template) for template in TEMPLATES]
AT_RANDOM = "as many at random"


@dataclass(frozen=True)
class Described:
    """A rule and the bits of its constants."""

    rule: Rule
    bits: float


@dataclass(frozen=True, eq=False)
class AtMost:
    """Rule: what another selects, but no more than `share` of all; which is drawn."""

    rule: Rule
    share: float
    keys: npt.NDArray[np.float64]

    def __call__(self, data: Any, point: int) -> npt.NDArray[np.intp]:
        """Return the indices, the point first."""
        mask = np.asarray(self.rule(data, point))
        others = [place for place in np.argsort(self.keys) if mask[place]]
        others = [place for place in others if place != point]
        return np.array([point, *others])[: int(self.share * len(self.keys))]


@dataclass(frozen=True, eq=False)
class AtRandom:
    """Rule: the point, and others at random, as many in all as another rule selects."""

    like: AtMost
    keys: npt.NDArray[np.float64]

    def __call__(self, data: Any, point: int) -> npt.NDArray[np.intp]:
        """Return the indices, the point first."""
        count = len(self.like(data, point))
        order = np.argsort(self.keys)
        return np.concatenate([[point], order[order != point][: count - 1]])


@dataclass(frozen=True, eq=False)
class Related:
    """Rule: all that are related to the point, by a matrix (points, points)."""

    related: npt.NDArray[np.bool_]

    def __call__(self, data: Any, point: int) -> npt.NDArray[np.bool_]:  # noqa: ARG002
        """Return the mask (points,)."""
        mask: npt.NDArray[np.bool_] = self.related[point]
        return mask


def document_rules(
    text: Text, documents: pd.DataFrame, rng: np.random.Generator, *, most: float
) -> dict[str, Described]:
    """Return the rules for documents, from the same string to the same topic.

    None selects more than the share `most` of them.

    `documents` has the columns ``document`` (its characters), ``original`` (those of
    the one that it is a near-duplicate of, or its own) and ``kind``.
    """
    template, topic, bits = _labels(text, documents["original"].tolist(), rng)
    # A random string has no kind but itself.
    alone = np.array([f"document {place}" for place in range(len(documents))])
    random = documents["kind"].to_numpy() == "random"
    same_template, same_topic = (
        AtMost(Same(np.where(random, alone, labels)), most, rng.random(len(documents)))
        for labels in (template, topic)
    )
    return {
        "exact string": Described(this_point, LENGTH * _CHARACTER),
        "substring": Described(
            Related(shares_substring(documents["document"].tolist())),
            SUBSTRING * _CHARACTER,
        ),
        "template": Described(same_template, bits["template"]),
        AT_RANDOM: Described(AtRandom(same_topic, rng.random(len(documents))), 0.0),
        "topic": Described(same_topic, bits["topic"]),
    }


def shares_substring(documents: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Return which documents have SUBSTRING characters in a row in common."""
    vocabulary: dict[str, int] = {}
    places = range(LENGTH - SUBSTRING + 1)
    found = [
        [
            vocabulary.setdefault(document[place : place + SUBSTRING], len(vocabulary))
            for place in places
        ]
        for document in documents
    ]
    has = np.zeros((len(documents), len(vocabulary)), dtype=np.int32)
    has[np.arange(len(documents))[:, None], np.array(found)] = 1
    shared: npt.NDArray[np.bool_] = has @ has.T > 0
    return shared


def _labels(
    text: Text, documents: Sequence[str], rng: np.random.Generator
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], Mapping[str, float]]:
    """Return templates and topics of the documents, and the bits of each rule.

    Those of the grammar, or of a text: the same beginning, and a cluster of trigrams.
    """
    if text.topics:
        number = {document: place for place, document in enumerate(text.documents)}
        # A random string is none of them, and has a label of its own elsewhere.
        places = [number.get(document, 0) for document in documents]
        template, topic = (
            np.array([str(labels[place]) for place in places])
            for labels in (text.templates, text.topics)
        )
        words = [" ".join(people + things) for people, things in TOPICS.values()]
        return (
            template,
            topic,
            {
                "template": _mean_length(_FIXED) * _CHARACTER,
                "topic": _mean_length(words) * _CHARACTER,
            },
        )
    template = np.array([document[:BEGINNING] for document in documents])
    counts = CountVectorizer(
        analyzer="char", ngram_range=(3, 3), max_features=_TRIGRAMS
    ).fit_transform(documents)
    topic = KMeans(
        n_clusters=6, n_init=3, random_state=int(rng.integers(2**31))
    ).fit_predict(counts.toarray().astype(float))
    return (
        template,
        topic.astype(str),
        {
            "template": BEGINNING * _CHARACTER,
            # A center for each cluster, and the trigrams that are counted.
            "topic": _TRIGRAMS * (6 * _NUMBER + 3 * _CHARACTER),
        },
    )


def _mean_length(texts: Sequence[str]) -> float:
    return float(np.mean([len(each) for each in texts]))


def digit_rules(
    images: Images, rng: np.random.Generator, *, most: float
) -> dict[str, Described]:
    """Return the rules for digits, from the same image to the same class.

    None selects more than the share `most` of them.
    """
    rows = images.unit_rows()
    pixels = rows.shape[1]
    clusters = 2 * len(np.unique(images.labels))
    cluster = KMeans(
        n_clusters=clusters, n_init=2, random_state=int(rng.integers(2**31))
    ).fit_predict(rows)
    image = pixels * _GRAY
    nearest = np.argsort(np.argsort(-rows @ rows.T, axis=1), axis=1) <= 5
    np.fill_diagonal(nearest, val=True)
    classes = len(np.unique(images.labels))
    same_class = AtMost(Same(images.labels), most, rng.random(len(images)))
    return {
        "point": Described(this_point, image),
        "neighbours": Described(Related(nearest), image + _NUMBER),
        "cluster": Described(Same(cluster), clusters * image),
        AT_RANDOM: Described(AtRandom(same_class, rng.random(len(images))), 0.0),
        # A linear classifier: a number for each pixel and class.
        "class": Described(same_class, classes * (pixels + 1) * _NUMBER),
    }
