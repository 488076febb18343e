"""The two hypotheses as networks: one feature a point, or one feature an axis."""

from __future__ import annotations

import itertools
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.floating[Any]]

# As many features as two hidden dimensions hold (Henighan et al. 2023).
PENTAGON = 5


def circle(count: int) -> Floats:
    """Place unit vectors at equal angles, (count, 2)."""
    angles = 2 * np.pi * np.arange(count) / count
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def point_features(data: Floats) -> tuple[Floats, Floats]:
    """Weights and bias that put the points on a regular polygon.

    With T orthonormal points at radius r, r² = 1 / (1 − cos(2π/T)), and a bias of
    −r² cos(2π/T) x on each point's own features, its neighbors are just suppressed and
    the point comes out as it went in. Points that are not orthogonal get the same
    hidden vectors, as far as linear weights allow it.
    """
    points = len(data)
    nearest = np.cos(2 * np.pi / points)
    square = 1 / (1 - nearest)
    weights = np.linalg.pinv(data) @ (np.sqrt(square) * circle(points))
    return weights, -square * nearest * data.max(axis=0)


def axis_features(data: Floats) -> tuple[Floats, Floats]:
    """Weights and bias that put the five most frequent features on a pentagon.

    All other features answer their mean. The radius and the bias of the five are those
    of a grid with the least training loss.
    """
    chosen = np.argsort(-(data**2).sum(axis=0), kind="stable")[:PENTAGON]
    best = np.inf
    for square, threshold in itertools.product(
        np.linspace(0, 1.6, 9), np.linspace(-0.5, 0.1, 7)
    ):
        weights = np.zeros((data.shape[1], 2))
        weights[chosen] = np.sqrt(square) * circle(PENTAGON)
        bias = data.mean(axis=0)
        bias[chosen] = threshold
        loss = losses(weights, bias, data).mean()
        if loss < best:
            best, found = loss, (weights, bias)
    return found


def losses(weights: Floats, bias: Floats, data: Floats) -> Floats:
    """Return the toy model's squared error of every point, in double precision."""
    answers = np.maximum(data @ weights @ weights.T + bias, 0)
    errors: Floats = ((answers - data) ** 2).sum(axis=1)
    return errors


def disjoint_points(
    points: int, features: int, active: int, rng: np.random.Generator
) -> Floats:
    """Orthonormal points: no feature occurs in two of them, (points, features)."""
    data = np.zeros((points, features))
    order = rng.permutation(features)
    for row, support in zip(
        data, order[: points * active].reshape(points, -1), strict=True
    ):
        row[support] = rng.random(active)
    data /= np.linalg.norm(data, axis=1, keepdims=True)
    return data


def uneven_angles(hidden: Floats) -> float:
    """Return the largest relative deviation of a gap between neighbors from equal.

    0 for a regular polygon; `hidden` is (points, 2).
    """
    angles = np.sort(np.arctan2(hidden[:, 1], hidden[:, 0]))
    gaps = np.diff(np.append(angles, angles[0] + 2 * np.pi))
    return float(np.abs(gaps * len(hidden) / (2 * np.pi) - 1).max())
