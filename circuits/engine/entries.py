"""What Python calls of the engine; everything else is called by these only."""

from circuits.engine.events import (
    add_tied_noise,
    apply_events,
    carry_traces,
    collect_events,
)
from circuits.engine.integrate import (
    begin_block,
    begin_span,
    block_slot,
    has_diverged,
    record_states,
    run_block,
    write_base,
)
from circuits.engine.tables import SIZE, STATE
from circuits.engine.updates import (
    apply_synaptic,
    apply_updates,
    collect,
    read_state,
    refresh_tied,
)
from dendrites.compile.jit import kernel


@kernel
def tie_weights(t, w, mode):
    """Set all tied weights."""
    refresh_tied(t, w, mode, t.weights)


@kernel
def record_start(t, loops, w, x, m):
    """Record the initial state."""
    record_states(t, loops, w, x, m, t.weights)


@kernel
def read_population(t, loops, w, x, p, loop, m, offset, out):
    """Copy a read of population p, for all samples of a lane, to `out`.

    The cells are those at their place plus `offset`.
    """
    n = t.population[p, SIZE] * m
    read_state(t, loops, w, x, p, loop, t.population[p, STATE] + offset, t.scratch, n)
    for i in range(n):
        out[i] = x[t.scratch + i]


@kernel
def begin_lane(t, loops, w, x, span):
    """Start a span in one of several lanes of a replica."""
    begin_span(t, loops, w, x, span)


@kernel
def predict_block(t, w, span, steps):
    """Section of the weights that the lanes of a replica use for a block."""
    return begin_block(t, w, span, steps)


@kernel
def advance_lane(t, loops, w, x, span, status, done, steps, section):
    """One block in one of several lanes: state and sums, but not the weights."""
    write_base(t, w, x, span, section)
    pending = False
    stop = run_block(t, loops, w, x, span, status, done, steps, section, pending)
    collect(t, x, span, steps, block_slot(span, done, t.weights))
    return stop


@kernel
def update_replica(t, w, x, span, steps):
    """Move the weights by the sums of all lanes, which lie in lane `x`."""
    apply_updates(t, w, x, span, steps)


@kernel
def update_synapses(t, loops, w, x, span, done, steps):
    """Rules that depend on the weight, for the samples of one lane."""
    apply_synaptic(t, loops, w, x, span, steps, block_slot(span, done, steps - 1))


@kernel
def check_lane(t, w, x, span, status):
    """Whether a potential or weight left the finite range."""
    return has_diverged(t, w, x, span, status)


@kernel
def sum_events(t, loops, w, x, mode, rate, samples, batch, alone):
    """Sums of the rules that act at the end of a presentation, for one lane.

    `alone` is whether it holds all samples.
    """
    collect_events(t, loops, w, x, mode, rate, samples, batch, alone)


@kernel
def move_carried(t, w, x, mode, samples, sign, alone):
    """Take traces behind the synapse out of old weights, or put them into new ones."""
    carry_traces(t, w, x, mode, samples, sign, alone)


@kernel
def redraw_tied(t, w, mode, replica, presentation):
    """Noise of tied weights, after they were set."""
    add_tied_noise(t, w, mode, replica, presentation)


@kernel
def move_events(t, w, x, mode, rate, samples, batch, alone):
    """Move the weights by the sums of all lanes, which lie in lane `x`."""
    apply_events(t, w, x, mode, rate, samples, batch, alone)
