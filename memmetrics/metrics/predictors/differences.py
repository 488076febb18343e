"""Difference in differences: what one training changed for those it trained on.

τ_i = (after_i − before_i) − mean over untrained j of (after_j − before_j)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import (
    Array,
    as_boolean,
    as_float,
    as_labels,
    require_finite,
    to_numpy,
)

__all__ = ["difference_in_differences"]


def difference_in_differences(
    before: Array,
    after: Array,
    treated: Array,
    *,
    strata: npt.ArrayLike | None = None,
) -> npt.NDArray[np.float64]:
    r"""Gain in score of each point trained on, less the mean gain of the others.

    .. math:: \tau_i = (y_i^{after} - y_i^{before})
        - \frac{1}{n} \sum_{j \text{ untreated}} (y_j^{after} - y_j^{before})

    Parameters
    ----------
    before, after : array or tensor (points,)
        Score of every point before and after one training (or a part of it), higher
        is better.
    treated : boolean array or tensor (points,)
        Whether the point was trained on in between. To read the mean as an effect, a
        coin must have decided it, or the two kinds must have moved alike otherwise.
    strata : int or str array (points,), optional
        Kind of every point: a point is compared with the untreated of its own kind.

    Returns
    -------
    float64 array (points,)
        In the unit of the scores; positive means memorized. NaN for untreated points,
        and where a stratum has no untreated point.

    Raises
    ------
    TypeError, ValueError
        If the arrays do not fit one another, scores are not finite, labels are
        neither integers nor strings, or there is no untreated point.

    Notes
    -----
    Its mean over treated points is the estimate of Lesci et al. For a single point it
    has no interval. Within a stratum what is subtracted is one number: it moves no
    rank, which is that of the gains alone.

    References
    ----------
    Lesci et al., "Causal estimation of memorisation profiles" (2024), arXiv 2406.04327,
    section 4.

    Examples
    --------
    >>> treated = np.array([True, True, False, False])
    >>> difference_in_differences(np.zeros(4), np.array([5.0, 2.0, 1.0, 3.0]), treated)
    array([ 3.,  0., nan, nan])
    """
    chosen = to_numpy(as_boolean(treated, "treated", axes="(points,)", ndim=1))
    gains = _scores_iv(after, "after", chosen) - _scores_iv(before, "before", chosen)
    if chosen.all():
        raise ValueError("`treated` must leave out at least one point; it has all")
    kinds = _strata_iv(strata, len(chosen))
    estimates = np.full(len(chosen), np.nan)
    for kind in np.unique(kinds):
        inside, outside = chosen & (kinds == kind), ~chosen & (kinds == kind)
        if outside.any():
            estimates[inside] = gains[inside] - gains[outside].mean()
    return estimates


def _scores_iv(
    scores: Array, name: str, treated: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    checked = as_float(scores, name, axes="(points,)", min_ndim=1)
    require_finite(checked, name)
    values = to_numpy(checked).astype(np.float64)
    if values.shape != treated.shape:
        raise ValueError(
            f"`{name}` must have the shape of `treated`, {treated.shape}; "
            f"got {values.shape}"
        )
    return values


def _strata_iv(strata: npt.ArrayLike | None, points: int) -> npt.NDArray[np.intp]:
    if strata is None:
        return np.zeros(points, dtype=np.intp)
    labels = as_labels(strata, "strata")
    if labels.dtype.kind == "f":
        raise TypeError(f"`strata` must be integers or strings; got {labels.dtype}")
    if labels.shape != (points,):
        raise ValueError(
            f"`strata` must hold one label a point, {points}; got shape {labels.shape}"
        )
    return np.unique(labels, return_inverse=True)[1].reshape(-1)
