"""Dimensionality of features and datapoints: how many hidden dimensions one gets.

    D_i = ‖h_i‖² / Σ_j (ĥ_i · h_j)²,   ĥ_i = h_i / ‖h_i‖,

the sum running over all vectors, `i` itself included. A vector orthogonal to all others
has D = 1; k vectors that share a direction get 1/k each; a regular T-gon in the plane
has 2/T for each. D never exceeds the leverage (see `memmetrics.leverage`), so the sum
of D is at most the rank of the vectors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, TypeAlias, overload

import numpy as np
import torch

from memmetrics._arrays.validation import Array, ArrayT, as_float
from memmetrics.evidence import Fit, check_same_model
from memmetrics.geometry.flattening import flatten_iv
from memmetrics.geometry.second_moment import (
    Vectors,
    second_moment,
    spectrum,
    triangular_factor,
    unit_rows,
    vectors_iv,
)
from memmetrics.geometry.short_rows import fill_dimensionality
from memmetrics.metrics.base import FitMetric, hidden_of

__all__ = [
    "DatapointDimensionality",
    "Duplicates",
    "FeatureDimensionality",
    "datapoint_dimensionality",
    "feature_dimensionality",
]

Duplicates = Literal["count", "merge"]

# Of columns (..., hidden, rows): ‖h‖² and Σ_j (h·h_j)², each (..., rows).
Overlaps: TypeAlias = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]

_TINY = 1e-300
_SHORT = 1e-140  # squared length of vectors whose fourth power vanishes
_SINGLE = 1e-8  # between the precisions of double and of single
_LARGEST = 1e150  # its square is finite


@overload
def feature_dimensionality(weights: Fit, *, duplicates: Duplicates = ...) -> Array: ...
@overload
def feature_dimensionality(
    weights: ArrayT, *, duplicates: Duplicates = ...
) -> ArrayT: ...
def feature_dimensionality(weights: Any, *, duplicates: Duplicates = "count") -> Any:
    r"""Fraction of a hidden dimension that each feature has to itself.

    .. math:: D_i = \|W_i\|^2 / \sum_j (\hat W_i \cdot W_j)^2

    Parameters
    ----------
    weights : Fit, or array or tensor (..., features, hidden)
        Evidence, or the weights: a row is one feature's vector.
    duplicates : {"count", "merge"}
        Whether k identical rows are k features, which share what one would have, or
        one and the same, each row then having its full dimensionality.

    Returns
    -------
    array or tensor (..., features)
        Dimensionless, between 0 and 1; 0 for a zero row. Differentiable for tensors;
        the gradient of a zero row, where D jumps, is taken to be zero.

    Raises
    ------
    TypeError, ValueError
        If `weights` is not real, empty, not finite or has fewer than two axes, or a
        Fit without weights, or `duplicates` is unknown.

    Notes
    -----
    Costs O(features · hidden²) time. Computed in float64 and returned in the type
    given; the scale of the weights does not matter.

    References
    ----------
    Elhage et al., "Toy Models of Superposition" (2022), feature dimensionality.

    Examples
    --------
    Five features as a pentagon in two dimensions have two fifths of a dimension each:

    >>> import numpy as np
    >>> angle = 2 * np.pi * np.arange(5) / 5
    >>> feature_dimensionality(np.stack([np.cos(angle), np.sin(angle)], axis=1))
    array([0.4, 0.4, 0.4, 0.4, 0.4])
    """
    if isinstance(weights, Fit):
        weights = weights.weights
        if weights is None:
            raise ValueError("the Fit given here needs `weights`, which are None")
    return _dimensionality_iv(weights, None, duplicates, "weights", "features")


@overload
def datapoint_dimensionality(
    hidden: Fit, *, duplicates: Duplicates = ..., flatten: int | None = ...
) -> Array: ...
@overload
def datapoint_dimensionality(
    hidden: ArrayT,
    *,
    reference: ArrayT | None = ...,
    duplicates: Duplicates = ...,
    flatten: int | None = ...,
) -> ArrayT: ...
def datapoint_dimensionality(
    hidden: Any,
    *,
    reference: Any = None,
    duplicates: Duplicates = "count",
    flatten: int | None = None,
) -> Any:
    r"""Fraction of a hidden dimension that each datapoint has to itself.

    .. math:: D_i = \|h_i\|^2 / \sum_j (\hat h_i \cdot h_j)^2

    summed over the training points, `i` included.

    Parameters
    ----------
    hidden : Fit, or array or tensor (..., points, hidden)
        Evidence, or the hidden activations, one row for each point.
    reference : array or tensor (..., reference_points, hidden), optional
        The training set's activations, when `hidden` are held-out points, which are
        not among them; not with a Fit, which holds its own. Each held-out point then
        stands beside the training points as if it were one more of them, so that the
        values compare with training values:

        .. math:: D = \|h\|^2 / (\|h\|^2 + \sum_{j \in train} (\hat h \cdot h_j)^2)

    duplicates : {"count", "merge"}
        Whether k identical training points are k points, each of which gets about 1/k
        of what one would have, or count as one, each row then having its full
        dimensionality. Points are identical if all their activations are equal.
    flatten : int, optional
        How many of the last axes belong to one point's vector, which they are joined
        to: 3 for ``(points, channels, height, width)``. Default: 1, that is, ``(...,
        points, hidden)``, with a warning where `hidden` has four axes or more.

    Returns
    -------
    array or tensor (..., points)
        Dimensionless, between 0 and 1; 0 for a zero row. Differentiable for tensors;
        the gradient of a zero row, where D jumps, is taken to be zero.

    Raises
    ------
    TypeError, ValueError
        If an array is not real, empty, not finite or has fewer than two axes, the two
        differ in kind, device, leading axes or hidden size, a Fit has no activations
        or is given beside `reference`, or `duplicates` is unknown.

    Warns
    -----
    UserWarning
        If `hidden` has four axes or more and `flatten` does not say what they are.

    Notes
    -----
    Costs O(points · hidden²) time: the sum over `j` is a quadratic form in the second
    moment of the training points. Computed in float64 and returned in the type given.

    References
    ----------
    Henighan et al., "Superposition, Memorization, and Double Descent" (2023),
    dimensionality of training examples.

    Examples
    --------
    >>> import numpy as np
    >>> train = np.array([[2.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
    >>> datapoint_dimensionality(train)
    array([1. , 0.5, 0.5, 0. ])
    >>> datapoint_dimensionality(train, duplicates="merge")
    array([1., 1., 1., 0.])
    >>> datapoint_dimensionality(np.array([[2.0, 0.0]]), reference=train)
    array([0.5])
    """
    hidden, reference = flatten_iv(*hidden_of(hidden, reference), flatten)
    return _dimensionality_iv(hidden, reference, duplicates, "hidden", "points")


@dataclass(frozen=True)
class FeatureDimensionality(FitMetric):
    """Metric of `feature_dimensionality`; needs the weights of a `Fit`.

    Examples
    --------
    >>> import memmetrics as mm
    >>> result = FeatureDimensionality()(mm.Fit(weights=np.eye(3)))
    >>> result.estimate
    array([1., 1., 1.])
    """

    duplicates: Duplicates = "count"

    name: ClassVar[str] = "feature_dimensionality"
    cost: ClassVar[str] = "features * hidden**2"
    function = staticmethod(feature_dimensionality)


@dataclass(frozen=True)
class DatapointDimensionality(FitMetric):
    """Metric of `datapoint_dimensionality`; needs the activations of a `Fit`.

    Examples
    --------
    >>> import memmetrics as mm
    >>> result = DatapointDimensionality()(mm.Fit(hidden=np.ones((4, 2))))
    >>> result.estimate
    array([0.25, 0.25, 0.25, 0.25])
    """

    duplicates: Duplicates = "count"
    flatten: int | None = None

    name: ClassVar[str] = "datapoint_dimensionality"
    function = staticmethod(datapoint_dimensionality)


def hidden_iv(
    vectors: Array,
    reference: Array | None,
    duplicates: Duplicates,
    name: str,
    axis: str,
) -> tuple[Vectors, Vectors]:
    """Check the vectors and the reference, which is the vectors if None is given."""
    if duplicates not in ("count", "merge"):
        raise ValueError(f"`duplicates` must be 'count' or 'merge'; got {duplicates!r}")
    vectors = as_float(vectors, name, axes=f"(..., {axis}, hidden)", min_ndim=2)
    merge = duplicates == "merge"
    if reference is None:
        (own,) = vectors_iv([vectors], [name], merge=merge)
        return own, own
    axes = "(..., reference_points, hidden)"
    reference = as_float(reference, "reference", axes=axes, min_ndim=2)
    check_same_model(vectors, reference, (name, "reference"))
    new, train = vectors_iv([vectors, reference], [name, "reference"], merge=merge)
    return new, train


def empty_like_rows(vectors: Vectors) -> torch.Tensor:
    """Return room for one number per vector, in the type that the vectors came in."""
    array = vectors.array
    if isinstance(array, torch.Tensor):
        return array.new_empty(array.shape[:-1])
    return torch.from_numpy(np.empty(array.shape[:-1], dtype=array.dtype))


def same_kind(values: torch.Tensor, original: ArrayT) -> ArrayT:
    """Return `values` as NumPy array if `original` is one."""
    if isinstance(original, torch.Tensor):
        return values
    return values.numpy()


def _dimensionality_iv(
    vectors: ArrayT,
    reference: ArrayT | None,
    duplicates: Duplicates,
    name: str,
    axis: str,
) -> ArrayT:
    own, train = hidden_iv(vectors, reference, duplicates, name, axis)
    values = _dimensionality(own, train, held_out=reference is not None)
    return same_kind(values, vectors)


def _dimensionality(
    vectors: Vectors, train: Vectors, *, held_out: bool
) -> torch.Tensor:
    points, hidden = train.array.shape[-2:]
    few = points <= hidden
    result = empty_like_rows(vectors)
    rows = vectors.rows_for_kernel()
    if rows is not None and not few and not train.differentiable:
        _, directions, values = (part.numpy() for part in spectrum(train))
        if fill_dimensionality(
            result.numpy(), rows, directions, values, held_out=held_out, tiny=_TINY
        ):
            return result
    overlaps = _through_points(train) if few else _through_moment(train)
    of_units = None  # needs a factor of its own, and rarely comes into play
    double = vectors.precision < _SINGLE  # no other type holds numbers so small
    for block, place in vectors.columns():  # (..., hidden, rows)
        norm, overlap = overlaps(block)
        if double and float(norm.detach().min()) < _SHORT:
            given = block if vectors.scale == 1 else vectors.unscaled_columns(place)
            short = norm < _SHORT
            # Zero vectors are many and need no care: do the others sum to more?
            some = given.detach().abs() @ short.to(given)[..., None]
            if float(some.max()) > 0:
                units, length = unit_rows(given)
                of_units = of_units or _of_units(train)
                exact = of_units(units, length)
                norm = torch.where(short, exact[0], norm)
                overlap = torch.where(short, exact[1], overlap)
        if held_out:
            overlap = overlap + norm.square()
        # A zero vector overlaps with nothing, itself included: 0 / tiny, not 0 / 0.
        result[..., place] = norm.square() / overlap.clamp(min=_TINY)
    return result.clamp_(max=1)


def _through_points(train: Vectors) -> Overlaps:
    """Overlaps by their definition: no dearer with no more points than hidden."""
    (known,) = train.weighted_columns()  # (..., hidden, points)

    def overlaps(block: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return block.square().sum(-2), (known.mT @ block).square().sum(-2)

    return overlaps


def _through_moment(train: Vectors) -> Overlaps:
    """Overlaps as sums over eigenvectors of the second moment."""
    moment, directions, values = spectrum(train)
    weights = torch.stack([torch.ones_like(values), values], dim=-2)

    def overlaps(block: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        squares = (directions @ block).square_()
        norm, overlap = (weights @ squares).unbind(-2)
        if moment.requires_grad:
            # Nothing, but with the gradient of hᵀ M h: how the overlap changes with
            # the others. It spares differentiating eigenvectors, which fails when
            # eigenvalues coincide.
            change = moment - moment.detach()
            overlap = overlap + (block * (change @ block)).sum(-2)
        return norm, overlap

    return overlaps


def _of_units(
    train: Vectors,
) -> Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
    """Return what gives ‖h‖² and Σ_j (h·h_j)², both as if `h` had length one.

    It takes vectors of length one and the lengths that they had: fourth powers of the
    shortest vectors vanish, but their overlap divided by their length does not.
    """
    points, hidden = train.array.shape[-2:]
    scale = 1.0 if train.scale < _LARGEST else 2.0**100
    given = replace(train, scale=scale)
    if points <= hidden:
        (known,) = given.weighted_columns()
        factor, change = known.mT, None
    else:
        with torch.no_grad():
            factor = triangular_factor(given.weighted_columns())
        moment = second_moment(train.weighted_columns())
        change = moment - moment.detach() if moment.requires_grad else None

    def overlaps(
        units: torch.Tensor, length: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        length = torch.where(length > 0, length, 1.0)[..., None, :]
        norm = units.square().sum(-2)
        overlap = (factor @ units / (length / scale)).square().sum(-2)
        if change is not None:  # as in `_through_moment`
            longer = units * (train.scale / length).clamp(max=_LARGEST)
            overlap = overlap + (longer * (change @ longer)).sum(-2)
        return norm, overlap

    return overlaps
