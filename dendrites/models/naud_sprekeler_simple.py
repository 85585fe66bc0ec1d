"""Burst cell whose dendrite chooses bursts and nothing else."""

import math
from collections.abc import Mapping
from typing import Annotated, NamedTuple

from dendrites import transfer
from dendrites.bursts import BURST_READS
from dendrites.cell import NON_NEGATIVE, POSITIVE, CellModel
from dendrites.errors import ModelError, choices
from dendrites.models._start import started
from dendrites.reads import TRACE_READS, one
from dendrites.spikes import escape_spike, faded

SOURCE = "public code of Payeur et al. (2021), Nat. Neurosci. 24, 1010"
PUBLISHED_DT = 0.1


class State(NamedTuple):
    soma: Annotated[float, "mV"] = -70.0
    apical: Annotated[float, "mV"] = -70.0
    adaptation: Annotated[float, "1"] = 0.0
    apical_adaptation: Annotated[float, "mV"] = 0.0
    threshold: Annotated[float, "mV"] = -50.0
    refractory: Annotated[float, "1"] = 0.0
    waiting: Annotated[float, "1"] = 0.0
    in_burst: Annotated[float, "1"] = 0.0
    draw: Annotated[float, "1"] = 0.0
    synapse: Annotated[float, "1"] = 0.0
    spikes: Annotated[float, "1"] = 0.0
    spike_rate: Annotated[float, "1/ms"] = 0.0
    trace: Annotated[float, "1"] = 0.0
    slow_trace: Annotated[float, "1"] = 0.0
    event: Annotated[float, "1"] = 0.0
    burst: Annotated[float, "1"] = 0.0
    event_rate: Annotated[float, "1/ms"] = 0.0
    burst_rate: Annotated[float, "1/ms"] = 0.0
    event_trace: Annotated[float, "1"] = 0.0
    event_average: Annotated[float, "1/ms"] = 0.005
    burst_average: Annotated[float, "1/ms"] = 0.0015


class Params(NamedTuple):
    e_leak: Annotated[float, "mV"] = -70.0
    tau_soma: Annotated[float, "ms", POSITIVE] = 16.0
    c_soma: Annotated[float, "pF", POSITIVE] = 370.0
    b_adaptation: Annotated[float, "pA"] = -200.0
    tau_adaptation: Annotated[float, "ms", POSITIVE] = 100.0
    threshold: Annotated[float, "mV"] = -50.0
    threshold_jump: Annotated[float, "mV"] = 2.0
    tau_threshold: Annotated[float, "ms", POSITIVE] = 27.0
    tau_apical: Annotated[float, "ms", POSITIVE] = 7.0
    c_apical: Annotated[float, "pF", POSITIVE] = 170.0
    a_apical: Annotated[float, "nS"] = -13.0
    tau_apical_adaptation: Annotated[float, "ms", POSITIVE] = 30.0
    e_burst: Annotated[float, "mV"] = -57.0
    d_burst: Annotated[float, "mV", POSITIVE] = 6.0
    refractory: Annotated[float, "ms", POSITIVE] = 20.0
    shortest_delay: Annotated[float, "ms", POSITIVE] = 5.0
    longest_delay: Annotated[float, "ms", POSITIVE] = 15.0
    e_escape: Annotated[float, "mV"] = -52.0
    d_escape: Annotated[float, "mV", POSITIVE] = 2.0
    escape_rate: Annotated[float, "Hz", NON_NEGATIVE] = 1.0
    synaptic_current: Annotated[float, "pA"] = 0.0
    tau_syn: Annotated[float, "ms", POSITIVE] = 5.0
    tau_trace: Annotated[float, "ms", POSITIVE] = 50.0
    tau_slow: Annotated[float, "ms", POSITIVE] = 100.0
    tau_event: Annotated[float, "ms", POSITIVE] = 50.0
    tau_average: Annotated[float, "ms", POSITIVE] = 15000.0
    fixed_probability: Annotated[float, "1"] = -1.0
    event_rate_min: Annotated[float, "Hz", NON_NEGATIVE] = 2.0
    event_rate_max: Annotated[float, "Hz", POSITIVE] = 10.0


class Inputs(NamedTuple):
    soma: Annotated[float, "pA"] = 0.0
    apical: Annotated[float, "pA"] = 0.0
    synapse: Annotated[float, "1"] = 0.0
    draw: Annotated[float, "1"] = 0.0


def burst_chance(cell, p):
    """Probability that an event of this moment becomes a burst."""
    return transfer.logistic((cell.apical - p.e_burst) / p.d_burst)


def _step(cell, inputs, p, dt):
    above = cell.apical - p.e_leak
    into_soma = (
        inputs.soma
        + p.synaptic_current * cell.synapse
        + p.b_adaptation * cell.adaptation
    )
    into_apical = inputs.apical + p.a_apical * cell.apical_adaptation
    # Averages take up an event only now, after the rules have seen it.
    average = math.exp(-dt / p.tau_average)
    return State(
        cell.soma
        + (dt / p.tau_soma * (p.e_leak - cell.soma) + dt / p.c_soma * into_soma),
        cell.apical + (dt / p.c_apical * into_apical - dt / p.tau_apical * above),
        faded((1.0 - dt / p.tau_adaptation) * cell.adaptation),
        cell.apical_adaptation
        + dt / p.tau_apical_adaptation * (above - cell.apical_adaptation),
        cell.threshold + dt / p.tau_threshold * (p.threshold - cell.threshold),
        max(cell.refractory - 1.0, 0.0),
        max(cell.waiting - 1.0, 0.0),
        cell.in_burst,
        inputs.draw,
        faded(math.exp(-dt / p.tau_syn) * cell.synapse) + inputs.synapse,
        0.0,
        0.0,
        faded(math.exp(-dt / p.tau_trace) * cell.trace),
        faded(math.exp(-dt / p.tau_slow) * cell.slow_trace),
        0.0,
        0.0,
        0.0,
        0.0,
        faded(math.exp(-dt / p.tau_event) * cell.event_trace),
        faded(average * (cell.event_average + cell.event / p.tau_average)),
        faded(average * (cell.burst_average + cell.burst / p.tau_average)),
    )


def _due(cell):
    # Waiting counts down to 1 in the step of the second spike; 0 waits for nothing.
    return 1.0 if cell.waiting == 1.0 else 0.0


def _threshold_spike(cell, u, p, dt):
    if cell.refractory > 0.0:
        return _due(cell)
    return 1.0 if cell.soma > cell.threshold else 0.0


def _escape_spike(cell, u, p, dt):
    if cell.refractory > 0.0:
        return _due(cell)
    rate = p.escape_rate * 1e-3 * transfer.exp((cell.soma - p.e_escape) / p.d_escape)
    return escape_spike(u, rate, dt)


def _fired(cell, count, p, dt):
    fires = count > 0.0
    event = 1.0 if fires and not cell.refractory > 0.0 else 0.0
    joined = fires and (event == 0.0 or count > 1.0)
    registered = event == 0.0 and cell.in_burst > 0.0
    burst = 1.0 if joined and not registered else 0.0
    begins = event > 0.0
    per_step = 1.0 / dt
    # The part of the draw below the chance of a burst is uniform too: it is the delay.
    chance = burst_chance(cell, p)
    spread = p.longest_delay - p.shortest_delay
    delay = p.shortest_delay + spread * (cell.draw / chance)
    waiting = (delay / dt + 0.5) // 1.0 + 1.0 if cell.draw < chance else 0.0
    in_burst = 1.0 if joined else (0.0 if begins else cell.in_burst)
    return cell._replace(
        soma=p.e_leak if begins else cell.soma,
        adaptation=cell.adaptation + event,
        threshold=cell.threshold + p.threshold_jump * event,
        refractory=(p.refractory / dt + 0.5) // 1.0 if begins else cell.refractory,
        waiting=waiting if begins else cell.waiting,
        in_burst=in_burst,
        spikes=count,
        spike_rate=count * per_step,
        trace=cell.trace + count,
        slow_trace=cell.slow_trace + count,
        event=event,
        burst=burst,
        event_rate=event * per_step,
        burst_rate=burst * per_step,
        event_trace=cell.event_trace + event,
    )


_SPIKE = {"threshold": _threshold_spike, "escape": _escape_spike}
_ESCAPE_PARAMETERS = ("e_escape", "d_escape", "escape_rate")


def naud_sprekeler_simple(
    *,
    spike: str = "threshold",
    initial: Mapping[str, float] | None = None,
    **parameters: float,
) -> CellModel:
    """Burst cell without a plateau: somatic input sets events, apical input bursts.

    tau_soma dV/dt = -(V - e_leak) + tau_soma/c_soma (b_adaptation w + I)
    tau_apical dU/dt = -(U - e_leak) + tau_apical/c_apical (a_apical z + I_apical)
    tau_adaptation dw/dt = -w,  w += 1 at an event
    tau_apical_adaptation dz/dt = -z + U - e_leak
    tau_threshold dtheta/dt = -(theta - threshold),  theta += threshold_jump at an event

    No current of the dendrite reaches the soma and no spike the dendrite. An event is a
    spike; V is then e_leak, and no other event begins within `refractory`. With the
    probability sigma = 1 / (1 + exp(-(U - e_burst) / d_burst)) of that moment it is a
    burst: exactly one more spike follows, between shortest_delay and longest_delay
    later, uniformly distributed and rounded to steps. This second spike changes nothing
    in the soma, and the refractory period runs from the first: so events do not depend
    on apical input at all.

    ``event`` and ``burst`` follow from this and need no detector: a spike within the
    refractory period of an event belongs to it, a forced one too. Inputs, the other
    State fields and reads are those of `naud_sprekeler`; the read ``burst_chance`` is
    sigma. One random number per step, the input ``draw``, decides on bursts and delays.

    Parameters
    ----------
    spike : {"threshold", "escape"}
        "threshold": an event where V > theta. "escape": events at the hazard
        escape_rate exp((V - e_escape) / d_escape), Hz.
    initial : mapping of str to float, optional
        State fields that begin at other values, as in `naud_sprekeler`.
    **parameters : float
        Fields of `Params`. Potentials and threshold begin at -70 and -50 mV.

    Raises
    ------
    ModelError
        If a name is no parameter or State field, a value is out of its range, the
        delays are not ordered or reach beyond the refractory period, or a parameter of
        the escape is given for a threshold.

    Source: the pools of the XOR task in the public code of Payeur et al. (2021).
    Differs: there the second spike begins another refractory period and, with the
    escape, resets the soma like a first one.
    """
    where = "naud_sprekeler_simple"
    if not isinstance(spike, str) or spike not in _SPIKE:
        raise ModelError(
            f"{where}: spike = {spike!r}: no known way to fire. "
            + choices(spike, _SPIKE)
        )
    for name in _ESCAPE_PARAMETERS:
        if spike != "escape" and name in parameters:
            raise ModelError(
                f"{where}: {name} = {parameters[name]!r} needs spike='escape', or "
                "leave it out"
            )
    model = CellModel(
        name=where,
        state=started(State, initial, where),
        params=Params,
        inputs=Inputs,
        step=_step,
        spike=_SPIKE[spike],
        fired=_fired,
        reads={
            **BURST_READS,
            "burst_chance": burst_chance,
            **TRACE_READS,
            "one": one,
        },
        parameters=parameters,
        compartments=("soma", "apical"),
        time_constant=lambda p: min(p.tau_soma, p.tau_apical, p.tau_threshold),
        quiet_dt=PUBLISHED_DT,
        random={"draw": "uniform"},
        source=SOURCE,
    )
    p = model.parameters
    if not p.shortest_delay <= p.longest_delay < p.refractory:
        raise ModelError(
            f"{where}: shortest_delay = {p.shortest_delay:g}, longest_delay = "
            f"{p.longest_delay:g}, refractory = {p.refractory:g} ms: must ascend, the "
            "longest delay below the refractory period"
        )
    return model
