"""Burst detector: events, bursts and their averages without a membrane."""

import math
from collections.abc import Mapping
from typing import Annotated, NamedTuple

from dendrites.bursts import BURST_INTERVAL, BURST_READS, DETECTORS, check_detector
from dendrites.cell import NON_NEGATIVE, POSITIVE, CellModel
from dendrites.models._start import started
from dendrites.spikes import faded, poisson_count

_PER_MS = 1e-3


class State(NamedTuple):
    rate: Annotated[float, "Hz"] = 0.0
    spikes: Annotated[float, "1"] = 0.0
    spike_rate: Annotated[float, "1/ms"] = 0.0
    burst_memory: Annotated[float, "1"] = 0.0
    in_burst: Annotated[float, "1"] = 0.0
    event: Annotated[float, "1"] = 0.0
    burst: Annotated[float, "1"] = 0.0
    event_rate: Annotated[float, "1/ms"] = 0.0
    burst_rate: Annotated[float, "1/ms"] = 0.0
    event_average: Annotated[float, "1/ms"] = 0.005
    burst_average: Annotated[float, "1/ms"] = 0.0015


class Params(NamedTuple):
    burst_interval: Annotated[float, "ms", POSITIVE] = BURST_INTERVAL
    tau_average: Annotated[float, "ms", POSITIVE] = 15000.0
    fixed_probability: Annotated[float, "1"] = -1.0
    event_rate_min: Annotated[float, "Hz", NON_NEGATIVE] = 2.0
    event_rate_max: Annotated[float, "Hz", POSITIVE] = 10.0


class Inputs(NamedTuple):
    rate: Annotated[float, "Hz"] = 0.0
    synapse: Annotated[float, "1"] = 0.0


def _step_with(forget):
    def step(cell, inputs, p, dt):
        # Averages take up an event only now, after the rules have seen it.
        average = math.exp(-dt / p.tau_average)
        return State(
            inputs.rate,
            0.0,
            0.0,
            forget(cell.burst_memory, p.burst_interval, dt),
            cell.in_burst,
            0.0,
            0.0,
            0.0,
            0.0,
            faded(average * (cell.event_average + cell.event / p.tau_average)),
            faded(average * (cell.burst_average + cell.burst / p.tau_average)),
        )

    return step


def _spike(cell, u, p, dt):
    return poisson_count(u, cell.rate * _PER_MS * dt)


def _fired_with(detect):
    def fired(cell, count, p, dt):
        memory, in_burst, event, burst = detect(
            cell.burst_memory, cell.in_burst, count, p.burst_interval, dt
        )
        per_step = 1.0 / dt
        return cell._replace(
            spikes=count,
            spike_rate=count * per_step,
            burst_memory=memory,
            in_burst=in_burst,
            event=event,
            burst=burst,
            event_rate=event * per_step,
            burst_rate=burst * per_step,
        )

    return fired


_STEP = {name: _step_with(forget) for name, (forget, _) in DETECTORS.items()}
_FIRED = {name: _fired_with(detect) for name, (_, detect) in DETECTORS.items()}


def burst_detector(
    *,
    detector: str = "strict",
    initial: Mapping[str, float] | None = None,
    **parameters: float,
) -> CellModel:
    """A cell that fires as it is told and detects its own events and bursts.

    Its spikes are forced, or Poisson counts at the input ``rate``, Hz. The input
    ``synapse`` is not heard: it holds the weights that a rule changes.

    State: ``spikes`` and ``spike_rate``; ``event``, ``burst``, ``event_rate``,
    ``burst_rate``, ``event_average``, ``burst_average`` and the reads
    ``burst_probability``, ``expected_burst_rate``, ``too_few_events``,
    ``too_many_events`` are those of `naud_sprekeler`.

    Parameters
    ----------
    detector : {"strict", "trace"}
        What tells bursts from single spikes: `dendrites.bursts`.
    initial : mapping of str to float, optional
        State fields that begin at other values than averages of 5 Hz and 30 % bursts
        (event_average 0.005, burst_average 0.0015 per ms).
    **parameters : float
        burst_interval and tau_average, ms; fixed_probability, used instead of the
        averages where it is >= 0; event_rate_min and event_rate_max, Hz.

    Raises
    ------
    ModelError
        If a name is no parameter or State field, a value is out of its range, or the
        detector unknown.

    Source: the plasticity protocols of Payeur et al. (2021), Nat. Neurosci. 24, 1010.
    """
    where = "burst_detector"
    return CellModel(
        name=where,
        state=started(State, initial, where),
        params=Params,
        inputs=Inputs,
        step=_STEP[check_detector(detector, where)],
        spike=_spike,
        fired=_FIRED[detector],
        sparse=True,
        reads=BURST_READS,
        parameters=parameters,
        compartments=("rate",),
        source="Payeur et al. (2021), Nat. Neurosci. 24, 1010",
    )
