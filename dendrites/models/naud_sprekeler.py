"""Two-compartment burst cell: the soma fires, its dendrite decides on bursts.

A spike of the soma travels back into an excitable dendrite. Apical current decides
whether the dendrite answers with a plateau, and the plateau turns the spike into a
burst: somatic input sets the rate of events, apical input the share that are bursts.
"""

import math
from collections.abc import Mapping
from typing import Annotated, NamedTuple

from dendrites import transfer
from dendrites.bursts import BURST_INTERVAL, BURST_READS, DETECTORS, check_detector
from dendrites.cell import NON_NEGATIVE, POSITIVE, CellModel
from dendrites.errors import ModelError
from dendrites.models._start import started
from dendrites.reads import TRACE_READS, one
from dendrites.spikes import faded

SOURCE = "Payeur et al. (2021), Nat. Neurosci. 24, 1010; Naud & Sprekeler (2018)"
PUBLISHED_DT = 0.1
NOISE_PARAMETERS = ("noise_soma", "noise_apical", "tau_noise")


class State(NamedTuple):
    soma: Annotated[float, "mV"] = -70.0
    apical: Annotated[float, "mV"] = -70.0
    adaptation: Annotated[float, "1"] = 0.0
    apical_adaptation: Annotated[float, "mV"] = 0.0
    threshold: Annotated[float, "mV"] = -50.0
    bap: Annotated[float, "1"] = 0.0
    synapse: Annotated[float, "1"] = 0.0
    soma_noise: Annotated[float, "pA"] = 0.0
    apical_noise: Annotated[float, "pA"] = 0.0
    spikes: Annotated[float, "1"] = 0.0
    spike_rate: Annotated[float, "1/ms"] = 0.0
    trace: Annotated[float, "1"] = 0.0
    slow_trace: Annotated[float, "1"] = 0.0
    burst_memory: Annotated[float, "1"] = 0.0
    in_burst: Annotated[float, "1"] = 0.0
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
    g_soma: Annotated[float, "pA", NON_NEGATIVE] = 1300.0
    b_adaptation: Annotated[float, "pA"] = -200.0
    tau_adaptation: Annotated[float, "ms", POSITIVE] = 100.0
    threshold: Annotated[float, "mV"] = -50.0
    threshold_jump: Annotated[float, "mV"] = 2.0
    tau_threshold: Annotated[float, "ms", POSITIVE] = 27.0
    tau_apical: Annotated[float, "ms", POSITIVE] = 7.0
    c_apical: Annotated[float, "pF", POSITIVE] = 170.0
    g_apical: Annotated[float, "pA", NON_NEGATIVE] = 1200.0
    e_apical: Annotated[float, "mV"] = -38.0
    d_apical: Annotated[float, "mV", POSITIVE] = 6.0
    bap_current: Annotated[float, "pA"] = 2600.0
    bap_duration: Annotated[float, "ms", NON_NEGATIVE] = 2.0
    a_apical: Annotated[float, "nS"] = -13.0
    tau_apical_adaptation: Annotated[float, "ms", POSITIVE] = 30.0
    synaptic_current: Annotated[float, "pA"] = 0.0
    tau_syn: Annotated[float, "ms", POSITIVE] = 5.0
    noise_soma: Annotated[float, "pA", NON_NEGATIVE] = 450.0
    noise_apical: Annotated[float, "pA", NON_NEGATIVE] = 450.0
    tau_noise: Annotated[float, "ms", POSITIVE] = 2.0
    tau_trace: Annotated[float, "ms", POSITIVE] = 50.0
    tau_slow: Annotated[float, "ms", POSITIVE] = 100.0
    tau_event: Annotated[float, "ms", POSITIVE] = 50.0
    burst_interval: Annotated[float, "ms", POSITIVE] = BURST_INTERVAL
    tau_average: Annotated[float, "ms", POSITIVE] = 15000.0
    fixed_probability: Annotated[float, "1"] = -1.0
    event_rate_min: Annotated[float, "Hz", NON_NEGATIVE] = 2.0
    event_rate_max: Annotated[float, "Hz", POSITIVE] = 10.0


class Inputs(NamedTuple):
    soma: Annotated[float, "pA"] = 0.0
    apical: Annotated[float, "pA"] = 0.0
    synapse: Annotated[float, "1"] = 0.0


class NoisyInputs(NamedTuple):
    soma: Annotated[float, "pA"] = 0.0
    apical: Annotated[float, "pA"] = 0.0
    synapse: Annotated[float, "1"] = 0.0
    soma_normal: Annotated[float, "1"] = 0.0
    apical_normal: Annotated[float, "1"] = 0.0


def _moved(cell, memory, inputs, soma_noise, apical_noise, p, dt):
    """One step of forward Euler; the noise is a current."""
    plateau = transfer.logistic((cell.apical - p.e_apical) / p.d_apical)
    above = cell.apical - p.e_leak
    back = p.bap_current if cell.bap > 0.0 else 0.0
    into_soma = (
        p.g_soma * plateau
        + inputs.soma
        + soma_noise
        + p.synaptic_current * cell.synapse
        + p.b_adaptation * cell.adaptation
    )
    into_apical = (
        p.g_apical * plateau
        + back
        + p.a_apical * cell.apical_adaptation
        + inputs.apical
        + apical_noise
    )
    soma = cell.soma + (
        dt / p.tau_soma * (p.e_leak - cell.soma) + dt / p.c_soma * into_soma
    )
    apical = cell.apical + (dt / p.c_apical * into_apical - dt / p.tau_apical * above)
    # Averages take up an event only now, after the rules have seen it.
    average = math.exp(-dt / p.tau_average)
    return State(
        soma,
        apical,
        faded((1.0 - dt / p.tau_adaptation) * cell.adaptation),
        cell.apical_adaptation
        + dt / p.tau_apical_adaptation * (above - cell.apical_adaptation),
        cell.threshold + dt / p.tau_threshold * (p.threshold - cell.threshold),
        max(cell.bap - 1.0, 0.0),
        faded(math.exp(-dt / p.tau_syn) * cell.synapse) + inputs.synapse,
        soma_noise,
        apical_noise,
        0.0,
        0.0,
        faded(math.exp(-dt / p.tau_trace) * cell.trace),
        faded(math.exp(-dt / p.tau_slow) * cell.slow_trace),
        memory,
        cell.in_burst,
        0.0,
        0.0,
        0.0,
        0.0,
        faded(math.exp(-dt / p.tau_event) * cell.event_trace),
        faded(average * (cell.event_average + cell.event / p.tau_average)),
        faded(average * (cell.burst_average + cell.burst / p.tau_average)),
    )


def _step_with(forget):
    def step(cell, inputs, p, dt):
        memory = forget(cell.burst_memory, p.burst_interval, dt)
        return _moved(cell, memory, inputs, 0.0, 0.0, p, dt)

    return step


def _noisy_step_with(forget):
    def step(cell, inputs, p, dt):
        # Exact for an Ornstein-Uhlenbeck process seen once per step.
        keep = math.exp(-dt / p.tau_noise)
        fresh = math.sqrt(1.0 - keep * keep)
        soma = keep * cell.soma_noise + p.noise_soma * fresh * inputs.soma_normal
        apical = (
            keep * cell.apical_noise + p.noise_apical * fresh * inputs.apical_normal
        )
        memory = forget(cell.burst_memory, p.burst_interval, dt)
        return _moved(cell, memory, inputs, soma, apical, p, dt)

    return step


def _spike(cell, u, p, dt):
    return 1.0 if cell.soma > cell.threshold else 0.0


def _fired_with(detect):
    def fired(cell, count, p, dt):
        memory, in_burst, event, burst = detect(
            cell.burst_memory, cell.in_burst, count, p.burst_interval, dt
        )
        fires = count > 0.0
        per_step = 1.0 / dt
        # Half a step of the box counts as one.
        box = (p.bap_duration / dt + 0.5) // 1.0
        return cell._replace(
            soma=p.e_leak if fires else cell.soma,
            adaptation=cell.adaptation + count,
            threshold=cell.threshold + p.threshold_jump * count,
            bap=box if fires else cell.bap,
            spikes=count,
            spike_rate=count * per_step,
            trace=cell.trace + count,
            slow_trace=cell.slow_trace + count,
            burst_memory=memory,
            in_burst=in_burst,
            event=event,
            burst=burst,
            event_rate=event * per_step,
            burst_rate=burst * per_step,
            event_trace=cell.event_trace + event,
        )

    return fired


_STEP = {name: _step_with(forget) for name, (forget, _) in DETECTORS.items()}
_NOISY_STEP = {
    name: _noisy_step_with(forget) for name, (forget, _) in DETECTORS.items()
}
_FIRED = {name: _fired_with(detect) for name, (_, detect) in DETECTORS.items()}


def naud_sprekeler(
    *,
    detector: str = "strict",
    noise: bool = False,
    initial: Mapping[str, float] | None = None,
    **parameters: float,
) -> CellModel:
    """Soma and excitable apical dendrite that turn apical current into bursts.

    tau_soma dV/dt = -(V - e_leak) + tau_soma/c_soma (g_soma f(U) + b_adaptation w + I)
    tau_apical dU/dt = -(U - e_leak) + tau_apical/c_apical (g_apical f(U)
    + bap_current K + a_apical z + I_apical)
    tau_adaptation dw/dt = -w,  w += 1 at a spike
    tau_apical_adaptation dz/dt = -z + U - e_leak
    tau_threshold dtheta/dt = -(theta - threshold),  theta += threshold_jump at a spike
    f(U) = 1 / (1 + exp(-(U - e_apical) / d_apical))

    The cell spikes where V > theta; V is then e_leak. K is 1 for bap_duration after a
    spike: the spike travels back. There is no refractory period.

    Inputs: ``soma`` and ``apical``, pA, held during a step; ``synapse``, weighted
    spikes of the step, which from its end on make a current of synaptic_current pA per
    1 into the soma, decaying with tau_syn. With the default synaptic_current = 0 they
    are not heard.

    State besides the potentials, all with what happened in the step itself: ``spikes``
    and ``spike_rate`` = spikes / dt; ``trace`` and ``slow_trace``, +1 per spike, decays
    tau_trace and tau_slow; ``event``, ``burst`` (1 where an event began, where a burst
    was registered: `dendrites.bursts`) and ``event_rate``, ``burst_rate`` = these / dt,
    1/ms; ``event_trace``, +1 per event, decay tau_event. ``event_average`` and
    ``burst_average``, 1/ms, are moving averages: they decay with tau_average and jump
    by 1/tau_average, one step after the event, so that a rule that reads an event finds
    the averages of the time before.

    Reads besides: ``burst_probability``, burst_average / event_average, at most 1, or
    fixed_probability where that is >= 0; ``expected_burst_rate``, this times
    event_rate; ``too_few_events``, Hz, by how much the average is below event_rate_min;
    ``too_many_events``, 1/ms, its share above event_rate_max times event_rate;
    ``past_trace`` and ``past_slow_trace``, without the spikes of the step; ``one``,
    always 1.

    Integration: forward Euler, dt = 0.1 ms as published; traces, averages and noise
    exactly.

    Parameters
    ----------
    detector : {"strict", "trace"}
        What tells bursts from single spikes.
    noise : bool
        Adds to both compartments independent currents, Ornstein-Uhlenbeck with standard
        deviations noise_soma, noise_apical and correlation time tau_noise, from 0.
    initial : mapping of str to float, optional
        State fields that begin at other values than resting cells with averages of
        5 Hz and 30 % bursts (event_average 0.005, burst_average 0.0015 per ms).
    **parameters : float
        Fields of `Params`. Potentials and threshold begin at -70 and -50 mV, whatever
        e_leak and threshold are.

    Raises
    ------
    ModelError
        If a name is no parameter or State field, a value is out of its range, the
        detector unknown, or a parameter of the noise is given without noise.

    Source: the pyramidal cell of the public code of Payeur et al. (2021), after Naud
    and Sprekeler (2018). The noise is ours: theirs is synaptic.
    """
    where = "naud_sprekeler"
    check_detector(detector, where)
    if not noise:
        for name in NOISE_PARAMETERS:
            if name in parameters:
                raise ModelError(
                    f"{where}: {name} = {parameters[name]!r} needs noise=True, or "
                    "leave it out"
                )
    return CellModel(
        name="naud_sprekeler",
        state=started(State, initial, where),
        params=Params,
        inputs=NoisyInputs if noise else Inputs,
        step=(_NOISY_STEP if noise else _STEP)[detector],
        spike=_spike,
        fired=_FIRED[detector],
        sparse=True,
        reads={
            **BURST_READS,
            **TRACE_READS,
            "one": one,
        },
        parameters=parameters,
        compartments=("soma", "apical"),
        time_constant=_fastest,
        quiet_dt=PUBLISHED_DT,
        random={"soma_normal": "normal", "apical_normal": "normal"} if noise else {},
        source=SOURCE,
    )


def _fastest(p):
    # The plateau is positive feedback: it does not shorten the time constant.
    return min(p.tau_soma, p.tau_apical, p.tau_apical_adaptation, p.tau_threshold)
