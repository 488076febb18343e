"""Detectors of what is not ordinary: from activations to a score, higher is odder.

Each sees a network's activations on the points in question and on a reference, and
nothing of how they were made. Those of `UNDECODED` look for no features; `DECODED`
learn a sparse dictionary of the hidden layer; `EXPLAINED` ask how much of what the
network does an explanation found on the reference leaves over.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import MiniBatchDictionaryLearning
from sklearn.ensemble import IsolationForest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

import memmetrics as mm

Floats: TypeAlias = npt.NDArray[np.floating[Any]]

_NEIGHBORS = 10
# A little, against inputs that the reference never has.
_RIDGE = 1e-3


@dataclass(frozen=True, eq=False)
class Activations:
    """What a network takes in, holds and puts out, each (points, width)."""

    inputs: Floats
    hidden: Floats
    outputs: Floats


Detector: TypeAlias = Callable[[Activations, Activations, int], Floats]


def chance(points: Activations, reference: Activations, seed: int) -> Floats:
    """Give random numbers: what every other detector has to beat."""
    del reference
    return np.random.default_rng(seed).random(len(points.hidden))


def length(points: Activations, reference: Activations, seed: int) -> Floats:
    """Length of the hidden vector."""
    del reference, seed
    lengths: Floats = np.linalg.norm(points.hidden, axis=1)
    return lengths


def leverage(points: Activations, reference: Activations, seed: int) -> Floats:
    """Share of its own direction that a point has, or would have, in the reference."""
    del seed
    return np.asarray(mm.leverage(points.hidden, reference=reference.hidden))


def dimensionality(points: Activations, reference: Activations, seed: int) -> Floats:
    """Datapoint dimensionality, the paper's measure."""
    del seed
    return np.asarray(
        mm.datapoint_dimensionality(points.hidden, reference=reference.hidden)
    )


def mahalanobis(points: Activations, reference: Activations, seed: int) -> Floats:
    """Squared distance from the reference's mean, by its covariance."""
    del seed
    fitted = EmpiricalCovariance().fit(reference.hidden)
    return np.asarray(fitted.mahalanobis(points.hidden))


def neighbor_distance(points: Activations, reference: Activations, seed: int) -> Floats:
    """Distance to the tenth nearest point of the reference."""
    del seed
    neighbors = NearestNeighbors(n_neighbors=_neighbors(reference))
    distances, _ = neighbors.fit(reference.hidden).kneighbors(points.hidden)
    return np.asarray(distances[:, -1])


def local_outlier_factor(
    points: Activations, reference: Activations, seed: int
) -> Floats:
    """Density around the neighbors over that around the point."""
    del seed
    model = LocalOutlierFactor(n_neighbors=_neighbors(reference), novelty=True)
    return -np.asarray(model.fit(reference.hidden).score_samples(points.hidden))


def isolation_forest(points: Activations, reference: Activations, seed: int) -> Floats:
    """How few random cuts set the point apart."""
    model = IsolationForest(random_state=seed % 2**32, n_jobs=1)
    return -np.asarray(model.fit(reference.hidden).score_samples(points.hidden))


def main_atom(points: Activations, reference: Activations, seed: int) -> Floats:
    """Rarity of the dictionary atom that the point has most of.

    −log of the share of the reference that has most of the same atom. Weak activations
    do not count: hardly a point has none of an atom in superposition with others.
    """
    dictionary = learn_dictionary(reference, seed)
    usual = _codes(dictionary, reference)
    counts = np.bincount(usual.argmax(axis=1), minlength=usual.shape[1])
    rarity = -np.log((counts + 1) / (len(usual) + 1))
    scores: Floats = rarity[_codes(dictionary, points).argmax(axis=1)]
    return scores


def beyond_dictionary(points: Activations, reference: Activations, seed: int) -> Floats:
    """Squared length of the hidden vector that the dictionary does not reach."""
    dictionary = learn_dictionary(reference, seed)
    codes = _codes(dictionary, points)
    rest = points.hidden - codes @ np.asarray(dictionary.components_)
    return np.asarray((rest**2).sum(axis=1))


def unexplained_output(
    points: Activations, reference: Activations, seed: int
) -> Floats:
    """Squared deviation of the output from what explains it on the reference.

    The explanation is the best linear one from inputs to outputs; it names no hidden
    direction.
    """
    del seed
    explanation = Ridge(alpha=_RIDGE).fit(reference.inputs, reference.outputs)
    rest = points.outputs - np.asarray(explanation.predict(points.inputs))
    return np.asarray((rest**2).sum(axis=1))


@lru_cache(maxsize=4)  # two detectors and the recovery ask for the same one
def learn_dictionary(reference: Activations, seed: int) -> MiniBatchDictionaryLearning:
    """Learn sparse, non-negative combinations of unit atoms, the field's usual means.

    There are eight atoms a hidden unit for up to eight units, beyond that two.
    """
    width = reference.hidden.shape[1]
    scale = np.linalg.norm(reference.hidden, axis=1).mean()
    model = MiniBatchDictionaryLearning(
        n_components=(8 if width <= 8 else 2) * width,
        alpha=0.1 * scale,
        transform_alpha=0.1 * scale,
        transform_algorithm="lasso_cd",
        fit_algorithm="cd",
        positive_code=True,
        batch_size=128,
        max_iter=20,
        random_state=seed % 2**32,
    )
    with warnings.catch_warnings():
        # Redundant atoms share a code in many ways; any of them serves.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(reference.hidden)


UNDECODED: Mapping[str, Detector] = {
    "length": length,
    "leverage": leverage,
    "dimensionality": dimensionality,
    "Mahalanobis distance": mahalanobis,
    "neighbor distance": neighbor_distance,
    "local outlier factor": local_outlier_factor,
    "isolation forest": isolation_forest,
}
DECODED: Mapping[str, Detector] = {
    "rarity of its main atom": main_atom,
    "beyond the dictionary": beyond_dictionary,
}
EXPLAINED: Mapping[str, Detector] = {"unexplained output": unexplained_output}
# Given the true features, see `worlds`.
KNOWN = "true features known"
DETECTORS: Mapping[str, Detector] = {
    "chance": chance,
    **UNDECODED,
    **DECODED,
    **EXPLAINED,
}


def _codes(dictionary: MiniBatchDictionaryLearning, points: Activations) -> Floats:
    """Return the atoms' activations, (points, atoms)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return np.asarray(dictionary.transform(points.hidden))


def _neighbors(reference: Activations) -> int:
    return min(_NEIGHBORS, len(reference.hidden) - 1)
