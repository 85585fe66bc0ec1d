"""Products of weights with signals, and of factors with signals."""

import numpy as np

from circuits.engine.tables import (
    EVENTS,
    FACTOR,
    FIELD,
    INPUT,
    KIND,
    LOWER,
    PAIRED,
    POST,
    PRE,
    READOUT,
    ROWS,
    SIZE,
    SPARSE,
    TIED_TO,
    TRANSPOSED,
    UPPER,
    WEIGHTS,
)
from dendrites.compile.calls import at
from dendrites.compile.jit import array_kernel, inlined_kernel, inner_kernel

# What only hands the tables on is inlined: three such calls cost a small circuit an
# eighth of its step (measured on 30-20-10).

# Below this many multiply-adds a plain loop beats the call of a BLAS routine.
SMALL_PRODUCT = 20_000
# Up to this many samples our own loop beats BLAS, which first copies the weights into
# its own order (measured for 784 to 500 cells: 3.7 times for 10 samples and 1.4 times
# for 32 in float32, 1.5 and 1.2 times in float64).
FEW_SAMPLES = 32
# The same for the sum of so many outer products added to weights.
FEW_ROWS = 16


@inlined_kernel
def field_place(t, j, m):
    """Where, among all input fields of m samples, the one projection j reaches lies."""
    p = t.projection[j, POST]
    place = t.population[p, FIELD] * m
    return place + t.projection[j, INPUT] * t.population[p, SIZE] * m


@inlined_kernel
def accumulate(t, j, w, wo, x, xo, oo, n_samples):
    """Add the product of signals at `xo` and weights at `wo` to the field at `oo`.

    `w` is the replica's arena, `x` the lane's.
    """
    accumulate_scaled(t, j, w, wo, x, xo, oo, n_samples, tied_factor(t, j))


@inlined_kernel
def accumulate_shared(t, j, w, wo, x, xo, oo, n_samples):
    """As `accumulate`, for signals in which the factors of tied weights are."""
    one = t.real.dtype.type(1)
    accumulate_scaled(t, j, w, wo, x, xo, oo, n_samples, one)


@inlined_kernel
def accumulate_scaled(t, j, w, wo, x, xo, oo, n_samples, factor):
    """The product of `accumulate` with all weights times `factor`."""
    n_pre = t.population[t.projection[j, PRE], SIZE]
    n_post = t.population[t.projection[j, POST], SIZE]
    kind = t.projection[j, KIND]
    if kind == EVENTS:
        lower, upper = -np.inf, np.inf
        if t.projection[j, READOUT]:
            lower, upper = t.real[j, LOWER], t.real[j, UPPER]
        accumulate_events(
            x, xo, w, wo, oo, n_samples, n_pre, n_post, factor, lower, upper
        )
    elif t.projection[j, PAIRED]:
        accumulate_pairs(x, xo, w, wo, oo, n_samples, n_post, factor)
    elif kind == SPARSE:
        rows = t.projection[j, ROWS]
        accumulate_sparse(
            x, xo, w, wo, oo, n_samples, n_pre, n_post, t.index, rows, factor
        )
    elif n_samples <= FEW_SAMPLES or n_samples * n_pre * n_post < SMALL_PRODUCT:
        accumulate_few(x, xo, w, wo, oo, n_samples, n_pre, n_post, factor)
    else:
        dense_product(x, xo, w, wo, t.scratch, n_samples, n_pre, n_post)
        add_scaled(x, t.scratch, oo, n_samples * n_post, factor)


@inner_kernel
def add_scaled(x, xo, oo, n, factor):
    """Add n numbers times a factor."""
    out, product = at(x, oo), at(x, xo)
    for i in range(n):
        out[i] += factor * product[i]


@inner_kernel
def accumulate_pairs(x, xo, w, wo, oo, n_samples, n, factor):
    """Add signals times weights, one to one."""
    weights = at(w, wo)
    for b in range(n_samples):
        signal, out = at(x, xo + b * n), at(x, oo + b * n)
        for i in range(n):
            out[i] += factor * signal[i] * weights[i]


@inner_kernel
def accumulate_sparse(x, xo, w, wo, oo, n_samples, n_pre, n_post, index, rows, factor):
    """Add signals times the weights of a sparse pattern."""
    for b in range(n_samples):
        for p in range(n_pre):
            xp = factor * x[xo + b * n_pre + p]
            if xp == 0:
                continue
            for k in range(index[rows + p], index[rows + p + 1]):
                target = index[rows + n_pre + 1 + k]
                x[oo + b * n_post + target] += xp * w[wo + k]


@inner_kernel
def accumulate_events(x, xo, w, wo, oo, n_samples, n_pre, n, factor, lower, upper):
    """Add one row of weights, held between bounds, for every cell not silent."""
    bounded = lower > -np.inf or upper < np.inf
    for b in range(n_samples):
        signal, out = at(x, xo + b * n_pre), at(x, oo + b * n)
        p = n_pre * 0
        while p < n_pre:
            # Most cells are silent: look at eight at once.
            while p + 8 <= n_pre and is_silent(at(x, xo + b * n_pre + p)):
                p += 8
            last = min(p + 8, n_pre)
            while p < last:
                if signal[p] != 0:
                    xp, row = factor * signal[p], at(w, wo + p * n)
                    if bounded:
                        for i in range(n):
                            out[i] += xp * min(max(row[i], lower), upper)
                    else:
                        for i in range(n):
                            out[i] += xp * row[i]
                p += 1


@inlined_kernel
def is_silent(signal):
    """Whether eight numbers are all zero."""
    total = abs(signal[0]) + abs(signal[1]) + abs(signal[2]) + abs(signal[3])
    total += abs(signal[4]) + abs(signal[5]) + abs(signal[6]) + abs(signal[7])
    return total == 0


@inner_kernel
def multiply(t, j, w, wo, x, xo, oo, n_samples):
    """As `accumulate`, but the product replaces the field."""
    n_pre = t.population[t.projection[j, PRE], SIZE]
    n_post = t.population[t.projection[j, POST], SIZE]
    n = n_samples * n_post
    large = n_samples > FEW_SAMPLES and n * n_pre >= SMALL_PRODUCT
    out = at(x, oo)
    if t.projection[j, KIND] == SPARSE or not large:
        for i in range(n):
            out[i] = 0
        accumulate(t, j, w, wo, x, xo, oo, n_samples)
        return
    dense_product(x, xo, w, wo, oo, n_samples, n_pre, n_post)
    factor = tied_factor(t, j)
    if factor != 1:
        for i in range(n):
            out[i] *= factor


@inner_kernel
def accumulate_few(x, xo, w, wo, oo, n_samples, n_pre, n_post, factor):
    """Add signals times weights by plain loops that take eight rows at a time."""
    n = n_post
    p = n_pre * 0
    while p + 8 <= n_pre:
        row = at(w, wo + p * n)
        for b in range(n_samples):
            s = at(x, xo + b * n_pre + p)
            x0, x1, x2, x3 = factor * s[0], factor * s[1], factor * s[2], factor * s[3]
            x4, x5, x6, x7 = factor * s[4], factor * s[5], factor * s[6], factor * s[7]
            out = at(x, oo + b * n)
            for i in range(n):
                out[i] += (
                    x0 * row[i]
                    + x1 * row[n + i]
                    + x2 * row[2 * n + i]
                    + x3 * row[3 * n + i]
                ) + (
                    x4 * row[4 * n + i]
                    + x5 * row[5 * n + i]
                    + x6 * row[6 * n + i]
                    + x7 * row[7 * n + i]
                )
        p += 8
    while p < n_pre:
        row = at(w, wo + p * n)
        for b in range(n_samples):
            xp = factor * x[xo + b * n_pre + p]
            out = at(x, oo + b * n)
            for i in range(n):
                out[i] += xp * row[i]
        p += 1


@array_kernel
def dense_product(x, xo, w, wo, oo, n_samples, n_pre, n_post):
    """Signals (n_samples, n_pre) times weights (n_pre, n_post), written to x at oo."""
    np.dot(
        x[xo : xo + n_samples * n_pre].reshape(n_samples, n_pre),
        w[wo : wo + n_pre * n_post].reshape(n_pre, n_post),
        x[oo : oo + n_samples * n_post].reshape(n_samples, n_post),
    )


@inlined_kernel
def tied_factor(t, j):
    """Of weights that lie where those lie that they are tied to; 1 for all others."""
    if t.projection[j, TIED_TO] >= 0 and not t.projection[j, TRANSPOSED]:
        return t.real[j, FACTOR]
    return t.real.dtype.type(1)


@inner_kernel
def outer_sum(t, j, x, xo, eo, n_rows, add):
    """Gradient of projection j: X^T E over rows (steps and samples), or added to it.

    Gradients lie in the lane, so that lanes can share the replica's arena.
    """
    n_pre = t.population[t.projection[j, PRE], SIZE]
    n_post = t.population[t.projection[j, POST], SIZE]
    go = t.gradient + t.projection[j, WEIGHTS]
    n = n_pre * n_post
    if t.projection[j, PAIRED]:
        gradient = at(x, go)
        for s in range(n_rows):
            signal, factor = at(x, xo + s * n_pre), at(x, eo + s * n_post)
            if s > 0 or add:
                for i in range(n_post):
                    gradient[i] += signal[i] * factor[i]
            else:
                for i in range(n_post):
                    gradient[i] = signal[i] * factor[i]
    elif t.projection[j, KIND] == SPARSE:
        rows = t.projection[j, ROWS]
        for p in range(n_pre):
            for k in range(t.index[rows + p], t.index[rows + p + 1]):
                i = t.index[rows + n_pre + 1 + k]
                total = x[go + k] if add else x[go + k] * 0
                for s in range(n_rows):
                    total += x[xo + s * n_pre + p] * x[eo + s * n_post + i]
                x[go + k] = total
    elif n_rows * n < SMALL_PRODUCT:
        if not add:
            x[go : go + n] = 0
        for s in range(n_rows):
            factor = at(x, eo + s * n_post)
            for p in range(n_pre):
                xp = x[xo + s * n_pre + p]
                row = at(x, go + p * n_post)
                for i in range(n_post):
                    row[i] += xp * factor[i]
    else:
        place = go
        if add:
            place = t.scratch
        dense_outer(x, xo, eo, place, n_rows, n_pre, n_post)
        if add:
            gradient, product = at(x, go), at(x, place)
            for k in range(n):
                gradient[k] += product[k]


@array_kernel
def dense_outer(x, xo, eo, place, n_rows, n_pre, n_post):
    """X^T E of so many rows, written to x at `place`."""
    np.dot(
        x[xo : xo + n_rows * n_pre].reshape(n_rows, n_pre).T,
        x[eo : eo + n_rows * n_post].reshape(n_rows, n_post),
        x[place : place + n_pre * n_post].reshape(n_pre, n_post),
    )


@inner_kernel
def sum_rows(x, offset, n_rows, n):
    """Replace the first of n_rows rows of n numbers by their sum."""
    for s in range(1, n_rows):
        total, row = at(x, offset), at(x, offset + s * n)
        for i in range(n):
            total[i] += row[i]


@inner_kernel
def add_outer(x, xo, eo, n_rows, w, wo, n_pre, n_post, scale):
    """Add scale * X^T E to weights at `wo`, in one pass over them.

    For few rows; ten at a time, then five, then one.
    """
    n, q = n_post, n_pre
    for p in range(n_pre):
        row = at(w, wo + p * n)
        b = p * 0
        while b + 10 <= n_rows:
            s, e = at(x, xo + b * q + p), at(x, eo + b * n)
            x0, x1, x2 = scale * s[0], scale * s[q], scale * s[2 * q]
            x3, x4, x5 = scale * s[3 * q], scale * s[4 * q], scale * s[5 * q]
            x6, x7, x8 = scale * s[6 * q], scale * s[7 * q], scale * s[8 * q]
            x9 = scale * s[9 * q]
            for i in range(n):
                row[i] += (
                    x0 * e[i]
                    + x1 * e[n + i]
                    + x2 * e[2 * n + i]
                    + x3 * e[3 * n + i]
                    + x4 * e[4 * n + i]
                ) + (
                    x5 * e[5 * n + i]
                    + x6 * e[6 * n + i]
                    + x7 * e[7 * n + i]
                    + x8 * e[8 * n + i]
                    + x9 * e[9 * n + i]
                )
            b += 10
        while b + 5 <= n_rows:
            s, e = at(x, xo + b * q + p), at(x, eo + b * n)
            x0, x1, x2 = scale * s[0], scale * s[q], scale * s[2 * q]
            x3, x4 = scale * s[3 * q], scale * s[4 * q]
            for i in range(n):
                row[i] += (
                    x0 * e[i]
                    + x1 * e[n + i]
                    + x2 * e[2 * n + i]
                    + x3 * e[3 * n + i]
                    + x4 * e[4 * n + i]
                )
            b += 5
        while b < n_rows:
            x0, e = scale * x[xo + b * q + p], at(x, eo + b * n)
            b += 1
            if x0 == 0:
                continue
            for i in range(n):
                row[i] += x0 * e[i]
