"""Dense data: H before the dense part of a step, and the product with Xᵀ after it.

`data` is x itself, with rows up to a whole block of points.
"""

from __future__ import annotations

from memmetrics.trainers.toy.kernel.shape import HIDDEN, POINTS, STRIDE, TILE, UNITS
from memmetrics.trainers.toy.kernel.unrolling import registers, unrolled

__all__ = ["encode_dense", "scatter_dense"]


def encode_dense(parameters, data, start, stop, features, hidden, slope):
    """Leave H in `hidden`."""
    zero = parameters.dtype.type(0)
    h, row, v, w = registers(4)
    for point in range(start, stop, POINTS):
        for unit in range(0, HIDDEN, UNITS):
            for k in unrolled(UNITS):
                for q in unrolled(POINTS):
                    h[q, k] = zero
            for tile in range(-(-features // TILE)):
                for q in unrolled(POINTS):
                    row[q] = data[point + q, tile * TILE :]
                rows = parameters[(tile * (HIDDEN + 1) + unit) * STRIDE :]
                for f in range(min(TILE, features - tile * TILE)):
                    for q in unrolled(POINTS):
                        v[q] = row[q][f]
                    for k in unrolled(UNITS):
                        w[k] = rows[f + k * STRIDE]
                    for k in unrolled(UNITS):
                        for q in unrolled(POINTS):
                            h[q, k] += v[q] * w[k]
            for k in unrolled(UNITS):
                for q in unrolled(POINTS):
                    hidden[point + q, unit + k] = h[q, k]
                    slope[point + q, unit + k] = zero


def scatter_dense(gradient, data, hidden, slope, begin, end, start, features):
    """Add Xᵀ (G W) to the gradient in one tile of features, from `start`."""
    row, s, v = registers(3)
    for point in range(begin, end, POINTS):
        for q in unrolled(POINTS):
            row[q] = data[point + q, start:]
        for unit in range(0, HIDDEN, UNITS):
            for k in unrolled(UNITS):
                for q in unrolled(POINTS):
                    s[q, k] = slope[point + q, unit + k]
            out = gradient[unit * STRIDE : (unit + UNITS) * STRIDE]
            for f in range(features):
                for q in unrolled(POINTS):
                    v[q] = row[q][f]
                for k in unrolled(UNITS):
                    out[f + k * STRIDE] += sum(v[q] * s[q, k] for q in unrolled(POINTS))
