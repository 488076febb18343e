"""The fused training step, as source text with the hidden size left open.

Numba turns a loop into vector instructions only when what is inside it is
straight-line code, so the sums over hidden units and over a small block of points
have to be written out. The text below is Python in which

``<k>``
    stands for each hidden unit: a line with it is repeated for every one;
``<q>``
    stands for each point of a block, likewise;
``<sum k: ...>``
    is a written-out sum over hidden units (``<sum q: ...>`` over the block).

:func:`expand` writes it out, and :mod:`memmetrics.toy._kernels` compiles it.

One run's parameters lie in *tiles*: ``(tiles, (hidden + 1) * STRIDE)``, and inside a
tile row ``k`` holds hidden unit ``k``'s weights to ``TILE`` neighboring features, the
last row their biases. All rows of a tile are at constant distances, which spares the
compiler run-time checks for overlap, and a tile and its gradient stay in the
first-level cache while all points pass by.

With ``R = ReLU(H Wᵀ + b)`` and ``G = R − X ∘ [R > 0]``, the gradient of the summed
squared error is ``2 (Gᵀ H + Xᵀ (G W))`` for the weights and twice the column sum of
``G`` for the bias. ``dense`` adds the part of R, which is never stored beyond a block
of points; ``encode`` and ``scatter`` add all that involves x, at its non-zeros only.
"""

from __future__ import annotations

import re

TILE = 512
# One cache line more than a tile: rows a power of two apart would all fall into
# the same few sets of the first-level cache.
STRIDE = TILE + 16
LARGEST_UNROLLED = 8
HIDDEN_BLOCK = 4

# Hidden sizes up to LARGEST_UNROLLED: every hidden unit has its own local variable.
UNROLLED = """
def encode(parameters, row_starts, positions, places, values, start, stop, hidden,
           slope, active):
    zero = parameters.dtype.type(0)
    for point in range(start, stop):
        first, last = unsigned(row_starts[point]), unsigned(row_starts[point + 1])
        h<k> = zero
        for j in range(first, last):
            at = unsigned(positions[j])
            h<k> += values[j] * parameters[at + unsigned(<k> * STRIDE)]
        s<k> = zero
        for j in range(first, last):
            at = unsigned(positions[j])
            w<k> = parameters[at + unsigned(<k> * STRIDE)]
            z = parameters[at + unsigned(HIDDEN * STRIDE)] + <sum k: h<k> * w<k>>
            x = values[j] if z > zero else zero
            active[unsigned(places[j])] = x
            s<k> -= x * w<k>
        hidden[point, <k>] = h<k>
        slope[point, <k>] = s<k>


def scatter(gradient, column_starts, rows, values, active, hidden, slope, start,
            features):
    zero = gradient.dtype.type(0)
    for f in range(features):
        first = unsigned(column_starts[start + f])
        last = unsigned(column_starts[start + f + 1])
        if first == last:
            continue
        g<k> = zero
        total = zero
        for j in range(first, last):
            point = unsigned(rows[j])
            x, y = values[j], active[j]
            g<k> += x * slope[point, <k>] - y * hidden[point, <k>]
            total -= y
        gradient[f + <k> * STRIDE] += g<k>
        gradient[f + HIDDEN * STRIDE] += total


def dense(hidden, present, parameters, gradient, slope, features, scratch):
    zero = parameters.dtype.type(0)
    for point in range(0, present.size, POINTS):
        h<q>_<k> = hidden[point + <q>, <k>]
        one<q> = present[point + <q>]
        s<q>_<k> = zero
        for f in range(features):
            w<k> = parameters[f + <k> * STRIDE]
            bias = parameters[f + HIDDEN * STRIDE]
            r<q> = max(one<q> * bias + <sum k: h<q>_<k> * w<k>>, zero)
            s<q>_<k> += r<q> * w<k>
            gradient[f + <k> * STRIDE] += <sum q: h<q>_<k> * r<q>>
            gradient[f + HIDDEN * STRIDE] += <sum q: r<q>>
        slope[point + <q>, <k>] += s<q>_<k>
"""

# Larger hidden sizes: two small matrix products on a block of R that stays in the
# first-level cache, four points by four (or two) hidden units at a time. HIDDEN is
# then a multiple of HIDDEN_BLOCK; the rows that fill it up stay zero.
TILED = """
def encode(parameters, row_starts, positions, places, values, start, stop, hidden,
           slope, active):
    zero = parameters.dtype.type(0)
    for point in range(start, stop):
        for k in range(HIDDEN):
            hidden[point, k] = zero
            slope[point, k] = zero
        for j in range(row_starts[point], row_starts[point + 1]):
            x = values[j]
            unit = parameters[positions[j]:]
            for k in range(HIDDEN):
                hidden[point, k] += x * unit[k * STRIDE]
        for j in range(row_starts[point], row_starts[point + 1]):
            unit = parameters[positions[j]:]
            z = unit[HIDDEN * STRIDE]
            for k in range(HIDDEN):
                z += hidden[point, k] * unit[k * STRIDE]
            x = values[j] if z > zero else zero
            active[places[j]] = x
            for k in range(HIDDEN):
                slope[point, k] -= x * unit[k * STRIDE]


def scatter(gradient, column_starts, rows, values, active, hidden, slope, start,
            features):
    for f in range(features):
        out = gradient[f:]
        for j in range(column_starts[start + f], column_starts[start + f + 1]):
            point = rows[j]
            x, y = values[j], active[j]
            for k in range(HIDDEN):
                out[k * STRIDE] += x * slope[point, k] - y * hidden[point, k]
            out[HIDDEN * STRIDE] -= y


def forward(hidden, parameters, scratch, point, unit, features):
    h<q>_<k> = hidden[point + <q>, unit + <k>]
    rows = parameters[unit * STRIDE : (unit + HIDDEN_BLOCK) * STRIDE]
    for f in range(features):
        w<k> = rows[f + <k> * STRIDE]
        scratch[f + <q> * TILE] += <sum k: h<q>_<k> * w<k>>


def backward(hidden, parameters, gradient, slope, scratch, point, unit, features):
    zero = parameters.dtype.type(0)
    h<q>_<k> = hidden[point + <q>, unit + <k>]
    s<q>_<k> = zero
    rows = parameters[unit * STRIDE : (unit + HIDDEN_BLOCK) * STRIDE]
    out = gradient[unit * STRIDE : (unit + HIDDEN_BLOCK) * STRIDE]
    for f in range(features):
        r<q> = scratch[f + <q> * TILE]
        w<k> = rows[f + <k> * STRIDE]
        s<q>_<k> += r<q> * w<k>
        out[f + <k> * STRIDE] += <sum q: h<q>_<k> * r<q>>
    slope[point + <q>, unit + <k>] += s<q>_<k>


def dense(hidden, present, parameters, gradient, slope, features, scratch):
    zero = parameters.dtype.type(0)
    for point in range(0, present.size, POINTS):
        one<q> = present[point + <q>]
        for f in range(features):
            bias = parameters[f + HIDDEN * STRIDE]
            scratch[f + <q> * TILE] = one<q> * bias
        for unit in range(0, HIDDEN, HIDDEN_BLOCK):
            forward(hidden, parameters, scratch, point, unit, features)
        for f in range(features):
            r<q> = max(scratch[f + <q> * TILE], zero)
            scratch[f + <q> * TILE] = r<q>
            gradient[f + HIDDEN * STRIDE] += <sum q: r<q>>
        for unit in range(0, HIDDEN, HIDDEN_BLOCK):
            backward(
                hidden, parameters, gradient, slope, scratch, point, unit, features
            )
"""

ADAMW = """
def adamw(parameters, gradient, momentum, variance, features, scale, schedule, betas,
          epsilon):
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
"""

# The training loop around them. Work is divided into a number of parts that depends
# on the problem alone, so that sums are taken in the same order by one thread as by
# many. ``prange`` is an ordinary range unless compiled for threads.
TRAIN = """
def NAME(parameters, momentum, variance, row_starts, positions, places, row_values,
         column_starts, rows, column_values, schedule, first, last, features, scale,
         betas, epsilon, parts):
    tiles = parameters.shape[0]
    points = row_starts.size - 1
    zero = parameters.dtype.type(0)
    flat = parameters.reshape(-1)
    gradient = np.empty_like(parameters)
    # Points up to a whole block. Those that are not there have no hidden activation
    # and no bias, so their R is zero and they change nothing.
    rows_in_blocks = -(-points // POINTS) * POINTS
    present = np.zeros(rows_in_blocks, parameters.dtype)
    present[:points] = 1
    hidden = np.zeros((rows_in_blocks, HIDDEN), parameters.dtype)
    slope = np.zeros((rows_in_blocks, HIDDEN), parameters.dtype)
    slopes = np.empty((parts, rows_in_blocks, HIDDEN), parameters.dtype)
    active = np.empty_like(column_values)
    scratch = np.empty((parts, POINTS * TILE), parameters.dtype)
    for step in range(first, last):
        for part in prange(parts):
            start, stop = part * points // parts, (part + 1) * points // parts
            encode(flat, row_starts, positions, places, row_values, start, stop, hidden,
                   slope, active)
        for part in prange(parts):
            slopes[part] = zero
            for tile in range(part * tiles // parts, (part + 1) * tiles // parts):
                size = min(TILE, features - tile * TILE)
                gradient[tile] = zero
                dense(hidden, present, parameters[tile], gradient[tile], slopes[part],
                      size, scratch[part])
        for part in prange(parts):
            start, stop = part * points // parts, (part + 1) * points // parts
            for other in range(parts):
                slope[start:stop] += slopes[other, start:stop]
        for part in prange(parts):
            for tile in range(part * tiles // parts, (part + 1) * tiles // parts):
                size = min(TILE, features - tile * TILE)
                scatter(gradient[tile], column_starts, rows, column_values, active,
                        hidden, slope, tile * TILE, size)
                adamw(parameters[tile], gradient[tile], momentum[tile], variance[tile],
                      size, scale, schedule[step], betas, epsilon)
"""


def expand(source: str, *, hidden: int, points: int) -> str:
    """Write out ``<k>`` for `hidden` units and ``<q>`` for a block of `points`."""
    lines = [source]
    for name, count in (("k", hidden), ("q", points)):
        lines = [out for line in lines for out in _expand_name(line, name, count)]
    return "\n".join(lines)


def _expand_name(source: str, name: str, count: int) -> list[str]:
    out = []
    for line in source.split("\n"):
        summed = re.sub(
            rf"<sum {name}: ((?:[^<>]|<\w>)*)>",
            lambda match: " + ".join(
                match[1].replace(f"<{name}>", str(i)) for i in range(count)
            ),
            line,
        )
        repeats = range(count) if f"<{name}>" in summed else range(1)
        out += [summed.replace(f"<{name}>", str(i)) for i in repeats]
    return out
