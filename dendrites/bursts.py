"""Events and bursts of spikes: step by step in a cell, and in whole trains.

A burst is a group of two or more spikes, each less than `burst_interval` after the one
before. An event is an isolated spike or a burst, counted once, at its first spike; a
burst is registered at its second spike, once. So a burst is one event and, one
interval later, one burst. Two detectors say when a spike still belongs to the group:

``strict``
    Less than burst_interval after the last spike, counted in whole steps: with
    burst_interval = 16 ms an interval of exactly 16 ms separates two events.
``trace``
    While a trace of the spikes, +1 each, decaying with burst_interval, is above 1/e.
    After a single spike that is the same interval. But the trace adds up: after two
    spikes 5 ms apart it takes 24.8 ms of silence until a spike is a new event.

Source: definitions and the 16 ms of Payeur et al. (2021), Nat. Neurosci. 24, 1010; the
first detector is that of their protocols, the second that of their networks.
"""

import math
from typing import NamedTuple

import numpy as np

from dendrites._checks import number, numbers
from dendrites.errors import ConfigError, ModelError, choices
from dendrites.spikes import faded

BURST_INTERVAL = 16.0
# Intervals are whole steps; this much of a step is left to the rounding of a quotient.
_ROUNDING = 1e-6
_TRACE_THRESHOLD = math.exp(-1.0) * (1.0 + 1e-9)
_PER_MS = 1e-3


def strict_forgetting(memory, burst_interval, dt):
    """What a step does to the memory of the strict detector, before its spikes."""
    return max(memory - 1.0, 0.0)


def trace_forgetting(memory, burst_interval, dt):
    """What a step does to the memory of the trace detector, before its spikes."""
    return faded(math.exp(-dt / burst_interval) * memory)


def strict_detection(memory, in_burst, count, burst_interval, dt):
    """The spikes of one step, seen by the strict detector.

    Parameters
    ----------
    memory : float
        Steps left in which a spike belongs to the last group, after `strict_forgetting`
        of this step; 0 at first.
    in_burst : float
        1 if the last group is a registered burst, else 0; 0 at first.
    count : float
        Spikes of the step. Two or more in one step are a burst.
    burst_interval, dt : float
        ms.

    Returns
    -------
    tuple (memory, in_burst, event, burst)
        `event` is 1 if one began in this step, `burst` 1 if one was registered.
    """
    fires = count > 0.0
    joins = memory > 0.0
    grouped = fires and (joins or count > 1.0)
    registered = joins and in_burst > 0.0
    event = 1.0 if fires and not joins else 0.0
    burst = 1.0 if grouped and not registered else 0.0
    new_memory = burst_interval / dt - _ROUNDING if fires else memory
    new_in_burst = (1.0 if grouped else 0.0) if fires else in_burst
    return new_memory, new_in_burst, event, burst


def trace_detection(memory, in_burst, count, burst_interval, dt):
    """The spikes of one step, seen by the trace detector.

    Parameters
    ----------
    memory : float
        Trace of the spikes, after `trace_forgetting` of this step; 0 at first.
    in_burst, count, burst_interval, dt
        As in `strict_detection`.

    Returns
    -------
    tuple (memory, in_burst, event, burst)
    """
    fires = count > 0.0
    joins = memory > _TRACE_THRESHOLD
    grouped = fires and (joins or count > 1.0)
    registered = joins and in_burst > 0.0
    event = 1.0 if fires and not joins else 0.0
    burst = 1.0 if grouped and not registered else 0.0
    new_in_burst = (1.0 if grouped else 0.0) if fires else in_burst
    return memory + count, new_in_burst, event, burst


# What a step does to the memory, and what its spikes do.
DETECTORS = {
    "strict": (strict_forgetting, strict_detection),
    "trace": (trace_forgetting, trace_detection),
}


def check_detector(detector: str, where: str, error: type = ModelError) -> str:
    """The name of a detector, if it is one.

    Raises
    ------
    ModelError, or the given error
        If there is no such detector.
    """
    if not isinstance(detector, str) or detector not in DETECTORS:
        raise error(
            f"{where}: detector = {detector!r}: no known detector of bursts. "
            + choices(detector, DETECTORS)
        )
    return detector


# Reads of cells that detect their own bursts: their State has event_rate, event_average
# and burst_average, 1/ms; their parameters fixed_probability and the bounds, Hz.


def burst_probability(cell, p):
    """Expected share of events that become bursts.

    The average burst rate over the average event rate, at most 1; fixed_probability
    where that is >= 0; 0 for a cell silent for so long that its averages are 0.
    """
    if p.fixed_probability >= 0.0:
        return p.fixed_probability
    if not cell.event_average > 0.0:
        return 0.0
    return min(cell.burst_average / cell.event_average, 1.0)


def expected_burst_rate(cell, p):
    """Bursts expected of the events of the step, 1/ms."""
    return burst_probability(cell, p) * cell.event_rate


def too_few_events(cell, p):
    """By how much the average event rate is below event_rate_min, Hz; else 0."""
    return max(p.event_rate_min - cell.event_average / _PER_MS, 0.0)


def too_many_events(cell, p):
    """Share of the average event rate above event_rate_max, times event_rate, 1/ms."""
    limit = p.event_rate_max * _PER_MS
    if not cell.event_average > limit:
        return 0.0
    return (1.0 - limit / cell.event_average) * cell.event_rate


BURST_READS = {
    "burst_probability": burst_probability,
    "expected_burst_rate": expected_burst_rate,
    "too_few_events": too_few_events,
    "too_many_events": too_many_events,
}


class EventsAndBursts(NamedTuple):
    """Events and bursts of spike trains.

    Parameters
    ----------
    event_time, burst_time : ndarray of float64 (n_events,), (n_bursts,)
        ms: first and second spikes; ascending in the order of the spikes given.
    event_unit, burst_unit : ndarray of int64
        Unit of each.
    """

    event_time: np.ndarray
    event_unit: np.ndarray
    burst_time: np.ndarray
    burst_unit: np.ndarray


def events_and_bursts(
    spike_time,
    spike_unit=None,
    *,
    burst_interval: float = BURST_INTERVAL,
    dt: float = 0.1,
    detector: str = "strict",
) -> EventsAndBursts:
    """Events and bursts of the spike trains of many units.

    Parameters
    ----------
    spike_time : array_like (n_spikes,)
        ms, ascending for every unit: the times of a group ``/spikes/<name>``. They are
        rounded to whole steps of `dt`.
    spike_unit : array_like of int (n_spikes,), optional
        Unit of every spike; default: all of one unit. Trials of one unit must be told
        apart by numbers of their own.
    burst_interval : float
        ms, > 0.
    dt : float
        Step in which intervals are counted, ms, > 0.
    detector : {"strict", "trace"}

    Returns
    -------
    EventsAndBursts

    Raises
    ------
    ConfigError
        If times and units do not fit each other, times descend, or an option is
        impossible.
    """
    where = "events_and_bursts"
    check_detector(detector, where, ConfigError)
    for name, value in (("burst_interval", burst_interval), ("dt", dt)):
        number(f"{where}: {name}", value, unit="ms", above=0.0, error=ConfigError)
    times = numbers(f"{where}: spike_time", spike_time, finite=False)
    units = np.zeros(times.shape, np.int64)
    if spike_unit is not None:
        units = numbers(f"{where}: spike_unit", spike_unit)
        whole = (units == np.rint(units)).all() and (np.abs(units) < 2.0**53).all()
        if not whole:
            raise ConfigError(f"{where}: spike_unit must hold whole numbers")
        units = units.astype(np.int64)
    if times.ndim != 1 or units.shape != times.shape:
        raise ConfigError(
            f"{where}: spike_time has shape {times.shape} and spike_unit "
            f"{units.shape}; both must be lists of one entry per spike"
        )
    if not np.isfinite(times).all():
        raise ConfigError(f"{where}: spike_time holds numbers that are not finite")
    if times.size == 0:
        nothing = np.zeros(0, np.int64)
        return EventsAndBursts(times, nothing, times, nothing)
    order = np.argsort(units, kind="stable")
    steps, unit = np.rint(times[order] / dt).astype(np.int64), units[order]
    first = np.ones(times.size, bool)
    first[1:] = unit[1:] != unit[:-1]
    interval = np.diff(steps, prepend=steps[:1])
    if (interval[~first] < 0).any():
        k = int(np.argmax(~first & (interval < 0)))
        raise ConfigError(
            f"{where}: spike_time of unit {unit[k]} descends at "
            f"{times[order][k]:g} ms; sort the train"
        )
    if detector == "strict":
        joins = ~first & (interval < burst_interval / dt - _ROUNDING)
    else:
        joins = _above_trace(interval * (dt / burst_interval), first)
    event = ~joins
    # The second spike of a group is the one that joins right after an event.
    burst = joins.copy()
    burst[1:] &= event[:-1]
    found = []
    for chosen in (event, burst):
        places = np.sort(order[chosen])
        found += [times[places], units[places].astype(np.int64)]
    return EventsAndBursts(*found)


def _above_trace(interval, first):
    """Whether each spike finds the trace above threshold; units side by side.

    The trace depends on all spikes before, so spikes are taken in their order within
    their unit: one round per spike of the busiest unit.
    """
    starts = np.flatnonzero(first)
    rank = np.arange(first.size) - np.repeat(starts, np.diff([*starts, first.size]))
    by_rank = np.argsort(rank, kind="stable")
    ends = np.cumsum(np.bincount(rank))
    joins = np.zeros(first.size, bool)
    trace = np.ones(starts.size)
    # Unit number of every spike, in the order of `starts`.
    column = np.cumsum(first) - 1
    for begin, end in zip(ends[:-1], ends[1:], strict=True):
        k = by_rank[begin:end]
        left = trace[column[k]] * np.exp(-interval[k])
        joins[k] = left > _TRACE_THRESHOLD
        trace[column[k]] = left + 1.0
    return joins
