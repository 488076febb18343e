"""How well each detector finds what was planted, and what its finds say of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score, roc_curve

from studies._kit.chapter import Begin, Chapter, Settings
from studies._kit.randomness import run_seeds, stream_of
from studies.anomaly_detection.detectors import (
    DETECTORS,
    KNOWN,
    Activations,
    Floats,
    learn_dictionary,
)
from studies.anomaly_detection.pictures import (
    areas,
    curves,
    recoveries,
    summarize,
)
from studies.anomaly_detection.worlds import NAME, Classifier, Toy, World

_STREAM = stream_of(NAME)
_DETECTING = 100
REFERENCES = ("trained on", "ordinary")
# False-positive rates at which the curves are kept.
RATES = np.concatenate([[0.0], np.geomspace(1e-3, 1, 31)])


@dataclass(frozen=True)
class Detection:
    """The scale at which to look."""

    toy: Toy = field(default_factory=Toy)
    classifier: Classifier = field(default_factory=Classifier)
    data_sets: int = 6

    def check(self, settings: Settings) -> None:
        """Read the images, so that what is wrong with them is known at once."""
        self.classifier.images(settings, 0)

    def cost(self, settings: Settings) -> dict[str, float]:
        """Seconds of a kind of network: training timed, detecting by one data set."""
        costs = {}
        for name, training in (
            ("repeated points", self.toy.repeated_training(settings, 0)[0]),
            ("backdoor feature", self.toy.backdoor_training(settings, 0)[0]),
        ):
            costs[name] = self.data_sets * (training.seconds(settings.store) + 2)
        started = time.perf_counter()
        self.classifier.images(settings, 0)
        seconds = time.perf_counter() - started
        costs["mislabelled images"] = self.data_sets * (seconds + 4)
        return costs

    def run(self, settings: Settings, begin: Begin) -> Chapter:
        """Detect in every world, by every detector, with both references."""
        tables = []
        for piece, worlds_of in (
            ("repeated points", self.toy.repeated_worlds),
            ("backdoor feature", lambda *key: [self.toy.backdoor_world(*key)]),
            ("mislabelled images", lambda *key: [self.classifier.world(*key)]),
        ):
            begin(piece)
            for data_set in range(self.data_sets):
                seed = run_seeds(settings.seed, _STREAM, _DETECTING, data_set, runs=1)[
                    0
                ]
                for world in worlds_of(settings, data_set):
                    table = detect(world, seed)
                    tables.append(table.assign(data_set=data_set))
        table = pd.concat(tables, ignore_index=True)
        return Chapter(
            name="detection",
            title="Detectors, and what they find",
            text=_TEXT,
            table=table,
            summary=summarize(table),
            pictures=[areas(table), curves(table), recoveries(table)],
            configuration=vars(self),
        )


_TEXT = """
One network a data set, and its activations at inference; nothing is trained again.
In the toy models some points were trained on several times, which memorizes them, or
some points had a feature that ordinary ones never have, a backdoor; a classifier of
images had some wrong labels. Repeated points have to be told from the other training
points, and from odd sums: points made of three features that the network did learn,
an unusual combination of normal features. Detectors compare with one of two
references: the points trained on, each once, or fresh ordinary points, which somebody
has to vouch for. The area under the ROC curve is 1 for a perfect detector and 0.5 for
chance. With the true features known, the score is the length of what the features
that the network learned leave over of the hidden vector.
Recovery asks whether the finds give the hidden direction away: as many points are
flagged as there are positives. A repeated point has a direction of its own, and counts
by the cosine to the nearest flagged point; a backdoor has one for all, estimated by
the mean of the flagged points less that of the reference.
"""


def detect(world: World, seed: int) -> pd.DataFrame:
    """Score the world's points by every detector: areas, curves, cosines."""
    frames = []
    for reference, activations in zip(
        REFERENCES, (world.trained, world.ordinary), strict=True
    ):
        for name, detector in DETECTORS.items():
            scores = detector(world.points, activations, seed)
            frames.append(
                _judged(world, scores, activations).assign(
                    detector=name, reference=reference
                )
            )
        if world.directions is not None:
            cosine = _atoms(world.directions, activations, seed)
            frames.append(
                pd.DataFrame({"metric": ["atom_cosine"], "estimate": [cosine]}).assign(
                    detector="rarity of its main atom", reference=reference
                )
            )
    if world.beyond_known is not None:
        known = _judged(world, world.beyond_known, world.ordinary)
        frames += [
            known.assign(detector=KNOWN, reference=reference)
            for reference in REFERENCES
        ]
    return pd.concat(frames).assign(world=world.name)


def _judged(world: World, scores: Floats, reference: Activations) -> pd.DataFrame:
    rows: list[tuple[str, float, float]] = [
        ("area", float(roc_auc_score(world.positive, scores)), -1.0)
    ]
    false, true, _ = roc_curve(world.positive, scores, drop_intermediate=False)
    # The highest rate of finds at no more than so many false alarms.
    reached = true[np.searchsorted(false, RATES, side="right") - 1]
    rows += [
        ("true_positive_rate", float(value), float(rate))
        for rate, value in zip(RATES, reached, strict=True)
    ]
    if world.directions is not None:
        rows.append(("recovered_cosine", recovered(world, scores, reference), -1.0))
    return pd.DataFrame(rows, columns=["metric", "estimate", "false_positive_rate"])


def recovered(world: World, scores: Floats, reference: Activations) -> float:
    """Return the cosine between true directions and what the flagged points give.

    As many points are flagged as there are positives. NaN if no direction is known.
    """
    if world.directions is None:
        return np.nan
    flagged = np.argsort(-scores, kind="stable")[: world.positive.sum()]
    hidden = world.points.hidden[flagged]
    if world.shared:
        found = (hidden.mean(axis=0) - reference.hidden.mean(axis=0))[np.newaxis]
        return float(_cosines(world.directions, found).mean())
    return float(_cosines(world.directions, hidden).max(axis=1).mean())


def _atoms(directions: Floats, reference: Activations, seed: int) -> float:
    """Cosine of each true direction to the nearest atom, their mean."""
    atoms = np.asarray(learn_dictionary(reference, seed).components_)
    return float(_cosines(directions, atoms).max(axis=1).mean())


def _cosines(one: Floats, other: Floats) -> Floats:
    """Return (rows of one, rows of other); 0 for a zero vector."""
    cosines: Floats = _unit(one) @ _unit(other).T
    return cosines


def _unit(rows: Floats) -> Floats:
    lengths: Floats = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)
