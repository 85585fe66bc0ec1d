"""Cells at their steady state: sweeps without time, and `equilibrium`.

`equilibrium` replaces a stretch of time by jumps. In each jump the cells settle at the
fixed point for the weights expected in its middle, and weights and filters advance in
closed form by as many steps with these factors and signals. The middle is predicted
twice: from the filters alone, then with the factors found there, so that the drift
of the weights within a jump enters in second order.
"""

from circuits.engine.events import (
    apply_events,
    collect_events,
)
from circuits.engine.integrate import (
    find_divergence,
    has_diverged,
    record_states,
)
from circuits.engine.products import (
    accumulate,
    field_place,
    multiply,
    tied_factor,
)
from circuits.engine.tables import (
    CLEAR_FIELD,
    COMBINE,
    COPY_FIELD,
    DECAY,
    DETAIL,
    FIELD,
    LOOP,
    MULTIPLY,
    MULTIPLY_COMBINED,
    OF,
    OPERATION,
    PLACE,
    POST,
    PRE,
    READ_SIGNAL,
    ROW,
    SETTLE,
    SIGNAL,
    SIZE,
    STATE,
    STILL,
    SUM,
    SUMMED,
    SYNAPSES,
    WEIGHT_DECAY,
    WEIGHTS,
)
from circuits.engine.updates import (
    apply_synaptic,
    apply_updates,
    collect,
    filter_gain,
    predict_middle,
    read_state,
    refresh_tied,
    run_population,
    write_factors,
)
from dendrites.compile.calls import at
from dendrites.compile.jit import inlined_kernel, inner_kernel, kernel


@inner_kernel
def run_sweep(t, loops, w, x, span, operations, section):
    """Work through the operations of one sweep, on one section of the weights."""
    m = span.samples
    for k in range(len(operations)):
        kind, row = operations[k, OPERATION], operations[k, ROW]
        if kind == READ_SIGNAL:
            p = t.signal[row, OF]
            n = t.population[p, SIZE] * m
            out = t.signal[row, PLACE]
            state = t.population[p, STATE]
            read_state(t, loops, w, x, p, t.signal[row, LOOP], state, out, n)
        elif kind in (MULTIPLY, MULTIPLY_COMBINED):
            xo = t.signal[t.projection[row, SIGNAL], PLACE]
            if kind == MULTIPLY_COMBINED:
                xo = t.combined
            wo = t.projection[row, WEIGHTS]
            if span.mode[row] != STILL:
                wo += section
            out = t.field + field_place(t, row, m)
            if operations[k, DETAIL]:
                multiply(t, row, w, wo, x, xo, out, m)
            else:
                accumulate(t, row, w, wo, x, xo, out, m)
        elif kind == COMBINE:
            n = t.population[t.projection[row, PRE], SIZE] * m
            factor = tied_factor(t, row)
            combined = at(x, t.combined)
            signal = at(x, t.signal[t.projection[row, SIGNAL], PLACE])
            if operations[k, DETAIL]:
                for i in range(n):
                    combined[i] = factor * signal[i]
            else:
                for i in range(n):
                    combined[i] += factor * signal[i]
        elif kind == COPY_FIELD:
            n = t.population[t.projection[row, POST], SIZE] * m
            factor = tied_factor(t, row)
            out = at(x, t.field + field_place(t, row, m))
            other = at(x, t.field + field_place(t, operations[k, DETAIL], m))
            for i in range(n):
                out[i] = factor * other[i]
        elif kind == CLEAR_FIELD:
            n = t.population[row, SIZE] * m
            start = t.field + t.population[row, FIELD] * m + operations[k, DETAIL] * n
            x[start : start + n] = 0
        else:
            run_population(t, loops.settle, w, x, span, row, SETTLE)


@kernel
def settle_phase(t, loops, w, x, span, operations, status):
    """One settled phase of a presentation; its end is the phase's moment.

    Returns whether a potential left the finite range.
    """
    run_sweep(t, loops, w, x, span, operations, t.weights)
    if span.window >= 0:
        moment = at(x, t.average + span.window * t.state_size)
        state = at(x, t.state)
        for i in range(t.state_size):
            moment[i] = state[i]
    return find_divergence(t, x, span.samples, span.first_step, status)


@kernel
def settle_presentations(
    t, loops, w, x, span, sweeps, phases, on, clamped, patterns, mode, status
):
    """Presentations that take no time, one batch of `span.samples` after the other.

    Row k of `phases` holds first and last operation of a phase in `sweeps` and its
    window, row k of `on` which `clamped` populations it shows; these are rows of
    population and first column in `patterns` (whole batches). `mode` is that of rules
    at the end of a presentation. Returns the presentations made before a number left
    the finite range, or -1.
    """
    m = span.samples
    state = at(x, t.state)
    for b in range(len(patterns) // m):
        for i in range(t.state_size):
            state[i] = 0
        for k in range(len(phases)):
            for c in range(len(clamped)):
                p, column = clamped[c, 0], clamped[c, 1]
                n = t.population[p, SIZE]
                start = t.population[p, STATE]
                shown = on[k, c]
                for s in range(m):
                    for i in range(n):
                        value = patterns[b * m + s, column + i]
                        x[start + s * n + i] = value * shown
                        x[start + n * m + s * n + i] = shown
            first, last, window = phases[k, 0], phases[k, 1], phases[k, 2]
            run_sweep(t, loops, w, x, span, sweeps[first:last], t.weights)
            if window >= 0:
                moment = at(x, t.average + window * t.state_size)
                for i in range(t.state_size):
                    moment[i] = state[i]
        # Such a lane is alone and always learns; 1 without a literal.
        alone = span.learning
        collect_events(t, loops, w, x, mode, span.rate, m, span.batch, alone)
        apply_events(t, w, x, mode, span.rate, m, span.batch, alone)
        checked = b % span.check_every == 0 or (b + 1) * m == len(patterns)
        if checked and find_divergence(t, x, m, span.first_step, status):
            return b
    return t.weights - 1


@inner_kernel
def find_fixed_point(t, loops, w, x, span, first, again, section, tolerance):
    """Sweep until no state moves by more than `tolerance`. Returns the sweeps made."""
    run_sweep(t, loops, w, x, span, first, section)
    state, before = at(x, t.state), at(x, t.start)
    size = t.state_size
    for sweep in range(span.most_sweeps):
        for i in range(size):
            before[i] = state[i]
        run_sweep(t, loops, w, x, span, again, section)
        largest = tolerance * 0
        for i in range(size):
            largest = max(largest, abs(state[i] - before[i]))
        if largest <= tolerance:
            return sweep + 2
    return span.most_sweeps + 2


@inlined_kernel
def read_terms(t, loops, w, x, span):
    """Presynaptic signals of the rules, which no field may need."""
    for k in range(len(t.signal)):
        p = t.signal[k, OF]
        n = t.population[p, SIZE] * span.samples
        out, state = t.signal[k, PLACE], t.population[p, STATE]
        read_state(t, loops, w, x, p, t.signal[k, LOOP], state, out, n)


@inlined_kernel
def correct_middle(t, w, x, span, steps):
    """Weights in the middle of a jump if every step adds the gradient found there."""
    scalar = t.real.dtype.type
    middle = steps * 0.5 - 0.5
    for j in range(len(span.mode)):
        if span.mode[j] != SUMMED:
            continue
        h = span.rate[j] * span.dt
        c = filter_gain(t, j, h)
        share = 1.0 if t.projection[j, SUM] else 1.0 / span.batch
        passed = 1 - t.real[j, DECAY] ** middle
        keep = scalar((1 - t.real[j, WEIGHT_DECAY] * span.dt) ** middle)
        ahead = scalar(c * passed)
        added = scalar((h * middle - c * passed) * share)
        start = t.projection[j, WEIGHTS]
        now, filtered = at(w, start), at(w, t.filter + start)
        predicted, gradient = at(w, t.middle + start), at(x, t.gradient + start)
        for k in range(t.projection[j, SYNAPSES]):
            moved = ahead * filtered[k] + added * gradient[k]
            predicted[k] = keep * now[k] + moved
    refresh_tied(t, w, span.mode, t.middle)


@inlined_kernel
def repeat_gradient(t, x, span, steps):
    """The sums of one step become those of `steps` equal steps."""
    scale = t.real.dtype.type(steps)
    for j in range(len(span.mode)):
        if span.mode[j] == SUMMED:
            gradient = at(x, t.gradient + t.projection[j, WEIGHTS])
            for k in range(t.projection[j, SYNAPSES]):
                gradient[k] *= scale


@inlined_kernel
def find_gradient(t, loops, w, x, span, first, again, section, tolerance):
    """Settle on these weights and sum factor times signal of one step."""
    sweeps = find_fixed_point(t, loops, w, x, span, first, again, section, tolerance)
    if span.learning:
        write_factors(t, loops, w, x, span, t.weights)
        read_terms(t, loops, w, x, span)
        collect(t, x, span, t.weights + 1, t.weights)
    return sweeps


@kernel
def run_equilibrium(t, loops, w, x, span, first, again, tolerance, status):
    """Run one lane through a span in jumps of `span.block` steps.

    Returns 0, 1 if a number left the finite range, or 2 if the cells found no fixed
    point.
    """
    done = span.steps * 0
    while done < span.steps:
        steps = min(span.block, span.steps - done)
        section = t.weights
        if span.learning:
            predict_middle(t, w, span, steps)
            section = t.middle
        sweeps = find_gradient(t, loops, w, x, span, first, again, section, tolerance)
        if span.learning and steps > 1:
            correct_middle(t, w, x, span, steps)
            more = find_gradient(t, loops, w, x, span, first, again, section, tolerance)
            sweeps = max(sweeps, more)
        if find_divergence(t, x, span.samples, span.first_step + done, status):
            return 1
        if sweeps > span.most_sweeps + 1:
            return 2
        if span.window >= 0:
            total, state = at(x, t.average + span.window * t.state_size), at(x, t.state)
            for i in range(t.state_size):
                total[i] += steps * state[i]
        if span.recording:
            for s in range(steps):
                record_states(
                    t, loops, w, x, span.samples, span.first_step + done + s + 1
                )
        if span.learning:
            repeat_gradient(t, x, span, steps)
            apply_updates(t, w, x, span, steps)
            start, state = at(x, t.start), at(x, t.state)
            for i in range(t.state_size):
                start[i] = state[i]
            apply_synaptic(t, loops, w, x, span, steps, t.weights)
        done += steps
    if has_diverged(t, w, x, span, status):
        return 1
    return 0
