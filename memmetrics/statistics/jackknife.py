"""Standard error of any statistic of the runs: the delete-a-group jackknife.

With the runs dealt into G groups and θ₍g₎ the statistic without group g,

    SE² = (G − 1)/G · Σ (θ₍g₎ − mean θ₍·₎)².
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import special

__all__ = ["jackknife_error", "jackknife_limits"]

GROUPS = 32  # at most: enough for an error that is itself known to an eighth


def jackknife_error(
    statistic: Callable[[npt.NDArray[np.bool_]], npt.NDArray[np.float64]], runs: int
) -> npt.NDArray[np.float64]:
    """Return the standard error of a statistic over the runs.

    Parameters
    ----------
    statistic : function of a bool array (runs,)
        The statistic of those runs, an array of any shape.
    runs : int
        How many runs there are, at least 2.

    Returns
    -------
    float64 array
        In the shape of the statistic. NaN where the statistic is NaN without some
        group.

    References
    ----------
    Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 11.

    Examples
    --------
    >>> values = np.array([1.0, 2.0, 4.0])
    >>> error = jackknife_error(lambda kept: values[kept].mean(), runs=3)
    >>> bool(np.isclose(error, values.std(ddof=1) / 3**0.5))
    True
    """
    groups = min(runs, GROUPS)
    group = np.arange(runs) % groups
    without = np.stack([statistic(group != left_out) for left_out in range(groups)])
    variance = without.var(axis=0) * (groups - 1)
    return np.asarray(np.sqrt(variance), dtype=np.float64)


def jackknife_limits(
    estimate: npt.NDArray[np.float64],
    standard_error: npt.NDArray[np.float64],
    *,
    runs: int,
    confidence: float,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return ``estimate ± t · standard_error``, t with one degree less than groups."""
    t = special.stdtrit(min(runs, GROUPS) - 1, (1 + confidence) / 2)
    return estimate - t * standard_error, estimate + t * standard_error
