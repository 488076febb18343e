"""Leverage: the largest dimensionality that any direction gives a datapoint.

    ℓ_i = sup_v (v·h_i)² / Σ_j (v·h_j)² = h_iᵀ (Σ_j h_j h_jᵀ)⁺ h_i

It is attained at v = (Σ_j h_j h_jᵀ)⁺ h_i, lies between 0 and 1, and sums to the rank of
the hidden activations. Taking v = h_i gives the dimensionality, so D_i ≤ ℓ_i.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, overload

import numpy as np
import torch

from memmetrics._arrays.validation import Array, ArrayT
from memmetrics.evidence import Fit
from memmetrics.geometry.elimination import eliminate
from memmetrics.geometry.flattening import flatten_iv
from memmetrics.geometry.second_moment import (
    Runs,
    Vectors,
    second_moment,
    triangular_factor,
    unit_rows,
)
from memmetrics.metrics.base import FitMetric, hidden_of
from memmetrics.metrics.dimensionality import (
    Duplicates,
    empty_like_rows,
    hidden_iv,
    same_kind,
)

__all__ = ["Leverage", "leverage"]

# Vectors that span fewer dimensions stop doing so exactly once they are rounded: the
# singular values which that adds stay below this many spacings of the type they came
# in, however many points there are. The second is the error of our own arithmetic.
_ROUNDING = 10
_ARITHMETIC = 1e-14

_TINY = 1e-300
_SAFE = (1e-200, 1e200)  # squared lengths that lost nothing

# Up to this condition number, relative to the rank, errors stay below 1e-9.
_LARGEST_CONDITION = 1e6


@overload
def leverage(
    hidden: Fit, *, duplicates: Duplicates = ..., flatten: int | None = ...
) -> Array: ...
@overload
def leverage(
    hidden: ArrayT,
    *,
    reference: ArrayT | None = ...,
    duplicates: Duplicates = ...,
    flatten: int | None = ...,
) -> ArrayT: ...
def leverage(
    hidden: Any,
    *,
    reference: Any = None,
    duplicates: Duplicates = "count",
    flatten: int | None = None,
) -> Any:
    r"""Maximal dimensionality of each datapoint, its leverage score.

    .. math::
        \ell_i = \sup_v (v \cdot h_i)^2 / \sum_j (v \cdot h_j)^2
               = h_i^\top \Big(\sum_j h_j h_j^\top\Big)^{+} h_i

    Parameters
    ----------
    hidden : Fit, or array or tensor (..., points, hidden)
        Evidence, or the hidden activations, one row for each point.
    reference : array or tensor (..., reference_points, hidden), optional
        The training set's activations, when `hidden` are held-out points, which are
        not among them; not with a Fit, which holds its own. Each held-out point then
        stands beside the training points as if it were one more of them: with ℓ its
        leverage over the training points alone, the value is ℓ / (1 + ℓ), and 1 for a
        point with a component outside their span.
    duplicates : {"count", "merge"}
        Whether k identical training points are k points, each of which gets at most
        1/k, or count as one.
    flatten : int, optional
        As for `datapoint_dimensionality`: how many of the last axes belong to one
        point's vector, 3 for ``(points, channels, height, width)``.

    Returns
    -------
    array or tensor (..., points)
        Dimensionless, between the datapoint dimensionality and 1. Training values sum
        to the rank of the activations (with ``"merge"``, over distinct points).
        Differentiable for tensors, as long as the rank does not change.

    Raises
    ------
    TypeError, ValueError
        As for `datapoint_dimensionality`.

    Warns
    -----
    UserWarning
        If `hidden` has four axes or more and `flatten` does not say what they are.

    Notes
    -----
    Costs O(points · hidden²) time. The rank is that of the rows scaled to unit length,
    to the precision of the type given: singular values below 10 eps (for float64,
    below hidden · 1e-14) of the largest are taken for rounding noise.

    References
    ----------
    Henighan et al., "Superposition, Memorization, and Double Descent" (2023), maximal
    data dimensionality in the comments; its closed form is the classical leverage.

    Examples
    --------
    >>> import numpy as np
    >>> train = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 3.0]])
    >>> leverage(train)
    array([0.5, 0.5, 1. ])
    >>> leverage(np.array([[1.0, 0.0]]), reference=train).round(4)
    array([0.3333])
    """
    hidden, reference = flatten_iv(*hidden_of(hidden, reference), flatten)
    own, train = hidden_iv(hidden, reference, duplicates, "hidden", "points")
    held_out = reference is not None
    result = empty_like_rows(own)
    own, train = own.flat(), train.flat()
    flat = result.view(-1, result.shape[-1])  # (runs, points)
    for runs, span in _spans(train):
        among = train.of_runs(runs)
        new = own.of_runs(runs) if held_out else among
        values = _leverage(new, among, span, held_out=held_out)
        if held_out and span.shape[-2] < span.shape[-1]:
            values = torch.where(_outside(new, span), 1.0, values)
        flat[runs] = values.clamp(min=0, max=1).to(flat.dtype)
    return same_kind(result, hidden)


@dataclass(frozen=True)
class Leverage(FitMetric):
    """Metric of `leverage`; needs the activations of a `Fit`.

    Examples
    --------
    >>> import memmetrics as mm
    >>> Leverage()(mm.Fit(hidden=np.ones((4, 2)))).estimate.sum().round(6)
    np.float64(1.0)
    """

    duplicates: Duplicates = "count"
    flatten: int | None = None

    name: ClassVar[str] = "leverage"
    function = staticmethod(leverage)


def _spans(train: Vectors) -> Iterator[tuple[Runs, torch.Tensor]]:
    """Yield runs `(runs, points, hidden)` of one rank, with bases of what they span.

    The rank is judged on vectors of unit length, as rounding is relative to each
    vector, and so a short one counts as much as a long one.
    """
    with torch.no_grad():
        units = (_unit_length(block) for block, _ in train.unscaled().columns())
        factor = triangular_factor(units)
        _, singular, directions = torch.linalg.svd(factor, full_matrices=False)
    threshold = _rounding(train) * singular[:, :1]
    ranks = (singular > threshold).sum(-1).cpu().numpy()  # (runs,)
    distinct = sorted(set(ranks.tolist()))
    for rank in distinct:
        runs = slice(None) if len(distinct) == 1 else np.flatnonzero(ranks == rank)
        yield runs, directions[runs, :rank]


def _rounding(train: Vectors) -> float:
    """Return the relative size of what is taken for rounding noise."""
    return max(_ROUNDING * train.precision, _ARITHMETIC * train.array.shape[-1])


def _leverage(
    vectors: Vectors, train: Vectors, span: torch.Tensor, *, held_out: bool
) -> torch.Tensor:
    """Return `(runs, points)`, all runs of one rank; span `(runs, rank, hidden)`."""
    rank = span.shape[-2]
    missing = span.new_zeros(())
    basis, condition = _whitening(train, span, missing)
    if not bool((condition <= _LARGEST_CONDITION * rank).all()):
        elimination = eliminate(train.unscaled(), span, _rounding(train))
        missing = elimination.missing
        same = train is vectors
        train = elimination.coordinates(train.unscaled())
        vectors = train if same else elimination.coordinates(vectors.unscaled())
        basis, _ = _whitening(train, torch.eye(rank).to(missing), missing)
    # Nearly the identity, so that its inverse is accurate. It carries the gradient, to
    # any order, while the basis is a constant: leverage is the same in every basis.
    moment = second_moment(basis @ block for block in train.weighted_columns())
    precision = torch.linalg.inv(moment + missing)
    values = []
    for block, _ in vectors.columns():  # (runs, hidden, rows)
        white = basis @ block  # (runs, rank, rows)
        value = (white * (precision @ white)).sum(-2)
        values.append(value / (1 + value) if held_out else value)
    return torch.cat(values, dim=-1)


def _whitening(
    train: Vectors, span: torch.Tensor, missing: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return `(runs, rank, hidden)`: to coordinates of second moment close to one.

    Also `(runs,)`, no less than the condition number of the vectors in the span.
    """
    with torch.no_grad():
        factor = triangular_factor(span @ block for block in train.weighted_columns())
        factor = factor + missing
        basis: torch.Tensor = torch.linalg.solve_triangular(
            factor.mT, span.expand(len(factor), -1, -1), upper=False
        )
        size, inverse = (part.square().sum((-2, -1)).sqrt() for part in (factor, basis))
    return basis, size * inverse


def _unit_length(block: torch.Tensor) -> torch.Tensor:
    # Zero vectors stay zero. A norm along this axis takes torch ten times as long.
    squares = block.square().sum(-2, keepdim=True)
    low, high = squares.aminmax()
    if low >= _SAFE[0] and high <= _SAFE[1]:
        return block / squares.sqrt()
    unsafe = (squares < _SAFE[0]) | (squares > _SAFE[1])
    # Zero vectors are many and need no care: do the others sum to more?
    some = block.abs() @ unsafe.to(block).mT
    if float(some.max()) > 0:
        block = torch.where(unsafe, unit_rows(block)[0], block)
        squares = torch.where(unsafe, block.square().sum(-2, keepdim=True), squares)
    return block / squares.sqrt().clamp(min=_TINY)


def _outside(vectors: Vectors, span: torch.Tensor) -> torch.Tensor:
    """Return which vectors leave the span by more than √precision of their length."""
    outside = []
    with torch.no_grad():
        for block, _ in vectors.unscaled().columns():
            units = _unit_length(block)
            rest = units - span.mT @ (span @ units)
            outside.append(rest.square().sum(-2) > vectors.precision)
    return torch.cat(outside, dim=-1)
