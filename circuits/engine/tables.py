"""The tables and arenas that compiled loops work on.

A *lane* is one replica with one chunk of samples; its numbers lie in one flat arena,
those of a replica (weights) in another. A table has one row per population, signal,
projection, term or recording, so sizes and depth are data; the constants below name
its columns. Few arrays with named columns, and not one array per quantity, because
every array a compiled function receives costs compile time (measured: 50 arrays took
50 s to compile, this form 5 s).

Every place is an offset into an arena. With n cells and m samples in the lane,
variable v of a population lies at ``population[p, STATE] + v * n * m`` as an (m, n)
block, and its input field f at ``field + population[p, FIELD] * m + f * n * m``.
Weights are (n_pre, n_post) blocks.

Arguments of compiled functions are never literals: Numba would compile the function
again for each of them. Hence zeros like ``t.weights``.
"""

from typing import Any, NamedTuple

# population
SIZE, VARIABLES, STATE, FIELD, PARAMS, FILL, STEP, SETTLE = range(8)
# AT_ONCE: how many projections without delay reach it. DECIDED: the field that decides
# the spikes of its cells (`CellModel.n_fields`), or NONE.
AT_ONCE, DECIDED = range(8, 10)
# signal: a scalar read of a population. LOOP is a read loop or, below 0, the state
# variable -1 - LOOP itself. HISTORY: one slot per step of a block. LATE: read after
# the population has stepped. CONSTANT: it stands still within a span. LINE: the delay
# line, a ring of so many SLOTS.
OF, LOOP, PLACE, CONSTANT, HISTORY, LATE, LINE, SLOTS = range(8)
# projection
PRE, POST, SIGNAL, INPUT, KIND, WEIGHTS, ROWS, SYNAPSES = range(8)
FIRST_TERM, TERMS, RULE, DEFERRED, AFTER, SUM, TIED_TO, TRANSPOSED = range(8, 16)
# Shortcuts of a step, NONE where there is none. LEADER: the projection that is
# multiplied for all that share its weights and field. COPIED: a projection whose field
# is that of this one but for a factor (SKIPPED: another one of this field has it).
LEADER, COPIED = range(16, 18)
# DELAY in steps; CARRIED: place in `index` of so many CARRIES pairs of variables, post
# and pre. READOUT: bounds act where weights are used.
# PAIRED: one to one.
DELAY, CARRIED, CARRIES, READOUT, PAIRED = range(18, 23)
# key of the stream that noise of tied weights is drawn from
NOISE_KEY0, NOISE_KEY1 = range(23, 25)
NONE, SKIPPED = -1, -2
# the same, real numbers: filter factor a, weight decay 1/ms, bounds, tied factor and
# noise, size beyond which a weight has diverged
DECAY, WEIGHT_DECAY, LOWER, UPPER, FACTOR, NOISE, LIMIT = range(7)
# term: postsynaptic factor times presynaptic signal; windows of its four reads
FACTOR_LOOP, FACTOR_PLACE, TERM_SIGNAL, TEACHING, BASELINE, GAIN, PRESYNAPTIC = range(7)
# random input: field FILLED of population OF_CELLS, kind of number, key of its stream.
# SHARED: place in `index` of the numbers of so many STREAMS and then, for every cell,
# which of them is its own; or NONE. LARGEST: the largest such number, plus 1.
OF_CELLS, FILLED, DRAW, KEY0, KEY1, SHARED, STREAMS, LARGEST = range(8)
# operation of a sweep: what, on which row, further number by operation
OPERATION, ROW, DETAIL = range(3)
# recording; VARIABLE as LOOP of a signal
RECORDED, VARIABLE, UNITS, COUNT, EVERY, OUT = range(6)

# OPERATION of a sweep. Row and detail are: signal; projection and whether it writes or
# adds to its field; the same for projections that share weights, whose signals are
# COMBINEd first (detail: whether it is the first); projection whose field is, up to a
# factor, that of the projection `detail`; population and field; population.
READ_SIGNAL, MULTIPLY, MULTIPLY_COMBINED, COMBINE = range(4)
COPY_FIELD, CLEAR_FIELD, SETTLE_CELLS = range(4, 7)

# DRAW of a random input
NORMAL, WHITE, UNIFORM = range(3)

# KIND of a projection. EVENTS: all pairs of cells, but signals are mostly zero.
DENSE, SPARSE, EVENTS = 0, 1, 2

# What a projection's weights do during a span (Span.mode).
# STILL: nothing. SUMMED: they move by sums collected over a block. FOLLOWED: a
# constant input of one sample, whose W x is advanced without touching W. FUSED: with
# plasticity at every step, the update waits for the next product. SYNAPTIC: a rule
# that depends on the weight. TIED: they follow other weights that move. Weights tied
# without transposition lie where those lie, and a factor is applied to products.
STILL, SUMMED, FOLLOWED, FUSED, SYNAPTIC, TIED = range(6)


class Tables(NamedTuple):
    """Structure of a circuit: the same for every lane."""

    population: Any
    signal: Any
    projection: Any
    real: Any
    limit: Any  # by population, size beyond which a State variable has diverged
    term: Any
    random: Any
    recording: Any
    order: Any  # rows of populations, as a step advances them
    index: Any  # sparse rows and targets, recorded units, carried variables
    # sizes and places in a lane's arena
    state: int
    state_size: int
    field: int
    base: int
    field_size: int
    start: int  # state that the step began with, algebraic compartments filled
    keeps_start: int  # whether it is kept: for Heun and rules that see the weight
    average: int  # (windows, state_size) sums of the state
    scratch: int
    combined: int  # sum of signals that reach one field through the same weights
    gradient: int  # sums of factor times signal, by synapse
    # sections of a replica's arena; the parameters follow the last
    weights: int  # 0
    filter: int
    middle: int


class Loops(NamedTuple):
    """Compiled scalar functions, one list per kind of signature."""

    fill: Any
    step: Any
    settle: Any
    read: Any
    factor: Any
    synapse: Any


class Span(NamedTuple):
    """What to run: a stretch over which nothing is switched."""

    mode: Any  # of every projection
    rate: Any  # learning rate of every projection, 1/ms
    given: Any  # what is given for every step, see `given.py`
    steps: int
    block: int  # steps per block; 1 is plasticity at every step
    learning: int
    window: int  # window being averaged, -1 if none
    stages: int  # 2 for Heun
    recording: int
    first_step: int  # steps of this presentation before the span
    clock: int  # steps since the cells were at rest: where delay lines are
    check_every: int
    samples: int  # in this lane
    batch: int  # in all lanes of the replica
    first_sample: int  # of this lane
    replica: int
    presentation: int
    most_sweeps: int  # before a fixed point is given up
    dt: Any
