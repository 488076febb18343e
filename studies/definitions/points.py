"""Data sets with points of every kind on which definitions may part.

Some points are planted: repeated ones, near-duplicates, outliers, wrong labels, and a
blank one, whose hidden vector is zero wherever the network has no bias there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

import memmetrics as mm
from studies._kit.images import Images, known_labels, without_blanks

Floats: TypeAlias = npt.NDArray[np.float64]
ORDINARY = "ordinary"
KINDS = (ORDINARY, "repeated", "near-duplicate", "outlier", "mislabelled", "blank")

# Shares of a data set; at least one pair or point of each.
_PAIRS, _OUTLIERS, _MISLABELLED = 0.05, 0.06, 0.08
# Near-duplicates: each value of the copy is multiplied by 1 + this · normal.
_NEAR = 0.2
# Images are cut to a square and averaged down to at most so many rows.
_SIDE = 10
_LEAST_SIDE = 4


@dataclass(frozen=True, eq=False)
class Points:
    """Points to train on, (points, features), and held-out ones.

    Labels are all 0, of no class, where the model reconstructs its input.
    """

    inputs: Floats
    labels: npt.NDArray[np.int64]
    kinds: npt.NDArray[np.str_]
    test_inputs: Floats
    test_labels: npt.NDArray[np.int64]
    classes: int

    def __len__(self) -> int:
        """Return the number of points to train on."""
        return len(self.inputs)


def toy_points(
    points: int, features: int, sparsity: float, test: int, rng: np.random.Generator
) -> Points:
    """Sparse points of the paper's distribution."""
    drawn = mm.sparse_features(points + test, features, sparsity, rng=rng).toarray()
    return _planted(drawn[:points], drawn[points:], rng)


def image_points(
    images: tuple[Images, Images],
    points: int,
    test: int,
    rng: np.random.Generator,
    *,
    labels: bool,
) -> Points:
    """Images: rows of length 1, or with labels pixels between 0 and 1.

    Raises
    ------
    ValueError
        If there are not so many images, they are too small, or all have one label.
    """
    sides = images[0].pixels.shape[1:]
    if min(sides) < _LEAST_SIDE:
        raise ValueError(
            f"images (--data) must have at least {_LEAST_SIDE} rows and columns, since "
            f"their middle square is looked at; received {sides}"
        )
    known = known_labels(*images)
    train, held_out = (
        _averaged(_square(part).sample(count, rng))
        for part, count in zip(images, (points, test), strict=True)
    )
    if not labels:
        return _planted(train.unit_rows(), held_out.unit_rows(), rng)
    largest = max(part.pixels.max() for part in images)
    rows = [part.pixels.reshape(len(part), -1) / largest for part in (train, held_out)]
    # Labels that no image has are no classes: nothing would be mislabelled as one.
    own, other = (np.searchsorted(known, part.labels) for part in (train, held_out))
    return _planted(rows[0], rows[1], rng, (own, other), len(known))


def _square(images: Images) -> Images:
    """Cut the middle square; what is blank there is left out."""
    sides, factor = images.pixels.shape[1:], _factor(images)
    side = min(sides) // factor * factor
    top, left = ((length - side) // 2 for length in sides)
    cut = images.pixels[:, top : top + side, left : left + side]
    return without_blanks(replace(images, pixels=cut))


def _averaged(images: Images) -> Images:
    """Average squares of pixels, to at most `_SIDE` rows and columns."""
    count, length, _ = images.pixels.shape
    factor = _factor(images)
    side = length // factor
    pixels = images.pixels.astype(np.float64)
    squares = pixels.reshape(count, side, factor, side, factor)
    return replace(images, pixels=squares.mean(axis=(2, 4)))


def _factor(images: Images) -> int:
    """How many rows become one."""
    return -(-int(min(images.pixels.shape[1:])) // _SIDE)


def _planted(
    inputs: Floats,
    test_inputs: Floats,
    rng: np.random.Generator,
    labelled: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None = None,
    classes: int = 0,
) -> Points:
    """Put points of other kinds in the place of some, drawn at random."""
    count = len(inputs)
    inputs = np.array(inputs, dtype=np.float64)
    labels, test_labels = labelled or (
        np.zeros(len(part), dtype=np.int64) for part in (inputs, test_inputs)
    )
    kinds = np.full(count, ORDINARY, dtype=f"U{max(map(len, KINDS))}")
    free = iter(rng.permutation(count))
    for kind in ("repeated", "near-duplicate"):
        for _ in range(_at_least_one(_PAIRS * count)):
            first, second = next(free), next(free)
            copy = inputs[first]
            if kind == "near-duplicate":
                moved = copy * (1 + _NEAR * rng.normal(size=copy.shape))
                copy = _as_long(np.abs(moved), copy)
            inputs[second] = copy
            labels[second] = labels[first]
            kinds[[first, second]] = kind
    for _ in range(_at_least_one(_OUTLIERS * count)):
        place = next(free)
        noise = np.abs(rng.normal(size=inputs.shape[1]))
        inputs[place] = _as_long(noise, inputs[place])
        kinds[place] = "outlier"
    if classes:
        for _ in range(_at_least_one(_MISLABELLED * count)):
            place = next(free)
            labels[place] = (labels[place] + rng.integers(1, classes)) % classes
            kinds[place] = "mislabelled"
    place = next(free)
    inputs[place] = 0.0
    kinds[place] = "blank"
    return Points(inputs, labels, kinds, test_inputs, test_labels, classes)


def _at_least_one(number: float) -> int:
    return max(1, round(number))


def _as_long(vector: Floats, other: Floats) -> Floats:
    """Return `vector` with the length of the other."""
    length = np.linalg.norm(vector)
    scaled: Floats = vector * (np.linalg.norm(other) / length) if length else vector
    return scaled
