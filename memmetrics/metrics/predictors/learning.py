"""What a point's history in one training says: forgetting events, area of its loss.

F_i = #{ t : right at t, wrong at t + 1 }
A_i = 1/(t_last − t_first) ∫ loss_i(t) dt
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import (
    Array,
    as_float,
    numbers_iv,
    refuse_masked,
    require_finite,
    to_numpy,
)

__all__ = ["forgetting_events", "loss_area"]


def forgetting_events(right: Array) -> npt.NDArray[np.float64]:
    r"""Count how often each point was answered right and then wrong.

    .. math:: F_i = \sum_t c_{ti} (1 - c_{t+1, i}), \qquad F_i = \infty
        \text{ if never right}

    Parameters
    ----------
    right : boolean array or tensor (..., checkpoints, points)
        Whether the model was right on each point at each checkpoint of one training,
        in order of time; leading axes are runs.

    Returns
    -------
    float64 array (..., points)
        Events, dimensionless, from 0; infinite for a point that was never right. More
        events: a point that is harder to keep.

    Raises
    ------
    TypeError
        If `right` is not boolean, or masked.
    ValueError
        If there are fewer than two checkpoints, or no points.

    References
    ----------
    Toneva et al., "An empirical study of example forgetting during deep neural network
    learning" (2019), arXiv 1812.05159, definition 1. They look at a point whenever it
    is in a batch; checkpoints that are further apart miss events.

    Examples
    --------
    >>> right = np.array([[0, 1, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], dtype=bool)
    >>> forgetting_events(right)
    array([ 1.,  1., inf])
    """
    refuse_masked(right, "right")
    hits = to_numpy(right)
    if hits.dtype != np.dtype(bool):
        raise TypeError(f"`right` must be boolean; got dtype {hits.dtype}")
    if hits.ndim < 2 or hits.shape[-2] < 2 or 0 in hits.shape:
        raise ValueError(
            "`right` must be (..., checkpoints, points) with at least 2 checkpoints; "
            f"got shape {hits.shape}"
        )
    forgotten = hits[..., :-1, :] & ~hits[..., 1:, :]
    events: npt.NDArray[np.float64] = forgotten.sum(axis=-2).astype(np.float64)
    events[~hits.any(axis=-2)] = np.inf
    return events


def loss_area(
    losses: Array, at: npt.ArrayLike | None = None
) -> npt.NDArray[np.float64]:
    r"""Average loss of each point during one training: the area under its curve.

    .. math:: A_i = \frac{1}{t_K - t_1} \sum_{k=1}^{K-1}
        (t_{k+1} - t_k) \frac{\ell_{ki} + \ell_{k+1, i}}{2}

    Parameters
    ----------
    losses : array or tensor (..., checkpoints, points)
        Loss of each point at each checkpoint; leading axes are runs.
    at : array (checkpoints,), optional
        Step of each checkpoint, finite and increasing; by default they are evenly
        spaced. The first checkpoints alone give the early loss.

    Returns
    -------
    float64 array (..., points)
        In the unit of the losses; a high one: a point that is learned late.

    Raises
    ------
    TypeError, ValueError
        If losses are not finite numbers, there are fewer than two checkpoints, or `at`
        does not increase or has another length.

    References
    ----------
    Jiang et al., "Characterizing structural regularities of labeled data in
    overparameterized models" (2020), arXiv 2002.03206, section 5, for learning speed in
    the place of retrainings.

    Examples
    --------
    >>> losses = np.array([[2.0, 2.0], [0.0, 2.0], [0.0, 0.0]])
    >>> loss_area(losses)
    array([0.5, 1.5])
    >>> loss_area(losses, at=[0, 10, 100])
    array([0.1, 1.1])
    """
    checked = as_float(losses, "losses", axes="(..., checkpoints, points)", min_ndim=2)
    require_finite(checked, "losses")
    values = to_numpy(checked).astype(np.float64)
    count = values.shape[-2]
    if count < 2:
        raise ValueError(
            f"`losses` must have at least 2 checkpoints; got shape {values.shape}"
        )
    steps = np.arange(count, dtype=np.float64) if at is None else _steps_iv(at, count)
    shares = np.diff(steps) / (steps[-1] - steps[0])
    weights = (np.append(shares, 0) + np.append(0, shares)) / 2
    return np.asarray(weights @ values, dtype=np.float64)


def _steps_iv(at: npt.ArrayLike, count: int) -> npt.NDArray[np.float64]:
    steps = numbers_iv(at, "at")
    with np.errstate(over="ignore", invalid="ignore"):  # judged here
        rising = steps.shape == (count,) and bool((np.diff(steps) > 0).all())
        finite = rising and np.isfinite(steps[-1] - steps[0])
    if not finite:
        raise ValueError(
            f"`at` must hold {count} finite, increasing steps, one a checkpoint; "
            f"got shape {steps.shape}: {at!r}"
        )
    return steps
