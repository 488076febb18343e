"""The fused training step, as source text with the hidden size left open.

Numba turns a loop into vector instructions only when what is inside it is
straight-line code, so the sums over hidden units and over a small block of points
have to be written out. The text below is Python in which

``<k>``
    stands for each hidden unit (or each of a block of them, from ``unit`` on): a
    line with it is repeated for every one;
``<q>``
    stands for each point of a block, likewise;
``<sum k: ...>``
    is a written-out sum over hidden units (``<sum q: ...>`` over the block);
``<sparse>`` and ``<dense>``
    begin lines that are there for one kind of data only.

:func:`expand` writes it out, and :mod:`memmetrics.trainers.toy._kernels` compiles it.

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

import re

TILE = 512
# One cache line more than a tile: rows a power of two apart would all fall into
# the same few sets of the first-level cache.
STRIDE = TILE + 16
HIDDEN_BLOCK = 4

# Sparse data: (row_starts, positions, places, row_values, column_starts, rows,
# column_values, active). Up to eight hidden units have a local variable each.
SPARSE_UNROLLED = """
def encode(parameters, data, start, stop, features, hidden, slope):
    row_starts, positions, places, values = data[0], data[1], data[2], data[3]
    active = data[7]
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


def scatter(gradient, data, hidden, slope, begin, end, start, features):
    if begin > 0:  # the first chunk of points does it for all
        return
    column_starts, rows, values, active = data[4], data[5], data[6], data[7]
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
"""

SPARSE = """
def encode(parameters, data, start, stop, features, hidden, slope):
    row_starts, positions, places, values = data[0], data[1], data[2], data[3]
    active = data[7]
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


def scatter(gradient, data, hidden, slope, begin, end, start, features):
    if begin > 0:  # the first chunk of points does it for all
        return
    column_starts, rows, values, active = data[4], data[5], data[6], data[7]
    for f in range(features):
        out = gradient[f:]
        for j in range(column_starts[start + f], column_starts[start + f + 1]):
            point = rows[j]
            x, y = values[j], active[j]
            for k in range(HIDDEN):
                out[k * STRIDE] += x * slope[point, k] - y * hidden[point, k]
            out[HIDDEN * STRIDE] -= y
"""

# Dense data: (x,), with rows up to a whole block of points.
DENSE = """
def encode(parameters, data, start, stop, features, hidden, slope):
    x = data[0]
    zero = parameters.dtype.type(0)
    for point in range(start, stop, POINTS):
        for unit in range(0, HIDDEN, UNITS):
            h<q>_<k> = zero
            for tile in range(-(-features // TILE)):
                row<q> = x[point + <q>, tile * TILE:]
                rows = parameters[(tile * (HIDDEN + 1) + unit) * STRIDE:]
                for f in range(min(TILE, features - tile * TILE)):
                    x<q> = row<q>[f]
                    w<k> = rows[f + <k> * STRIDE]
                    h<q>_<k> += x<q> * w<k>
            hidden[point + <q>, unit + <k>] = h<q>_<k>
            slope[point + <q>, unit + <k>] = zero


def scatter(gradient, data, hidden, slope, begin, end, start, features):
    x = data[0]
    for point in range(begin, end, POINTS):
        row<q> = x[point + <q>, start:]
        for unit in range(0, HIDDEN, UNITS):
            s<q>_<k> = slope[point + <q>, unit + <k>]
            out = gradient[unit * STRIDE : (unit + UNITS) * STRIDE]
            for f in range(features):
                x<q> = row<q>[f]
                out[f + <k> * STRIDE] += <sum q: x<q> * s<q>_<k>>
"""

# Every hidden unit has its own local variable.
UNROLLED = """
def rectify(hidden, present, data, parameters, gradient, slope, begin, end, start,
            features, scratch):
    <dense> x = data[0]
    zero = parameters.dtype.type(0)
    for point in range(begin, end, POINTS):
        <dense> row<q> = x[point + <q>, start:]
        h<q>_<k> = hidden[point + <q>, <k>]
        one<q> = present[point + <q>]
        s<q>_<k> = zero
        for f in range(features):
            w<k> = parameters[f + <k> * STRIDE]
            bias = parameters[f + HIDDEN * STRIDE]
            z<q> = one<q> * bias + <sum k: h<q>_<k> * w<k>>
            <sparse> g<q> = max(z<q>, zero)
            <dense> g<q> = z<q> - row<q>[f] if z<q> > zero else zero
            s<q>_<k> += g<q> * w<k>
            gradient[f + <k> * STRIDE] += <sum q: h<q>_<k> * g<q>>
            gradient[f + HIDDEN * STRIDE] += <sum q: g<q>>
        slope[point + <q>, <k>] += s<q>_<k>
"""

# For larger hidden sizes: two small matrix products on a block of G that stays in the
# first-level cache, a block of points by one of hidden units at a time. HIDDEN is
# then a multiple of UNITS; the rows that fill it up stay zero.
TILED = """
def forward(hidden, parameters, scratch, point, unit, features):
    h<q>_<k> = hidden[point + <q>, unit + <k>]
    rows = parameters[unit * STRIDE : (unit + UNITS) * STRIDE]
    for f in range(features):
        w<k> = rows[f + <k> * STRIDE]
        scratch[f + <q> * STRIDE] += <sum k: h<q>_<k> * w<k>>


def backward(hidden, parameters, gradient, slope, scratch, point, unit, features):
    zero = parameters.dtype.type(0)
    h<q>_<k> = hidden[point + <q>, unit + <k>]
    s<q>_<k> = zero
    rows = parameters[unit * STRIDE : (unit + UNITS) * STRIDE]
    out = gradient[unit * STRIDE : (unit + UNITS) * STRIDE]
    for f in range(features):
        g<q> = scratch[f + <q> * STRIDE]
        w<k> = rows[f + <k> * STRIDE]
        s<q>_<k> += g<q> * w<k>
        out[f + <k> * STRIDE] += <sum q: h<q>_<k> * g<q>>
    slope[point + <q>, unit + <k>] += s<q>_<k>


def rectify(hidden, present, data, parameters, gradient, slope, begin, end, start,
            features, scratch):
    <dense> x = data[0]
    zero = parameters.dtype.type(0)
    for point in range(begin, end, POINTS):
        <dense> row<q> = x[point + <q>, start:]
        one<q> = present[point + <q>]
        for f in range(features):
            bias = parameters[f + HIDDEN * STRIDE]
            scratch[f + <q> * STRIDE] = one<q> * bias
        for unit in range(0, HIDDEN, UNITS):
            forward(hidden, parameters, scratch, point, unit, features)
        for f in range(features):
            z<q> = scratch[f + <q> * STRIDE]
            <sparse> g<q> = max(z<q>, zero)
            <dense> g<q> = z<q> - row<q>[f] if z<q> > zero else zero
            scratch[f + <q> * STRIDE] = g<q>
            gradient[f + HIDDEN * STRIDE] += <sum q: g<q>>
        for unit in range(0, HIDDEN, UNITS):
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
            g[i] = 0
"""

# The training loop around them, as one of a team of `threads` goes through it. Work is
# divided into parts of the features, whole tiles each, and where these are few, into
# chunks of the points, whose gradients are added up. Parts and chunks depend on the
# problem alone, so that sums are taken in the same order by one thread as by many.
TRAIN = """
def clear(out):
    flat = out.reshape(-1)
    for i in range(flat.size):
        flat[i] = 0


def share(index, count, blocks, size):
    return index * blocks // count * size, (index + 1) * blocks // count * size


def add(out, values):
    flat, added = out.reshape(-1), values.reshape(-1)
    for i in range(flat.size):
        flat[i] += added[i]


def NAME(parameters, momentum, variance, gradients, data, present, hidden, slope,
         slopes, scratch, barrier, schedule, features, scale, betas, epsilon, first,
         last, thread, threads):
    tiles, parts, chunks = parameters.shape[0], slopes.shape[0], gradients.shape[0]
    pieces = parts * chunks
    own_pieces = range(thread * pieces // threads, (thread + 1) * pieces // threads)
    own_parts = range(thread * parts // threads, (thread + 1) * parts // threads)
    blocks = present.size // POINTS
    flat = parameters.reshape(-1)
    count = 0
    for step in range(first, last):
        for piece in own_pieces:
            begin, end = share(piece, pieces, blocks, POINTS)
            encode(flat, data, begin, end, features, hidden, slope)
        count += threads
        if threads > 1 and not pass_barrier(barrier, count):
            return
        for piece in own_pieces:
            part, chunk = piece // chunks, piece % chunks
            begin, end = share(chunk, chunks, blocks, POINTS)
            clear(slopes[part, begin:end])
            for tile in range(part * tiles // parts, (part + 1) * tiles // parts):
                size = min(TILE, features - tile * TILE)
                rectify(hidden, present, data, parameters[tile], gradients[chunk, tile],
                        slopes[part], begin, end, tile * TILE, size, scratch[piece])
        count += threads
        if threads > 1 and not pass_barrier(barrier, count):
            return
        for piece in own_pieces:
            begin, end = share(piece, pieces, blocks, POINTS)
            for other in range(parts):
                add(slope[begin:end], slopes[other, begin:end])
        count += threads
        if threads > 1 and not pass_barrier(barrier, count):
            return
        for piece in own_pieces:
            part, chunk = piece // chunks, piece % chunks
            begin, end = share(chunk, chunks, blocks, POINTS)
            for tile in range(part * tiles // parts, (part + 1) * tiles // parts):
                size = min(TILE, features - tile * TILE)
                scatter(gradients[chunk, tile], data, hidden, slope, begin, end,
                        tile * TILE, size)
        if chunks > 1:
            count += threads
            if threads > 1 and not pass_barrier(barrier, count):
                return
        for part in own_parts:
            for tile in range(part * tiles // parts, (part + 1) * tiles // parts):
                gradient = gradients[0, tile]
                for chunk in range(1, chunks):
                    add(gradient, gradients[chunk, tile])
                    clear(gradients[chunk, tile])
                size = min(TILE, features - tile * TILE)
                adamw(parameters[tile], gradient, momentum[tile], variance[tile],
                      size, scale, schedule[step], betas, epsilon)
        count += threads
        if threads > 1 and not pass_barrier(barrier, count):
            return
"""


def expand(source: str, *, units: int, points: int, data: str) -> str:
    """Write out ``<k>`` for `units`, ``<q>`` for `points`, and lines for `data`.

    Parameters
    ----------
    source : str
    units, points : int
        Size of a block of hidden units and of points.
    data : {"sparse", "dense"}
    """
    other = {"sparse": "<dense>", "dense": "<sparse>"}[data]
    lines = [
        line.replace(f"<{data}> ", "")
        for line in source.split("\n")
        if other not in line
    ]
    for name, count in (("k", units), ("q", points)):
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
