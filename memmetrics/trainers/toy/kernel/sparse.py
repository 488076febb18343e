"""Sparse data: H before the dense part of a step, and the product with Xᵀ after it.

For a few hidden units each has a local variable; for many, it costs less to go
through memory. `data` is a `NonZeros`.
"""

from __future__ import annotations

import numpy as np

from memmetrics.trainers.toy.kernel.shape import HIDDEN, STRIDE
from memmetrics.trainers.toy.kernel.unrolling import registers, unrolled

__all__ = ["encode_few", "encode_many", "scatter_few", "scatter_many"]

unsigned = np.uint64


def encode_few(parameters, data, start, stop, features, hidden, slope):
    """Leave H in `hidden`, what x adds to G W in `slope`, and where R > 0."""
    row_starts, values = data.row_starts, data.row_values
    positions, places, active = data.positions, data.places, data.active
    zero = parameters.dtype.type(0)
    h, s, w = registers(3)
    for point in range(start, stop):
        first, last = unsigned(row_starts[point]), unsigned(row_starts[point + 1])
        for k in unrolled(HIDDEN):
            h[k] = zero
        for j in range(first, last):
            at = unsigned(positions[j])
            for k in unrolled(HIDDEN):
                h[k] += values[j] * parameters[at + unsigned(k * STRIDE)]
        for k in unrolled(HIDDEN):
            s[k] = zero
        for j in range(first, last):
            at = unsigned(positions[j])
            for k in unrolled(HIDDEN):
                w[k] = parameters[at + unsigned(k * STRIDE)]
            z = parameters[at + unsigned(HIDDEN * STRIDE)]
            for k in unrolled(HIDDEN):
                z += h[k] * w[k]
            x = values[j] if z > zero else zero
            active[unsigned(places[j])] = x
            for k in unrolled(HIDDEN):
                s[k] -= x * w[k]
        for k in unrolled(HIDDEN):
            hidden[point, k] = h[k]
            slope[point, k] = s[k]


def scatter_few(gradient, data, hidden, slope, begin, end, start, features):
    """Add what x adds to the gradient in one tile of features, from `start`."""
    if begin > 0:  # the first chunk of points does it for all
        return
    column_starts, values = data.column_starts, data.column_values
    rows, active = data.rows, data.active
    zero = gradient.dtype.type(0)
    (g,) = registers(1)
    for f in range(features):
        first = unsigned(column_starts[start + f])
        last = unsigned(column_starts[start + f + 1])
        if first == last:
            continue
        for k in unrolled(HIDDEN):
            g[k] = zero
        total = zero
        for j in range(first, last):
            point = unsigned(rows[j])
            x, y = values[j], active[j]
            for k in unrolled(HIDDEN):
                g[k] += x * slope[point, k] - y * hidden[point, k]
            total -= y
        for k in unrolled(HIDDEN):
            gradient[f + k * STRIDE] += g[k]
        gradient[f + HIDDEN * STRIDE] += total


def encode_many(parameters, data, start, stop, features, hidden, slope):
    """Do the same through memory."""
    row_starts, values = data.row_starts, data.row_values
    positions, places, active = data.positions, data.places, data.active
    zero = parameters.dtype.type(0)
    for point in range(start, stop):
        for k in range(HIDDEN):
            hidden[point, k] = zero
            slope[point, k] = zero
        for j in range(row_starts[point], row_starts[point + 1]):
            x = values[j]
            unit = parameters[positions[j] :]
            for k in range(HIDDEN):
                hidden[point, k] += x * unit[k * STRIDE]
        for j in range(row_starts[point], row_starts[point + 1]):
            unit = parameters[positions[j] :]
            z = unit[HIDDEN * STRIDE]
            for k in range(HIDDEN):
                z += hidden[point, k] * unit[k * STRIDE]
            x = values[j] if z > zero else zero
            active[places[j]] = x
            for k in range(HIDDEN):
                slope[point, k] -= x * unit[k * STRIDE]


def scatter_many(gradient, data, hidden, slope, begin, end, start, features):
    """Do the same through memory."""
    if begin > 0:  # the first chunk of points does it for all
        return
    column_starts, values = data.column_starts, data.column_values
    rows, active = data.rows, data.active
    for f in range(features):
        out = gradient[f:]
        for j in range(column_starts[start + f], column_starts[start + f + 1]):
            point = rows[j]
            x, y = values[j], active[j]
            for k in range(HIDDEN):
                out[k * STRIDE] += x * slope[point, k] - y * hidden[point, k]
            out[HIDDEN * STRIDE] -= y
