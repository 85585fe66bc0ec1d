"""Soma and dendrite of the dendritic prediction model of Urbanczik and Senn (2014).

The dendrite alone would bring the soma to V*; synapses learn to make the rate at V*
agree with the spikes that the soma emits under a teacher's conductances.

Units inside are always ms, mV, nS, pA, pF and 1/ms. This module also offers the
conversions of weights and learning rates from other units.
"""

import math
from typing import Annotated, NamedTuple

from dendrites import transfer
from dendrites.cell import NON_NEGATIVE, POSITIVE, CellModel
from dendrites.errors import ModelError, choices
from dendrites.models.urbanczik_senn_units import (
    SYSTEMS,
    jump_of_area,
    learning_rate_from_nest,
    learning_rate_from_paper,
    parameters_from_paper,
    psp_area,
    weight_from_paper,
)
from dendrites.spikes import escape_spike, poisson_count, psp_kernel

__all__ = [
    "Inputs",
    "Params",
    "State",
    "importance",
    "jump_of_area",
    "learning_rate_from_nest",
    "learning_rate_from_paper",
    "predicted_potential",
    "predicted_rate",
    "psp_area",
    "rate",
    "urbanczik_senn",
    "weight_from_paper",
]


class State(NamedTuple):
    soma: Annotated[float, "mV"] = -70.0
    dendrite: Annotated[float, "mV"] = -70.0
    current: Annotated[float, "pA"] = 0.0
    g_exc: Annotated[float, "nS"] = 0.0
    g_inh: Annotated[float, "nS"] = 0.0
    spikes: Annotated[float, "1"] = 0.0
    spike_rate: Annotated[float, "1/ms"] = 0.0
    refractory: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    capacitance: Annotated[float, "pF", POSITIVE] = 300.0
    g_leak: Annotated[float, "nS", POSITIVE] = 30.0
    g_dendrite: Annotated[float, "nS", NON_NEGATIVE] = 600.0
    g_back: Annotated[float, "nS", NON_NEGATIVE] = 0.0
    e_leak: Annotated[float, "mV"] = -70.0
    e_exc: Annotated[float, "mV"] = 0.0
    e_inh: Annotated[float, "mV"] = -75.0
    tau_syn: Annotated[float, "ms", POSITIVE] = 3.0
    tau_exc: Annotated[float, "ms", POSITIVE] = 3.0
    tau_inh: Annotated[float, "ms", POSITIVE] = 3.0
    phi_max: Annotated[float, "1/ms", POSITIVE] = 0.15
    k: Annotated[float, "1", POSITIVE] = 0.5
    beta: Annotated[float, "1/mV", POSITIVE] = 1.0 / 3.0
    theta: Annotated[float, "mV"] = -55.0
    dead_time: Annotated[float, "ms", NON_NEGATIVE] = 3.0


class Inputs(NamedTuple):
    dendrite: Annotated[float, "pA"] = 0.0
    i_dendrite: Annotated[float, "pA"] = 0.0
    exc: Annotated[float, "nS", NON_NEGATIVE] = 0.0
    inh: Annotated[float, "nS", NON_NEGATIVE] = 0.0
    g_exc: Annotated[float, "nS", NON_NEGATIVE] = 0.0
    g_inh: Annotated[float, "nS", NON_NEGATIVE] = 0.0
    i_soma: Annotated[float, "pA"] = 0.0


def _phi(u, p):
    return p.phi_max / (1.0 + p.k * transfer.exp(p.beta * (p.theta - u)))


def rate(cell, p):
    """phi(U), 1/ms."""
    return _phi(cell.soma, p)


def predicted_potential(cell, p):
    """V*, mV: where the dendrite alone would hold the soma."""
    return (p.g_leak * p.e_leak + p.g_dendrite * cell.dendrite) / (
        p.g_leak + p.g_dendrite
    )


def predicted_rate(cell, p):
    """phi(V*), 1/ms."""
    return _phi(predicted_potential(cell, p), p)


def importance(cell, p):
    """h(V*) = phi'(V*)/phi(V*) = beta (1 - phi(V*)/phi_max), 1/mV."""
    # 1 - phi/phi_max without the difference: accurate at saturation too.
    x = transfer.exp(p.beta * (predicted_potential(cell, p) - p.theta))
    return p.beta * p.k / (p.k + x)


def _step(cell, inputs, p, dt):
    # The soma enters the dendrite with g_back only, held at its potential of mid-step:
    # that of the start would make a step of order 1. Half an implicit Euler step gives
    # it to the order needed, is stable for every dt and spares an exponential.
    half = 0.5 * dt
    g_exc, g_inh = cell.g_exc + inputs.g_exc, cell.g_inh + inputs.g_inh
    pull = (
        p.g_leak * p.e_leak
        + p.g_dendrite * cell.dendrite
        + g_exc * p.e_exc
        + g_inh * p.e_inh
        + inputs.i_soma
    )
    conductance = p.g_leak + p.g_dendrite + g_exc + g_inh
    soma = (p.capacitance * cell.soma + half * pull) / (
        p.capacitance + half * conductance
    )
    # The dendrite is linear: its own decay, the held inputs and the synaptic current's
    # exponential have exact responses.
    g_total = p.g_leak + p.g_back
    tau = p.capacitance / g_total
    held = p.g_leak * p.e_leak + p.g_back * soma + inputs.i_dendrite
    settled = held / g_total
    response = p.tau_syn * psp_kernel(dt, p.tau_syn, tau) / g_total
    dendrite = (
        settled
        + (cell.dendrite - settled) * math.exp(-dt / tau)
        + response * cell.current
    )
    # The soma: exponential Euler with conductances and dendrite of mid-step.
    g_exc = math.exp(-half / p.tau_exc) * cell.g_exc + inputs.g_exc
    g_inh = math.exp(-half / p.tau_inh) * cell.g_inh + inputs.g_inh
    conductance = p.g_leak + p.g_dendrite + g_exc + g_inh
    target = (
        p.g_leak * p.e_leak
        + p.g_dendrite * 0.5 * (cell.dendrite + dendrite)
        + g_exc * p.e_exc
        + g_inh * p.e_inh
        + inputs.i_soma
    ) / conductance
    soma = target + (cell.soma - target) * transfer.exp(
        -dt * conductance / p.capacitance
    )
    return State(
        soma,
        dendrite,
        math.exp(-dt / p.tau_syn) * cell.current + inputs.dendrite,
        math.exp(-dt / p.tau_exc) * cell.g_exc + inputs.exc,
        math.exp(-dt / p.tau_inh) * cell.g_inh + inputs.inh,
        0.0,
        0.0,
        cell.refractory,
    )


def _silent_steps(p, dt):
    """Whole steps of the dead time, half a step counting as one."""
    return (p.dead_time / dt + 0.5) // 1.0


def _spike(cell, u, p, dt):
    # phi <= phi_max bounds the chance of a spike: most steps need no exponential.
    most = p.phi_max * dt
    if _silent_steps(p, dt) > 0.0:
        if cell.refractory > 0.0 or u >= most:
            return 0.0
        return escape_spike(u, _phi(cell.soma, p), dt)
    if u < 1.0 - most:
        return 0.0
    return poisson_count(u, _phi(cell.soma, p) * dt)


def _fired(cell, count, p, dt):
    waiting = max(cell.refractory - 1.0, 0.0)
    refractory = _silent_steps(p, dt) if count > 0.0 else waiting
    return cell._replace(
        spikes=count,
        spike_rate=count / dt,
        refractory=refractory,
    )


def urbanczik_senn(*, units: str = "nest", **parameters: float) -> CellModel:
    """Two compartments: a dendrite that predicts its soma, and a soma that spikes.

    C dU/dt = -g_leak (U - e_leak) + g_dendrite (V - U) - g_E (U - e_exc)
    - g_I (U - e_inh) + i_soma
    C dV/dt = -g_leak (V - e_leak) + I + i_dendrite + g_back (U - V)
    dI/dt = -I/tau_syn + jumps

    U is not reset by a spike. A step draws a spike with probability
    1 - exp(-phi(U) dt), phi(u) = phi_max / (1 + k exp(beta (theta - u))). After it the
    cell is silent for dead_time, rounded to whole steps, so that the shortest interval
    is dead_time + dt. With a dead time of less than half a step there is none and the
    step holds a Poisson count of mean phi(U) dt, which can exceed 1. A forced spike
    starts a dead time too.

    Inputs: ``dendrite``, pA, jumps of the synaptic current I (sum of w S of the step);
    ``exc``, ``inh``, nS, jumps of the somatic conductances; all three act from the end
    of the step on. Held during the step: ``i_dendrite``, ``i_soma`` in pA and
    ``g_exc``, ``g_inh`` in nS, which add to the conductances in the State.

    Reads: ``rate`` phi(U) and ``predicted_rate`` phi(V*), 1/ms; ``predicted_potential``
    V* = (g_leak e_leak + g_dendrite V) / (g_leak + g_dendrite), mV; ``importance``
    h(V*) = beta (1 - phi(V*)/phi_max), 1/mV; ``spike_rate``, spikes of the step / dt.

    Integration: V, I and the conductances exactly for held inputs (with g_back, V by
    exponential Euler, U at mid-step), U by exponential Euler at mid-step: order 2 in dt
    and stable for every dt. The time constants tau_syn and C/g_leak may be equal.

    Parameters
    ----------
    units : {"nest", "paper"}
        Units of `parameters`. With "paper" (capacitance 1, rest 0, voltage unit 15 mV)
        they are converted; states, inputs and reads stay in mV, pA, nS.
    **parameters : float
        capacitance and g_leak (of either compartment), g_dendrite, g_back, e_leak,
        e_exc, e_inh, tau_syn, tau_exc, tau_inh, phi_max, k, beta, theta, dead_time.
        Potentials begin at -70 mV, whatever e_leak is.

    Raises
    ------
    ModelError
        If a name is no parameter, a value out of its range, or `units` unknown.

    Source: Urbanczik and Senn (2014), Neuron 81, 521-528; parameters, dead time and the
    order of a step from the simulator NEST's model pp_cond_exp_mc_urbanczik.
    """
    if units not in SYSTEMS:
        raise ModelError(
            f"urbanczik_senn: units = {units!r}: no known system of units. "
            + choices(units, SYSTEMS)
        )
    if units == "paper":
        parameters = parameters_from_paper(parameters)
    return CellModel(
        name="urbanczik_senn",
        state=State,
        params=Params,
        inputs=Inputs,
        step=_step,
        spike=_spike,
        fired=_fired,
        reads={
            "rate": rate,
            "predicted_potential": predicted_potential,
            "predicted_rate": predicted_rate,
            "importance": importance,
        },
        parameters=parameters,
        compartments=("soma", "dendrite"),
        source="Urbanczik & Senn (2014), Neuron 81, 521-528",
    )
