"""One trained model, or a stack of them: activations, or losses."""

from __future__ import annotations

from dataclasses import dataclass

from memmetrics._arrays.validation import (
    Array,
    as_float,
    check_same_kind,
    require_finite,
)

__all__ = ["Fit", "Losses", "check_same_model", "losses_iv"]

_ROWS = {"weights": "features", "hidden": "points", "reference": "reference_points"}


@dataclass(frozen=True, eq=False)
class Fit:
    """Weights and hidden activations of one trained model, or of a stack of runs.

    Parameters
    ----------
    weights : array or tensor (..., features, hidden), or None
        A row is one feature's vector. None for a model without a feature matrix.
    hidden : array or tensor (..., points, hidden), or None
        Hidden activations. None if only the weights are of interest.
    reference : array or tensor (..., reference_points, hidden), optional
        The training set's hidden activations, when `hidden` are held-out points.

    Raises
    ------
    TypeError, ValueError
        If nothing is given, an array is empty, not finite, or has too few axes, or
        the arrays differ in kind, device, leading axes or hidden size.

    Examples
    --------
    >>> import numpy as np
    >>> fit = Fit(weights=np.eye(3, 2), hidden=np.ones((5, 2)))
    >>> fit.hidden.shape
    (5, 2)
    """

    weights: Array | None = None
    hidden: Array | None = None
    reference: Array | None = None

    def __post_init__(self) -> None:
        """Standardize and check the arrays."""
        if self.weights is None and self.hidden is None:
            raise ValueError("`weights` and `hidden` must not both be None")
        if self.reference is not None and self.hidden is None:
            raise ValueError(
                "`reference` is the training set of `hidden`, which is None"
            )
        for name, axis in _ROWS.items():
            value = getattr(self, name)
            if value is not None:
                axes = f"(..., {axis}, hidden)"
                value = as_float(value, name, axes=axes, min_ndim=2)
                require_finite(value, name)
                # A frozen dataclass has no other way to hold the standardized array.
                object.__setattr__(self, name, value)
        check_same_model(self.weights, self.hidden, ("weights", "hidden"))
        check_same_model(self.hidden, self.reference, ("hidden", "reference"))


@dataclass(frozen=True, eq=False)
class Losses:
    """Losses per point on the training set and on held-out points.

    Parameters
    ----------
    train : array or tensor (..., points)
        One loss for every training point, lower is better.
    test : array or tensor (..., test_points)
        One loss for every held-out point, in the same unit.

    Raises
    ------
    TypeError, ValueError
        If an array is empty or not finite, or the two differ in kind, device or
        leading axes.

    Examples
    --------
    >>> import numpy as np
    >>> Losses(train=np.zeros(3), test=np.ones(5)).test.shape
    (5,)
    """

    train: Array
    test: Array

    def __post_init__(self) -> None:
        """Standardize and check the arrays."""
        train, test = losses_iv(self.train, self.test, ("train", "test"))
        object.__setattr__(self, "train", train)
        object.__setattr__(self, "test", test)


def losses_iv(
    train: object, test: object, names: tuple[str, str]
) -> tuple[Array, Array]:
    """Return the losses of both kinds of points as they are, once they fit together."""
    first = as_float(train, names[0], axes="(..., points)", min_ndim=1)
    second = as_float(test, names[1], axes="(..., test_points)", min_ndim=1)
    check_same_kind(first, second, names)
    if first.shape[:-1] != second.shape[:-1]:
        raise ValueError(
            f"`{names[0]}` and `{names[1]}` must have the same leading axes; "
            f"got shapes {tuple(first.shape)} and {tuple(second.shape)}"
        )
    require_finite(first, names[0])
    require_finite(second, names[1])
    return first, second


def check_same_model(
    first: Array | None, second: Array | None, names: tuple[str, str]
) -> None:
    """Raise unless two arrays of vectors, if both are there, can be of one model."""
    if first is None or second is None:
        return
    check_same_kind(first, second, names)
    if first.shape[:-2] != second.shape[:-2] or first.shape[-1] != second.shape[-1]:
        raise ValueError(
            f"`{names[0]}` and `{names[1]}` must have the same leading axes and hidden "
            f"size; got shapes {tuple(first.shape)} and {tuple(second.shape)}"
        )
