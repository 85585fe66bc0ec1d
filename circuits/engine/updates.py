"""How weights move: filtered, decayed, clipped, tied, over blocks of steps.

With D' = a D + eps G_s and W' = W + h D' per step (a + eps = 1), the sum
V = W + c D, c = h a / eps (h / eps where the weight reads the filter before the new
term), moves by h G_s alone. So after a block V is exact for the given factors and
signals, and W = V - c D. Over a block D takes the mean of the products, which keeps
one matrix product per update and is exact for a block of one step.
"""

import numpy as np

from circuits.engine.products import (
    outer_sum,
    sum_rows,
)
from circuits.engine.tables import (
    AFTER,
    CONSTANT,
    DECAY,
    DEFERRED,
    FACTOR,
    FACTOR_LOOP,
    FACTOR_PLACE,
    FIELD,
    FIRST_TERM,
    FOLLOWED,
    FUSED,
    KIND,
    LOWER,
    PAIRED,
    PARAMS,
    PLACE,
    POST,
    PRE,
    READOUT,
    ROWS,
    RULE,
    SIGNAL,
    SIZE,
    SPARSE,
    STATE,
    STILL,
    SUM,
    SUMMED,
    SYNAPSES,
    SYNAPTIC,
    TERM_SIGNAL,
    TERMS,
    TIED,
    TIED_TO,
    TRANSPOSED,
    UPPER,
    WEIGHT_DECAY,
    WEIGHTS,
)
from dendrites.compile.calls import at, call_cell, call_factor, call_read, call_synapse
from dendrites.compile.jit import inlined_kernel, inner_kernel


@inlined_kernel
def filter_gain(t, j, h):
    """c in V = W + c D."""
    a = t.real[j, DECAY]
    if a == 0:
        return h * 0
    if t.projection[j, AFTER]:
        return h * a / (1 - a)
    return h / (1 - a)


@inlined_kernel
def predict_middle(t, w, span, steps):
    """Weights expected at the mean step, (K - 1) / 2, of a block of K steps.

    The mean step of a block is (K - 1) / 2 because its step s sees the weights after
    s updates; K / 2 would leave a first-order error.
    """
    scalar = t.real.dtype.type
    middle = steps * 0.5 - 0.5
    for j in range(len(span.mode)):
        if span.mode[j] != SUMMED and span.mode[j] != SYNAPTIC:
            continue
        ahead = filter_gain(t, j, span.rate[j] * span.dt)
        ahead = scalar(ahead * (1 - t.real[j, DECAY] ** middle))
        keep = scalar((1 - t.real[j, WEIGHT_DECAY] * span.dt) ** middle)
        start = t.projection[j, WEIGHTS]
        n = t.projection[j, SYNAPSES]
        now = at(w, start)
        filtered = at(w, t.filter + start)
        predicted = at(w, t.middle + start)
        for k in range(n):
            predicted[k] = keep * now[k] + ahead * filtered[k]
    refresh_tied(t, w, span.mode, t.middle)


@inlined_kernel
def refresh_tied(t, w, mode, section):
    """Set transposed weights from those they follow, in one section of the arena."""
    for j in range(len(mode)):
        if mode[j] != TIED or not t.projection[j, TRANSPOSED]:
            continue
        n_pre = t.population[t.projection[j, PRE], SIZE]
        n_post = t.population[t.projection[j, POST], SIZE]
        here = section + t.projection[j, WEIGHTS]
        other = t.projection[j, TIED_TO]
        # What never moves has no prediction.
        there = t.projection[other, WEIGHTS]
        if mode[other] != STILL:
            there += section
        copy_transposed(w, here, there, n_pre, n_post, t.real[j, FACTOR])


@inner_kernel
def copy_transposed(w, here, there, n_pre, n_post, factor):
    """Weights (n_pre, n_post) from `factor` times those of (n_post, n_pre)."""
    for p in range(n_pre):
        for q in range(n_post):
            w[here + p * n_post + q] = factor * w[there + q * n_pre + p]


@inlined_kernel
def run_population(t, table, w, x, span, p, column):
    """Call the cell loop of population p whose number stands in `column`."""
    n = t.population[p, SIZE] * span.samples
    call_cell(
        table[t.population[p, column]],
        (
            at(x, t.population[p, STATE]),
            at(x, t.field + t.population[p, FIELD] * span.samples),
            n,
            at(w, t.population[p, PARAMS]),
            span.dt,
            n,
        ),
    )


@inlined_kernel
def write_factors(t, loops, w, x, span, s):
    """The factor of every rule that acts now, into slot `s` of a block."""
    for j in range(len(span.mode)):
        mode = span.mode[j]
        if mode in (SUMMED, FOLLOWED, FUSED):
            p = t.projection[j, POST]
            n = t.population[p, SIZE] * span.samples
            first = t.projection[j, FIRST_TERM]
            cells = at(x, t.population[p, STATE])
            for k in range(first, first + t.projection[j, TERMS]):
                call_factor(
                    loops.factor[t.term[k, FACTOR_LOOP]],
                    (
                        cells,
                        cells,
                        cells,
                        n,
                        at(w, t.population[p, PARAMS]),
                        at(x, t.term[k, FACTOR_PLACE] + s * n),
                        n,
                    ),
                )


@inlined_kernel
def collect(t, x, span, steps, slot):
    """Sum factor times signal over the steps of a block, for every projection.

    `slot` is where the block's first signals lie.
    """
    m = span.samples
    for j in range(len(span.mode)):
        if span.mode[j] != SUMMED:
            continue
        n_pre = t.population[t.projection[j, PRE], SIZE]
        n_post = t.population[t.projection[j, POST], SIZE]
        for k in range(t.projection[j, TERMS]):
            term = t.projection[j, FIRST_TERM] + k
            q = t.term[term, TERM_SIGNAL]
            xo, eo = t.signal[q, PLACE], t.term[term, FACTOR_PLACE]
            rows = steps * m
            if t.signal[q, CONSTANT]:
                rows = m
                sum_rows(x, eo, steps, m * n_post)
            else:
                xo += slot * n_pre * m
            outer_sum(t, j, x, xo, eo, rows, k > 0)


@inlined_kernel
def apply_updates(t, w, x, span, steps):
    """Move the weights by the collected sums of `steps` steps."""
    for j in range(len(span.mode)):
        if span.mode[j] == SUMMED:
            update_weights(
                t, w, x, j, span.rate[j] * span.dt, steps, span.batch, span.dt
            )
    refresh_tied(t, w, span.mode, t.weights)


@inner_kernel
def update_weights(t, w, x, j, h, steps, batch, dt):
    """Advance weights and filter of projection j by its gradient over a block."""
    scalar = t.real.dtype.type
    a = t.real[j, DECAY]
    share = 1.0 if t.projection[j, SUM] else 1.0 / batch
    kept_weight = 1 - t.real[j, WEIGHT_DECAY] * dt
    keep = scalar(kept_weight**steps)
    half = kept_weight ** (0.5 * steps - 0.5)
    c, moved = scalar(filter_gain(t, j, h) * half), scalar(h * share * half)
    kept, taken = scalar(a**steps), scalar((1 - a**steps) / steps * share)
    lower, upper = t.real[j, LOWER], t.real[j, UPPER]
    start, n = t.projection[j, WEIGHTS], t.projection[j, SYNAPSES]
    weights = at(w, start)
    filtered = at(w, t.filter + start)
    gradient = at(x, t.gradient + start)
    if a == 0:
        for k in range(n):
            weights[k] = keep * weights[k] + moved * gradient[k]
    else:
        for k in range(n):
            old = filtered[k]
            new = kept * old + taken * gradient[k]
            filtered[k] = new
            weights[k] = keep * weights[k] + c * (old - new) + moved * gradient[k]
    bounded = lower > -np.inf or upper < np.inf
    if bounded and not t.projection[j, READOUT]:
        for k in range(n):
            weights[k] = min(max(weights[k], lower), upper)


@inlined_kernel
def follow(t, w, x, j):
    """Begin to follow W x and D x of a constant input x of one sample.

    The projection's place in the lane holds W x, D x, the sum of the factors, their
    sum decayed like the filter, and |x|^2.
    """
    n_pre = t.population[t.projection[j, PRE], SIZE]
    n_post = t.population[t.projection[j, POST], SIZE]
    xo = t.signal[t.projection[j, SIGNAL], PLACE]
    start, wo = t.projection[j, DEFERRED], t.projection[j, WEIGHTS]
    x[start : start + 4 * n_post + 1] = 0
    wx = at(x, start)
    dx = at(x, start + n_post)
    for p in range(n_pre):
        xp = x[xo + p]
        x[start + 4 * n_post] += xp * xp
        row = at(w, wo + p * n_post)
        filtered = at(w, t.filter + wo + p * n_post)
        for i in range(n_post):
            wx[i] += xp * row[i]
            dx[i] += xp * filtered[i]


@inlined_kernel
def advance_followed(t, x, j, span, eo):
    """W x and D x after one step, exactly: |x|^2 times the factor enters D x."""
    n = t.population[t.projection[j, POST], SIZE]
    start = t.projection[j, DEFERRED]
    a = t.real[j, DECAY]
    taken = t.real.dtype.type(1 - a) * x[start + 4 * n]
    h = t.real.dtype.type(span.rate[j] * span.dt)
    after = t.projection[j, AFTER]
    # One loop each: a loop that writes four arrays is not vectorised.
    factor = at(x, eo)
    wx, dx = at(x, start), at(x, start + n)
    total, decayed = at(x, start + 2 * n), at(x, start + 3 * n)
    if not after:
        for i in range(n):
            wx[i] += h * dx[i]
    for i in range(n):
        dx[i] = a * dx[i] + taken * factor[i]
    if after:
        for i in range(n):
            wx[i] += h * dx[i]
    for i in range(n):
        total[i] += factor[i]
    for i in range(n):
        decayed[i] = a * decayed[i] + factor[i]


@inlined_kernel
def finish_followed(t, w, x, j, span):
    """Bring weights and filter of a followed projection up to date."""
    scalar = t.real.dtype.type
    n_pre = t.population[t.projection[j, PRE], SIZE]
    n_post = t.population[t.projection[j, POST], SIZE]
    a = t.real[j, DECAY]
    h = span.rate[j] * span.dt
    c, h = scalar(filter_gain(t, j, h)), scalar(h)
    kept, taken = scalar(a**span.steps), scalar(1 - a)
    xo = t.signal[t.projection[j, SIGNAL], PLACE]
    start = t.projection[j, DEFERRED]
    total = at(x, start + 2 * n_post)
    decayed = at(x, start + 3 * n_post)
    for p in range(n_pre):
        xp = x[xo + p]
        wo = t.projection[j, WEIGHTS] + p * n_post
        weights = at(w, wo)
        filtered = at(w, t.filter + wo)
        for i in range(n_post):
            old = filtered[i]
            new = kept * old + taken * (xp * decayed[i])
            filtered[i] = new
            weights[i] += c * (old - new) + h * (xp * total[i])


@inner_kernel
def advance_fused(t, w, x, j, span, past, now, oo):
    """Apply a pending update and, if `now` >= 0, add x W at `oo`: one pass over W.

    `past` is the place of the signals the update belongs to, `now` of today's.
    """
    n_pre = t.population[t.projection[j, PRE], SIZE]
    n_post = t.population[t.projection[j, POST], SIZE]
    eo = t.term[t.projection[j, FIRST_TERM], FACTOR_PLACE]
    scalar = t.real.dtype.type
    a, h = t.real[j, DECAY], scalar(span.rate[j] * span.dt)
    after = t.projection[j, AFTER]
    factor, out = at(x, eo), at(x, oo)
    for p in range(n_pre):
        taken = scalar(1 - a) * x[past + p]
        xp = x[now + p] if now >= 0 else scalar(0)
        wo = t.projection[j, WEIGHTS] + p * n_post
        weights, filtered = at(w, wo), at(w, t.filter + wo)
        if after:
            for i in range(n_post):
                new = a * filtered[i] + taken * factor[i]
                filtered[i] = new
                weight = weights[i] + h * new
                weights[i] = weight
                out[i] += xp * weight
        else:
            for i in range(n_post):
                old = filtered[i]
                filtered[i] = a * old + taken * factor[i]
                weight = weights[i] + h * old
                weights[i] = weight
                out[i] += xp * weight


@inlined_kernel
def apply_synaptic(t, loops, w, x, span, steps, slot):
    """Rules that depend on the weight: one pass over the synapses per block.

    They see the cell and the signal that the block's last step (`slot`) began with, so
    they are of first order in the block length.
    """
    for j in range(len(span.mode)):
        if span.mode[j] == SYNAPTIC:
            q = t.term[t.projection[j, FIRST_TERM], TERM_SIGNAL]
            xo = t.signal[q, PLACE]
            if not t.signal[q, CONSTANT]:
                n_pre = t.population[t.projection[j, PRE], SIZE]
                xo += slot * n_pre * span.samples
            state = t.start + t.population[t.projection[j, POST], STATE] - t.state
            h = span.rate[j] * span.dt * steps
            change_synapses(t, loops, w, x, j, state, xo, h, span.samples, span.batch)
    refresh_tied(t, w, span.mode, t.weights)


@inner_kernel
def change_synapses(t, loops, w, x, j, state, xo, h, samples, batch):
    """Apply a rule that depends on the weight to all synapses of projection j."""
    scalar = t.real.dtype.type
    post = t.projection[j, POST]
    n_pre, n_post = t.population[t.projection[j, PRE], SIZE], t.population[post, SIZE]
    share = 1.0 if t.projection[j, SUM] else 1.0 / batch
    weights = at(w, t.projection[j, WEIGHTS])
    paired = t.projection[j, PAIRED]
    sparse = t.projection[j, KIND] == SPARSE and paired == 0
    if sparse:
        # The loop walks over all pairs of cells: let it work on a dense copy.
        spread_weights(t, w, x, j, sparse)
        weights = at(x, t.scratch)
    call_synapse(
        loops.synapse[t.projection[j, RULE]],
        (
            weights,
            n_pre,
            n_post,
            paired,
            at(x, state),
            n_post * samples,
            at(w, t.population[post, PARAMS]),
            at(x, xo),
            samples,
            scalar(h * share),
            t.real[j, LOWER],
            t.real[j, UPPER],
        ),
    )
    if sparse:
        spread_weights(t, w, x, j, not sparse)


@inner_kernel
def spread_weights(t, w, x, j, out):
    """Copy sparse weights of projection j to dense scratch (`out`), or back."""
    rows = t.projection[j, ROWS]
    n_pre = t.population[t.projection[j, PRE], SIZE]
    n_post = t.population[t.projection[j, POST], SIZE]
    if out:
        x[t.scratch : t.scratch + n_pre * n_post] = 0
    for p in range(n_pre):
        for k in range(t.index[rows + p], t.index[rows + p + 1]):
            place = t.scratch + p * n_post + t.index[rows + n_pre + 1 + k]
            if out:
                x[place] = w[t.projection[j, WEIGHTS] + k]
            else:
                w[t.projection[j, WEIGHTS] + k] = x[place]


@inner_kernel
def copy_numbers(x, place, out, n):
    """Copy n numbers of a lane to another place."""
    values, variable = at(x, out), at(x, place)
    for i in range(n):
        values[i] = variable[i]


@inlined_kernel
def read_state(t, loops, w, x, p, loop, state, out, n):
    """Write a scalar read (or a plain variable) of population p's state to `out`."""
    if loop < 0:
        copy_numbers(x, state - (loop + 1) * n, out, n)
    else:
        params = at(w, t.population[p, PARAMS])
        call_read(loops.read[loop], (at(x, state), n, params, at(x, out), n))
