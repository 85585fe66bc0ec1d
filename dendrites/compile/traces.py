"""Traces: signals seen through a kernel, one step at a time.

A trace and the number beside it, fast, hold the response to a whole signal. In a step
that brings s,

    trace <- decay trace + gain (fast + s)        fast <- rise (fast + s)

with (rise, decay, gain) = `Kernel.factors` of dt. With a memory of m steps the signal
of m steps before is taken out of both again, by the factors of m + 1 steps. All is
linear, so traces of sums are sums of traces; see `dendrites.spikes`.
"""

import numpy as np

from dendrites.compile.calls import at, bits, cast, real
from dendrites.compile.jit import kernel, operation
from dendrites.compile.rows import (
    BLOCK_STEP,
    CLOCK,
    SAMPLES,
    TRACE_DECAY,
    TRACE_DELAY,
    TRACE_FAST,
    TRACE_GAIN,
    TRACE_MEMORY,
    TRACE_N,
    TRACE_OLD_GAIN,
    TRACE_OLD_RISE,
    TRACE_RISE,
    TRACE_SIGNAL,
    TRACE_SLOT,
    TRACE_SLOTS,
    TRACE_STRIDE,
    TRACE_TRACE,
    TRACE_WIDTH,
)

# A silent trace would end in denormal numbers, which are many times as slow.
_FADED = 1e-30


def trace_factors(kernel, dt) -> dict[str, float]:
    """The factors of a row, as numbers."""
    rise, decay, gain = kernel.factors(dt)
    old_rise, _, old_gain = kernel.factors((kernel.steps(dt) + 1) * dt)
    return {
        "rise": rise,
        "decay": decay,
        "gain": gain,
        "old_rise": old_rise,
        "old_gain": old_gain,
    }


def trace_bits(kernel, dt) -> dict[str, int]:
    """The factors of a row, as it holds them."""
    return {name: bits(value) for name, value in trace_factors(kernel, dt).items()}


@operation
def trace_step(weights, lane, row, span):
    """One step of n traces of every sample; see `rows.TraceRow`."""
    n, clock = row[TRACE_N] * span[SAMPLES], span[CLOCK]
    place = row[TRACE_SIGNAL]
    if row[TRACE_SLOTS]:
        back = (clock + 1 - row[TRACE_DELAY]) % row[TRACE_SLOTS]
        place += back * row[TRACE_STRIDE]
    else:
        place += row[TRACE_SLOT] * span[BLOCK_STEP] * n
    signal = at(lane, place)
    trace, fast = at(lane, row[TRACE_TRACE]), at(lane, row[TRACE_FAST])
    rise = cast(lane, real(row, TRACE_RISE))
    decay = cast(lane, real(row, TRACE_DECAY))
    gain = cast(lane, real(row, TRACE_GAIN))
    least, none = cast(lane, _FADED), cast(lane, 0.0)
    if row[TRACE_MEMORY] == 0:
        for i in range(n):
            arrived = fast[i] + signal[i]
            value = decay * trace[i] + gain * arrived
            rest = rise * arrived
            value = value if abs(value) > least else none
            trace[i] = value
            fast[i] = rest if abs(rest) > least else none
        return
    old_rise = cast(lane, real(row, TRACE_OLD_RISE))
    old_gain = cast(lane, real(row, TRACE_OLD_GAIN))
    slot = clock % row[TRACE_MEMORY] + 1
    past = at(fast, slot * row[TRACE_WIDTH])
    for i in range(n):
        now, old = signal[i], past[i]
        past[i] = now
        arrived = fast[i] + now
        value = decay * trace[i] + gain * arrived - old_gain * old
        rest = rise * arrived - old_rise * old
        value = value if abs(value) > least else none
        trace[i] = value
        fast[i] = rest if abs(rest) > least else none


@kernel
def trace_kernel(values, kept, first, memory, rise, decay, gain, old_rise, old_gain):
    """Replace values (n_steps, n) by their traces; arguments as in a row.

    `kept` as of `traces_at_rest`; `first` is the step of values[0].
    """
    steps, n = values.shape
    for i in range(n):
        trace, fast, old = kept[0, i], kept[1, i], 0.0
        for s in range(steps):
            now = values[s, i]
            if memory > 0:
                slot = 2 + (first + s) % memory
                old = kept[slot, i]
                kept[slot, i] = now
            arrived = fast + now
            trace = decay * trace + gain * arrived - old_gain * old
            fast = rise * arrived - old_rise * old
            trace = trace if abs(trace) > _FADED else 0.0
            fast = fast if abs(fast) > _FADED else 0.0
            values[s, i] = trace
        kept[0, i], kept[1, i] = trace, fast


def traces_at_rest(kernel, dt, n):
    """What `to_traces` keeps: traces, numbers beside them, signals of the memory."""
    return np.zeros((2 + kernel.steps(dt), n))


def to_traces(values, kernel, dt, kept, first):
    """Replace float64 values (n_steps, n) from step `first` on by their traces."""
    trace_kernel(values, kept, first, kernel.steps(dt), **trace_factors(kernel, dt))
