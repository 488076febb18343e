"""The same evidence in another form, and how answers compare."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from memmetrics._validation import to_numpy
from memmetrics.evidence import Evidence, Losses, Retrainings
from memmetrics.result import Result

__all__ = [
    "arrays_of",
    "axes_of",
    "changed",
    "in_precision",
    "possible_orders",
    "reordered",
    "same",
]


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
    result: Result, order: npt.NDArray[np.intp]
) -> Iterator[npt.NDArray[Any]]:
    """Yield the estimates as they may be once points are in another order.

    Along each axis of that length they follow the points, or have nothing to do with
    them, as estimates of features.
    """
    estimate = to_numpy(result.estimate)
    axes = [k for k, length in enumerate(estimate.shape) if length == len(order)]
    for count in range(len(axes) + 1):
        for chosen in itertools.combinations(axes, count):
            moved = estimate
            for axis in chosen:
                moved = np.take(moved, order, axis=axis)
            yield moved


def in_precision(evidence: Evidence, dtype: type) -> Evidence:
    """Return evidence with its floats in another type."""
    arrays: dict[str, Any] = {
        name: array.astype(dtype)
        for name, array in arrays_of(evidence)
        if array.dtype.kind == "f"
    }
    return changed(evidence, arrays)


def same(first: object, second: object, tolerance: float = 1e-6) -> bool:
    """Whether estimates agree, to a tolerance in units of the largest."""
    one, other = to_numpy(first), to_numpy(second)
    if one.shape != other.shape:
        return False
    finite = np.abs(other[np.isfinite(other)])
    scale = float(finite.max(initial=0)) or 1.0
    return bool(np.allclose(one, other, rtol=0, atol=tolerance * scale, equal_nan=True))
