"""Train/test gap: how much lower the loss is on the points that were trained on.

gap = mean test loss − mean train loss
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import special

from memmetrics._arrays.validation import (
    Array,
    as_confidence,
    as_float,
    check_same_kind,
    like_original,
    require_finite,
    safe_exponent,
    to_numpy,
)
from memmetrics.evidence import Losses
from memmetrics.metrics.base import FunctionMetric
from memmetrics.result import Result, default_axes
from memmetrics.statistics._student import satterthwaite

__all__ = ["TrainTestGap", "train_test_gap"]

Floats: TypeAlias = npt.NDArray[np.floating[Any]]


def train_test_gap(
    train_losses: Losses | Array,
    test_losses: Array | None = None,
    *,
    confidence: float = 0.95,
    paired: bool = False,
) -> Result:
    r"""Mean test loss minus mean train loss, with its standard error and interval.

    .. math::
        \bar\ell_{test} - \bar\ell_{train}, \qquad
        SE^2 = s_{test}^2 / n_{test} + s_{train}^2 / n_{train}

    with Welch's t interval.

    Parameters
    ----------
    train_losses : Losses, or array or tensor (..., points)
        Evidence, or the loss of every training point, lower is better.
    test_losses : array or tensor (..., test_points)
        Loss of every held-out point, in the same unit. Not with evidence.
    confidence : float
        Confidence of the interval, between 0 and 1.
    paired : bool
        Whether train loss `i` and test loss `i` belong together, such as the losses of
        two paraphrases of which one was trained on. The standard error is then that of
        the mean difference, usually a smaller one.

    Returns
    -------
    Result
        ``estimate``, ``standard_error``, ``low`` and ``high``, shape ``(...)``, in the
        unit of the losses. Positive means a larger loss on held-out points. Standard
        error and interval are NaN where there are fewer than two points.

    Raises
    ------
    TypeError, ValueError
        If an array is not real, empty or not finite, the two differ in kind, device or
        leading axes (with `paired`, in shape), or `confidence` is not within (0, 1).

    Notes
    -----
    The interval says how the gap of *this* model would vary with other points from the
    same distribution; how it varies with the training run takes several runs.

    References
    ----------
    Welch, "The generalization of 'Student's' problem when several different population
    variances are involved", Biometrika 34 (1947).

    Examples
    --------
    >>> import numpy as np
    >>> gap = train_test_gap(np.array([0.1, 0.2, 0.3]), np.array([1.0, 1.2, 1.4, 1.6]))
    >>> round(float(gap.estimate), 6), gap.unit
    (1.1, 'loss')
    >>> bool(gap.low < gap.estimate < gap.high)
    True
    """
    confidence = as_confidence(confidence)
    both: tuple[Array, Array | None]
    if isinstance(train_losses, Losses):
        if test_losses is not None:
            raise TypeError("`test_losses` are in the Losses that are given already")
        both = train_losses.train, train_losses.test
    else:
        both = train_losses, test_losses
    original, train, test = _gap_iv(*both, paired=paired)
    exponent = safe_exponent(train, test)
    if exponent:
        train, test = np.ldexp(train, -exponent), np.ldexp(test, -exponent)
    estimate, error, freedom = _paired(train, test) if paired else _welch(train, test)
    estimate, error = np.ldexp(estimate, exponent), np.ldexp(error, exponent)
    half_width = special.stdtrit(freedom, (1 + confidence) / 2) * error
    return Result(
        TrainTestGap.name,
        TrainTestGap.unit,
        like_original(estimate, original),
        standard_error=like_original(error, original),
        low=like_original(estimate - half_width, original),
        high=like_original(estimate + half_width, original),
        axes=default_axes(estimate.ndim + 1)[:-1],
    )


@dataclass(frozen=True)
class TrainTestGap(FunctionMetric):
    """Metric of `train_test_gap`; needs `Losses`.

    Examples
    --------
    >>> import numpy as np
    >>> float(TrainTestGap()(Losses(np.zeros(4), np.ones(5))).estimate)
    1.0
    """

    confidence: float = 0.95

    name: ClassVar[str] = "train_test_gap"
    needs: ClassVar[type[Losses]] = Losses
    unit: ClassVar[str] = "loss"
    cost: ClassVar[str] = "points + test_points"
    function = staticmethod(train_test_gap)


def _gap_iv(
    train_losses: Array, test_losses: Array | None, *, paired: bool
) -> tuple[Array, Floats, Floats]:
    names = ("train_losses", "test_losses")
    if test_losses is None:
        raise TypeError("`test_losses` must be given with `train_losses`")
    train = as_float(train_losses, names[0], axes="(..., points)", min_ndim=1)
    test = as_float(test_losses, names[1], axes="(..., test_points)", min_ndim=1)
    check_same_kind(train, test, names)
    first = -1 if not paired else None
    if train.shape[:first] != test.shape[:first]:
        raise ValueError(
            "`train_losses` and `test_losses` must have the same "
            f"{'shape to be paired' if paired else 'leading axes'}; "
            f"got shapes {tuple(train.shape)} and {tuple(test.shape)}"
        )
    for losses, name in zip((train, test), names, strict=True):
        require_finite(losses, name)
    wide = [to_numpy(losses).astype(np.float64) for losses in (train, test)]
    return train, wide[0], wide[1]


def _welch(train: Floats, test: Floats) -> tuple[Floats, Floats, Floats]:
    """Return estimate, standard error and degrees of freedom (Welch–Satterthwaite)."""
    n_train, n_test = train.shape[-1], test.shape[-1]
    from_train, from_test = _variance(train) / n_train, _variance(test) / n_test
    square = from_train + from_test
    with np.errstate(divide="ignore", invalid="ignore"):
        share = from_train / square
        freedom = satterthwaite(share, 1 - share, n_train, n_test)
    freedom = np.where(square > 0, freedom, np.inf)
    return test.mean(-1) - train.mean(-1), np.sqrt(square), freedom


def _paired(train: Floats, test: Floats) -> tuple[Floats, Floats, Floats]:
    difference = test - train
    points = difference.shape[-1]
    error = np.sqrt(_variance(difference) / points)
    return difference.mean(-1), error, np.full_like(error, max(points - 1, 1))


def _variance(values: Floats) -> Floats:
    """Unbiased variance, NaN of a single value."""
    if values.shape[-1] < 2:
        return np.full(values.shape[:-1], np.nan)
    return np.asarray(values.var(-1, ddof=1))
