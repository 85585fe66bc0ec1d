"""Rows and spans of operations: which whole number stands in which column.

The first number of a row is the address of its operation; the rest are its operands.
A place counts elements from the start of the lane, or of the weights for ``params`` and
``weights``. Variable v of element i lies at ``state + v * stride + i``, and its input
field f at ``field + f * stride + i``. Elements are the cells of all samples, sample by
sample: there are ``n`` times the span's samples. ``params`` are those of all cells, and
after them, parameter by parameter, those that differ from element to element: the k-th
of these at ``params + n_params + k * stride + i``.

The span belongs to all operations of a list: how many samples the lane holds, which
step of the block it is, and the length of a step. With a ``slot`` of 1, every step of a
block has a slot of its own, of as many elements; with 0 they share one.
"""

from typing import NamedTuple

# Columns of the span; what an engine needs besides begins at SPAN_FREE. DT holds the
# bits of a float64 (ms). CLOCK: steps since the cells were at rest.
SAMPLES, BLOCK_STEP, DT, CLOCK, SPAN_FREE = range(5)


class CellRow(NamedTuple):
    """Fill, move or settle the n cells of a population, in place.

    Only cells in a list may fire where a loop is made for it: at ``listed`` lie their
    count and then their numbers. Other loops leave such a list of the cells that have
    fired at ``fired``.
    """

    address: int
    n: int
    state: int
    stride: int
    field: int
    params: int
    listed: int = 0
    fired: int = 0


class ReadRow(NamedTuple):
    """Write one read of n cells to ``out``, in the slot of the step."""

    address: int
    n: int
    state: int
    stride: int
    params: int
    out: int
    slot: int


class FactorRow(NamedTuple):
    """Write gain * (teaching - baseline) of n cells to ``out``.

    The three places are those of the cells' state at three moments, which may be equal.
    """

    address: int
    n: int
    teaching: int
    baseline: int
    gain: int
    stride: int
    params: int
    out: int
    slot: int


class SynapseRow(NamedTuple):
    """Write the change of every synapse, summed over samples, to ``out``.

    ``out`` and ``weights`` are (n_pre, n_post); or (n,) with ``paired`` 1, where cell i
    has a synapse with cell i alone; or (n_synapses,) with an ``index`` that is not 0:
    the address (`calls.short_integers`) of where the synapses of each presynaptic cell
    begin and the last ends, n_pre + 1 numbers, and then of the cell that each goes to.
    The presynaptic signal is (slot, sample, n_pre); or, in loops made for it, it lies
    among the weights and has a number for every synapse.
    """

    address: int
    n_pre: int
    n_post: int
    weights: int
    state: int
    stride: int
    params: int
    signal: int
    slot: int
    out: int
    paired: int
    index: int


class TieRow(NamedTuple):
    """Write factor times a function of weights at ``source`` to ``target``.

    (n_pre, n_post) from (n_post, n_pre) where ``transposed`` is 1, else in the same
    order. ``factor`` holds the bits of a float64.
    """

    address: int
    n_pre: int
    n_post: int
    source: int
    target: int
    factor: int
    transposed: int


class TraceRow(NamedTuple):
    """One step of the traces of n signals; see `dendrites.compile.traces`.

    The signals lie in the slot of the step where ``slot`` is 1, and ``delay`` steps
    back in a delay line of ``slots`` slots, ``stride`` apart, where there are any.
    ``fast`` are the n numbers beside the n of ``trace``, followed, ``width`` apart, by
    a ring of the signals of the last ``memory`` steps. From ``rise`` on there are
    bits of float64.
    """

    address: int
    n: int
    signal: int
    slot: int
    slots: int
    stride: int
    delay: int
    trace: int
    fast: int
    width: int
    memory: int
    rise: int
    decay: int
    gain: int
    old_rise: int
    old_gain: int


def _columns(row):
    return range(len(row._fields))


(
    ADDRESS,
    CELL_N,
    CELL_STATE,
    CELL_STRIDE,
    CELL_FIELD,
    CELL_PARAMS,
    CELL_LISTED,
    CELL_FIRED,
) = _columns(CellRow)
_, READ_N, READ_STATE, READ_STRIDE, READ_PARAMS, READ_OUT, READ_SLOT = _columns(ReadRow)
(
    _,
    FACTOR_N,
    FACTOR_TEACHING,
    FACTOR_BASELINE,
    FACTOR_GAIN,
    FACTOR_STRIDE,
    FACTOR_PARAMS,
    FACTOR_OUT,
    FACTOR_SLOT,
) = _columns(FactorRow)
(
    _,
    SYNAPSE_N_PRE,
    SYNAPSE_N_POST,
    SYNAPSE_WEIGHTS,
    SYNAPSE_STATE,
    SYNAPSE_STRIDE,
    SYNAPSE_PARAMS,
    SYNAPSE_SIGNAL,
    SYNAPSE_SLOT,
    SYNAPSE_OUT,
    SYNAPSE_PAIRED,
    SYNAPSE_INDEX,
) = _columns(SynapseRow)
(
    _,
    TIE_N_PRE,
    TIE_N_POST,
    TIE_SOURCE,
    TIE_TARGET,
    TIE_FACTOR,
    TIE_TRANSPOSED,
) = _columns(TieRow)
(
    _,
    TRACE_N,
    TRACE_SIGNAL,
    TRACE_SLOT,
    TRACE_SLOTS,
    TRACE_STRIDE,
    TRACE_DELAY,
    TRACE_TRACE,
    TRACE_FAST,
    TRACE_WIDTH,
    TRACE_MEMORY,
    TRACE_RISE,
    TRACE_DECAY,
    TRACE_GAIN,
    TRACE_OLD_RISE,
    TRACE_OLD_GAIN,
) = _columns(TraceRow)
