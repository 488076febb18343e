"""Likelihood ratio of membership, from scores with and without each point (LiRA).

For every run k and point i, with Gaussians fitted to the point's scores x in all
*other* runs that had it (IN) and that had it not (OUT),

    Λ_ki = log N(x_ki; μ_in, σ_in²) − log N(x_ki; μ_out, σ_out²).

Positive means that the score looks like that of a model which was trained on the point.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from memmetrics._arrays.validation import (
    ArrayT,
    as_float,
    is_finite,
    safe_exponent,
    to_numpy,
)
from memmetrics.metrics._finished import finished_runs

__all__ = ["likelihood_ratios", "logit"]

Bools: TypeAlias = npt.NDArray[np.bool_]
Floats: TypeAlias = npt.NDArray[np.float64]

_FEW_RUNS = 64  # fewer: a variance of one's own is too noisy
_LEAST_RUNS = 3  # in an arm: one is left out, and two give a variance
_ENTRIES = 1 << 20  # runs × targets at a time: some ten arrays of 8 MB
# Left by rounding where all scores of an arm are alike, relative to the point's
# variance over all runs.
_ROUNDING = 1e-12


def logit(probability: ArrayT) -> ArrayT:
    r"""Log-odds of probabilities, a score that is close to Gaussian over runs.

    .. math:: \phi(p) = \log(p / (1 - p))

    Parameters
    ----------
    probability : array or tensor
        Within [0, 1], such as the probability of the correct class.

    Returns
    -------
    array or tensor
        Same shape. 0 and 1 count as the nearest numbers that the type can tell from
        them, half its spacing at 1, so that the result is finite.

    Raises
    ------
    TypeError, ValueError
        If the values are not real numbers within [0, 1].

    References
    ----------
    Carlini et al. (2022), arXiv 2112.03570, equation 3.

    Examples
    --------
    >>> logit(np.array([0.5, 0.9])).round(4)
    array([0.    , 2.1972])
    """
    values: Any = as_float(probability, "probability", axes="(...)", min_ndim=0)
    plain = to_numpy(values)
    if not ((plain >= 0) & (plain <= 1)).all():
        raise ValueError(
            "`probability` must lie within [0, 1]; "
            f"got values from {plain.min()} to {plain.max()}"
        )
    tensor = isinstance(values, torch.Tensor)  # which may be of a type of its own
    kind = torch.finfo(values.dtype) if tensor else np.finfo(values.dtype)
    margin = float(kind.eps) / 2
    inner = values.clip(margin, 1 - margin)
    odds = inner / (1 - inner)
    return odds.log() if hasattr(odds, "log") else np.log(odds)  # type: ignore[no-any-return]


def likelihood_ratios(
    scores: npt.NDArray[Any],
    member: npt.NDArray[np.bool_],
    *,
    own: npt.NDArray[np.int64] | None = None,
    pooled: bool | None = None,
) -> Floats:
    """Log-likelihood ratio of membership of every (run, target) pair.

    Parameters
    ----------
    scores : array (runs, targets)
        Scores that are roughly Gaussian over the runs of one arm: a loss that is
        summed or averaged over many outputs as it is (with its sign turned), a
        probability after `logit`. NaN where the run did not score the target.
    member : bool array (runs, points)
        Whether the point was in the run's training set.
    own : int array (targets,), optional
        The training point that each target is, or -1. Default: target `i` is point
        `i`.
    pooled : bool, optional
        Whether all points share one variance in each arm, which is the better choice
        for few runs, or none does. Default: all below 64 runs; from there on, those
        without a variance of their own, since an arm's other scores are all alike.

    Returns
    -------
    float64 array (runs, targets)
        In nats. NaN for held-out targets, which nothing trained on, for points with
        fewer than 3 scores in an arm or an infinite one, where the run did not score
        the target, and with ``pooled=False`` for points without a variance of their
        own.

    Raises
    ------
    TypeError, ValueError
        As for `Retrainings`, or if no score differs from another of its arm.

    Warns
    -----
    RuntimeWarning
        If a run was left out, a point has an infinite score, or, with
        ``pooled=False``, no variance of its own.

    Notes
    -----
    No run's score is in the Gaussians that it is judged by, nor in the pooled
    variance: both follow in closed form from each arm's sums. Costs
    O(runs · targets).

    References
    ----------
    Carlini et al., "Membership inference attacks from first principles" (2022), arXiv
    2112.03570, algorithm 1 (online attack) and section VI.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> member = rng.random((64, 5)) < 0.5
    >>> ratio = likelihood_ratios(rng.normal(size=(64, 5)) + 3 * member, member)
    >>> bool(ratio[member].mean() > 2), bool(ratio[~member].mean() < -2)
    (True, True)
    """
    scores, member, own = finished_runs(scores, member, own, least=2 * _LEAST_RUNS)
    complete = is_finite(scores)
    exponent = safe_exponent(scores)  # the ratio does not depend on the scores' unit
    if exponent:
        scores = np.ldexp(scores.astype(np.float64), -exponent)
    if not complete:
        _warn_of(np.isinf(scores).any(axis=0) & (own >= 0), "an infinite score")
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
        _warn_of(alike, "no variance of their own")
        ratios[:, alike] = np.nan
    return ratios


def _warn_of(targets: Bools, what: str) -> None:
    if targets.any():
        warnings.warn(
            f"{targets.sum()} of {targets.size} targets have {what}; their likelihood "
            "ratios are NaN",
            RuntimeWarning,
            stacklevel=3,
        )


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
            f"`member` must leave some target at least {_LEAST_RUNS} runs with it and "
            f"{_LEAST_RUNS} without that scored it; got none"
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
        enough = fewest >= _LEAST_RUNS
        if not enough.all():
            targets, block = targets[enough], block[:, enough]
            inside, outside = inside[:, enough], outside[:, enough]
        if len(targets):
            yield targets, block - block[:1], inside, outside
