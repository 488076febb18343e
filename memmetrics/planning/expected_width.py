"""From the spread of a few runs, the half-width of intervals after many.

What a few runs show of a point is mostly chance: eight scores may all be alike and the
ninth not, and a variance of eight scores of a long tail is far too small most of the
time. So points lend one another strength. Each point's variance (or, of scores that
take two values, its share of the upper one) is drawn towards that of all points, the
more so the less one half of the runs says about the other half: with w the reliability
of what the runs say (Spearman and Brown's, from the correlation of the two halves), the
distance from the centre of all points is multiplied by w. The sum over all points stays
as it was seen, so that the spread is neither lost nor made up.

No spread seen is not no spread: where no run differed, a share is taken to be half a
run away from certainty.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

from memmetrics.designs import Bools
from memmetrics.planning.precision import Precision, reached_by
from memmetrics.statistics import Arm, mean_difference, proportion_limits

Floats: TypeAlias = npt.NDArray[np.float64]

__all__ = ["MOST_RUNS", "ArmSpread", "ExpectedWidth", "FirstRuns"]

MOST_RUNS = 10**18
_POINTS = 4096  # enough to know how points differ
_RESAMPLES = 20
_FEWEST_POINTS = 4  # that can lend strength to one another
_LARGEST_NOISE = 1.0  # standard deviation of the logarithm of a variance


@dataclass(frozen=True)
class ArmSpread:
    """What the scores of one arm are like, for each point.

    Parameters
    ----------
    spread : array (points,)
        Variance of the scores; of two-valued ones, the share of the upper value.
    skewness, tails : float
        Standardized third moment, the same for all points; squared relative error of a
        variance times the number of runs (2 for Gaussian scores).
    """

    spread: Floats
    skewness: float = 0.0
    tails: float = 2.0


@dataclass(frozen=True)
class ExpectedWidth:
    """How the scores of each point spread, and what half-widths that leads to.

    Parameters
    ----------
    inside, outside : ArmSpread
        Of the runs with and without the point.
    fraction : float
        Share of the runs that have it.
    span : float, optional
        Distance of the two values that the scores take; None if they take more.
    """

    inside: ArmSpread
    outside: ArmSpread
    fraction: float
    span: float | None = None

    def widths(self, runs: int, confidence: float) -> Floats:
        """Return a half-width for each point after so many runs, (points,).

        With the interval that memorization has. Samples differ by chance, so that
        these do too: the widest of many points is wider than that of a typical one.
        """
        # At least two runs an arm, for there to be an interval at all.
        shares = (self.fraction, 1 - self.fraction)
        counts = [max(2.0, share * runs) for share in shares]
        arms = [
            self._seen(arm, count, stream)
            for stream, (arm, count) in enumerate(
                zip((self.inside, self.outside), counts, strict=True)
            )
        ]
        if self.span is None:
            samples = (
                _arm(spread, arm.skewness, count)
                for spread, arm, count in zip(
                    arms, (self.inside, self.outside), counts, strict=True
                )
            )
            low, high = mean_difference(*samples).limits(confidence)
            return np.asarray(high - low) / 2
        z = special.ndtri((1 + confidence) / 2)
        sizes = [np.full(len(arms[0]), count) for count in counts]
        low, high = proportion_limits(arms[0], arms[1], sizes[0], sizes[1], z)
        return np.asarray(self.span * (high - low) / 2)

    def _seen(self, arm: ArmSpread, count: float, stream: int) -> Floats:
        """Return what a sample of `count` runs may show instead of the truth."""
        points = len(arm.spread)
        # Quantiles of a Gaussian in random order: the largest is as large as usual.
        lots = special.ndtri((np.arange(points) + 0.625) / (points + 0.25))
        lots = np.random.default_rng(stream).permutation(lots)
        if self.span is None:
            noise = min(np.sqrt(arm.tails / count), _LARGEST_NOISE)
            return np.asarray(arm.spread * np.exp(lots * noise - noise**2 / 2))
        error = np.sqrt(arm.spread * (1 - arm.spread) / count)
        return np.asarray(np.clip(arm.spread + lots * error, 0, 1))

    def runs_for(self, rule: Precision, looks: Sequence[int]) -> int:
        """Return the look at which `rule` is expected to be satisfied, or the last.

        Raises
        ------
        ValueError
            If that is at 10**18 runs.
        """
        low, high = -1, len(looks)
        while high - low > 1:
            middle = (low + high) // 2
            widths = self.widths(looks[middle], rule.interval_confidence)
            if reached_by(widths, rule.points) <= rule.half_width:
                high = middle
            else:
                low = middle
        if high == len(looks) and looks[-1] >= MOST_RUNS:
            raise ValueError(
                f"`half_width` {rule.half_width} takes more than {MOST_RUNS:,} runs"
            )
        return looks[min(high, len(looks) - 1)]


@dataclass(frozen=True)
class FirstRuns:
    """Scores of a few runs, from which to estimate.

    Parameters
    ----------
    scores : array (runs, points) or (runs, points, tokens)
        Runs that are not finite where others are, are left out.
    member : bool array (runs, points)
        Who trained on what.
    fraction : float
        Share of the runs that have a point.
    """

    scores: npt.NDArray[Any]
    member: Bools
    fraction: float

    def __post_init__(self) -> None:
        """Make one column of each token, and leave out what cannot be used."""
        scores, member = self.scores, self.member
        if scores.ndim == 3:
            member = np.repeat(member, scores.shape[2], axis=1)
            scores = scores.reshape(len(scores), -1)
        finite = np.isfinite(scores)
        known = finite.any(axis=0)  # others are padding
        rows = finite[:, known].all(axis=1)
        scores, member = scores[rows][:, known], member[rows][:, known]
        inside = member.sum(axis=0)
        usable = np.minimum(inside, len(member) - inside) >= 2
        if not usable.any():
            raise ValueError(
                f"`fraction` {self.fraction} leaves an arm with fewer than two of the "
                f"first {len(member)} runs at every point: no spread to plan with"
            )
        columns = np.flatnonzero(usable)
        columns = columns[:: -(-len(columns) // _POINTS)]
        object.__setattr__(self, "scores", scores[:, columns].astype(np.float64))
        object.__setattr__(self, "member", member[:, columns])

    def expected(self) -> ExpectedWidth:
        """Return what these runs lead to expect."""
        return self._expected(self.scores, self.member, self._reliabilities())

    def resampled(self) -> Iterator[ExpectedWidth]:
        """Yield what as many runs, drawn from these with replacement, lead to expect.

        Whole runs are drawn, since all scores of a run may be off together.
        """
        reliabilities = self._reliabilities()
        rng = np.random.default_rng(0)
        for _ in range(_RESAMPLES):
            rows = rng.integers(len(self.scores), size=len(self.scores))
            scores, member = self.scores[rows], self.member[rows]
            inside = member.sum(axis=0)
            usable = np.minimum(inside, len(rows) - inside) >= 2
            if usable.any():
                yield self._expected(
                    scores[:, usable], member[:, usable], reliabilities
                )

    def values(self) -> Floats:
        """Return the two values that all scores take, or none if they take more."""
        values = np.unique(self.scores)
        if len(values) == 1 and values[0] in (0, 1):
            return np.array([0.0, 1.0])
        return values if len(values) == 2 else values[:0]

    def _expected(
        self, scores: Floats, member: Bools, reliabilities: list[float]
    ) -> ExpectedWidth:
        values = self.values()
        arms = [
            _shares(scores == values[1], arm, weight)
            if len(values)
            else _variances(scores, arm, weight)
            for arm, weight in zip((member, ~member), reliabilities, strict=True)
        ]
        span = float(values[1] - values[0]) if len(values) else None
        return ExpectedWidth(arms[0], arms[1], self.fraction, span)

    def vary(self) -> bool:
        """Whether at least some scores differ in either arm.

        Raises
        ------
        ValueError
            If no score differs from another, and none is 0 or 1: no interval is had.
        """
        if not len(self.values()) and not np.ptp(self.scores, axis=0).any():
            raise ValueError(
                f"no point's score differs in the first {len(self.scores)} runs: no "
                "spread to plan with"
            )
        arms = (self.member, ~self.member)
        if not len(self.values()):
            return all(np.nanmax(_moments(self.scores, arm)[2]) > 0 for arm in arms)
        return all(len(np.unique(self.scores[arm])) > 1 for arm in arms)

    def _reliabilities(self) -> list[float]:
        two_valued = len(self.values()) > 0
        return [
            _reliability(self.scores, arm, two_valued)
            for arm in (self.member, ~self.member)
        ]


def _variances(scores: Floats, arm: Bools, weight: float) -> ArmSpread:
    count, mean, variance = _moments(scores, arm)
    average = variance.mean()
    if average == 0:
        # Not one run differed from another.
        return ArmSpread(variance)
    logarithm = np.log(np.maximum(variance, 1e-12 * average))
    drawn = np.exp(logarithm.mean() + weight * (logarithm - logarithm.mean()))
    drawn *= average / drawn.mean()
    scale = np.sqrt(np.maximum(drawn, 1e-12 * average))
    standardized = np.where(arm, (scores - mean) / scale, 0.0)
    number = count.sum()
    cubes = (standardized**3).sum() / number
    fourths = (standardized**4).sum() / number
    squares = (standardized**2).sum() / number
    tails = max(float(fourths / squares**2 - 1), 2.0)
    return ArmSpread(drawn, float(cubes / squares**1.5), tails)


def _shares(upper: Bools, arm: Bools, weight: float) -> ArmSpread:
    count, share, _ = _moments(upper.astype(np.float64), arm)
    average = float((share * count).sum() / count.sum())
    certain = 0.5 / (count + 1)
    if average in (0, 1):
        return ArmSpread(np.abs(average - certain))
    drawn = average + weight * (share - average)
    least, most = np.minimum(average, certain), np.maximum(average, 1 - certain)
    return ArmSpread(np.clip(drawn, least, most))


def _reliability(scores: Floats, arm: Bools, two_valued: bool) -> float:
    """Return how much of what a point's runs show is the point's own, from 0 to 1."""
    if scores.shape[1] < _FEWEST_POINTS:
        return 1.0
    halves = []
    for half in range(2):
        count, mean, variance = _moments(scores[half::2], arm[half::2])
        if not two_valued and not (count >= 2).all():
            return 1.0
        with np.errstate(divide="ignore"):
            halves.append(mean if two_valued else np.log(variance))
    usable = np.isfinite(halves).all(axis=0)
    first, second = (half[usable] for half in halves)
    if usable.sum() < _FEWEST_POINTS or not (first.std() and second.std()):
        return 1.0 if not two_valued else 0.0
    correlation = float(np.corrcoef(first, second)[0, 1])
    return max(0.0, 2 * correlation / (1 + correlation))


def _moments(scores: Floats, arm: Bools) -> tuple[Floats, Floats, Floats]:
    """Count, mean and unbiased variance of each column over the rows of its arm."""
    count = arm.sum(axis=0).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(arm, scores, 0.0).sum(axis=0) / count
        squares = (np.where(arm, scores - mean, 0.0) ** 2).sum(axis=0)
        return count, mean, np.where(count >= 2, squares / (count - 1), np.nan)


def _arm(variance: Floats, skewness: float, count: float) -> Arm:
    """Return the statistics of a sample, far from whose ends its scores lie."""
    zero, runs = np.zeros_like(variance), np.full_like(variance, count)
    # So that an arm that does not vary beside one that does is one of tiny variance.
    variance = np.maximum(variance, np.finfo(float).tiny)
    end = np.sqrt(count * variance)
    squares, cubes = variance * (count - 1), skewness * variance**1.5 * count
    return Arm(runs, zero, squares, cubes, -end, end, zero, zero)
