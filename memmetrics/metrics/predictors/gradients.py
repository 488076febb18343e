"""Influence of a point on itself, from the gradients of one trained model.

With g_i the gradient of point i's loss (or output) with respect to all parameters,

    self-influence   g_iᵀ (Σ_j g_j g_jᵀ + λ I)⁻¹ g_i
    TracIn           Σ_c η_c |g_i(θ_c)|²     over checkpoints c
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from memmetrics._arrays.validation import (
    Array,
    as_float,
    numbers_iv,
    require_finite,
    to_numpy,
)
from memmetrics.metrics.leverage import leverage

__all__ = ["self_influence", "tracin"]


def self_influence(
    gradients: Array, *, damping: float = 0.1
) -> npt.NDArray[np.float64]:
    r"""Influence of each point on itself, with the Gauss-Newton curvature.

    .. math:: I_i = g_i^\top \Big(\sum_j g_j g_j^\top + \lambda \mathbb 1\Big)^{-1} g_i,
        \qquad \lambda = \text{damping} \cdot \frac{1}{n} \sum_j |g_j|^2

    Parameters
    ----------
    gradients : array or tensor (..., points, parameters)
        Gradient of each training point's loss, or of its output; leading axes are
        runs.
    damping : float, default 0.1
        Curvature that is added in every direction, in units of the mean squared
        length of the gradients, so that their scale does not matter. 0 gives the
        leverage of the gradients, which is 1 for all points where there are more
        parameters than points.

    Returns
    -------
    float64 array (..., points)
        Dimensionless, between 0 and 1. High: the model fits the point with directions
        that no other point needs.

    Raises
    ------
    TypeError, ValueError
        If gradients are not finite numbers of that shape, or `damping` is negative.

    Notes
    -----
    Takes O(points² · parameters), by the matrix of inner products of the points. With
    gradients of the correct class's log-odds that were projected at random to few
    dimensions, and damping 0, it is the diagonal of TRAK but for its factor of one
    minus the probability.

    References
    ----------
    Koh and Liang, "Understanding black-box predictions via influence functions" (2017),
    arXiv 1703.04730; Feldman and Zhang (2020), section 1.2, for influence of a point on
    itself as memorization; Park et al., "TRAK" (2023), arXiv 2303.14186, equation 13.

    Examples
    --------
    A point with a direction of its own, and two that share one:

    >>> self_influence(np.array([[2.0, 0.0], [0.0, 2.0], [0.0, 2.0]]), damping=0)
    array([1. , 0.5, 0.5])
    """
    if not (math.isfinite(damping) and damping >= 0):
        raise ValueError(f"`damping` must be finite and not negative; got {damping!r}")
    damping = float(damping)  # NumPy does not multiply by a tensor as it is
    values = _gradients_iv(gradients, "(..., points, parameters)", 2)
    # Their scale cancels, and squares must neither vanish nor overflow.
    largest = np.abs(values).max(axis=(-2, -1), keepdims=True)
    values = values / np.where(largest > 0, largest, 1.0)
    if damping == 0:
        # Inner products lose a gradient that is far shorter than others; this does not.
        coordinates = np.swapaxes(
            np.linalg.qr(np.swapaxes(values, -2, -1), mode="r"), -2, -1
        )
        return np.asarray(leverage(np.ascontiguousarray(coordinates), flatten=1))
    products = values @ np.swapaxes(values, -2, -1)  # (..., points, points)
    points = products.shape[-1]
    squares, directions = np.linalg.eigh(products)
    least = points * np.finfo(np.float64).eps * squares[..., -1:]
    total = np.trace(products, axis1=-2, axis2=-1)[..., np.newaxis]
    with np.errstate(over="ignore"):  # nothing is left beside an infinite curvature
        ridge = damping * total / points
    kept = squares > least
    shares = np.where(kept, squares / np.where(kept, squares + ridge, 1.0), 0.0)
    influence = (directions**2 @ shares[..., np.newaxis])[..., 0]
    return np.asarray(np.minimum(influence, 1.0))


def tracin(gradients: Array, rates: npt.ArrayLike) -> npt.NDArray[np.float64]:
    r"""How much steps on a point lower its own loss, to first order, over a training.

    .. math:: T_i = \sum_c \eta_c |g_i(\theta_c)|^2

    Parameters
    ----------
    gradients : array or tensor (..., checkpoints, points, parameters)
        Gradient of each training point's loss at each checkpoint; leading axes are
        runs.
    rates : array (checkpoints,)
        Learning rate at each checkpoint, times the steps that it stands for, if these
        differ.

    Returns
    -------
    float64 array (..., points)
        In the unit of the loss. High: the point's loss fell mostly through its own
        gradient.

    Raises
    ------
    TypeError, ValueError
        If gradients are not finite numbers of that shape, or `rates` is not one
        number from 0 a checkpoint.

    Notes
    -----
    First order in the rate, and of plain gradient descent: with Adam the steps have
    another metric than this assumes.

    References
    ----------
    Pruthi et al., "Estimating training data influence by tracing gradient descent"
    (2020), arXiv 2002.08484, section 3.2, TracInCP.

    Examples
    --------
    >>> tracin(np.array([[[1.0, 2.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, 0.0]]]), [0.1, 1])
    array([1.5, 0.1])
    """
    values = _gradients_iv(gradients, "(..., checkpoints, points, parameters)", 3)
    weights, count = numbers_iv(rates, "rates"), values.shape[-3]
    if weights.shape != (count,) or not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError(
            f"`rates` must hold {count} numbers from 0, one a checkpoint; got {rates!r}"
        )
    lengths = np.einsum("...cpk,...cpk->...cp", values, values)
    lengths[..., weights == 0, :] = 0  # infinite or not
    return np.asarray(np.einsum("c,...cp->...p", weights, lengths))


def _gradients_iv(gradients: Array, axes: str, ndim: int) -> npt.NDArray[np.float64]:
    checked = as_float(gradients, "gradients", axes=axes, min_ndim=ndim)
    require_finite(checked, "gradients")
    return to_numpy(checked).astype(np.float64)
