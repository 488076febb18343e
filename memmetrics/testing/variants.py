"""The same evidence in another form, and other evidence of the same form."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import to_numpy
from memmetrics.evidence import Evidence, Losses, OneRun, Retrainings


def changed(evidence: Evidence, arrays: Mapping[str, Any]) -> Evidence:
    """Return evidence with some of its arrays replaced."""
    original: Any = evidence
    result: Evidence = dataclasses.replace(original, **arrays)
    return result


def arrays_of(evidence: Evidence) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yield the names and arrays of all that is there."""
    for field in dataclasses.fields(evidence):
        array = getattr(evidence, field.name)
        if array is not None:
            yield field.name, array


def axes_of(evidence: Evidence) -> Iterator[tuple[str, dict[str, int], int]]:
    """Yield what can be put in another order: its name, which axes, and its length."""
    if isinstance(evidence, Retrainings):
        runs, points = evidence.member.shape
        yield "runs", {"scores": 0, "member": 0, "seeds": 0}, runs
        if np.array_equal(to_numpy(evidence.own), np.arange(points)):
            yield "points", {"scores": 1, "member": 1, "groups": 0}, points
        return
    if isinstance(evidence, OneRun):
        arrays = {name: 0 for name, _ in arrays_of(evidence)}
        yield "items", arrays, len(evidence.entered)
        return
    names = {
        "weights": "features",
        "hidden": "points",
        "reference": "reference points",
        "train": "points",
        "test": "test points",
    }
    for name, array in arrays_of(evidence):
        axis = -1 if isinstance(evidence, Losses) else -2
        yield names[name], {name: axis}, array.shape[axis]


def reordered(
    evidence: Evidence, axes: dict[str, int], order: npt.NDArray[np.intp]
) -> Evidence:
    """Put axes in another order; targets of retrainings go along with their points."""
    arrays: dict[str, Any] = {
        name: np.take(array, order, axis=axes[name])
        for name, array in arrays_of(evidence)
        if name in axes
    }
    return changed(evidence, arrays)


def possible_orders(
    answer: Mapping[str, npt.NDArray[Any]], order: npt.NDArray[np.intp]
) -> Iterator[dict[str, npt.NDArray[Any]]]:
    """Yield the answers as they may be once points are in another order.

    Along each axis of that length they follow the points, or have nothing to do with
    them, as estimates of features. All numbers of an answer do the same.
    """
    shape = answer["estimate"].shape
    axes = [k for k, length in enumerate(shape) if length == len(order)]
    for count in range(len(axes) + 1):
        for chosen in itertools.combinations(axes, count):
            places = [np.arange(length) for length in shape]
            for axis in chosen:
                places[axis] = order
            yield {
                name: array[np.ix_(*places)] if array.shape == shape else array
                for name, array in answer.items()
            }


def in_layouts(evidence: Evidence) -> Iterator[tuple[str, Evidence]]:
    """Yield the same evidence, laid out otherwise in memory."""
    yield (
        "in Fortran's order",
        changed(evidence, {k: np.asfortranarray(a) for k, a in arrays_of(evidence)}),
    )
    backwards = {
        name: np.flip(np.flip(array).copy()) for name, array in arrays_of(evidence)
    }
    yield "with negative strides", changed(evidence, backwards)


def other_values(evidence: Evidence) -> Iterator[Evidence]:
    """Yield evidence of the same shapes: mixed values, then one value everywhere.

    Scores are shuffled as rows and columns, so that runs which diverged and padding
    stay what they are.
    """
    rng = np.random.default_rng(3)
    shuffled, flat = {}, {}
    for name, array in arrays_of(evidence):
        if array.dtype.kind != "f":
            continue
        if isinstance(evidence, Retrainings):
            rows, columns = map(rng.permutation, array.shape[:2])
            shuffled[name] = array[rows][:, columns]
        else:
            mixed = rng.permutation(array.ravel()).reshape(array.shape)
            mixed *= rng.uniform(0.5, 1.5, array.shape).astype(array.dtype)
            shuffled[name] = mixed
        one = array[np.isfinite(array)][0]
        flat[name] = np.where(np.isnan(array), array, one)
    yield changed(evidence, shuffled)
    yield changed(evidence, flat)


def in_precision(evidence: Evidence, dtype: type) -> Evidence:
    """Return evidence with its floats in another type."""
    arrays: dict[str, Any] = {
        name: array.astype(dtype)
        for name, array in arrays_of(evidence)
        if array.dtype.kind == "f"
    }
    return changed(evidence, arrays)
