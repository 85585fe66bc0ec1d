"""The time loop of one cell model under many conditions, laid out as its samples."""

from dendrites.compile.calls import at, call_operation
from dendrites.compile.jit import inlined_kernel, kernel
from dendrites.compile.rows import ADDRESS, CELL_FIELD, CLOCK
from dendrites.random import normal, uniform

CHECK_EVERY = 100


@inlined_kernel
def _run_rows(rows, weights, lane, span):
    n_rows, width = rows.shape
    for k in range(n_rows):
        row = at(rows, k * width)
        call_operation(row[ADDRESS], weights, lane, row, span)


@kernel
def simulate_kernel(rows, weights, lane, span, shape, first, last, recording, progress):
    """Advance all conditions together up to a step and record them after their steps.

    Parameters
    ----------
    rows : (fill, step, traces, reads), each int64, (n_operations, n_columns)
        Operations of a step: fillings, moves, traces of the cell's spikes, and reads
        where it is recorded.
    weights : float64, (n_parameters,)
    lane : float64
        State (n_variables, n), with two stages once more; from `looks` on what the
        reads write, (n_reads, n); from `inputs` on the inputs of steps from `first` on,
        (n_steps, n_fields, n), held from beginning to end of a step. A spiking cell
        leaves its counts in the last field.
    span : int64
        See `rows`.
    shape : (n, n_variables, n_fields, looks, inputs, stages, n_steps)
    first, last : int
        Step whose inputs come first, and step to stop after, to be called again.
    recording : (every, v, compartments, values, limit)
        v (n_records, n_compartments, n); compartments: their variables; values
        (n_reads, n_records, n); nothing may reach `limit` in size.
    progress : int64, (3,)
        Steps done, before and after; on divergence also variable and condition.

    Returns
    -------
    bool
        Whether a value reached the limit or is not finite.
    """
    fill, step, traces, reads = rows
    n, n_variables, n_fields, looks, inputs, stages, n_steps = shape
    every, v, compartments, values, limit = recording
    size = n_variables * n
    state, start, seen = at(lane, 0), at(lane, size), at(lane, looks)
    p, now = at(weights, 0), at(span, 0)
    for s in range(progress[0], last):
        for k in range(len(fill)):
            fill[k, CELL_FIELD] = inputs + (s - first) * n_fields * n
        for k in range(len(step)):
            step[k, CELL_FIELD] = inputs + (s - first) * n_fields * n
        for stage in range(stages):
            _run_rows(fill, p, state, now)
            if stage == 0 and stages == 2:
                # Taken after the filling: the mean of an algebraic compartment over
                # the two stages is then its value, not half of an older one.
                for i in range(size):
                    start[i] = state[i]
            _run_rows(step, p, state, now)
        if stages == 2:
            for i in range(size):
                state[i] = 0.5 * (start[i] + state[i])
        span[CLOCK] = s
        _run_rows(traces, p, state, now)
        done = s + 1
        if done % every == 0:
            r = done // every - 1
            for c in range(len(compartments)):
                for i in range(n):
                    v[r, c, i] = state[compartments[c] * n + i]
            _run_rows(reads, p, state, now)
            for k in range(len(values)):
                for i in range(n):
                    values[k, r, i] = seen[k * n + i]
        if done % CHECK_EVERY == 0 or done == n_steps:
            for i in range(size):
                if not abs(state[i]) < limit:
                    progress[0], progress[1], progress[2] = done, i // n, i % n
                    return True
        progress[0] = done
    return False


@kernel
def fill_random_kernel(out, is_uniform, divisor, first, k0, k1):
    """Fill `out` with independent numbers, one per step and condition.

    The address of a number is replica 0, its condition as presentation, its step and
    unit 0, so it does not depend on how many conditions or steps there are.

    Parameters
    ----------
    out : float64, (n_steps, n)
    is_uniform : bool
        Uniform in [0, 1), else standard normal.
    divisor : float
        Every number is divided by it.
    first : int
        Step of out[0].
    k0, k1 : int
        Key of the stream.
    """
    n_steps, n = out.shape
    for s in range(n_steps):
        for i in range(n):
            if is_uniform:
                out[s, i] = uniform(k0, k1, 0, i, first + s, 0) / divisor
            else:
                out[s, i] = normal(k0, k1, 0, i, first + s, 0) / divisor
