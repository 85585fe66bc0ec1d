"""Adaptive exponential soma with one dendrite that sees its back-propagating spikes.

What voltage-dependent plasticity needs of a cell: a soma whose spike has a height and a
width, a dendrite with a local potential, and low-pass filtered copies of both.

The soma is that of Clopath, Busing, Vasilaki and Gerstner (2010): an adaptive
exponential cell with an afterpotential current and a threshold that jumps at a spike.
The dendrite, its coupling and the form in which spikes reach it are our choice.
"""

import math
from typing import Annotated, NamedTuple

from dendrites import transfer
from dendrites.cell import NON_NEGATIVE, POSITIVE, CellModel
from dendrites.errors import ModelError, choices
from dendrites.reads import TRACE_READS
from dendrites.spikes import faded

SOURCE = "Clopath, Busing, Vasilaki & Gerstner (2010), Nat. Neurosci. 13, 344-352"
PUBLISHED_DT = 0.1
NOISE_PARAMETERS = ("noise_soma", "noise_apical", "tau_noise")
BOOST_PARAMETERS = ("boost", "boost_half", "boost_slope")


class State(NamedTuple):
    soma: Annotated[float, "mV"] = -70.6
    apical: Annotated[float, "mV"] = -70.6
    local: Annotated[float, "mV"] = -70.6
    adaptation: Annotated[float, "pA"] = 0.0
    afterpotential: Annotated[float, "pA"] = 0.0
    threshold: Annotated[float, "mV"] = -50.4
    current: Annotated[float, "pA"] = 0.0
    soma_noise: Annotated[float, "pA"] = 0.0
    apical_noise: Annotated[float, "pA"] = 0.0
    clamp: Annotated[float, "1"] = 0.0
    spikes: Annotated[float, "1"] = 0.0
    spike_rate: Annotated[float, "1/ms"] = 0.0
    trace: Annotated[float, "1"] = 0.0
    slow_trace: Annotated[float, "1"] = 0.0
    soma_minus: Annotated[float, "mV"] = -70.6
    soma_plus: Annotated[float, "mV"] = -70.6
    soma_mean: Annotated[float, "mV"] = 0.0
    apical_minus: Annotated[float, "mV"] = -70.6
    apical_plus: Annotated[float, "mV"] = -70.6
    apical_mean: Annotated[float, "mV"] = 0.0
    delayed_soma_minus: Annotated[float, "mV"] = -70.6
    delayed_soma_plus: Annotated[float, "mV"] = -70.6
    delayed_apical_minus: Annotated[float, "mV"] = -70.6
    delayed_apical_plus: Annotated[float, "mV"] = -70.6


class Params(NamedTuple):
    capacitance: Annotated[float, "pF", POSITIVE] = 281.0
    g_leak: Annotated[float, "nS", POSITIVE] = 30.0
    e_leak: Annotated[float, "mV"] = -70.6
    delta_t: Annotated[float, "mV", POSITIVE] = 2.0
    threshold_rest: Annotated[float, "mV"] = -50.4
    threshold_spike: Annotated[float, "mV"] = -30.4
    tau_threshold: Annotated[float, "ms", POSITIVE] = 50.0
    v_peak: Annotated[float, "mV"] = 20.0
    v_reset: Annotated[float, "mV"] = -49.6
    v_clamp: Annotated[float, "mV"] = 33.0
    clamp_duration: Annotated[float, "ms", NON_NEGATIVE] = 2.0
    a: Annotated[float, "nS"] = 4.0
    b: Annotated[float, "pA"] = 80.5
    tau_w: Annotated[float, "ms", POSITIVE] = 144.0
    after_current: Annotated[float, "pA"] = 400.0
    tau_after: Annotated[float, "ms", POSITIVE] = 40.0
    capacitance_apical: Annotated[float, "pF", POSITIVE] = 100.0
    g_leak_apical: Annotated[float, "nS", POSITIVE] = 10.0
    g_coupling: Annotated[float, "nS", NON_NEGATIVE] = 5.0
    distance: Annotated[float, "um", NON_NEGATIVE] = 300.0
    length_constant: Annotated[float, "um", POSITIVE] = 300.0
    v_bap: Annotated[float, "mV"] = 103.6
    boost: Annotated[float, "1", NON_NEGATIVE] = 2.0
    boost_half: Annotated[float, "mV"] = -60.0
    boost_slope: Annotated[float, "mV", POSITIVE] = 3.0
    synaptic_current: Annotated[float, "pA"] = 0.0
    tau_syn: Annotated[float, "ms", POSITIVE] = 3.0
    tau_trace: Annotated[float, "ms", POSITIVE] = 50.0
    tau_slow: Annotated[float, "ms", POSITIVE] = 100.0
    tau_minus: Annotated[float, "ms", POSITIVE] = 10.0
    tau_plus: Annotated[float, "ms", POSITIVE] = 7.0
    tau_mean: Annotated[float, "ms", POSITIVE] = 1000.0
    noise_soma: Annotated[float, "pA", NON_NEGATIVE] = 200.0
    noise_apical: Annotated[float, "pA", NON_NEGATIVE] = 100.0
    tau_noise: Annotated[float, "ms", POSITIVE] = 2.0


class Inputs(NamedTuple):
    soma: Annotated[float, "pA"] = 0.0
    apical: Annotated[float, "pA"] = 0.0
    synapse: Annotated[float, "1"] = 0.0
    delayed_soma_minus: Annotated[float, "mV"] = 0.0
    delayed_soma_plus: Annotated[float, "mV"] = 0.0
    delayed_apical_minus: Annotated[float, "mV"] = 0.0
    delayed_apical_plus: Annotated[float, "mV"] = 0.0


class NoisyInputs(NamedTuple):
    soma: Annotated[float, "pA"] = 0.0
    apical: Annotated[float, "pA"] = 0.0
    synapse: Annotated[float, "1"] = 0.0
    delayed_soma_minus: Annotated[float, "mV"] = 0.0
    delayed_soma_plus: Annotated[float, "mV"] = 0.0
    delayed_apical_minus: Annotated[float, "mV"] = 0.0
    delayed_apical_plus: Annotated[float, "mV"] = 0.0
    soma_normal: Annotated[float, "1"] = 0.0
    apical_normal: Annotated[float, "1"] = 0.0


def back_propagated(local, p):
    """Height of a somatic spike where it arrives in a passive dendrite, mV: b(x) v_bap.

    b(x) = exp(-distance / length_constant), whatever the potential `local` is.
    """
    return math.exp(-p.distance / p.length_constant) * p.v_bap


def boosted(local, p):
    """Height of a somatic spike in an active dendrite at the potential `local`, mV.

    min(b(x) (1 + boost / (1 + exp((boost_half - local) / boost_slope))), 1) v_bap
    """
    gate = 1.0 / (1.0 + transfer.exp((p.boost_half - local) / p.boost_slope))
    share = math.exp(-p.distance / p.length_constant) * (1.0 + p.boost * gate)
    return min(share, 1.0) * p.v_bap


HEIGHTS = {"passive": back_propagated, "active": boosted}


def _clamp_steps(p, dt):
    """Whole steps of the clamp, half a step counting as one."""
    return (p.clamp_duration / dt + 0.5) // 1.0


def _noise(x, sd, normal, p, dt):
    """One step of an Ornstein-Uhlenbeck current of standard deviation sd."""
    keep = math.exp(-dt / p.tau_noise)
    return keep * x + math.sqrt(-math.expm1(-2.0 * dt / p.tau_noise)) * sd * normal


def _advance_with(height):
    def advance(cell, inputs, soma_noise, apical_noise, p, dt):
        held = cell.clamp > 0.0
        left = max(cell.clamp - 1.0, 0.0)
        # The upstroke is cut at v_peak, where a spike begins; so is its exponential.
        upstroke = p.g_leak * p.delta_t
        upstroke *= transfer.exp(
            (min(cell.soma, p.v_peak) - cell.threshold) / p.delta_t
        )
        # What a spike sends into the dendrite is its height there, not a current.
        seen = p.v_reset if held else cell.soma
        free = cell.soma + dt / p.capacitance * (
            p.g_leak * (p.e_leak - cell.soma)
            + upstroke
            + p.g_coupling * (cell.local - cell.soma)
            - cell.adaptation
            + cell.afterpotential
            + inputs.soma
            + soma_noise
        )
        adapting = (p.a * (cell.soma - p.e_leak) - cell.adaptation) / p.tau_w
        local = cell.local + dt / p.capacitance_apical * (
            p.g_leak_apical * (p.e_leak - cell.local)
            + p.g_coupling * (seen - cell.local)
            + cell.current
            + inputs.apical
            + apical_noise
        )
        released = p.v_clamp if left > 0.0 else p.v_reset
        minus = -math.expm1(-dt / p.tau_minus)
        plus = -math.expm1(-dt / p.tau_plus)
        mean = -math.expm1(-dt / p.tau_mean)
        fading = math.exp(-dt / p.tau_threshold)
        return State(
            released if held else min(free, p.v_peak),
            local + (height(local, p) if left > 0.0 else 0.0),
            local,
            cell.adaptation + (0.0 if held else dt * adapting),
            faded(math.exp(-dt / p.tau_after) * cell.afterpotential),
            p.threshold_rest + fading * (cell.threshold - p.threshold_rest),
            faded(math.exp(-dt / p.tau_syn) * cell.current)
            + p.synaptic_current * inputs.synapse,
            soma_noise,
            apical_noise,
            left,
            0.0,
            0.0,
            faded(math.exp(-dt / p.tau_trace) * cell.trace),
            faded(math.exp(-dt / p.tau_slow) * cell.slow_trace),
            cell.soma_minus + minus * (cell.soma - cell.soma_minus),
            cell.soma_plus + plus * (cell.soma - cell.soma_plus),
            cell.soma_mean + mean * (cell.soma - p.e_leak - cell.soma_mean),
            cell.apical_minus + minus * (cell.apical - cell.apical_minus),
            cell.apical_plus + plus * (cell.apical - cell.apical_plus),
            cell.apical_mean + mean * (cell.apical - p.e_leak - cell.apical_mean),
            p.e_leak + inputs.delayed_soma_minus,
            p.e_leak + inputs.delayed_soma_plus,
            p.e_leak + inputs.delayed_apical_minus,
            p.e_leak + inputs.delayed_apical_plus,
        )

    return advance


def _step_with(advance):
    def step(cell, inputs, p, dt):
        return advance(cell, inputs, 0.0, 0.0, p, dt)

    return step


def _noisy_step_with(advance):
    def step(cell, inputs, p, dt):
        soma = _noise(cell.soma_noise, p.noise_soma, inputs.soma_normal, p, dt)
        apical = _noise(cell.apical_noise, p.noise_apical, inputs.apical_normal, p, dt)
        return advance(cell, inputs, soma, apical, p, dt)

    return step


def _spike(cell, u, p, dt):
    return 1.0 if cell.clamp <= 0.0 and cell.soma >= p.v_peak else 0.0


def _fired_with(height):
    def fired(cell, count, p, dt):
        fires = count > 0.0
        steps = _clamp_steps(p, dt)
        # A train that denies a spike leaves the reset alone.
        denied = cell.clamp <= 0.0 and cell.soma >= p.v_peak
        silent = p.v_reset if denied else cell.soma
        peak = p.v_clamp if steps > 0.0 else p.v_reset
        arrives = height(cell.local, p) if steps > 0.0 else 0.0
        return cell._replace(
            soma=peak if fires else silent,
            apical=cell.local + arrives if fires else cell.apical,
            adaptation=cell.adaptation + p.b * count,
            afterpotential=p.after_current if fires else cell.afterpotential,
            threshold=p.threshold_spike if fires else cell.threshold,
            clamp=steps if fires else cell.clamp,
            spikes=count,
            spike_rate=count / dt,
            trace=cell.trace + count,
            slow_trace=cell.slow_trace + count,
        )

    return fired


# Made once: cells that differ in their parameters share their compiled loops.
_ADVANCE = {name: _advance_with(height) for name, height in HEIGHTS.items()}
_STEPS = {(name, False): _step_with(advance) for name, advance in _ADVANCE.items()}
_STEPS |= {
    (name, True): _noisy_step_with(advance) for name, advance in _ADVANCE.items()
}
_FIRED = {name: _fired_with(height) for name, height in HEIGHTS.items()}


def _soma_minus_above_rest(cell, p):
    return cell.soma_minus - p.e_leak


def _soma_plus_above_rest(cell, p):
    return cell.soma_plus - p.e_leak


def _apical_minus_above_rest(cell, p):
    return cell.apical_minus - p.e_leak


def _apical_plus_above_rest(cell, p):
    return cell.apical_plus - p.e_leak


READS = {
    **TRACE_READS,
    "soma_minus_above_rest": _soma_minus_above_rest,
    "soma_plus_above_rest": _soma_plus_above_rest,
    "apical_minus_above_rest": _apical_minus_above_rest,
    "apical_plus_above_rest": _apical_plus_above_rest,
}


def adex_dendrite(
    *, dendrite: str = "passive", noise: bool = False, **parameters: float
) -> CellModel:
    """Adaptive exponential soma and one dendrite, ``apical``, with its spikes.

    Between spikes, u the soma, v the dendrite's ``local`` potential:

    C du/dt = -g_leak (u - e_leak) + g_leak delta_t exp((u - V_T)/delta_t)
    + g_coupling (v - u) - w + z + I_soma
    C_apical dv/dt = -g_leak_apical (v - e_leak) + g_coupling (u - v) + I_syn
    + I_apical
    tau_w dw/dt = a (u - e_leak) - w, tau_after dz/dt = -z,
    tau_threshold dV_T/dt = threshold_rest - V_T

    A spike begins when u reaches v_peak. Then w grows by b, z is set to after_current
    and V_T to threshold_spike. While the clamp lasts, clamp_duration in whole steps,
    the soma is held at v_clamp, w stands still, and the dendrite shows

    apical = v + b v_bap,  b = exp(-distance / length_constant);

    at all other times apical = v. After the clamp the soma starts at v_reset, which is
    also what v is coupled to during it. A forced spike does all this too; where a
    forced train denies a spike the soma is reset without one.

    An active dendrite boosts the spikes that reach it where it is depolarised: b is
    multiplied by 1 + boost / (1 + exp((boost_half - v) / boost_slope)), up to b = 1.

    Inputs: ``soma`` and ``apical``, pA; ``synapse``, weighted presynaptic spikes of the
    step, each makes a current of synaptic_current (0: read, not heard) that decays
    with tau_syn, into the dendrite, from the end of the step on; ``delayed_...``, see
    below.

    Low-pass filters of what the two compartments show: ``soma_minus`` and
    ``apical_minus`` (tau_minus), ``soma_plus`` and ``apical_plus`` (tau_plus), and,
    above e_leak, ``soma_mean`` and ``apical_mean`` (tau_mean). The fields ``delayed_``
    of the first four hold them as they were some ms before. A cell remembers no past:
    one-to-one projections from the population to itself bring them, see
    `dendrites.rules.voltage.clopath_delays`; without these the fields stay at e_leak.

    Reads, beside the State: ``past_trace`` and ``past_slow_trace``, the traces without
    the spikes of the step, and the four filters ``..._above_rest``.

    Integration: u, v and w by forward Euler, the rest exactly for values held over the
    step. Made for steps of 0.1 ms. Potentials begin at -70.6 mV, whatever e_leak is.

    Parameters
    ----------
    dendrite : {"passive", "active"}
    noise : bool
        Adds Ornstein-Uhlenbeck currents of standard deviation noise_soma and
        noise_apical, pA, and correlation time tau_noise.
    **parameters : float
        All other symbols above, and tau_trace, tau_slow.

    Raises
    ------
    ModelError
        If `dendrite` is unknown, a parameter out of its range or unknown, or a
        parameter of the noise is given without noise or one of the boost without an
        active dendrite.

    Source: soma, clamp and filters: Clopath, Busing, Vasilaki and Gerstner (2010), with
    the spike's clamp as in the simulator NEST's model aeif_psc_delta_clopath; what is
    taken from where is in the documentation of the model. Dendrite: our choice.
    """
    if dendrite not in HEIGHTS:
        raise ModelError(
            f"adex_dendrite: dendrite = {dendrite!r}: no known kind. "
            + choices(dendrite, HEIGHTS)
        )
    if not isinstance(noise, bool):
        raise ModelError(f"adex_dendrite: noise = {noise!r}: must be True or False")
    for name in NOISE_PARAMETERS:
        if name in parameters and not noise:
            raise ModelError(
                f"adex_dendrite: {name} = {parameters[name]!r} needs noise=True, or "
                "leave it out"
            )
    for name in BOOST_PARAMETERS:
        if name in parameters and dendrite != "active":
            raise ModelError(
                f"adex_dendrite: {name} = {parameters[name]!r} needs "
                "dendrite='active', or leave it out"
            )
    return CellModel(
        name="adex_dendrite",
        state=State,
        params=Params,
        inputs=NoisyInputs if noise else Inputs,
        step=_STEPS[dendrite, noise],
        spike=_spike,
        fired=_FIRED[dendrite],
        reads=READS,
        parameters=parameters,
        compartments=("soma", "apical"),
        time_constant=_fastest,
        quiet_dt=PUBLISHED_DT,
        random={"soma_normal": "normal", "apical_normal": "normal"} if noise else {},
        source=SOURCE,
    )


def _fastest(p):
    return min(
        p.capacitance / (p.g_leak + p.g_coupling),
        p.capacitance_apical / (p.g_leak_apical + p.g_coupling),
        p.tau_w,
    )
