"""Scalar reads ``read(cell, p) -> float`` that several cell models share."""

from collections.abc import Callable


def rate_of_soma(phi: Callable) -> Callable:
    """Firing rate of a cell whose soma has transfer function `phi`."""

    def rate(cell, p):
        return phi(cell.soma)

    return rate


def past_trace(cell, p):
    """`trace` without the spikes of the last step."""
    return cell.trace - cell.spikes


def past_slow_trace(cell, p):
    """`slow_trace` without the spikes of the last step."""
    return cell.slow_trace - cell.spikes


def one(cell, p):
    """1, for rules in which this cell has no part."""
    return 1.0


# Of cells with the State fields spikes, trace and slow_trace.
TRACE_READS = {"past_trace": past_trace, "past_slow_trace": past_slow_trace}
