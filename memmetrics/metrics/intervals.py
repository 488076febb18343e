"""Confidence intervals for the difference of two means, from streamed statistics.

The interval of a point needs eight numbers per arm and never the scores themselves;
:class:`ArmStatistics` names them.  All of them can be accumulated run by run and merged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["ArmStatistics"]


class ArmStatistics(Protocol):
    """What an interval must know of one arm: arrays of shape ``(points,)``.

    Two-valued scores are recognized from the last four: the lowest and the highest
    score, compared exactly, and how many runs attain each.  Where all runs of an arm
    are alike, ``lowest == highest`` and both counts equal ``count``.  An empty arm has
    count 0 and NaN everywhere else.

    Attributes
    ----------
    count : integer array
        Runs in the arm, ``n``.
    mean : float64 array
        Mean score.
    variance : float64 array
        Unbiased: sum of squared deviations / ``(n - 1)``; NaN where ``n < 2``.
    third_moment : float64 array
        Third central moment: sum of cubed deviations / ``n``.
    lowest, highest : float64 array
        Smallest and largest score.
    at_lowest, at_highest : integer array
        Runs whose score equals ``lowest`` and ``highest``.
    """

    @property
    def count(self) -> npt.NDArray[np.integer]: ...  # noqa: D102
    @property
    def mean(self) -> npt.NDArray[np.float64]: ...  # noqa: D102
    @property
    def variance(self) -> npt.NDArray[np.float64]: ...  # noqa: D102
    @property
    def third_moment(self) -> npt.NDArray[np.float64]: ...  # noqa: D102
    @property
    def lowest(self) -> npt.NDArray[np.float64]: ...  # noqa: D102
    @property
    def highest(self) -> npt.NDArray[np.float64]: ...  # noqa: D102
    @property
    def at_lowest(self) -> npt.NDArray[np.integer]: ...  # noqa: D102
    @property
    def at_highest(self) -> npt.NDArray[np.integer]: ...  # noqa: D102
