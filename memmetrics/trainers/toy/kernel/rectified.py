"""The part of the gradient that involves every point and feature, R or G.

On one tile of the features and a block of points at a time.
"""

from __future__ import annotations

from memmetrics.trainers.toy.kernel.shape import DENSE, HIDDEN, POINTS, STRIDE, UNITS
from memmetrics.trainers.toy.kernel.unrolling import registers, unrolled

__all__ = ["backward", "forward", "rectify_few", "rectify_many"]


def rectify_few(
    hidden,
    present,
    data,
    parameters,
    gradient,
    slope,
    begin,
    end,
    start,
    features,
    scratch,
):
    """Add Gᵀ H and the sum of G to `gradient`, and G W to `slope`.

    Every hidden unit has a local variable of its own.
    """
    zero = parameters.dtype.type(0)
    row, h, one, s, w, z, g = registers(7)
    for point in range(begin, end, POINTS):
        for q in unrolled(POINTS):
            if DENSE:
                row[q] = data[point + q, start:]
            one[q] = present[point + q]
            for k in unrolled(UNITS):
                h[q, k] = hidden[point + q, k]
                s[q, k] = zero
        for f in range(features):
            for k in unrolled(UNITS):
                w[k] = parameters[f + k * STRIDE]
            bias = parameters[f + HIDDEN * STRIDE]
            for q in unrolled(POINTS):
                z[q] = one[q] * bias
                for k in unrolled(UNITS):
                    z[q] += h[q, k] * w[k]
            for q in unrolled(POINTS):
                if DENSE:
                    g[q] = z[q] - row[q][f] if z[q] > zero else zero
                else:
                    g[q] = max(z[q], zero)
            for k in unrolled(UNITS):
                for q in unrolled(POINTS):
                    s[q, k] += g[q] * w[k]
            for k in unrolled(UNITS):
                gradient[f + k * STRIDE] += sum(
                    h[q, k] * g[q] for q in unrolled(POINTS)
                )
            gradient[f + HIDDEN * STRIDE] += sum(g[q] for q in unrolled(POINTS))
        for k in unrolled(UNITS):
            for q in unrolled(POINTS):
                slope[point + q, k] += s[q, k]


def forward(hidden, parameters, scratch, point, unit, features):
    """Add the product of H with a block of hidden units to `scratch`."""
    h, w = registers(2)
    for k in unrolled(UNITS):
        for q in unrolled(POINTS):
            h[q, k] = hidden[point + q, unit + k]
    rows = parameters[unit * STRIDE : (unit + UNITS) * STRIDE]
    for f in range(features):
        for k in unrolled(UNITS):
            w[k] = rows[f + k * STRIDE]
        for q in unrolled(POINTS):
            scratch[f + q * STRIDE] += sum(h[q, k] * w[k] for k in unrolled(UNITS))


def backward(hidden, parameters, gradient, slope, scratch, point, unit, features):
    """Add a block of hidden units of Gᵀ H to `gradient`, and of G W to `slope`."""
    zero = parameters.dtype.type(0)
    h, s, g, w = registers(4)
    for k in unrolled(UNITS):
        for q in unrolled(POINTS):
            h[q, k] = hidden[point + q, unit + k]
            s[q, k] = zero
    rows = parameters[unit * STRIDE : (unit + UNITS) * STRIDE]
    out = gradient[unit * STRIDE : (unit + UNITS) * STRIDE]
    for f in range(features):
        for q in unrolled(POINTS):
            g[q] = scratch[f + q * STRIDE]
        for k in unrolled(UNITS):
            w[k] = rows[f + k * STRIDE]
        for k in unrolled(UNITS):
            for q in unrolled(POINTS):
                s[q, k] += g[q] * w[k]
        for k in unrolled(UNITS):
            out[f + k * STRIDE] += sum(h[q, k] * g[q] for q in unrolled(POINTS))
    for k in unrolled(UNITS):
        for q in unrolled(POINTS):
            slope[point + q, unit + k] += s[q, k]


def rectify_many(
    hidden,
    present,
    data,
    parameters,
    gradient,
    slope,
    begin,
    end,
    start,
    features,
    scratch,
):
    """Do the same by two matrix products, for more hidden units.

    A block of points and one of hidden units at a time, on a block of G that stays in
    the first-level cache. HIDDEN is then a multiple of UNITS; the rows that fill it up
    stay zero.
    """
    zero = parameters.dtype.type(0)
    row, one, z, g = registers(4)
    for point in range(begin, end, POINTS):
        for q in unrolled(POINTS):
            if DENSE:
                row[q] = data[point + q, start:]
            one[q] = present[point + q]
        for f in range(features):
            bias = parameters[f + HIDDEN * STRIDE]
            for q in unrolled(POINTS):
                scratch[f + q * STRIDE] = one[q] * bias
        for unit in range(0, HIDDEN, UNITS):
            forward(hidden, parameters, scratch, point, unit, features)
        for f in range(features):
            for q in unrolled(POINTS):
                z[q] = scratch[f + q * STRIDE]
            for q in unrolled(POINTS):
                if DENSE:
                    g[q] = z[q] - row[q][f] if z[q] > zero else zero
                else:
                    g[q] = max(z[q], zero)
            for q in unrolled(POINTS):
                scratch[f + q * STRIDE] = g[q]
            gradient[f + HIDDEN * STRIDE] += sum(g[q] for q in unrolled(POINTS))
        for unit in range(0, HIDDEN, UNITS):
            backward(
                hidden, parameters, gradient, slope, scratch, point, unit, features
            )
