"""Two ways to get more out of the same number of runs, tried again."""

from __future__ import annotations

import numpy as np

from studies.definitions.evidence import BLOCK, POOL, REFERENCE, SHARED, Arrays
from studies.definitions.recipes import Bools, Floats

_FOLDS = 8
_PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


def seed_variance_ratio(arrays: Arrays) -> float:
    """Variance of memorization with shared seeds over that with seeds of their own.

    Runs of a block share a seed, so that its effect cancels in the block's difference
    of means. Variances over blocks, averaged over points.
    """
    shared, own = (
        _block_differences(arrays[f"{name} scores"], arrays[f"{name} member"])
        .var(axis=0, ddof=1)
        .mean()
        for name in (SHARED, POOL)
    )
    return float(shared / own)


def _block_differences(scores: Floats, member: Bools) -> Floats:
    """Mean in minus mean out, within each block: (blocks, points)."""
    sign = np.where(member, 2.0, -2.0) / BLOCK
    blocks: Floats = (sign * scores).reshape(-1, BLOCK, scores.shape[1]).sum(axis=1)
    return blocks


def ridge_gain(arrays: Arrays) -> float:
    """Share of the variance of memorization that other points' membership explains.

    Scores are regressed on the membership of all points by ridge regression, on the
    other folds of the runs; what the others predict is subtracted. Of some penalties
    the best is told, which flatters it a little.
    """
    scores, member = arrays[f"{REFERENCE} scores"], arrays[f"{REFERENCE} member"]
    plain = _squared_error(scores, member).mean()
    adjusted = [_adjusted(scores, member, penalty) for penalty in _PENALTIES]
    return float(1 - min(_squared_error(a, member).mean() for a in adjusted) / plain)


def _adjusted(scores: Floats, member: Bools, penalty: float) -> Floats:
    """Scores less what others' membership predicts; the penalty is in units of XᵀX."""
    runs, points = member.shape
    sides = np.where(member, 0.5, -0.5)
    fold = np.arange(runs) // BLOCK % _FOLDS
    adjusted = np.empty_like(scores)
    for left_out in range(_FOLDS):
        used = fold != left_out
        center = scores[used].mean(axis=0)
        x, y = sides[used], scores[used] - center
        ridge = penalty * used.sum() / 4 * np.eye(points)
        effects = np.linalg.solve(x.T @ x + ridge, x.T @ y)  # (points, targets)
        np.fill_diagonal(effects, 0.0)
        adjusted[~used] = scores[~used] - sides[~used] @ effects
    return adjusted


def _squared_error(scores: Floats, member: Bools) -> Floats:
    """Squared standard error of each point's memorization."""
    total = np.zeros(scores.shape[1])
    for arm in (member, ~member):
        count = arm.sum(axis=0)
        mean = np.where(arm, scores, 0.0).sum(axis=0) / count
        squares = np.where(arm, (scores - mean) ** 2, 0.0).sum(axis=0)
        total += squares / (count - 1) / count
    return total
