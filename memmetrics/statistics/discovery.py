"""Which points are memorized, at a given false-discovery rate.

Among a million points at p ≤ 0.025, some 25,000 seem memorized by chance alone. The
procedure of Benjamini and Hochberg (1995) bounds the false-discovery rate, the expected
share of chance finds among all finds: with sorted p-values ``p₍₁₎ ≤ … ≤ p₍ₘ₎``, the
finds are the ``k`` smallest, for the largest ``k`` with ``p₍ₖ₎ ≤ k/m · rate``. It holds
for independent points and for positively dependent ones, such as points that share
their runs. That of Benjamini and Yekutieli (2001) holds for any dependence, and finds
less: it divides the rate by ``1 + 1/2 + … + 1/m``.

References
----------
Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57:289-300.
Benjamini and Yekutieli (2001), Annals of Statistics 29:1165-1188.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from memmetrics._arrays.validation import numbers_iv, to_numpy

__all__ = ["discoveries"]


def discoveries(
    result: Any,
    *,
    false_discovery_rate: float = 0.05,
    any_dependence: bool = False,
) -> npt.NDArray[np.bool_]:
    """Say which points are memorized at a given false-discovery rate.

    Parameters
    ----------
    result : Result or DataFrame
        A result, or the tidy table of one, with a column ``p_value``, such as
        counterfactual memorization. Its p-values are one-sided and fit its intervals:
        they speak against a difference of at most 0, or of at most the `minimum` that
        the metric was given. All rows count as tested together.
    false_discovery_rate : float, default 0.05
        Share of chance finds to expect among the finds at most, in (0, 1).
    any_dependence : bool, default False
        Whether to allow for any dependence between points, by the procedure of
        Benjamini and Yekutieli instead of Benjamini and Hochberg's.

    Returns
    -------
    bool array, same shape as the estimates
        One for each row of a table. False also where there is no p-value.

    Raises
    ------
    TypeError, ValueError
        If `result` is neither a result nor a table, or has no column ``p_value`` with
        numbers in [0, 1], or `false_discovery_rate` lies outside (0, 1).

    Examples
    --------
    >>> from memmetrics import Result
    >>> result = Result("memorization", unit="score", estimate=[0.9, 0.3, 0.1, 0.0],
    ...                 columns={"p_value": [0.001, 0.024, 0.04, float("nan")]})
    >>> discoveries(result)
    array([ True,  True,  True, False])
    >>> discoveries(result, any_dependence=True)
    array([ True, False, False, False])
    """
    if not 0 < false_discovery_rate < 1:
        raise ValueError(
            "`false_discovery_rate` must lie strictly between 0 and 1; "
            f"got {false_discovery_rate!r}"
        )
    if not hasattr(result, "columns"):
        raise TypeError(
            f"`result` must be a Result or a DataFrame; got a {type(result).__name__}"
        )
    if "p_value" not in result.columns:
        raise ValueError(
            "`result` must have a column 'p_value'; "
            f"got the columns {sorted(map(str, result.columns))}"
        )
    if isinstance(result, pd.DataFrame):
        p_value = numbers_iv(result["p_value"], "p_value")
    else:
        # A column may be one value for all.
        shape = np.shape(to_numpy(result.estimate))
        column = numbers_iv(result.columns["p_value"], "p_value")
        p_value = np.broadcast_to(column, shape)
    tested = ~np.isnan(p_value)
    found = np.zeros(p_value.shape, dtype=bool)
    if tested.any():
        from scipy import stats  # takes long to import

        _check_range(p_value[tested])
        method = "by" if any_dependence else "bh"
        adjusted = stats.false_discovery_control(p_value[tested], method=method)
        found[tested] = adjusted <= false_discovery_rate
    return found


def _check_range(p_value: npt.NDArray[np.float64]) -> None:
    if p_value.min() < 0 or p_value.max() > 1:
        raise ValueError(
            "column 'p_value' of `result` must lie in [0, 1]; "
            f"got values from {p_value.min()} to {p_value.max()}"
        )
