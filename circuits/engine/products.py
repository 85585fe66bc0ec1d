"""Products of weights with signals, and of factors with signals."""

import numpy as np

from circuits.engine.tables import KIND, POST, PRE, ROWS, SIZE, SPARSE, WEIGHTS
from dendrites.calls import at
from dendrites.jit import inner_kernel

# Below this many multiply-adds a plain loop beats the call of a BLAS routine.
SMALL_PRODUCT = 20_000


@inner_kernel
def accumulate(t, j, w, wo, x, xo, oo, n_samples):
    """Add the product of signals at `xo` and weights at `wo` to the field at `oo`.

    `w` is the replica's arena, `x` the lane's.
    """
    n_pre = t.population[t.projection[j, PRE], SIZE]
    n_post = t.population[t.projection[j, POST], SIZE]
    if t.projection[j, KIND] == SPARSE:
        rows = t.projection[j, ROWS]
        for b in range(n_samples):
            for p in range(n_pre):
                xp = x[xo + b * n_pre + p]
                for k in range(t.index[rows + p], t.index[rows + p + 1]):
                    target = t.index[rows + n_pre + 1 + k]
                    x[oo + b * n_post + target] += xp * w[wo + k]
    elif n_samples == 1 or n_samples * n_pre * n_post < SMALL_PRODUCT:
        for b in range(n_samples):
            out = at(x, oo + b * n_post)
            for p in range(n_pre):
                xp = x[xo + b * n_pre + p]
                row = at(w, wo + p * n_post)
                for i in range(n_post):
                    out[i] += xp * row[i]
    else:
        n = n_samples * n_post
        product = x[t.scratch : t.scratch + n]
        np.dot(
            x[xo : xo + n_samples * n_pre].reshape(n_samples, n_pre),
            w[wo : wo + n_pre * n_post].reshape(n_pre, n_post),
            product.reshape(n_samples, n_post),
        )
        out = at(x, oo)
        for i in range(n):
            out[i] += product[i]


@inner_kernel
def outer_sum(t, j, x, xo, eo, n_rows, add):
    """Gradient of projection j: X^T E over rows (steps and samples), or added to it.

    Gradients lie in the lane, so that lanes can share the replica's arena.
    """
    n_pre = t.population[t.projection[j, PRE], SIZE]
    n_post = t.population[t.projection[j, POST], SIZE]
    go = t.gradient + t.projection[j, WEIGHTS]
    n = n_pre * n_post
    if t.projection[j, KIND] == SPARSE:
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
        left = x[xo : xo + n_rows * n_pre].reshape(n_rows, n_pre).T
        right = x[eo : eo + n_rows * n_post].reshape(n_rows, n_post)
        product = x[go : go + n]
        if add:
            product = x[t.scratch : t.scratch + n]
        np.dot(left, right, product.reshape(n_pre, n_post))
        if add:
            gradient = at(x, go)
            for k in range(n):
                gradient[k] += product[k]


@inner_kernel
def sum_rows(x, offset, n_rows, n):
    """Replace the first of n_rows rows of n numbers by their sum."""
    for s in range(1, n_rows):
        total, row = at(x, offset), at(x, offset + s * n)
        for i in range(n):
            total[i] += row[i]
