"""Likelihood ratio of two Gaussians, from scores with and without each point.

For every run k and point i, with Gaussians fitted to the point's scores x in all
*other* runs that had it (IN) and that had it not (OUT),

    Λ_ki = log N(x_ki; μ_in, σ_in²) − log N(x_ki; μ_out, σ_out²).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import is_finite, safe_exponent
from memmetrics.errors import warn_of

__all__ = ["LEAST_RUNS", "NO_RATIO", "gaussian_ratios"]

Bools: TypeAlias = npt.NDArray[np.bool_]
Floats: TypeAlias = npt.NDArray[np.float64]

NO_RATIO = "targets have {}; their likelihood ratios are NaN"
LEAST_RUNS = 3  # in an arm: one is left out, and two give a variance
_FEW_RUNS = 64  # fewer: a variance of one's own is too noisy
_ENTRIES = 1 << 20  # runs × targets at a time: some ten arrays of 8 MB
# Left by rounding where all scores of an arm are alike, relative to the point's
# variance over all runs.
_ROUNDING = 1e-12


def gaussian_ratios(
    scores: npt.NDArray[Any],
    member: Bools,
    own: npt.NDArray[np.int64],
    *,
    pooled: bool | None = None,
) -> Floats:
    """Log-likelihood ratio of every (run, target) pair, in nats.

    Parameters
    ----------
    scores : array (runs, targets)
        Of runs that finished; NaN where the run did not score the target.
    member : bool array (runs, points)
        Whether the point was in the run's training set.
    own : int array (targets,)
        The training point that each target is, or -1.
    pooled : bool, optional
        Whether all points share one variance in each arm, or none does. Default: all
        below 64 runs; from there on, those without a variance of their own.

    Returns
    -------
    float64 array (runs, targets)
        NaN where there is none.

    Raises
    ------
    ValueError
        If no score differs from another of its arm, or no target has enough runs.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> member = rng.random((64, 5)) < 0.5
    >>> scores = rng.normal(size=(64, 5)) + 3 * member
    >>> bool(gaussian_ratios(scores, member, np.arange(5))[member].mean() > 2)
    True
    """
    complete = is_finite(scores)
    exponent = safe_exponent(scores)  # the ratio does not depend on the scores' unit
    if exponent:
        scores = np.ldexp(scores.astype(np.float64), -exponent)
    own_variance = pooled is False or (pooled is None and len(scores) >= _FEW_RUNS)
    shared = _pooled_variances(scores, member, own)
    ratios = np.full(scores.shape, np.nan)
    alike = np.zeros(len(own), dtype=bool)
    for targets, block, *chosen in _blocks(scores, member, own):
        arms = []
        for arm, everyone in zip(chosen, shared, strict=True):
            fit = _left_out(block, arm)
            variance = np.broadcast_to(everyone[:, np.newaxis], block.shape)
            if own_variance:
                its_own, has_one = _variance(fit, block)
                alike[targets] |= ~has_one.all(axis=0)
                variance = np.where(has_one, its_own, variance)
            arms.append((fit.mean, variance))
        (mean_in, in_), (mean_out, out) = arms
        ratios[:, targets] = (
            np.log(out / in_)
            + (block - mean_out) ** 2 / out
            - (block - mean_in) ** 2 / in_
        ) / 2
    if not complete:
        ratios[np.isnan(scores)] = np.nan
    if pooled is False:
        warn_of(alike, NO_RATIO.format("no variance of their own"))
        ratios[:, alike] = np.nan
    return ratios


@dataclass(frozen=True, eq=False)
class _LeftOut:
    """One arm of a block without the score in question; arrays (runs, targets)."""

    mean: Floats
    squares: Floats  # summed, of deviations from the mean
    others: Floats  # how many scores that are


def _left_out(block: Floats, chosen: Bools) -> _LeftOut:
    count = chosen.sum(axis=0)  # (targets,)
    mean = np.where(chosen, block, 0).sum(axis=0) / count
    deviation = np.where(chosen, block - mean, 0)  # (runs, targets)
    squares = (deviation**2).sum(axis=0)
    return _LeftOut(
        mean=mean - deviation / (count - 1),
        squares=np.maximum(squares - deviation**2 * (count / (count - 1)), 0),
        others=(count - chosen).astype(np.float64),
    )


def _variance(fit: _LeftOut, block: Floats) -> tuple[Floats, Bools]:
    """Return every pair's own variance (runs, targets), and whether it has one."""
    variance = fit.squares / (fit.others - 1)
    return variance, variance > _ROUNDING * block.var(axis=0)


def _pooled_variances(
    scores: npt.NDArray[Any], member: Bools, own: npt.NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Return each arm's variance over all points, without the run itself: (runs,)."""
    squares, freedom = np.zeros((2, len(scores))), np.zeros((2, len(scores)))
    for _, block, *chosen in _blocks(scores, member, own):
        for arm, fit in enumerate(_left_out(block, runs) for runs in chosen):
            squares[arm] += fit.squares.sum(axis=1)
            freedom[arm] += (fit.others - 1).sum(axis=1)
    if not freedom.any():
        raise ValueError(
            f"`member` must leave some target at least {LEAST_RUNS} runs with it and "
            f"{LEAST_RUNS} without that scored it; got none"
        )
    variances = squares / freedom
    if not (variances > 0).all():
        raise ValueError(
            "`scores` must vary within both arms, or there is nothing to fit; "
            "got scores that are all alike"
        )
    return variances[0], variances[1]


def _blocks(
    scores: npt.NDArray[Any], member: Bools, own: npt.NDArray[np.int64]
) -> Iterator[tuple[npt.NDArray[np.intp], Floats, Bools, Bools]]:
    """Yield some targets, their scores, and those of IN and of OUT, (runs, targets).

    Scores are counted from the first run's on, since a large common value would cost
    digits. Where one is missing, the target's first score stands in.
    """
    known = np.flatnonzero(own >= 0)
    width = max(1, _ENTRIES // len(scores))
    for start in range(0, len(known), width):
        targets = known[start : start + width]
        block = scores[:, targets].astype(np.float64)
        inside = member[:, own[targets]]
        outside = ~inside
        if not is_finite(block):
            scored = ~np.isnan(block)
            inside, outside = inside & scored, outside & scored
            inside[:, np.isinf(block).any(axis=0)] = False
            first = block[scored.argmax(axis=0), np.arange(len(targets))]
            block = np.where(scored, block, first)
        fewest = np.minimum(inside.sum(axis=0), outside.sum(axis=0))
        enough = fewest >= LEAST_RUNS
        if not enough.all():
            targets, block = targets[enough], block[:, enough]
            inside, outside = inside[:, enough], outside[:, enough]
        if len(targets):
            yield targets, block - block[:1], inside, outside
