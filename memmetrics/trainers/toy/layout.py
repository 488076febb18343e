"""A run's parameters and data, laid out for the fused kernel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse

from memmetrics.trainers.toy.kernel.compiling import block_size, padded_hidden
from memmetrics.trainers.toy.kernel.nonzeros import NonZeros
from memmetrics.trainers.toy.kernel.shape import STRIDE, TILE

if TYPE_CHECKING:
    from memmetrics.trainers.toy.problem import Problem

__all__ = ["State", "division", "kind_of"]

# Number of pieces into which a step's work is divided at most; a constant, so that
# the order of summation does not depend on the number of threads.
_MOST_PIECES = 8
# What a chunk of points is at least: some 20 µs of work, and several blocks of points.
_CHUNK_OPERATIONS, _CHUNK_POINTS = 2e6, 16
# Share of non-zeros from which on it takes less time to work on all of x; and from
# which on it takes no more memory either, or else the most numbers that x may have.
_LEAST_DENSE, _DENSE_ANYWAY, _MOST_DENSE = 1 / 20, 1 / 8, 2**24
# Bytes of a cache line.
_LINE = 64

Floats = npt.NDArray[Any]


def kind_of(problem: Problem) -> str:
    """Whether to work on all of x or on its non-zeros, whichever takes less time."""
    points, features = problem.data.shape
    least = _LEAST_DENSE if points * features <= _MOST_DENSE else _DENSE_ANYWAY
    return "dense" if problem.density >= least else "sparse"


def division(points: int, features: int, hidden: int) -> tuple[int, int]:
    """Return into how many parts of the features and chunks of the points to divide."""
    parts = min(-(-features // TILE), _MOST_PIECES)
    worth = points * features * (6 * hidden + 2) / parts / _CHUNK_OPERATIONS
    most = min(_MOST_PIECES // parts, points // _CHUNK_POINTS)
    return parts, max(1, min(most, int(worth)))


class State(NamedTuple):
    """One run in the layout of the kernel, see `step`.

    Parameters
    ----------
    model : tuple
        Parameters, their first and second moments, and a gradient for each chunk.
    points : tuple
        The run's points, which of them are there, H, what is to be multiplied by X
        and the parts of it, and room for a block of G.
    settings : tuple
        AdamW's schedule, features, scale of the gradient, betas, epsilon.
    """

    model: tuple[Any, ...]
    points: tuple[Any, ...]
    settings: tuple[Any, ...]

    @classmethod
    def start(cls, problem: Problem, run: int, schedule: Floats) -> State:
        """Lay out the starting values and the points of one run."""
        weights = problem.weights[run].numpy()
        recipe, dtype = problem.recipe, weights.dtype.type
        parameters = _pack(weights, problem.bias[run].numpy())
        own = problem.own_points(run)
        points, features = own.shape
        units = padded_hidden(recipe.hidden)
        block = block_size(units)
        padded = -(-points // block) * block
        parts, chunks = division(points, features, recipe.hidden)
        data = _laid_out(own, padded, parameters, kind_of(problem))
        # Points up to a whole block. Those that are not there have no hidden
        # activation and no bias, so their R is zero and they change nothing.
        present = (np.arange(padded) < points).astype(dtype)
        return cls(
            model=(
                parameters,
                *(_aligned_zeros(parameters.shape, dtype) for _ in range(2)),
                _aligned_zeros((chunks, *parameters.shape), dtype),
            ),
            points=(
                data,
                present,
                np.zeros((padded, units), dtype),
                np.zeros((padded, units), dtype),
                np.zeros((parts, padded, units), dtype),
                _aligned_zeros((parts * chunks, block * STRIDE), dtype),
            ),
            settings=(
                schedule,
                features,
                dtype(recipe.gradient_scale(points, features)),
                # 1 − β as well: taken from a rounded β it would lose its digits.
                np.array([x for b in recipe.betas for x in (b, 1 - b)], dtype),
                dtype(recipe.adam_epsilon),
            ),
        )

    def on_points_of(self, problem: Problem, run: int, step: int) -> State:
        """Return the same run on the points of a step."""
        _, present, *room = self.points
        own, parameters = problem.own_points(run, step), self.model[0]
        data = _laid_out(own, present.size, parameters, kind_of(problem))
        return self._replace(points=(data, present, *room))

    def unpack(self, features: int, hidden: int) -> tuple[Floats, Floats]:
        """Return weights (features, hidden) and bias (features,)."""
        parameters = self.model[0]
        tiles = parameters.reshape(len(parameters), -1, STRIDE)[:, :, :TILE]
        rows = tiles.transpose(1, 0, 2).reshape(tiles.shape[1], -1)[:, :features]
        return rows[:hidden].T, rows[-1]


def _pack(weights: Floats, bias: Floats) -> Floats:
    """Tiles of (hidden + 1) rows: one for each hidden unit, then the biases."""
    features, hidden = weights.shape
    rows = padded_hidden(hidden) + 1
    tiles = -(-features // TILE)
    flat = np.zeros((rows, tiles * TILE), weights.dtype)
    flat[:hidden, :features] = weights.T
    flat[-1, :features] = bias
    packed = _aligned_zeros((tiles, rows * STRIDE), weights.dtype)
    by_row = packed.reshape(tiles, rows, STRIDE)
    by_row[:, :, :TILE] = flat.reshape(rows, tiles, TILE).transpose(1, 0, 2)
    return packed


def _aligned_zeros(shape: tuple[int, ...], dtype: Any) -> Floats:
    """Zeros that begin with a cache line: vectors across two cost twice as much."""
    size = math.prod(shape)
    raw = np.zeros(size + _LINE // np.dtype(dtype).itemsize, dtype)
    skipped = -raw.ctypes.data % _LINE // raw.itemsize
    return raw[skipped : skipped + size].reshape(shape)


def _laid_out(
    own: scipy.sparse.csr_array, padded: int, parameters: Floats, kind: str
) -> Floats | NonZeros:
    """Return the points as the kernel of this kind takes them."""
    if kind == "dense":
        return _dense(own, padded, parameters.dtype.type)
    return _non_zeros(own, padded, parameters.shape[1], parameters.dtype.type)


def _dense(own: scipy.sparse.csr_array, padded: int, dtype: Any) -> Floats:
    """Return x with zero rows up to `padded`, (points, features)."""
    points, features = own.shape
    in_line = _LINE // np.dtype(dtype).itemsize
    x = _aligned_zeros((padded, -(-features // in_line) * in_line), dtype)
    x[:points, :features] = own.toarray()
    return x


def _non_zeros(
    own: scipy.sparse.csr_array, padded: int, tile_size: int, dtype: Any
) -> NonZeros:
    points = own.shape[0]
    tile, place = np.divmod(own.indices.astype(np.int64), TILE)
    row_starts = np.full(padded + 1, own.nnz, np.int64)
    row_starts[: points + 1] = own.indptr
    # To sort is most of the work on fresh points; this takes a tenth of the time.
    order = scipy.sparse.csr_array(
        (np.arange(own.nnz), own.indices, own.indptr), shape=own.shape
    ).tocsc()
    by_column = order.data
    places = np.empty(by_column.size, np.uint32)
    places[by_column] = np.arange(by_column.size, dtype=np.uint32)
    values = own.data.astype(dtype)
    return NonZeros(
        row_starts,
        positions=(tile * tile_size + place).astype(np.uint32),
        places=places,
        row_values=values,
        column_starts=order.indptr.astype(np.int64),
        rows=order.indices.astype(np.uint32),
        column_values=values[by_column],
        active=np.empty_like(values),
    )
