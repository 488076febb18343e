"""One block of points: both arms' statistics, and what their samples can support."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["Arm"]

Bools: TypeAlias = npt.NDArray[np.bool_]
Floats: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.intp]


class Kind(IntEnum):
    """What kind of interval a point has; the order of `INTERVALS`."""

    NONE = 0
    MEANS = 1
    PROPORTIONS = 2


class Lack(IntEnum):
    """What a point's sample lacks; the order of `FLAGS`."""

    NOTHING = 0
    RUNS = 1
    VARIATION = 2
    REPETITION = 3
    FINITENESS = 4


@dataclass(frozen=True, eq=False)
class Arm:
    """One arm's statistics as float64 arrays ``(points,)``.

    Where all runs are alike, the variance and the third moment are exactly 0, whatever
    rounding made of them.
    """

    runs: Floats
    mean: Floats
    variance: Floats  # unbiased
    third_moment: Floats  # central, the mean of cubes
    lowest: Floats
    highest: Floats
    at_lowest: Floats
    at_highest: Floats

    @classmethod
    def take(cls, moments: Any, part: slice) -> Arm:
        """Take a slice of an object that has `ArmStatistics`."""

        def column(name: str) -> Floats:
            return np.asarray(getattr(moments, name)[part], dtype=np.float64)

        lowest, highest = column("lowest"), column("highest")
        varies = lowest < highest
        return cls(
            runs=column("count"),
            mean=np.where(varies, column("mean"), lowest),
            variance=np.where(varies, column("variance"), 0.0),
            third_moment=np.where(varies, column("third_moment"), 0.0),
            lowest=lowest,
            highest=highest,
            at_lowest=column("at_lowest"),
            at_highest=column("at_highest"),
        )

    def pick(self, chosen: Indices) -> Arm:
        """Take some of the points, given in rising order."""
        if len(chosen) == len(self.runs):
            return self
        return Arm(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def share_at(self, upper: Floats, lower: Floats) -> Floats:
        """Share of the runs at `upper`; NaN where some are at neither value.

        An arm whose runs are all alike counts all of them as lowest and as highest.
        """
        at_lower = np.where(self.lowest == lower, self.at_lowest, 0)
        at_upper = np.where(self.highest == upper, self.at_highest, 0)
        share = np.full_like(self.runs, np.nan)
        two_valued = (at_lower + at_upper == self.runs) & (self.runs > 0)
        if two_valued.any():
            share[two_valued] = at_upper[two_valued] / self.runs[two_valued]
        return share


@dataclass(frozen=True, eq=False)
class Sample:
    """Both arms of a block of points; ``lower`` to ``share_out`` serve proportions."""

    inside: Arm
    outside: Arm
    lower: Floats
    upper: Floats
    share_in: Floats
    share_out: Floats
    kind: npt.NDArray[np.int8]
    lack: npt.NDArray[np.int8]


def classify(inside: Arm, outside: Arm, outcomes: Sequence[float]) -> Sample:
    """Say which interval each point can have.

    Parameters
    ----------
    inside, outside : Arm
        Statistics of the same points.
    outcomes : two floats, in rising order
        Values that are taken for outcomes where all runs are alike.
    """
    enough = np.minimum(inside.runs, outside.runs) >= 2
    lower = np.minimum(inside.lowest, outside.lowest)
    upper = np.maximum(inside.highest, outside.highest)
    alike = enough & (lower == upper)
    outcome = alike & np.isin(lower, outcomes)
    lower = np.where(outcome, outcomes[0], lower)
    upper = np.where(outcome, outcomes[1], upper)
    share_in = inside.share_at(upper, lower)
    share_out = outside.share_at(upper, lower)
    two_valued = np.isfinite(share_in) & np.isfinite(share_out)
    infinite = np.isinf(lower) | np.isinf(upper)
    kind = np.where(two_valued, Kind.PROPORTIONS, Kind.MEANS).astype(np.int8)
    kind[~enough | (alike & ~outcome) | infinite] = Kind.NONE
    lack = np.where(alike, Lack.VARIATION, Lack.NOTHING).astype(np.int8)
    lack[infinite] = Lack.FINITENESS
    lack[~enough] = Lack.RUNS
    return Sample(inside, outside, lower, upper, share_in, share_out, kind, lack)
