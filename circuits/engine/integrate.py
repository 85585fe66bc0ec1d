"""The time loop: one order of operations for every integrator.

Within a step: signals from the old state, fields from signals and weights, algebraic
compartments, plasticity factors, then the new state. Everything is computed from the
old state before anything is overwritten.

`exact` is a block of one step; its update may stay pending until the next product
needs the weights, so that both are one pass over memory. `blocked` runs K steps on
weights predicted for the middle of the block.
"""

import math

import numpy as np

from circuits.engine.products import (
    accumulate,
    accumulate_shared,
    field_place,
    tied_factor,
)
from circuits.engine.tables import (
    AT_ONCE,
    CONSTANT,
    COPIED,
    COUNT,
    DECIDED,
    DEFERRED,
    DELAY,
    DRAW,
    EVERY,
    FACTOR_PLACE,
    FIELD,
    FILL,
    FILLED,
    FIRST_TERM,
    FOLLOWED,
    FUSED,
    HISTORY,
    KEY0,
    KEY1,
    LARGEST,
    LATE,
    LEADER,
    LIMIT,
    LINE,
    LOOP,
    NONE,
    OF,
    OF_CELLS,
    OUT,
    PLACE,
    POST,
    PRE,
    RECORDED,
    SHARED,
    SIGNAL,
    SIZE,
    SLOTS,
    STATE,
    STEP,
    STILL,
    STREAMS,
    SUMMED,
    SYNAPSES,
    SYNAPTIC,
    TIED,
    UNIFORM,
    UNITS,
    VARIABLE,
    VARIABLES,
    WEIGHTS,
    WHITE,
)
from circuits.engine.updates import (
    advance_followed,
    advance_fused,
    apply_synaptic,
    apply_updates,
    collect,
    finish_followed,
    follow,
    predict_middle,
    read_state,
    run_population,
    write_factors,
)
from dendrites.compile.calls import at
from dendrites.compile.jit import inlined_kernel, inner_kernel, kernel
from dendrites.random import fill_uniform, normal, uniform


@inlined_kernel
def write_signals(t, loops, w, x, m, slot, constant, clock):
    """Read every signal that is constant (or changing) off the state."""
    for q in range(len(t.signal)):
        if t.signal[q, CONSTANT] != constant or t.signal[q, LATE]:
            continue
        p = t.signal[q, OF]
        n = t.population[p, SIZE] * m
        out = t.signal[q, PLACE] + slot * t.signal[q, HISTORY] * n
        read_state(t, loops, w, x, p, t.signal[q, LOOP], t.population[p, STATE], out, n)
        if t.signal[q, SLOTS]:
            line, values = at(x, line_place(t, q, n, clock)), at(x, out)
            for i in range(n):
                line[i] = values[i]


@inlined_kernel
def line_place(t, q, n, clock):
    """Where in its delay line a signal of n numbers lies that was read at `clock`."""
    return t.signal[q, LINE] + clock % t.signal[q, SLOTS] * n


@inlined_kernel
def write_base(t, w, x, span, section):
    """Fields from constant signals that are not followed, for a whole block."""
    m = span.samples
    x[t.base : t.base + t.field_size * m] = 0
    for j in range(len(span.mode)):
        q = t.projection[j, SIGNAL]
        if t.signal[q, CONSTANT] and span.mode[j] != FOLLOWED:
            out = t.base + field_place(t, j, m)
            wo = t.projection[j, WEIGHTS]
            if span.mode[j] != STILL:
                wo += section
            accumulate(t, j, w, wo, x, t.signal[q, PLACE], out, m)


@inlined_kernel
def write_fields(t, w, x, span, section, slot, past, clock):
    """Fields of one step: constant part, then every changing projection.

    `section` holds the weights in use; `past` is the slot of the step whose fused
    update is pending, or -1.
    """
    m = span.samples
    field, base = at(x, t.field), at(x, t.base)
    for i in range(t.field_size * m):
        field[i] = base[i]
    for j in range(len(span.mode)):
        q = t.projection[j, SIGNAL]
        n = t.population[t.projection[j, POST], SIZE]
        out = t.field + field_place(t, j, m)
        if t.signal[q, CONSTANT]:
            if span.mode[j] == FOLLOWED:
                field, wx = at(x, out), at(x, t.projection[j, DEFERRED])
                for i in range(n):
                    field[i] += wx[i]
            continue
        stride = t.signal[q, HISTORY] * t.population[t.signal[q, OF], SIZE] * m
        now = t.signal[q, PLACE] + slot * stride
        wo = t.projection[j, WEIGHTS]
        if span.mode[j] != STILL and span.mode[j] != FUSED:
            wo += section
        if t.projection[j, DELAY] == 0:
            continue
        if t.projection[j, DELAY] > 1:
            n = t.population[t.signal[q, OF], SIZE] * m
            now = line_place(t, q, n, clock + 1 - t.projection[j, DELAY])
        if t.projection[j, COPIED] != NONE:
            continue
        if t.projection[j, LEADER] != NONE:
            if t.projection[j, LEADER] == j:
                combine_signals(t, x, span, j, slot)
                accumulate_shared(t, j, w, wo, x, t.combined, out, m)
        elif span.mode[j] == FUSED and past >= 0:
            advance_fused(
                t, w, x, j, span, t.signal[q, PLACE] + past * stride, now, out
            )
        else:
            accumulate(t, j, w, wo, x, now, out, m)
    for j in range(len(span.mode)):
        if t.projection[j, COPIED] >= 0:
            copy_moving(t, x, j, m)


@inner_kernel
def combine_signals(t, x, span, leader, slot):
    """Sum the signals that reach one field through the weights of `leader`."""
    n = t.population[t.projection[leader, PRE], SIZE] * span.samples
    combined = at(x, t.combined)
    for i in range(n):
        combined[i] = 0
    for j in range(len(span.mode)):
        if t.projection[j, LEADER] == leader:
            q = t.projection[j, SIGNAL]
            now = at(x, t.signal[q, PLACE] + slot * t.signal[q, HISTORY] * n)
            factor = tied_factor(t, j)
            for i in range(n):
                combined[i] += factor * now[i]


@inner_kernel
def copy_moving(t, x, j, m):
    """Add to the field of projection j what tied weights brought to another field.

    Constant inputs are in the base of both fields.
    """
    n = t.population[t.projection[j, POST], SIZE] * m
    here = field_place(t, j, m)
    there = field_place(t, t.projection[j, COPIED], m)
    factor = tied_factor(t, j)
    out, field = at(x, t.field + here), at(x, t.field + there)
    base = at(x, t.base + there)
    for i in range(n):
        out[i] += factor * (field[i] - base[i])


@inlined_kernel
def run_cells(t, table, w, x, span, column):
    """Run the loop of every population that has one, such as FILL."""
    for p in range(len(t.population)):
        if t.population[p, column] >= 0:
            run_population(t, table, w, x, span, p, column)


@inlined_kernel
def draw_fields(t, x, span, step):
    """Fill the random input fields of one step, and what decides spikes."""
    m = span.samples
    for k in range(len(t.random)):
        p = t.random[k, OF_CELLS]
        n = t.population[p, SIZE]
        out = t.field + t.population[p, FIELD] * m + t.random[k, FILLED] * n * m
        if t.random[k, SHARED] != NONE:
            fill_shared(t, x, out, k, n, span, step)
            continue
        fill_random(
            x,
            out,
            n * m,
            t.random[k, DRAW],
            t.random[k, KEY0],
            t.random[k, KEY1],
            span.replica,
            span.presentation,
            step,
            # The place in the whole batch, so that chunks and threads do not matter.
            span.first_sample * n,
            span.dt,
        )
    for k in range(len(span.given.forced)):
        p, start = span.given.forced[k, 0], span.given.forced[k, 1]
        n = t.population[p, SIZE] * m
        out = t.field + t.population[p, FIELD] * m + t.population[p, DECIDED] * n
        force_spikes(x, out, n, span.given.events, start + step)


@inlined_kernel
def below_one(x):
    """The largest number below 1 that an arena can hold.

    Uniform numbers have 53 bits: in single precision some would be rounded to 1.
    """
    scalar = x.dtype.type
    return np.nextafter(scalar(1), scalar(0))


@inner_kernel
def fill_random(x, out, n, kind, key0, key1, replica, presentation, step, first, dt):
    """Random numbers of a field for every cell and sample of a lane."""
    if kind == UNIFORM:
        top = below_one(x)
        fill_uniform(at(x, out), n, top, key0, key1, replica, presentation, step, first)
        return
    scale = 1.0 / math.sqrt(dt) if kind == WHITE else 1.0
    for i in range(n):
        x[out + i] = scale * normal(key0, key1, replica, presentation, step, first + i)


@inner_kernel
def fill_shared(t, x, out, k, n, span, step):
    """Random numbers of a field whose cells share streams."""
    kind, key0, key1 = t.random[k, DRAW], t.random[k, KEY0], t.random[k, KEY1]
    scale = 1.0 / math.sqrt(span.dt) if kind == WHITE else 1.0
    count = t.random[k, STREAMS]
    streams = at(t.index, t.random[k, SHARED])
    own = at(t.index, t.random[k, SHARED] + count)
    drawn = at(x, t.scratch)
    for b in range(span.samples):
        first = (span.first_sample + b) * t.random[k, LARGEST]
        for i in range(count):
            unit = first + streams[i]
            if kind == UNIFORM:
                u = uniform(key0, key1, span.replica, span.presentation, step, unit)
                drawn[i] = min(u, below_one(x))
            else:
                drawn[i] = scale * normal(
                    key0, key1, span.replica, span.presentation, step, unit
                )
        numbers = at(x, out + b * n)
        for i in range(n):
            numbers[i] = drawn[own[i]]


@inner_kernel
def force_spikes(x, out, n, events, start):
    """Decide the spikes of a population whose train is given."""
    decided = at(x, out)
    for i in range(n):
        decided[i] = -1
    for e in range(events[start], events[start + 1]):
        decided[events[e]] -= 1


@inlined_kernel
def drive_sources(t, x, span, step):
    """Let sources whose value differs from step to step show that of this step.

    Like patterns, only while a phase switches them on.
    """
    for k in range(len(span.given.driven)):
        p, start = span.given.driven[k, 0], span.given.driven[k, 1]
        n = t.population[p, SIZE] * span.samples
        shown = at(x, t.population[p, STATE])
        active = at(x, t.population[p, STATE] + n)
        for i in range(n):
            shown[i] = active[i] * span.given.values[start + step * n + i]


@inlined_kernel
def step_populations(t, loops, w, x, span, section, s, stage):
    """Algebraic compartments, then the factors of every rule, then the new state.

    Cells that receive a signal without delay step after those that send it.
    """
    factors = span.learning * (1 - stage)
    run_cells(t, loops.fill, w, x, span, FILL)
    state, start = at(x, t.state), at(x, t.start)
    for i in range(t.state_size * t.keeps_start * (1 - stage)):
        start[i] = state[i]
    if factors:
        write_factors(t, loops, w, x, span, s)
    for k in range(len(t.order)):
        p = t.order[k]
        if t.population[p, AT_ONCE]:
            receive_at_once(t, loops, w, x, span, section, p)
        if t.population[p, STEP] >= 0:
            run_population(t, loops.step, w, x, span, p, STEP)


@inlined_kernel
def receive_at_once(t, loops, w, x, span, section, p):
    """Bring population p what others show that have taken this step already."""
    m = span.samples
    for j in range(len(span.mode)):
        if t.projection[j, POST] != p or t.projection[j, DELAY] != 0:
            continue
        q, pre = t.projection[j, SIGNAL], t.projection[j, PRE]
        n, xo = t.population[pre, SIZE] * m, t.signal[q, PLACE]
        read_state(
            t, loops, w, x, pre, t.signal[q, LOOP], t.population[pre, STATE], xo, n
        )
        wo = t.projection[j, WEIGHTS]
        if span.mode[j] != STILL:
            wo += section
        accumulate(t, j, w, wo, x, xo, t.field + field_place(t, j, m), m)
    if t.population[p, FILL] >= 0:
        run_population(t, loops.fill, w, x, span, p, FILL)


@inner_kernel
def record_states(t, loops, w, x, m, step):
    """Copy the recorded units of every recording whose interval ends at `step`."""
    for k in range(len(t.recording)):
        every = t.recording[k, EVERY]
        if step % every != 0:
            continue
        p = t.recording[k, RECORDED]
        n = t.population[p, SIZE]
        loop, state = t.recording[k, VARIABLE], t.population[p, STATE]
        read_state(t, loops, w, x, p, loop, state, t.scratch, n * m)
        count = t.recording[k, COUNT]
        out = t.recording[k, OUT] + (step // every) * count * m
        for b in range(m):
            for i in range(count):
                unit = t.index[t.recording[k, UNITS] + i]
                x[out + b * count + i] = x[t.scratch + b * n + unit]


@inner_kernel
def find_divergence(t, x, m, step, status):
    """Note the first state variable that is not finite or beyond its limit."""
    for p in range(len(t.population)):
        n = t.population[p, SIZE]
        so = t.population[p, STATE]
        for v in range(t.population[p, VARIABLES]):
            values = at(x, so + v * n * m)
            for i in range(n * m):
                if not abs(values[i]) < t.limit[p]:
                    status[0], status[1], status[2], status[3] = 1, step, p, v
                    status[4], status[5] = i // n, i % n
                    return True
    return False


@inner_kernel
def find_weight_divergence(t, w, span, status):
    """The same for weights: status holds code 2, step, projection and synapse."""
    for j in range(len(span.mode)):
        if span.mode[j] == STILL:
            continue
        for k in range(t.projection[j, SYNAPSES]):
            if not abs(w[t.projection[j, WEIGHTS] + k]) < t.real[j, LIMIT]:
                status[0], status[1] = 2, span.first_step + span.steps
                status[2], status[3] = j, k
                return True
    return False


@inlined_kernel
def has_diverged(t, w, x, span, status):
    """Whether a potential or weight left the finite range by the end of a span."""
    last = span.first_step + span.steps
    return find_divergence(t, x, span.samples, last, status) or (
        find_weight_divergence(t, w, span, status)
    )


@inlined_kernel
def block_slot(span, done, s):
    """Slot of the signals of step s of a block that starts after `done` steps.

    With plasticity at every step two slots alternate, so that a pending update still
    finds the signals of the step before.
    """
    if span.learning == 0:
        return done * 0
    return done & 1 if span.block == 1 else s


@inlined_kernel
def run_block(t, loops, w, x, span, status, done, steps, section, pending):
    """Advance one lane by `steps` steps on given weights. Returns whether to stop."""
    m = span.samples
    half = t.real.dtype.type(0.5)
    for s in range(steps):
        step = span.first_step + done + s
        clock = span.clock + done + s
        slot = block_slot(span, done, s)
        past = 1 - slot if pending else slot * 0 - 1
        for stage in range(span.stages):
            # A second stage must not overwrite the signals the factors belong to.
            slot += stage * (max(span.block, 2) - slot)
            drive_sources(t, x, span, step)
            write_signals(t, loops, w, x, m, slot, stage * 0, clock)
            last = past - stage * (past + 1)
            write_fields(t, w, x, span, section, slot, last, clock)
            draw_fields(t, x, span, step)
            step_populations(t, loops, w, x, span, section, s, stage)
        if span.stages == 2:
            state, start = at(x, t.state), at(x, t.start)
            for i in range(t.state_size):
                state[i] = half * (start[i] + state[i])
        for j in range(len(span.mode)):
            if span.mode[j] == FOLLOWED:
                n = t.population[t.projection[j, POST], SIZE]
                eo = t.term[t.projection[j, FIRST_TERM], FACTOR_PLACE] + s * n
                advance_followed(t, x, j, span, eo)
        if span.window >= 0:
            total = at(x, t.average + span.window * t.state_size)
            state = at(x, t.state)
            for i in range(t.state_size):
                total[i] += state[i]
        if span.recording:
            record_states(t, loops, w, x, m, step + 1)
        checked = (step + 1) % span.check_every == 0
        if checked and find_divergence(t, x, m, step + 1, status):
            return True
    return False


@inlined_kernel
def begin_span(t, loops, w, x, span):
    """Read the constant signals and begin to follow what can be followed."""
    none = span.steps * 0
    write_signals(t, loops, w, x, span.samples, none, none + 1, span.clock)
    for j in range(len(span.mode)):
        if span.mode[j] == FOLLOWED:
            follow(t, w, x, j)


@inlined_kernel
def begin_block(t, w, span, steps):
    """Section of the weights for the next block: predicted for its middle, or 0."""
    if span.learning and span.block > 1:
        predict_middle(t, w, span, steps)
        return t.middle
    return t.weights


@kernel
def run_span(t, loops, w, x, span, status):
    """Run one lane that holds all samples of its replica through a span."""
    begin_span(t, loops, w, x, span)
    block = span.block if span.learning else span.steps
    rebuild = False
    fused = False
    for j in range(len(span.mode)):
        mode = span.mode[j]
        fused |= mode == FUSED
        if t.signal[t.projection[j, SIGNAL], CONSTANT]:
            rebuild |= mode in (SUMMED, SYNAPTIC, TIED)
    done = np.int64(0)
    while done < span.steps:
        steps = min(block, span.steps - done)
        section = begin_block(t, w, span, steps)
        if done == 0 or rebuild:
            write_base(t, w, x, span, section)
        pending = fused and done > 0
        if run_block(t, loops, w, x, span, status, done, steps, section, pending):
            return True
        if span.learning:
            collect(t, x, span, steps, block_slot(span, done, done * 0))
            apply_updates(t, w, x, span, steps)
            last = block_slot(span, done, steps - 1)
            apply_synaptic(t, loops, w, x, span, steps, last)
        done += steps
    for j in range(len(span.mode)):
        if span.mode[j] == FOLLOWED:
            finish_followed(t, w, x, j, span)
        elif span.mode[j] == FUSED:
            q = t.projection[j, SIGNAL]
            n = t.population[t.signal[q, OF], SIZE]
            past = t.signal[q, PLACE] + ((span.steps - 1) & 1) * n
            advance_fused(t, w, x, j, span, past, done * 0 - 1, t.scratch)
    return has_diverged(t, w, x, span, status)
