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
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias, get_args

import numpy as np
import numpy.typing as npt
from scipy import special

from memmetrics._arrays.validation import Array, as_confidence
from memmetrics.errors import warn_of
from memmetrics.evidence import Retrainings
from memmetrics.metrics.base import EMPTY_ARM, INFINITE, FunctionMetric, usable_iv
from memmetrics.result import NUMBERS, Result
from memmetrics.statistics._student import satterthwaite
from memmetrics.statistics.intervals import difference_interval, interval_iv

__all__ = ["CounterfactualInfluence", "counterfactual_influence", "influence_blocks"]

Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

InfluenceInterval: TypeAlias = Literal["automatic", "welch"]
"""Which interval may be asked for."""

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
    interval: InfluenceInterval = "automatic",
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
    interval : {"automatic", "welch"}
        Which interval: Student's t with three degrees of freedom less than runs and,
        on the diagonal, that of `counterfactual_memorization`; or, for those who have
        to name a published method, Welch's t (1947) throughout, NaN where the scores
        vary in neither arm.

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
        points differ in number, or is not one index in ``[-1, points)`` per target,
        or `interval` is unknown.

    Warns
    -----
    RuntimeWarning
        If a point has no run in one of the arms, a target has an infinite score, or a
        run was left out.

    Notes
    -----
    Costs O(runs · points · targets) time and O(points · targets) memory;
    `influence_blocks` gives the same a few targets at a time. Unbiased for subsets in
    which points are chosen independently, or in balanced columns. There is no
    Newcombe's interval: without their own membership's effect, scores of two values
    take more. Subsets of one exact size shift all of a
    target's influences by minus its memorization over (points − 1).

    References
    ----------
    Zhang et al., "Counterfactual Memorization in Neural Language Models" (2023),
    definition 2, for the estimand; Frisch and Waugh (1933) for the removal; Welch
    (1947), Biometrika 34:28-35.

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
    interval_iv(interval, get_args(InfluenceInterval))
    evidence = usable_iv(scores, member, own)
    counts = _counts(evidence)
    warn_of((counts[0] == 0).any(1) | (counts[1] == 0).any(1), EMPTY_ARM)
    warn_of(np.isinf(evidence.scores).any(0), INFINITE)
    numbers = np.empty((4, *counts[0].shape))  # estimate, standard error, low, high
    for block in influence_blocks(evidence, interval=interval):
        t = special.stdtrit(block.degrees_of_freedom, (1 + confidence) / 2)
        reach = t * block.standard_error
        ends = block.estimate - reach, block.estimate + reach
        numbers[:, :, block.targets] = block.estimate, block.standard_error, *ends
    _put_memorization(numbers, evidence, confidence, interval)
    columns: dict[str, Any] = dict(zip(NUMBERS, (*numbers, *counts), strict=True))
    return Result(
        CounterfactualInfluence.name,
        CounterfactualInfluence.unit,
        **columns,
        axes=("index", "target"),
        attrs=evidence.attrs,
    ).beside(scores)


class InfluenceBlock(NamedTuple):
    """Influence on some targets; arrays `(points, targets of the block)`."""

    targets: slice
    estimate: Floats
    standard_error: Floats
    degrees_of_freedom: Floats  # of Student's t; `(1, targets)` if alike for all points


def influence_blocks(
    evidence: Retrainings, *, interval: InfluenceInterval = "automatic"
) -> Iterator[InfluenceBlock]:
    """Yield the influence on a few targets at a time, never all at once in memory.

    As `counterfactual_influence`, but NaN for a target's influence on itself.

    Parameters
    ----------
    evidence : Retrainings
        With one score for each target.
    interval : {"automatic", "welch"}
        Which interval the degrees of freedom are for.

    Yields
    ------
    InfluenceBlock
        A slice of targets, with ``estimate`` and ``standard_error (points, targets)``
        in the unit of the scores, and ``degrees_of_freedom``.

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
    welch = interval == "welch"
    for start in range(0, targets, width):
        block = slice(start, min(start + width, targets))
        scores = evidence.scores[finished, block].astype(np.float64)
        if not np.isnan(scores).any():
            found = _influence_on(scores, own[block], members, welch=welch)
            yield InfluenceBlock(block, *found)
            continue
        rows = (points, points, points if welch else 1)
        columns = [np.full((count, scores.shape[1]), np.nan) for count in rows]
        for some, scored in _alike(~np.isnan(scores)):
            if scored.any():
                seen = scores[np.ix_(scored, some)]
                others = _Members.of(member[scored])
                found = _influence_on(seen, own[block][some], others, welch=welch)
                for column, numbers in zip(columns, found, strict=True):
                    column[:, some] = numbers
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
    interval: InfluenceInterval = "automatic"

    name: ClassVar[str] = "counterfactual_influence"
    takes_held_out: ClassVar[bool] = True
    cost: ClassVar[str] = "runs * points * targets"
    function = staticmethod(counterfactual_influence)


class _Members(NamedTuple):
    """Who trained on what, and what is computed from that alone."""

    inside: Floats  # (points, 1): runs with the point
    outside: Floats
    centered: Floats  # (runs, points): membership minus its mean
    squares: Floats  # (points,): sum of its squares, n_in n_out / runs

    @classmethod
    def of(cls, member: npt.NDArray[np.bool_]) -> _Members:
        runs = len(member)
        inside = member.sum(0).astype(np.float64)
        outside = runs - inside
        return cls(
            inside[:, np.newaxis],
            outside[:, np.newaxis],
            member - inside / runs,
            inside * outside / runs,
        )


def _influence_on(
    scores: Floats, own: npt.NDArray[np.int64], members: _Members, *, welch: bool
) -> tuple[Floats, Floats, Floats]:
    """Return estimate, standard error and degrees of freedom of some targets."""
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
        difference, from_in, from_out = _contrast(residual, members)
        squared = from_in + from_out
        # The own effect took a degree of freedom that Welch's formula does not see.
        runs = len(scores)
        free = (runs - 3) / (runs - 2) if runs > 3 else np.nan
        rest_of_error = rest * np.where(known, free, 1)
        error = np.sqrt(squared) / np.sqrt(np.maximum(rest_of_error, 0))
        if welch:
            shares = from_in / squared, from_out / squared
            freedom = satterthwaite(*shares, members.inside, members.outside)
        else:
            freedom = np.full((1, len(own)), max(runs - 3.0, 1.0))
        return difference / rest, error, freedom


def _contrast(residual: Floats, members: _Members) -> tuple[Floats, Floats, Floats]:
    """Return IN mean − OUT mean, and the variance of either mean, `(points, targets)`.

    The residuals sum to zero over all runs, so the sums over OUT follow from IN.
    """
    inside, outside = members.inside, members.outside
    total = members.centered.T @ residual
    squares = residual**2
    squares_in = members.centered.T @ squares
    squares_in += inside / len(residual) * squares.sum(0)
    squares_out = squares.sum(0) - squares_in
    deviations_in = np.maximum(squares_in - total**2 / inside, 0)
    deviations_out = np.maximum(squares_out - total**2 / outside, 0)
    # A variance takes two runs.
    pairs_in = np.where(inside > 1, inside * (inside - 1), np.nan)
    pairs_out = np.where(outside > 1, outside * (outside - 1), np.nan)
    difference = total / members.squares[:, np.newaxis]
    return difference, deviations_in / pairs_in, deviations_out / pairs_out


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
    numbers: Floats,
    evidence: Retrainings,
    confidence: float,
    interval: InfluenceInterval,
) -> None:
    """Write each training target's memorization where its own point meets it."""
    inside, outside = evidence.arms
    found = difference_interval(
        inside, outside, confidence=confidence, interval=interval
    )
    memorization = inside.mean - outside.mean
    own = np.asarray(evidence.own)
    targets = np.flatnonzero(own >= 0)
    columns = (memorization, found.standard_error, found.low, found.high)
    for number, column in zip(numbers, columns, strict=True):
        number[own[targets], targets] = column[targets]
