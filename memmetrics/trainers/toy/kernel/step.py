"""A training step: encode, rectify, scatter, AdamW; and the loop around it.

One run's parameters lie in *tiles*: ``(tiles, (hidden + 1) * STRIDE)``, and inside a
tile row ``k`` holds hidden unit ``k``'s weights to ``TILE`` neighboring features, the
last row their biases. All rows of a tile are at constant distances, which spares the
compiler run-time checks for overlap, and a tile and its gradient stay in the
first-level cache while all points pass by.

With ``R = ReLU(H Wᵀ + b)`` and ``G = R − X ∘ [R > 0]``, the gradient of the summed
squared error is ``2 (Gᵀ H + Xᵀ (G W))`` for the weights and twice the column sum of
``G`` for the bias. A step has three parts: ``encode`` gives H, ``rectify`` all that
involves R or G, neither of them stored beyond a block of points, and ``scatter`` the
product with Xᵀ. With sparse data ``rectify`` leaves x out (G is R), and ``encode`` and
``scatter`` add what x changes, at its non-zeros only.
"""

from __future__ import annotations

import numpy as np

from memmetrics.trainers.toy.kernel.barrier import pass_barrier
from memmetrics.trainers.toy.kernel.dense import encode_dense, scatter_dense
from memmetrics.trainers.toy.kernel.rectified import rectify_few, rectify_many
from memmetrics.trainers.toy.kernel.shape import (
    DENSE,
    HIDDEN,
    POINTS,
    STRIDE,
    TILE,
    UNITS,
)
from memmetrics.trainers.toy.kernel.sparse import (
    encode_few,
    encode_many,
    scatter_few,
    scatter_many,
)

__all__ = ["train"]

# Up to here the sparse parts have a local variable for every hidden unit: a non-zero
# needs a few numbers only.
_LARGEST_SPARSE_UNROLLED = 8

if DENSE:
    encode, scatter = encode_dense, scatter_dense
elif HIDDEN <= _LARGEST_SPARSE_UNROLLED:
    encode, scatter = encode_few, scatter_few
else:
    encode, scatter = encode_many, scatter_many
rectify = rectify_few if HIDDEN == UNITS else rectify_many


def adamw(
    parameters, gradient, momentum, variance, features, scale, schedule, betas, epsilon
):
    """Take one step (`Recipe.adamw_schedule` has the formula); clear the gradient."""
    decay, rate, correction = schedule[0], schedule[1], schedule[2]
    beta_1, rest_1, beta_2, rest_2 = betas[0], betas[1], betas[2], betas[3]
    for row in range(HIDDEN + 1):
        start, stop = row * STRIDE, row * STRIDE + features
        p, g = parameters[start:stop], gradient[start:stop]
        m, v = momentum[start:stop], variance[start:stop]
        for i in range(features):
            d = g[i] * scale
            m[i] = beta_1 * m[i] + rest_1 * d
            v[i] = beta_2 * v[i] + rest_2 * d * d
            p[i] = decay * p[i] - rate * m[i] / (np.sqrt(v[i]) * correction + epsilon)
            g[i] = 0


def clear(out):
    """Set every element to zero."""
    flat = out.reshape(-1)
    for i in range(flat.size):
        flat[i] = 0


def add(out, values):
    """Add `values` to `out`."""
    flat, added = out.reshape(-1), values.reshape(-1)
    for i in range(flat.size):
        flat[i] += added[i]


def share(index, count, items):
    """Return which of `items` are those of one of `count`."""
    return range(index * items // count, (index + 1) * items // count)


def share_of_points(index, count, points):
    """Return the first and the last of one's own points, whole blocks of them."""
    blocks = share(index, count, points // POINTS)
    return blocks.start * POINTS, blocks.stop * POINTS


def train(model, points, settings, barrier, first, last, thread, threads):
    """Take steps `first` to `last`, as one of a team of `threads`.

    Work is divided into parts of the features, whole tiles each, and where these are
    few, into chunks of the points, whose gradients are added up. Parts and chunks
    depend on the problem alone, so that sums are taken in the same order by one
    thread as by many. `State` says what `model`, `points` and `settings` hold.
    """
    parameters, momentum, variance, gradients = model
    data, present, hidden, slope, slopes, scratch = points
    schedule, features, scale, betas, epsilon = settings
    tiles, parts, chunks = parameters.shape[0], slopes.shape[0], gradients.shape[0]
    pieces = parts * chunks
    own_pieces = share(thread, threads, pieces)
    own_parts = share(thread, threads, parts)
    flat = parameters.reshape(-1)
    for step in range(first, last):
        for piece in own_pieces:
            begin, end = share_of_points(piece, pieces, present.size)
            encode(flat, data, begin, end, features, hidden, slope)
        if not pass_barrier(barrier, threads):
            return
        for piece in own_pieces:
            part, chunk = piece // chunks, piece % chunks
            begin, end = share_of_points(chunk, chunks, present.size)
            clear(slopes[part, begin:end])
            for tile in share(part, parts, tiles):
                start, size = tile * TILE, min(TILE, features - tile * TILE)
                rectify(
                    hidden,
                    present,
                    data,
                    parameters[tile],
                    gradients[chunk, tile],
                    slopes[part],
                    begin,
                    end,
                    start,
                    size,
                    scratch[piece],
                )
        if not pass_barrier(barrier, threads):
            return
        for piece in own_pieces:
            begin, end = share_of_points(piece, pieces, present.size)
            for other in range(parts):
                add(slope[begin:end], slopes[other, begin:end])
        if not pass_barrier(barrier, threads):
            return
        for piece in own_pieces:
            part, chunk = piece // chunks, piece % chunks
            begin, end = share_of_points(chunk, chunks, present.size)
            for tile in share(part, parts, tiles):
                start, size = tile * TILE, min(TILE, features - tile * TILE)
                gradient = gradients[chunk, tile]
                scatter(gradient, data, hidden, slope, begin, end, start, size)
        if chunks > 1 and not pass_barrier(barrier, threads):
            return
        for part in own_parts:
            for tile in share(part, parts, tiles):
                gradient = gradients[0, tile]
                for chunk in range(1, chunks):
                    add(gradient, gradients[chunk, tile])
                    clear(gradients[chunk, tile])
                size = min(TILE, features - tile * TILE)
                adamw(
                    parameters[tile],
                    gradient,
                    momentum[tile],
                    variance[tile],
                    size,
                    scale,
                    schedule[step],
                    betas,
                    epsilon,
                )
        if not pass_barrier(barrier, threads):
            return
