"""Presynaptic cells: spike sources with the traces and events that rules read."""

import math
from typing import Annotated, NamedTuple

from dendrites.bursts import BURST_INTERVAL, DETECTORS, check_detector
from dendrites.cell import NON_NEGATIVE, POSITIVE, CellModel
from dendrites.reads import TRACE_READS, one
from dendrites.spikes import faded, poisson_count

_PER_MS = 1e-3


class State(NamedTuple):
    value: Annotated[float, "1"] = 0.0
    active: Annotated[float, "1"] = 0.0
    spikes: Annotated[float, "1"] = 0.0
    spike_rate: Annotated[float, "1/ms"] = 0.0
    trace: Annotated[float, "1"] = 0.0
    slow_trace: Annotated[float, "1"] = 0.0
    burst_memory: Annotated[float, "1"] = 0.0
    in_burst: Annotated[float, "1"] = 0.0
    event: Annotated[float, "1"] = 0.0
    burst: Annotated[float, "1"] = 0.0
    event_rate: Annotated[float, "1/ms"] = 0.0
    event_trace: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    tau_trace: Annotated[float, "ms", POSITIVE] = 50.0
    tau_slow: Annotated[float, "ms", POSITIVE] = 100.0
    tau_event: Annotated[float, "ms", POSITIVE] = 50.0
    burst_interval: Annotated[float, "ms", POSITIVE] = BURST_INTERVAL
    rate_scale: Annotated[float, "Hz", NON_NEGATIVE] = 1.0


class Inputs(NamedTuple):
    pass


def rate(cell, p):
    """The rate asked for, Hz."""
    return cell.value * p.rate_scale


def _step_with(forget):
    def step(cell, inputs, p, dt):
        return State(
            cell.value,
            cell.active,
            0.0,
            0.0,
            faded(math.exp(-dt / p.tau_trace) * cell.trace),
            faded(math.exp(-dt / p.tau_slow) * cell.slow_trace),
            forget(cell.burst_memory, p.burst_interval, dt),
            cell.in_burst,
            0.0,
            0.0,
            0.0,
            faded(math.exp(-dt / p.tau_event) * cell.event_trace),
        )

    return step


def _spike(cell, u, p, dt):
    return poisson_count(u, rate(cell, p) * _PER_MS * dt)


def _fired_with(detect):
    def fired(cell, count, p, dt):
        memory, in_burst, event, burst = detect(
            cell.burst_memory, cell.in_burst, count, p.burst_interval, dt
        )
        return cell._replace(
            spikes=count,
            spike_rate=count / dt,
            trace=cell.trace + count,
            slow_trace=cell.slow_trace + count,
            burst_memory=memory,
            in_burst=in_burst,
            event=event,
            burst=burst,
            event_rate=event / dt,
            event_trace=cell.event_trace + event,
        )

    return fired


_STEP = {name: _step_with(forget) for name, (forget, _) in DETECTORS.items()}
_FIRED = {name: _fired_with(detect) for name, (_, detect) in DETECTORS.items()}


def presynaptic(
    *,
    tau_trace: float = 50.0,
    tau_slow: float = 100.0,
    tau_event: float = 50.0,
    detector: str = "strict",
    burst_interval: float = BURST_INTERVAL,
    rate_scale: float = 1.0,
) -> CellModel:
    """Spike sources whose spikes and events leave traces.

    Cells fire at the rate of a pattern, as Poisson counts of mean
    value * rate_scale * dt / 1000 per step; a run may force their spikes instead. All
    of the following includes what happened in the step itself:

    ``spikes`` and ``spike_rate`` = spikes / dt, 1/ms; ``trace`` and ``slow_trace``, +1
    per spike, decays tau_trace and tau_slow; ``event``, 1 where an event began, and
    ``event_rate`` = event / dt, 1/ms; ``event_trace``, +1 per event, decay tau_event;
    ``burst``, 1 at the second spike of a burst.

    Reads besides: ``past_trace`` and ``past_slow_trace``, without the spikes of the
    step; ``one``, always 1; ``rate`` = value * rate_scale, Hz.

    Parameters
    ----------
    tau_trace, tau_slow, tau_event : float
        ms, > 0.
    detector : {"strict", "trace"}
        What tells bursts from single spikes: `dendrites.bursts`.
    burst_interval : float
        ms, > 0.
    rate_scale : float
        Rate that a value of 1 stands for, Hz, >= 0.

    Raises
    ------
    ModelError
        If a parameter is out of its range, or there is no such detector.

    Source: traces and events of Payeur et al. (2021), Nat. Neurosci. 24, 1010.
    """
    return CellModel(
        name="presynaptic",
        state=State,
        params=Params,
        inputs=Inputs,
        step=_STEP[check_detector(detector, "presynaptic")],
        spike=_spike,
        fired=_FIRED[detector],
        sparse=True,
        reads={
            "rate": rate,
            **TRACE_READS,
            "one": one,
        },
        parameters={
            "tau_trace": tau_trace,
            "tau_slow": tau_slow,
            "tau_event": tau_event,
            "burst_interval": burst_interval,
            "rate_scale": rate_scale,
        },
        compartments=("value", "active"),
        clamped=True,
        source="Poisson counts; events of Payeur et al. (2021), Nat. Neurosci. 24",
    )
