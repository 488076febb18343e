"""One block of points: both arms' statistics, and what their samples can support."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from memmetrics.statistics.arms import Arm

Bools: TypeAlias = npt.NDArray[np.bool_]
Floats: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.intp]


class Kind(IntEnum):
    """What kind of interval a point has."""

    NONE = 0
    MEANS = 1
    PROPORTIONS = 2
    WELCH = 3
    NEWCOMBE = 4
    STUDENT = 5
    WILSON = 6


class Lack(IntEnum):
    """What a point's sample lacks."""

    NOTHING = 0
    RUNS = 1
    VARIATION = 2
    REPETITION = 3
    FINITENESS = 4


INTERVALS = (
    "none",
    "skewness-adjusted",
    "proportions",
    "welch",
    "newcombe",
    "student",
    "wilson",
)
"""Names of the intervals, by `Kind`; the last two are for a single mean."""

FLAGS = (
    "",
    "fewer than 2 runs in an arm",
    "all runs alike",
    "one run stands apart",
    "a score is infinite",
)
"""Names of what may be wrong with a sample, by `Lack`.

``"all runs alike"``: no score differs from another in either arm. Without any noise to
see, a continuous score has no interval; the value 0 or 1 is taken for an outcome.
``"one run stands apart"``: a mode was seen once, so the interval is a rough one.
``"a score is infinite"``: there is no mean, and so no interval.
"""


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

    @property
    def interval(self) -> npt.NDArray[np.object_]:
        """Name of each point's interval."""
        return np.array(INTERVALS, dtype=object)[self.kind]

    @property
    def flag(self) -> npt.NDArray[np.object_]:
        """Name of what each point's sample lacks."""
        return np.array(FLAGS, dtype=object)[self.lack]


def classify(inside: Arm, outside: Arm) -> Sample:
    """Say which interval each point can have, from the statistics of its arms.

    Where all runs are alike, the values 0 and 1 are taken for outcomes of two.
    """
    enough = np.minimum(inside.count, outside.count) >= 2
    lower = np.minimum(inside.lowest, outside.lowest)
    upper = np.maximum(inside.highest, outside.highest)
    alike = enough & (lower == upper)
    outcome = alike & np.isin(lower, (0, 1))
    lower = np.where(outcome, 0, lower)
    upper = np.where(outcome, 1, upper)
    share_in = _share_at(inside, upper, lower)
    share_out = _share_at(outside, upper, lower)
    two_valued = np.isfinite(share_in) & np.isfinite(share_out)
    infinite = np.isinf(lower) | np.isinf(upper)
    kind = np.where(two_valued, Kind.PROPORTIONS, Kind.MEANS).astype(np.int8)
    kind[~enough | (alike & ~outcome) | infinite] = Kind.NONE
    lack = np.where(alike, Lack.VARIATION, Lack.NOTHING).astype(np.int8)
    lack[infinite] = Lack.FINITENESS
    lack[~enough] = Lack.RUNS
    return Sample(inside, outside, lower, upper, share_in, share_out, kind, lack)


def choose(sample: Sample, interval: str, start: int = 0) -> None:
    """Put a published interval, where one is asked for, in the place of what fits.

    The first point of the sample is number `start`.
    """
    if interval in {"welch", "student"}:
        # Without variance in either arm, t is 0/0.
        arms = sample.inside, sample.outside
        alike = np.all([arm.lowest == arm.highest for arm in arms], axis=0)
        sample.lack[alike & (sample.kind != Kind.NONE)] = Lack.VARIATION
        sample.kind[alike] = Kind.NONE
        sample.kind[sample.kind != Kind.NONE] = Kind[interval.upper()]
    elif interval in {"newcombe", "wilson"}:
        several = np.flatnonzero(sample.kind == Kind.MEANS)
        if several.size:
            raise ValueError(
                f"`interval` {interval!r} is for scores of two values, such as 0 and "
                f"1; point {start + several[0]} has more"
            )
        sample.kind[sample.kind == Kind.PROPORTIONS] = Kind[interval.upper()]


def _share_at(arm: Arm, upper: Floats, lower: Floats) -> Floats:
    """Share of the runs at `upper`; NaN where some are at neither value.

    An arm whose runs are all alike counts all of them as lowest and as highest.
    """
    at_lower = np.where(arm.lowest == lower, arm.at_lowest, 0)
    at_upper = np.where(arm.highest == upper, arm.at_highest, 0)
    two_valued = (at_lower + at_upper == arm.count) & (arm.count > 0)
    share = np.full_like(arm.runs, np.nan)
    np.divide(at_upper, arm.count, out=share, where=two_valued)
    return share
