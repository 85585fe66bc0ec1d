"""Products of signals with weights, written or added to a field.

`signal` lies in the slot of the step where `slot` is 1, and `delay` steps back in a
delay line of `slots` slots where there are any. `factor` is that of tied weights which
lie where those lie that they follow. `first` is 1 where the product is the first that
reaches its field: then the field need not be cleared.
"""

import numpy as np

from circuits.engine.operations.kinds import operation
from circuits.engine.span import CLOCK
from dendrites.compile.calls import (
    add_product,
    at,
    bytes_of,
    cast,
    real,
    short_integers,
)
from dendrites.compile.jit import inlined_kernel
from dendrites.compile.rows import BLOCK_STEP, SAMPLES

# Below this many multiply-adds a plain loop beats the call of a BLAS routine.
SMALL_PRODUCT = 8_000

PRODUCT = "n_pre n_post w<weights <signal =target ~factor first slot slots stride delay"
ADD = "add {weights} times {signal} to {target}"


@inlined_kernel
def signal_place(row, span):
    """Where the signal of a product lies, from the operands of `PRODUCT`."""
    if row[9]:
        return row[4] + (span[CLOCK] + 1 - row[11]) % row[9] * row[10]
    return row[4] + row[8] * span[BLOCK_STEP] * row[1] * span[SAMPLES]


@inlined_kernel
def clear_first(lane, row, span):
    """Clear the target of a product that is the first of its field."""
    if row[7]:
        out = at(lane, row[5])
        for i in range(row[2] * span[SAMPLES]):
            out[i] = 0


@inlined_kernel
def few_samples(lane, n_post):
    """Up to how many samples our own loop beats BLAS, which first copies the weights.

    Measured, times the speed of BLAS in float64 and float32: 784 to 500 cells 1.1 and 2
    times for 10 samples, 0.57 and 1.1 for 32; 500 to 10 cells 0.7 for 4 samples. Where
    both are about equal, which one is left to whole trainings: with 32 samples in
    float32 these were faster with BLAS.
    """
    if n_post <= 16:
        return 3
    single = bytes_of(lane) == 4
    if n_post <= 64:
        return 20 if single else 15
    return 31 if single else 12


@operation(PRODUCT, ADD)
def dense_product(weights, lane, row, span):
    """All pairs of cells."""
    m, n_pre, n = span[SAMPLES], row[1], row[2]
    factor = cast(lane, real(row, 6))
    signals, w = at(lane, signal_place(row, span)), at(weights, row[3])
    field = at(lane, row[5])
    if m > few_samples(lane, n) and m * n_pre * n >= SMALL_PRODUCT:
        beta = cast(lane, 0.0 if row[7] else 1.0)
        add_product(False, m, n, n_pre, factor, signals, w, beta, field)
        return
    clear_first(lane, row, span)
    # Eight rows at a time: the field is read and written once for all of them.
    p = n_pre * 0
    while p + 8 <= n_pre:
        w0 = at(w, p * n)
        for b in range(m):
            s = at(signals, b * n_pre + p)
            x0, x1, x2, x3 = factor * s[0], factor * s[1], factor * s[2], factor * s[3]
            x4, x5, x6, x7 = factor * s[4], factor * s[5], factor * s[6], factor * s[7]
            out = at(field, b * n)
            for i in range(n):
                out[i] += (
                    x0 * w0[i]
                    + x1 * w0[n + i]
                    + x2 * w0[2 * n + i]
                    + x3 * w0[3 * n + i]
                ) + (
                    x4 * w0[4 * n + i]
                    + x5 * w0[5 * n + i]
                    + x6 * w0[6 * n + i]
                    + x7 * w0[7 * n + i]
                )
        p += 8
    while p < n_pre:
        last = at(w, p * n)
        for b in range(m):
            xp = factor * signals[b * n_pre + p]
            out = at(field, b * n)
            for i in range(n):
                out[i] += xp * last[i]
        p += 1


@operation(PRODUCT, ADD)
def pairs_product(weights, lane, row, span):
    """Cell i of one side with cell i of the other."""
    n, factor, zero = row[2], cast(lane, real(row, 6)), cast(lane, 0.0)
    w, signals = at(weights, row[3]), at(lane, signal_place(row, span))
    for b in range(span[SAMPLES]):
        signal, out = at(signals, b * n), at(lane, row[5] + b * n)
        if row[7]:
            # One pass instead of two; the sum makes 0 of -0.
            for i in range(n):
                out[i] = zero + factor * signal[i] * w[i]
        else:
            for i in range(n):
                out[i] += factor * signal[i] * w[i]


@operation(f"{PRODUCT} index", ADD)
def sparse_product(weights, lane, row, span):
    """The synapses of a pattern: row starts and targets lie at address `index`."""
    n_pre, n_post, factor = row[1], row[2], cast(lane, real(row, 6))
    clear_first(lane, row, span)
    w, signals = at(weights, row[3]), at(lane, signal_place(row, span))
    starts = short_integers(row[12])
    targets = at(starts, n_pre + 1)
    for b in range(span[SAMPLES]):
        signal, out = at(signals, b * n_pre), at(lane, row[5] + b * n_post)
        p = n_pre * 0
        while p < n_pre:
            # Of spikes most are none: look at eight at once.
            while p + 8 <= n_pre and is_silent(at(signal, p)):
                p += 8
            last = min(p + 8, n_pre)
            while p < last:
                xp = factor * signal[p]
                if xp != 0:
                    for k in range(starts[p], starts[p + 1]):
                        out[targets[k]] += xp * w[k]
                p += 1


@operation(f"{PRODUCT} ~lower ~upper >found", ADD)
def events_product(weights, lane, row, span):
    """One row of weights, held between bounds, for every cell that is not silent.

    `found` has room for the numbers of these cells. Finding them first spares a branch
    for each, and then the field is read and written once for four of them; every number
    is summed in the order of the cells all the same.
    """
    n_pre, n, factor = row[1], row[2], cast(lane, real(row, 6))
    clear_first(lane, row, span)
    signals, found = at(lane, signal_place(row, span)), at(lane, row[14])
    for b in range(span[SAMPLES]):
        signal, out = at(signals, b * n_pre), at(lane, row[5] + b * n)
        p = count = n_pre * 0
        while p < n_pre:
            # Most cells are silent: look at eight at once.
            while p + 8 <= n_pre and is_silent(at(signal, p)):
                p += 8
            last = min(p + 8, n_pre)
            while p < last:
                found[count] = p
                count += 0 if signal[p] == 0 else 1
                p += 1
        add_rows(weights, row, factor, signal, n_pre * 0, found, count, out)


@operation(f"{PRODUCT} ~lower ~upper <fired", f"{ADD} where it fired")
def fired_product(weights, lane, row, span):
    """The same of cells in a list: how many of all samples are not silent, and which.

    The list was made when they fired, so signals need not be looked through.
    """
    n_pre, n, factor = row[1], row[2], cast(lane, real(row, 6))
    clear_first(lane, row, span)
    signals, fired = at(lane, signal_place(row, span)), at(lane, row[14])
    total, last = np.int64(fired[0]), n_pre * 0
    for b in range(span[SAMPLES]):
        begin = b * n_pre
        first = last
        if span[SAMPLES] == 1:
            last = total
        while last < total and fired[1 + last] < begin + n_pre:
            last += 1
        signal, out = at(signals, begin), at(lane, row[5] + b * n)
        own = at(fired, 1 + first)
        add_rows(weights, row, factor, signal, begin, own, last - first, out)


@inlined_kernel
def add_rows(weights, row, factor, signal, begin, found, count, out):
    """Add rows of weights of so many cells, whose numbers count from `begin` on."""
    n, e = row[2], begin * 0
    lower, upper = cast(signal, real(row, 12)), cast(signal, real(row, 13))
    bounded = lower > -np.inf or upper < np.inf
    while e + 4 <= count and not bounded:
        p0, p1 = np.int64(found[e]) - begin, np.int64(found[e + 1]) - begin
        p2, p3 = np.int64(found[e + 2]) - begin, np.int64(found[e + 3]) - begin
        x0, x1 = factor * signal[p0], factor * signal[p1]
        x2, x3 = factor * signal[p2], factor * signal[p3]
        w0, w1 = at(weights, row[3] + p0 * n), at(weights, row[3] + p1 * n)
        w2, w3 = at(weights, row[3] + p2 * n), at(weights, row[3] + p3 * n)
        for i in range(n):
            total = out[i] + x0 * w0[i] + x1 * w1[i]
            out[i] = total + x2 * w2[i] + x3 * w3[i]
        e += 4
    while e < count:
        p = np.int64(found[e]) - begin
        xp, w = factor * signal[p], at(weights, row[3] + p * n)
        if bounded:
            for i in range(n):
                out[i] += xp * min(max(w[i], lower), upper)
        else:
            for i in range(n):
                out[i] += xp * w[i]
        e += 1


@inlined_kernel
def is_silent(signal):
    """Whether eight numbers are all zero."""
    total = abs(signal[0]) + abs(signal[1]) + abs(signal[2]) + abs(signal[3])
    total += abs(signal[4]) + abs(signal[5]) + abs(signal[6]) + abs(signal[7])
    return total == 0
