"""The time loop of one cell model under many conditions, laid out as its units."""

from dendrites.compile.calls import at, call_cell, call_read
from dendrites.compile.jit import kernel
from dendrites.random import normal, uniform

CHECK_EVERY = 100


@kernel
def simulate_kernel(fill, step, reads, model, state, start, drives, params, run, out):
    """Advance all conditions together and record them after their steps.

    Parameters
    ----------
    fill, step, reads : loop tables
        One loop each; `reads` one per recorded read.
    model : (has_fill, n_variables, n_fields, n_reads, stages)
        A spiking cell leaves its counts in the last field of `drives`.
    state : float64, (n_variables * n,)
    start : float64, shape of `state`; used with two stages only
    drives : float64, (n_steps * n_fields * n,)
        Inputs of each step, held from its beginning to its end.
    params : float64, (n_parameters,)
    run : (n_steps, every, n, dt, limit)
        Nothing may reach `limit` in size.
    out : (v, values, compartments, status)
        v (n_records, n_compartments, n); values (n_reads * n_records * n,);
        compartments: their variables; status: written on divergence, (step, variable,
        condition).

    Returns
    -------
    bool
        Whether a value reached the limit or is not finite.
    """
    has_fill, n_variables, n_fields, n_reads, stages = model
    n_steps, every, n, dt, limit = run
    v, values, compartments, status = out
    n_records = n_steps // every
    cells, p = at(state, 0), at(params, 0)
    for s in range(n_steps):
        field = s * n_fields * n
        for stage in range(stages):
            if has_fill:
                call_cell(fill[0], (cells, at(drives, field), n, p, dt, n))
            if stage == 0 and stages == 2:
                # Taken after the filling: the mean of an algebraic compartment over
                # the two stages is then its value, not half of an older one.
                for i in range(n_variables * n):
                    start[i] = state[i]
            call_cell(step[0], (cells, at(drives, field), n, p, dt, n))
        if stages == 2:
            for i in range(n_variables * n):
                state[i] = 0.5 * (start[i] + state[i])
        done = s + 1
        if done % every == 0:
            r = done // every - 1
            for c in range(len(compartments)):
                for i in range(n):
                    v[r, c, i] = state[compartments[c] * n + i]
            for k in range(n_reads):
                place = (k * n_records + r) * n
                call_read(reads[k], (cells, n, p, at(values, place), n))
        if done % CHECK_EVERY == 0 or done == n_steps:
            for i in range(n_variables * n):
                if not abs(state[i]) < limit:
                    status[0], status[1], status[2] = done, i // n, i % n
                    return True
    return False


@kernel
def fill_random_kernel(out, is_uniform, divisor, k0, k1):
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
    k0, k1 : int
        Key of the stream.
    """
    n_steps, n = out.shape
    for s in range(n_steps):
        for i in range(n):
            if is_uniform:
                out[s, i] = uniform(k0, k1, 0, i, s, 0) / divisor
            else:
                out[s, i] = normal(k0, k1, 0, i, s, 0) / divisor
