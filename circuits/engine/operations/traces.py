"""Traces of signals, and what weights that move do to those behind them."""

from circuits.engine.operations.kinds import Kind, operation, signs_of
from circuits.engine.operations.outer import DIRECT
from circuits.engine.operations.plasticity import share_of
from dendrites.compile.calls import at, cast, real
from dendrites.compile.rows import SAMPLES
from dendrites.compile.traces import trace_step

# Operands in the order of `dendrites.compile.rows.TraceRow`.
TRACE = (
    "n <signal slot slots stride delay =trace =fast width memory "
    "~rise ~decay ~gain ~old_rise ~old_gain"
)
trace = Kind("trace", signs_of(TRACE), "trace {signal} in {trace}", lambda: trace_step)


@operation(
    f"{DIRECT} <traces rate ~unit =traced", "let {traced} follow what moved by {factor}"
)
def carry_outer(weights, lane, row, span):
    """Let traces behind the synapse follow what `add_outer` gave the weights."""
    n_pre, n_post, m = row[1], row[2], span[SAMPLES]
    h = real(span, row[7]) * real(row, 8)
    scale = cast(lane, h * share_of(span, row[5]))
    for b in range(m):
        trace, out = at(lane, row[6] + b * n_pre), at(lane, row[9] + b * n_post)
        for other in range(m):
            signal = at(lane, row[3] + other * n_pre)
            # Four sums: one alone would wait for each addition.
            s0 = s1 = s2 = s3 = scale * 0
            p = n_pre * 0
            while p + 4 <= n_pre:
                s0 += signal[p] * trace[p]
                s1 += signal[p + 1] * trace[p + 1]
                s2 += signal[p + 2] * trace[p + 2]
                s3 += signal[p + 3] * trace[p + 3]
                p += 4
            while p < n_pre:
                s0 += signal[p] * trace[p]
                p += 1
            total = scale * ((s0 + s1) + (s2 + s3))
            factor = at(lane, row[4] + other * n_post)
            for i in range(n_post):
                out[i] += total * factor[i]
