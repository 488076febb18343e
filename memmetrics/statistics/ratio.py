"""Fieller's limits of a ratio of two estimates.

All m for which ``over − m · under`` cannot be told from 0:
(over − m · under)² ≤ over_width² + m² · under_width².
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["ratio_limits"]

Floats = npt.NDArray[np.float64]


def ratio_limits(
    over: Floats, under: Floats, over_width: Floats, under_width: Floats
) -> tuple[Floats, Floats]:
    """Return the ends of the interval of over / under, for independent errors.

    Parameters
    ----------
    over, under : float64 array (points,)
        The two estimates.
    over_width, under_width : float64 array (points,)
        Half-widths of their own intervals.

    Returns
    -------
    low, high : float64 array (points,)
        Infinite where `under` cannot be told from 0; NaN where an estimate is.

    References
    ----------
    Fieller (1954), Journal of the Royal Statistical Society B 16.

    Examples
    --------
    >>> one = np.ones(1)
    >>> low, high = ratio_limits(0.3 * one, 0.6 * one, 0.03 * one, 0.06 * one)
    >>> print(f"{low.item():.3f} to {high.item():.3f}")
    0.434 to 0.576
    """
    known = ~(np.isnan(over) | np.isnan(under))
    with np.errstate(divide="ignore", invalid="ignore"):
        # In units of the larger, squares neither overflow nor vanish.
        unit = np.maximum(np.abs(under), np.fmax(under_width, 0))
        over, over_width = over / unit, over_width / unit
        under, under_width = under / unit, under_width / unit
        a = under**2 - under_width**2
        bounded = a > 0
        # The square root of (over · under)² − a c, whose terms all but cancel.
        root = np.hypot(over * under_width, over_width * np.sqrt(np.maximum(a, 0)))
        low, high = (over * under - root) / a, (over * under + root) / a
    low, high = np.where(bounded, low, -np.inf), np.where(bounded, high, np.inf)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)
