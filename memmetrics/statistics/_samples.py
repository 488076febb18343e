"""One block of points: both arms' statistics, and what their samples can support."""

from __future__ import annotations

from collections.abc import Sequence
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
    """What kind of interval a point has; the order of `INTERVALS`."""

    NONE = 0
    MEANS = 1
    PROPORTIONS = 2
    WELCH = 3
    NEWCOMBE = 4
    STUDENT = 5
    WILSON = 6


class Lack(IntEnum):
    """What a point's sample lacks; the order of `FLAGS`."""

    NOTHING = 0
    RUNS = 1
    VARIATION = 2
    REPETITION = 3
    FINITENESS = 4


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
    enough = np.minimum(inside.count, outside.count) >= 2
    lower = np.minimum(inside.lowest, outside.lowest)
    upper = np.maximum(inside.highest, outside.highest)
    alike = enough & (lower == upper)
    outcome = alike & np.isin(lower, outcomes)
    lower = np.where(outcome, outcomes[0], lower)
    upper = np.where(outcome, outcomes[1], upper)
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
