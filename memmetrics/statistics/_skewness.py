"""Interval for the difference of two means, from three moments of each arm.

Welch's interval (1947) is ``d ± t s``: with means ``m``, unbiased variances ``v`` and
runs ``n`` of the arms,

    d = m₁ − m₀,   s² = v₁/n₁ + v₀/n₀,
    t = quantile of Student's t with s⁴ / Σ (v/n)²/(n − 1) degrees of freedom.

For skewed scores it misses on one side: an arm that has not yet drawn from its long
tail shows a mean that is off towards the short one, and a variance that is too small.
The first Edgeworth term of the studentized difference (Hall 1992, section 2.3; for two
samples Zhou and Dinh 2005) moves both limits towards the long tail by ``s`` times

    g(t) = λ (2t² + 1)/6,   λ = (κ₁/n₁² − κ₀/n₀²)/s³,

where κ is the third cumulant of an arm. Johnson (1978) is the same with the skewness
of one sample. Estimated from few runs, the shift costs on the short side more than it
brings, and where both arms are skewed alike, λ is mere noise. Therefore:

1. Only the limit on the side of the long tail moves, outwards; the other is Welch's.
   (Where the tails are alike, Welch's interval covers by itself.)
2. Third cumulants of few runs are too small for long tails. Each is multiplied by
   ``1 + 80/(n + 16) · (1 − r)²``, where ``r = variance / ((mean − lowest)(highest −
   mean))`` lies in (0, 1] and is 1 just for two-point samples (Bhatia and Davis 2000),
   whose cumulant can be believed.
3. The shift is multiplied by ``1 − λ²``: where one run alone carries the skewness, λ is
   near 1, the tail is in the sample and the mean is too large if anything.
4. It is multiplied by ``|c₁ + c₀| / (|c₁| + |c₀|)``, where ``c`` are the arms' terms of
   λ: skewness of both arms that mostly cancels is noise.

The constants 80 and 16 are from simulation: coverage for Gaussian, log-normal, and
two-mode arms of 16 to 200 runs, within 1.15 of Welch's width wherever Welch covers.

References
----------
Welch (1947), Biometrika 34:28-35. Johnson (1978), JASA 73:536-544. Hall (1992), The
Bootstrap and Edgeworth Expansion. Bhatia and Davis (2000), American Mathematical
Monthly 107:353-357. Zhou and Dinh (2005), Biostatistics 6:187-200.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from memmetrics.statistics._samples import Bools, Floats
from memmetrics.statistics._student import (
    satterthwaite,
    student_quantile,
    student_tail,
)
from memmetrics.statistics.arms import Arm

_INFLATION = 80.0
_INFLATION_RUNS = 16.0

_APART_TAIL = 1e-5  # chance that a Gaussian arm has a run that seems to stand apart
# Not met by less than this, even if Student's t were Gaussian and the runs 4.
_APART_LEAST = -float(special.ndtri(_APART_TAIL / 8))
_APART_SKEWNESS = 3.5  # in units of the standard error of a Gaussian's skewness


@dataclass(frozen=True, eq=False)
class Difference:
    """A difference of means, with all that its interval needs; arrays ``(points,)``.

    ``skewness`` is signed: the limit on its side lies at ``t + |skewness| (2t² + 1)/6``
    standard errors, the other at ``t``.
    """

    estimate: Floats
    standard_error: Floats
    degrees_of_freedom: Floats
    skewness: Floats

    def limits(self, confidence: float) -> tuple[Floats, Floats]:
        """Limits of the two-sided interval."""
        t = student_quantile(self.degrees_of_freedom, (1 + confidence) / 2)
        shift = (2 * t * t + 1) / 6
        below = t + np.maximum(-self.skewness, 0) * shift
        above = t + np.maximum(self.skewness, 0) * shift
        return (
            self.estimate - self.standard_error * below,
            self.estimate + self.standard_error * above,
        )

    def p_value(self, minimum: float) -> Floats:
        """One-sided p-value of a mean difference of at most `minimum`.

        The interval inverted: t solves ``t + a (2t² + 1)/6 = |estimate − minimum| / s``
        where ``a`` is the skewness on the side of `minimum`.
        """
        distance = (self.estimate - minimum) / self.standard_error
        skewness = np.maximum(-np.sign(distance) * self.skewness, 0)
        rest = np.maximum(np.abs(distance) - skewness / 6, 0)
        t = 2 * rest / (1 + np.sqrt(1 + 4 / 3 * skewness * rest))
        tail = student_tail(self.degrees_of_freedom, t)
        return np.where(distance >= 0, tail, 1 - tail)


def mean_difference(inside: Arm, outside: Arm) -> Difference:
    """Compare the means of two arms, of which at least one varies.

    Parameters
    ----------
    inside, outside : Arm
        Statistics of the same points, at least 2 runs each.

    Returns
    -------
    Difference
        Inside − outside.
    """
    share_in = inside.variance / inside.runs
    share_out = outside.variance / outside.runs
    squared = share_in + share_out
    standard_error = np.sqrt(squared)
    return Difference(
        estimate=inside.mean - outside.mean,
        standard_error=standard_error,
        degrees_of_freedom=satterthwaite(
            share_in / squared, share_out / squared, inside.runs, outside.runs
        ),
        skewness=_skewness(inside, outside, standard_error),
    )


def _skewness(inside: Arm, outside: Arm, standard_error: Floats) -> Floats:
    term_in = _cumulant_term(inside, standard_error)
    term_out = -_cumulant_term(outside, standard_error)
    one_run = np.minimum(np.square(term_in + term_out), 1)
    term_in = term_in * _inflation(inside)
    term_out = term_out * _inflation(outside)
    total = term_in + term_out
    magnitude = np.abs(term_in) + np.abs(term_out)
    agreement = np.divide(
        np.abs(total), magnitude, out=np.zeros_like(total), where=magnitude > 0
    )
    skewness: Floats = total * agreement * (1 - one_run)
    return skewness


def _cumulant_term(arm: Arm, standard_error: Floats) -> Floats:
    """Unbiased third cumulant / n², in units of the cubed standard error."""
    unbiased = np.divide(
        1,
        (arm.runs - 1) * (arm.runs - 2),
        out=np.zeros_like(arm.runs),
        where=arm.runs > 2,
    )
    deviation = np.cbrt(arm.third_moment) / standard_error
    return unbiased * (deviation * deviation * deviation)


def _inflation(arm: Arm) -> Floats:
    largest = (arm.mean - arm.lowest) * (arm.highest - arm.mean)
    positive = largest > 0
    variance = arm.variance * (arm.runs - 1) / arm.runs
    two_point = np.where(positive, variance / np.where(positive, largest, 1), 1)
    spread = 1 - np.minimum(two_point, 1)
    factor: Floats = 1 + _INFLATION / (arm.runs + _INFLATION_RUNS) * np.square(spread)
    return factor


def stands_apart(arm: Arm) -> Bools:
    """Whether one run stands apart from the others: a mode seen once.

    That is, it is an outlier of the others by Grubbs' test, and they without it are no
    more skewed than a Gaussian sample, so that it is not the end of a long tail.
    """
    # First what takes little time and leaves few points: Student's t has no lighter
    # tails than a Gaussian, so that no distance below `_APART_LEAST` can pass.
    away = np.maximum(arm.highest - arm.mean, arm.mean - arm.lowest)
    least = np.square(_APART_LEAST * (1 - 1e-9))
    far = np.square(away) * arm.runs * (arm.runs - 2 + least)
    apart: Bools = far > least * np.square(arm.runs - 1) * arm.variance
    apart &= arm.runs > 3
    left = np.flatnonzero(apart)
    apart[left] = _stands_apart(arm.take(left))
    return apart


def _stands_apart(arm: Arm) -> Bools:
    high = arm.highest - arm.mean > arm.mean - arm.lowest
    extreme = np.where(high, arm.highest, arm.lowest)
    away = extreme - arm.mean
    others = arm.runs - 1
    squares = arm.variance * others
    cubes = arm.third_moment * arm.runs
    # Moments of the others about their own mean, which lies `shift` from the mean.
    shift = -away / others
    squares_left = np.maximum(squares - away**2 * arm.runs / others, 0)
    cubes_left = (cubes - away**3) - 3 * shift * (squares - away**2)
    cubes_left -= 3 * shift**2 * away + others * shift**3
    scale = np.sqrt(squares_left)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.abs(away - shift) / scale * np.sqrt(others - 1)
        studentized = distance * np.sqrt(others / arm.runs)
        skewness = np.abs(cubes_left) / scale**3 * np.sqrt(others)
    tail = special.stdtr(others - 1, -studentized) * 2 * arm.runs
    bound = _APART_SKEWNESS * np.sqrt(6 / arm.runs)
    # Differences this small are rounding: the others are all alike.
    alike = squares_left <= 1e-12 * squares
    apart: Bools = (tail < _APART_TAIL) & (alike | (skewness < bound))
    return apart & (squares > 0)
