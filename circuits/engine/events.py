"""Rules that act once, at the end of a presentation, on window-averaged cells."""

import numpy as np

from circuits.engine.products import (
    FEW_ROWS,
    accumulate_scaled,
    add_outer,
    outer_sum,
    tied_factor,
)
from circuits.engine.tables import (
    BASELINE,
    CARRIED,
    CARRIES,
    FACTOR_LOOP,
    FACTOR_PLACE,
    FIRST_TERM,
    GAIN,
    KIND,
    LOOP,
    LOWER,
    NOISE,
    NOISE_KEY0,
    NOISE_KEY1,
    PARAMS,
    PLACE,
    POST,
    PRE,
    PRESYNAPTIC,
    SIZE,
    SPARSE,
    STATE,
    STILL,
    SUM,
    SUMMED,
    SYNAPSES,
    SYNAPTIC,
    TEACHING,
    TERM_SIGNAL,
    TERMS,
    TIED,
    UPPER,
    WEIGHTS,
)
from circuits.engine.updates import (
    change_synapses,
    read_state,
    refresh_tied,
    update_weights,
)
from dendrites.compile.calls import at, call_factor
from dendrites.compile.jit import inlined_kernel, inner_kernel
from dendrites.random import normal


@inner_kernel
def collect_events(t, loops, w, x, mode, rate, samples, batch, alone):
    """Sums of the rules that act at the end of a presentation.

    Every factor reads the window-averaged cell of its moment; rules that depend on
    the weight act at once, and so do plain ones if the lane is `alone`: no factor
    depends on weights.
    """
    m = samples
    for j in range(len(mode)):
        if mode[j] != SUMMED and mode[j] != SYNAPTIC:
            continue
        pre, post = t.projection[j, PRE], t.projection[j, POST]
        n_pre, n_post = t.population[pre, SIZE] * m, t.population[post, SIZE] * m
        here = t.average + t.population[post, STATE] - t.state
        first = t.projection[j, FIRST_TERM]
        for k in range(t.projection[j, TERMS]):
            term = first + k
            q = t.term[term, TERM_SIGNAL]
            xo, eo = t.signal[q, PLACE], t.term[term, FACTOR_PLACE]
            there = t.average + t.population[pre, STATE] - t.state
            there += t.term[term, PRESYNAPTIC] * t.state_size
            read_state(t, loops, w, x, pre, t.signal[q, LOOP], there, xo, n_pre)
            teaching = here + t.term[term, TEACHING] * t.state_size
            if mode[j] == SYNAPTIC:
                change_synapses(t, loops, w, x, j, teaching, xo, rate[j], m, batch)
                continue
            call_factor(
                loops.factor[t.term[term, FACTOR_LOOP]],
                (
                    at(x, teaching),
                    at(x, here + t.term[term, BASELINE] * t.state_size),
                    at(x, here + t.term[term, GAIN] * t.state_size),
                    n_post,
                    at(w, t.population[post, PARAMS]),
                    at(x, eo),
                    n_post,
                ),
            )
            if alone and is_plain(t, j, m):
                share = 1.0 if t.projection[j, SUM] else 1.0 / batch
                scale = t.real.dtype.type(rate[j] * share)
                add_outer(
                    x,
                    xo,
                    eo,
                    m,
                    w,
                    t.projection[j, WEIGHTS],
                    t.population[pre, SIZE],
                    t.population[post, SIZE],
                    scale,
                )
                carry_outer(t, x, j, xo, eo, m, scale)
            else:
                outer_sum(t, j, x, xo, eo, m, k > 0)


@inlined_kernel
def is_plain(t, j, m):
    """Whether an update is one product of few rows and nothing else."""
    return (
        m <= FEW_ROWS
        and t.projection[j, TERMS] == 1
        and t.projection[j, KIND] != SPARSE
        and t.real[j, LOWER] == -np.inf
        and t.real[j, UPPER] == np.inf
    )


@inner_kernel
def carry_outer(t, x, j, xo, eo, m, scale):
    """Let traces behind the synapse follow an update scale * X^T E of the weights."""
    pre, post = t.projection[j, PRE], t.projection[j, POST]
    n_pre, n_post = t.population[pre, SIZE], t.population[post, SIZE]
    for k in range(t.projection[j, CARRIES]):
        pair = t.projection[j, CARRIED] + 2 * k
        traced = t.population[post, STATE] + t.index[pair] * n_post * m
        traces = t.population[pre, STATE] + t.index[pair + 1] * n_pre * m
        for b in range(m):
            trace, out = at(x, traces + b * n_pre), at(x, traced + b * n_post)
            for other in range(m):
                signal = at(x, xo + other * n_pre)
                total = scale * 0
                for p in range(n_pre):
                    total += signal[p] * trace[p]
                total *= scale
                factor = at(x, eo + other * n_post)
                for i in range(n_post):
                    out[i] += total * factor[i]


@inner_kernel
def carry_traces(t, w, x, mode, samples, sign, alone):
    """Take out (sign -1) or put in (+1) what traces behind moving weights hold.

    A variable of the postsynaptic cells is the sum of the weights times a variable of
    the presynaptic ones, so before and after the weights move it is another sum.
    Updates by one product need only the difference, see `carry_outer`.
    """
    for j in range(len(mode)):
        if mode[j] == STILL or (
            mode[j] == SUMMED and alone and is_plain(t, j, samples)
        ):
            continue
        pre, post = t.projection[j, PRE], t.projection[j, POST]
        n_pre, n_post = t.population[pre, SIZE], t.population[post, SIZE]
        wo, factor = t.projection[j, WEIGHTS], sign * tied_factor(t, j)
        for k in range(t.projection[j, CARRIES]):
            pair = t.projection[j, CARRIED] + 2 * k
            out = t.population[post, STATE] + t.index[pair] * n_post * samples
            xo = t.population[pre, STATE] + t.index[pair + 1] * n_pre * samples
            accumulate_scaled(t, j, w, wo, x, xo, out, samples, factor)


@inner_kernel
def add_tied_noise(t, w, mode, replica, presentation):
    """Draw the noise of tied weights anew and add it.

    Its stream is named by the weights followed, so that those tied to the same ones
    have the same noise.
    """
    for j in range(len(mode)):
        if mode[j] != TIED or t.real[j, NOISE] == 0:
            continue
        start = t.projection[j, WEIGHTS]
        key0, key1 = t.projection[j, NOISE_KEY0], t.projection[j, NOISE_KEY1]
        for k in range(t.projection[j, SYNAPSES]):
            z = normal(key0, key1, replica, presentation, t.weights, k)
            w[start + k] += t.real[j, NOISE] * z


@inner_kernel
def apply_events(t, w, x, mode, rate, samples, batch, alone):
    """Move the weights by the sums of `collect_events`."""
    for j in range(len(mode)):
        if mode[j] == SUMMED and not (alone and is_plain(t, j, samples)):
            update_weights(t, w, x, j, rate[j], 1, batch, rate[j] * 0)
    refresh_tied(t, w, mode, t.weights)
