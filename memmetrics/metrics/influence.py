r"""Counterfactual influence: how much a training point changes the score of a target.

    infl(i ⇒ t) = E[score of t | i in the training set] − E[score of t | i not in it]

The influence of a point on itself is its counterfactual memorization. Everywhere else
the target's own membership matters far more than that of any other point, and is pure
noise: it is removed first. With s the scores of a target and a, o the memberships of a
point and of the target (runs that had it: 1), all centered,

    r = s − (s·o / o·o) o,        infl = (r·a / a·a) / (1 − ρ²),     ρ = corr(a, o),

which is the coefficient of a in the regression of s on both, so that it is unbiased off
the diagonal too. Everything is a product of matrices of runs × points and runs ×
targets.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

from memmetrics._arrays.validation import Array, as_confidence, like_original
from memmetrics.evidence import Retrainings
from memmetrics.metrics.base import (
    FunctionMetric,
    require_one_score,
    retrainings_iv,
    warn_of_empty,
    warn_of_failed,
    warn_of_infinite,
)
from memmetrics.metrics.counterfactual import memorization
from memmetrics.result import NUMBERS, Result

__all__ = ["CounterfactualInfluence", "counterfactual_influence", "influence_blocks"]

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

# At most this many numbers in one temporary (points, targets).
_BLOCK = 2**22

# Memberships that agree (or disagree) in all runs but rounding cannot be told apart.
_SAME = 1 - 1e-9


def counterfactual_influence(
    scores: Retrainings | Array,
    member: Array | None = None,
    *,
    own: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> Result:
    r"""Mean score of a target over the runs that had a point, minus the other runs'.

    Each target's own membership effect is removed first:

    .. math::
        r_t = s_t - \widehat{mem}_t\, a_{own(t)}, \qquad
        \widehat{infl}_{i \Rightarrow t}
            = \frac{\bar r_t^{\,i\,in} - \bar r_t^{\,i\,out}}{1 - \rho_{i,own(t)}^2}

    with ρ the correlation, over the runs at hand, of the two memberships.

    Parameters
    ----------
    scores : Retrainings, or array or tensor (runs, targets)
        Evidence, or the score of every target under every run, higher is better. NaN
        says that the run did not score the target, which then has the other runs'
        influence. A run whose scores are NaN throughout is left out with a warning.
    member : boolean array or tensor (runs, points)
        Whether the point was in the run's training set. Not with evidence.
    own : int array (targets,), optional
        The training point that each target is, or -1 for a held-out target, from which
        nothing is removed. Default: target `i` is point `i`. Not with evidence.
    confidence : float
        Confidence of the intervals, between 0 and 1.

    Returns
    -------
    Result
        ``estimate``, ``standard_error``, ``low``, ``high``, ``n_in`` and ``n_out``,
        each ``(points, targets)``, in the unit of the scores. Positive means that the
        point helps the target. At ``(own[t], t)`` stands the target's memorization.
        NaN, never 0, for a point with no run in one of the arms, for a target with an
        infinite score, and where point and target always enter together (as in one
        group), which leaves nothing to compare. ``n_in`` and ``n_out`` count the runs
        that scored the target.

    Raises
    ------
    TypeError, ValueError
        As `counterfactual_memorization`; also if `own` is missing although targets and
        points differ in number, or is not one index in ``[-1, points)`` per target.

    Warns
    -----
    RuntimeWarning
        If a point has no run in one of the arms, a target has an infinite score, or a
        run was left out.

    Notes
    -----
    Costs O(runs · points · targets) time and O(points · targets) memory;
    `influence_blocks` gives the same a few targets at a time. Off the diagonal the
    intervals are Student's t; unbiased for subsets in which points are chosen
    independently, or in balanced columns. Subsets of one exact size shift all of a
    target's influences by minus its memorization over (points − 1).

    References
    ----------
    Zhang et al., "Counterfactual Memorization in Neural Language Models" (2023),
    definition 2, for the estimand; Frisch and Waugh (1933) for the removal.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> member = rng.random((200, 3)) < 0.5
    >>> effects = np.array([[5, 0, 0], [1, 5, 0], [0, 0, 5]])  # (points, targets)
    >>> influence = counterfactual_influence(member @ effects * 1.0, member)
    >>> bool(np.allclose(influence.estimate[1], [1, 5, 0], atol=1e-9))
    True
    """
    confidence = as_confidence(confidence)
    evidence = retrainings_iv(scores, member, own)
    require_one_score(evidence)
    warn_of_failed(evidence.failed)
    counts = _counts(evidence)
    warn_of_empty((counts[0] == 0).any(1) | (counts[1] == 0).any(1))
    warn_of_infinite(np.isinf(evidence.scores).any(0))
    numbers = _influence(evidence, counts, confidence)
    _put_memorization(numbers, evidence, confidence)
    original = None if isinstance(scores, Retrainings) else scores
    columns: dict[str, Any] = {
        name: like_original(values, original)
        for name, values in zip(NUMBERS, (*numbers, *counts), strict=True)
    }
    return Result(
        CounterfactualInfluence.name,
        CounterfactualInfluence.unit,
        **columns,
        axes=("index", "target"),
        attrs=evidence.attrs,
    )


class InfluenceBlock(NamedTuple):
    """Influence on some targets; arrays `(points, targets of the block)`."""

    targets: slice
    estimate: Floats
    standard_error: Floats


def influence_blocks(evidence: Retrainings) -> Iterator[InfluenceBlock]:
    """Yield the influence on a few targets at a time, never all at once in memory.

    As `counterfactual_influence`, but NaN for a target's influence on itself.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> evidence = Retrainings(rng.normal(size=(40, 3)), rng.random((40, 3)) < 0.5)
    >>> [block.estimate.shape for block in influence_blocks(evidence)]
    [(3, 3)]
    """
    finished = np.flatnonzero(~evidence.failed)
    member, own = evidence.member[finished], np.asarray(evidence.own)
    members = _Members.of(member)
    runs, points = member.shape
    targets = len(own)
    width = max(1, _BLOCK // max(runs, points))
    for start in range(0, targets, width):
        block = slice(start, min(start + width, targets))
        scores = evidence.scores[finished, block].astype(np.float64)
        if not np.isnan(scores).any():
            yield InfluenceBlock(block, *_influence_on(scores, own[block], members))
            continue
        columns = np.empty((2, points, scores.shape[1]))
        for some, scored in _alike(~np.isnan(scores)):
            columns[:, :, some] = _influence_on(
                scores[np.ix_(scored, some)],
                own[block][some],
                _Members.of(member[scored]),
            )
        yield InfluenceBlock(block, *columns)


def _alike(
    scored: npt.NDArray[np.bool_],
) -> Iterator[tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]]:
    """Yield targets that were scored by the same runs, and these runs."""
    patterns, which = np.unique(scored, axis=1, return_inverse=True)
    for number, runs in enumerate(patterns.T):
        yield np.flatnonzero(which.ravel() == number), runs


@dataclass(frozen=True)
class CounterfactualInfluence(FunctionMetric):
    """Metric of `counterfactual_influence`; needs `Retrainings`.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> evidence = Retrainings(rng.normal(size=(40, 3)), rng.random((40, 3)) < 0.5)
    >>> CounterfactualInfluence()(evidence).axes
    ('index', 'target')
    """

    confidence: float = 0.95

    name: ClassVar[str] = "counterfactual_influence"
    takes_held_out: ClassVar[bool] = True
    cost: ClassVar[str] = "runs * points * targets"
    function = staticmethod(counterfactual_influence)


class _Members(NamedTuple):
    """Who trained on what, and what is computed from that alone."""

    inside: Floats  # (points,): runs with the point
    outside: Floats
    centered: Floats  # (runs, points): membership minus its mean
    squares: Floats  # (points,): sum of its squares, n_in n_out / runs

    @classmethod
    def of(cls, member: npt.NDArray[np.bool_]) -> _Members:
        runs = len(member)
        inside = member.sum(0).astype(np.float64)
        outside = runs - inside
        return cls(inside, outside, member - inside / runs, inside * outside / runs)


def _influence_on(
    scores: Floats, own: npt.NDArray[np.int64], members: _Members
) -> tuple[Floats, Floats]:
    """Return estimate and standard error, `(points, targets)`, of `scores`."""
    infinite = np.isinf(scores).any(0)
    scores = np.where(infinite, np.nan, scores) if infinite.any() else scores
    # A held-out target has no membership, and neither has a point in all runs or none.
    known = (own >= 0) & (members.squares[own] > 0)
    itself = members.centered[:, own] * known  # (runs, targets)
    its_squares = np.where(known, members.squares[own], 1)
    residual = scores - scores.mean(0)
    residual -= (residual * itself).sum(0) / its_squares * itself
    shared = (members.centered.T @ itself) ** 2  # (points, targets)
    with np.errstate(divide="ignore", invalid="ignore"):
        shared /= members.squares[:, np.newaxis] * its_squares  # ρ²
        rest = np.where(shared < _SAME, 1 - shared, np.nan)
        estimate, error = _contrast(residual, members)
        # The own effect took a degree of freedom that Welch's formula does not see.
        runs = len(scores)
        free = (runs - 3) / (runs - 2) if runs > 3 else np.nan
        rest_of_error = rest * np.where(known, free, 1)
        return estimate / rest, error / np.sqrt(np.maximum(rest_of_error, 0))


def _contrast(residual: Floats, members: _Members) -> tuple[Floats, Floats]:
    """Return IN mean − OUT mean and Welch's standard error, `(points, targets)`.

    The residuals sum to zero over all runs, so the sums over OUT follow from IN.
    """
    inside, outside = members.inside[:, np.newaxis], members.outside[:, np.newaxis]
    runs = len(residual)
    total = members.centered.T @ residual
    squares = residual**2
    squares_in = members.centered.T @ squares + inside / runs * squares.sum(0)
    squares_out = squares.sum(0) - squares_in
    deviations_in = np.maximum(squares_in - total**2 / inside, 0)
    deviations_out = np.maximum(squares_out - total**2 / outside, 0)
    error = np.sqrt(
        deviations_in / (inside * (inside - 1))
        + deviations_out / (outside * (outside - 1))
    )
    error[(members.inside < 2) | (members.outside < 2)] = np.nan
    return total / members.squares[:, np.newaxis], error


def _influence(
    evidence: Retrainings, counts: tuple[Integers, Integers], confidence: float
) -> Floats:
    """Return estimate, standard error, low and high, `(4, points, targets)`."""
    numbers = np.empty((4, *counts[0].shape))
    for block in influence_blocks(evidence):
        numbers[0, :, block.targets] = block.estimate
        numbers[1, :, block.targets] = block.standard_error
    freedom = np.maximum(counts[0][0] + counts[1][0] - 3, 1)  # (targets,)
    half_width = special.stdtrit(freedom, (1 + confidence) / 2) * numbers[1]
    numbers[2], numbers[3] = numbers[0] - half_width, numbers[0] + half_width
    return numbers


def _counts(evidence: Retrainings) -> tuple[Integers, Integers]:
    """Return the runs with and without each point that scored each target."""
    finished = ~evidence.failed
    scored, member = ~np.isnan(evidence.scores[finished]), evidence.member[finished]
    if scored.all():
        shape = member.shape[1], scored.shape[1]
        inside = np.broadcast_to(member.sum(0)[:, np.newaxis], shape)
        return inside, np.broadcast_to(len(member) - inside[:, :1], shape)
    # Exact in float64, whose products are much faster than those of integers.
    inside = (member.T.astype(np.float64) @ scored.astype(np.float64)).astype(np.int64)
    return inside, scored.sum(0) - inside


def _put_memorization(
    numbers: Floats, evidence: Retrainings, confidence: float
) -> None:
    """Write each training target's memorization where its own point meets it."""
    itself = memorization(evidence.arms, confidence=confidence)
    own = np.asarray(evidence.own)
    targets = np.flatnonzero(own >= 0)
    for number, name in zip(numbers, NUMBERS, strict=False):
        number[own[targets], targets] = getattr(itself, name)[targets]
