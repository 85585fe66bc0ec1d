"""Segregated-dendrite cells of Guerguiev, Lillicrap and Richards (2017).

Potentials are sigmoid arguments without a unit, capacitance is 1 and rest is 0, so
conductances are in 1/ms. The published step is 1 ms with forward Euler for the soma,
and so it is here: another step follows the same differential equations, but is not the
published trajectory.

A dendrite sees spikes through the unit-area kernel kappa, `psp_kernel` of
`dendrites.spikes`; the newest count, of the step itself, has weight kappa(dt). Two
state variables per dendrite hold the response to all its synapses. They hold the
weights at which spikes have arrived: a weight that changes acts on later spikes only.

The public code keeps 10 steps of spikes: a spike has the weights kappa(dt), ...,
kappa(10 dt) and then none; the paper's equations have the full kernel. The option
``memory`` is that number of steps, 0 for the full kernel. With it, inputs named
``..._expired`` take spikes out again: next to every projection to ``basal`` a second
one of the same weights must bring the counts of `memory` steps before to
``basal_expired``, and so for ``apical``; a one-to-one projection of weight 1 and delay
memory * dt brings the cell's own counts to ``expired``. Where a weight has changed in
between, the difference of the two fades with the kernel.
"""

from collections import namedtuple
from typing import Annotated, NamedTuple

from dendrites import transfer
from dendrites.cell import NON_NEGATIVE, POSITIVE, CellModel
from dendrites.models.spike_source import check_memory
from dendrites.spikes import faded, poisson_count, trace_factors

SOURCE = "Guerguiev, Lillicrap & Richards (2017), eLife 6:e22901, eqs. 11-22"
PUBLISHED_DT = 1.0
# The teacher opens one conductance of this size in the published runs, 1/ms.
_TEACHER = 1.0


class HiddenState(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0
    rate: Annotated[float, "1/ms"] = 0.0
    expected: Annotated[float, "1"] = 0.0
    spikes: Annotated[float, "1"] = 0.0
    basal_fast: Annotated[float, "ms"] = 0.0
    basal_psp: Annotated[float, "1"] = 0.0
    apical_fast: Annotated[float, "ms"] = 0.0
    apical_psp: Annotated[float, "1"] = 0.0
    fast: Annotated[float, "1"] = 0.0
    psp: Annotated[float, "1/ms"] = 0.0


class HiddenParams(NamedTuple):
    phi_max: Annotated[float, "1/ms", POSITIVE] = 0.2
    tau_rise: Annotated[float, "ms", POSITIVE] = 3.0
    tau_decay: Annotated[float, "ms", POSITIVE] = 10.0
    g_leak: Annotated[float, "1/ms", POSITIVE] = 0.1
    g_basal: Annotated[float, "1/ms", NON_NEGATIVE] = 0.6
    g_apical: Annotated[float, "1/ms", NON_NEGATIVE] = 0.0


class HiddenInputs(NamedTuple):
    basal: Annotated[float, "ms"] = 0.0
    bias: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "ms"] = 0.0


class OutputState(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    basal: Annotated[float, "1"] = 0.0
    rate: Annotated[float, "1/ms"] = 0.0
    expected: Annotated[float, "1"] = 0.0
    spikes: Annotated[float, "1"] = 0.0
    basal_fast: Annotated[float, "ms"] = 0.0
    basal_psp: Annotated[float, "1"] = 0.0
    fast: Annotated[float, "1"] = 0.0
    psp: Annotated[float, "1/ms"] = 0.0
    fast_before: Annotated[float, "1"] = 0.0
    psp_before: Annotated[float, "1/ms"] = 0.0


class OutputParams(NamedTuple):
    phi_max: Annotated[float, "1/ms", POSITIVE] = 0.2
    tau_rise: Annotated[float, "ms", POSITIVE] = 3.0
    tau_decay: Annotated[float, "ms", POSITIVE] = 10.0
    g_leak: Annotated[float, "1/ms", POSITIVE] = 0.1
    g_dendrite: Annotated[float, "1/ms", NON_NEGATIVE] = 0.6
    e_exc: Annotated[float, "1"] = 8.0
    e_inh: Annotated[float, "1"] = -8.0


class OutputInputs(NamedTuple):
    basal: Annotated[float, "ms"] = 0.0
    bias: Annotated[float, "1"] = 0.0
    g_exc: Annotated[float, "1/ms", NON_NEGATIVE] = 0.0
    g_inh: Annotated[float, "1/ms", NON_NEGATIVE] = 0.0


def _extended(base, **fields):
    """The NamedTuple class `base` with more fields, each (annotation, default)."""
    hints = {name: hint for name, (hint, _) in fields.items()}
    extended = namedtuple(
        f"Memory{base.__name__}",
        (*base._fields, *fields),
        defaults=(
            *base._field_defaults.values(),
            *(default for _, default in fields.values()),
        ),
        module=__name__,
    )
    extended.__annotations__ = {**base.__annotations__, **hints}
    return extended


_MEMORY = (Annotated[float, "1", POSITIVE], 10.0)
_SUM_EXPIRED = (Annotated[float, "ms"], 0.0)
_OWN_EXPIRED = (Annotated[float, "1"], 0.0)
MemoryHiddenParams = _extended(HiddenParams, memory=_MEMORY)
MemoryHiddenInputs = _extended(
    HiddenInputs,
    basal_expired=_SUM_EXPIRED,
    apical_expired=_SUM_EXPIRED,
    expired=_OWN_EXPIRED,
)
MemoryOutputParams = _extended(OutputParams, memory=_MEMORY)
MemoryOutputInputs = _extended(
    OutputInputs, basal_expired=_SUM_EXPIRED, expired=_OWN_EXPIRED
)


def _hidden_step(cell, inputs, p, dt):
    rise, decay, gain = trace_factors(dt, p.tau_rise, p.tau_decay)
    basal_fast = cell.basal_fast + inputs.basal
    basal_psp = decay * cell.basal_psp + gain * basal_fast
    apical_fast = cell.apical_fast + inputs.apical
    apical_psp = decay * cell.apical_psp + gain * apical_fast
    basal = basal_psp + inputs.bias
    soma = cell.soma + dt * (
        -p.g_leak * cell.soma
        + p.g_basal * (basal - cell.soma)
        + p.g_apical * (apical_psp - cell.soma)
    )
    rate = p.phi_max * transfer.logistic(soma)
    return HiddenState(
        soma,
        basal,
        apical_psp,
        rate,
        rate * dt,
        0.0,
        rise * basal_fast,
        basal_psp,
        rise * apical_fast,
        apical_psp,
        faded(rise * cell.fast),
        faded(decay * cell.psp + gain * cell.fast),
    )


def _hidden_step_with_memory(cell, inputs, p, dt):
    rise, decay, gain = trace_factors(dt, p.tau_rise, p.tau_decay)
    old_rise, _, old_gain = trace_factors(
        (p.memory + 1.0) * dt, p.tau_rise, p.tau_decay
    )
    basal_fast = cell.basal_fast + inputs.basal
    basal_psp = (
        decay * cell.basal_psp + gain * basal_fast - old_gain * inputs.basal_expired
    )
    apical_fast = cell.apical_fast + inputs.apical
    apical_psp = (
        decay * cell.apical_psp + gain * apical_fast - old_gain * inputs.apical_expired
    )
    basal = basal_psp + inputs.bias
    soma = cell.soma + dt * (
        -p.g_leak * cell.soma
        + p.g_basal * (basal - cell.soma)
        + p.g_apical * (apical_psp - cell.soma)
    )
    rate = p.phi_max * transfer.logistic(soma)
    return HiddenState(
        soma,
        basal,
        apical_psp,
        rate,
        rate * dt,
        0.0,
        rise * basal_fast - old_rise * inputs.basal_expired,
        basal_psp,
        rise * apical_fast - old_rise * inputs.apical_expired,
        apical_psp,
        faded(rise * cell.fast - old_rise * inputs.expired),
        faded(decay * cell.psp + gain * cell.fast - old_gain * inputs.expired),
    )


def _output_step(cell, inputs, p, dt):
    rise, decay, gain = trace_factors(dt, p.tau_rise, p.tau_decay)
    basal_fast = cell.basal_fast + inputs.basal
    basal_psp = decay * cell.basal_psp + gain * basal_fast
    basal = basal_psp + inputs.bias
    soma = cell.soma + dt * (
        -p.g_leak * cell.soma
        + p.g_dendrite * (basal - cell.soma)
        + inputs.g_exc * (p.e_exc - cell.soma)
        + inputs.g_inh * (p.e_inh - cell.soma)
    )
    rate = p.phi_max * transfer.logistic(soma)
    return OutputState(
        soma,
        basal,
        rate,
        rate * dt,
        0.0,
        rise * basal_fast,
        basal_psp,
        faded(rise * cell.fast),
        faded(decay * cell.psp + gain * cell.fast),
        cell.fast,
        cell.psp,
    )


def _output_step_with_memory(cell, inputs, p, dt):
    rise, decay, gain = trace_factors(dt, p.tau_rise, p.tau_decay)
    old_rise, _, old_gain = trace_factors(
        (p.memory + 1.0) * dt, p.tau_rise, p.tau_decay
    )
    basal_fast = cell.basal_fast + inputs.basal
    basal_psp = (
        decay * cell.basal_psp + gain * basal_fast - old_gain * inputs.basal_expired
    )
    basal = basal_psp + inputs.bias
    soma = cell.soma + dt * (
        -p.g_leak * cell.soma
        + p.g_dendrite * (basal - cell.soma)
        + inputs.g_exc * (p.e_exc - cell.soma)
        + inputs.g_inh * (p.e_inh - cell.soma)
    )
    rate = p.phi_max * transfer.logistic(soma)
    return OutputState(
        soma,
        basal,
        rate,
        rate * dt,
        0.0,
        rise * basal_fast - old_rise * inputs.basal_expired,
        basal_psp,
        faded(rise * cell.fast - old_rise * inputs.expired),
        faded(decay * cell.psp + gain * cell.fast - old_gain * inputs.expired),
        cell.fast,
        cell.psp,
    )


def _spike(cell, u, p, dt):
    return poisson_count(u, cell.expected)


def _hidden_fired(cell, count, p, dt):
    rise, _, gain = trace_factors(dt, p.tau_rise, p.tau_decay)
    return HiddenState(
        cell.soma,
        cell.basal,
        cell.apical,
        cell.rate,
        cell.expected,
        count,
        cell.basal_fast,
        cell.basal_psp,
        cell.apical_fast,
        cell.apical_psp,
        cell.fast + rise * count,
        cell.psp + gain * count,
    )


def _output_fired(cell, count, p, dt):
    rise, _, gain = trace_factors(dt, p.tau_rise, p.tau_decay)
    return OutputState(
        cell.soma,
        cell.basal,
        cell.rate,
        cell.expected,
        count,
        cell.basal_fast,
        cell.basal_psp,
        cell.fast + rise * count,
        cell.psp + gain * count,
        cell.fast_before,
        cell.psp_before,
    )


def _plateau(cell, p):
    return transfer.logistic(cell.apical)


def _somatic_rate(cell, p):
    return p.phi_max * transfer.logistic(cell.soma)


def _slope(cell, p):
    return transfer.logistic_derivative(cell.soma)


def _activation(cell, p):
    return transfer.logistic(cell.soma)


def hidden_coupling(p) -> float:
    """k_b = g_basal / (g_leak + g_basal + g_apical): settled soma over basal potential.

    Parameters
    ----------
    p : parameters of `guerguiev_hidden`
    """
    return p.g_basal / (p.g_leak + p.g_basal + p.g_apical)


def output_coupling(p) -> float:
    """k_d = g_dendrite / (g_leak + g_dendrite), without a teacher.

    Parameters
    ----------
    p : parameters of `guerguiev_output`
    """
    return p.g_dendrite / (p.g_leak + p.g_dendrite)


def guerguiev_hidden(*, memory: int = 0, **parameters: float) -> CellModel:
    """Hidden cell with a basal and an apical dendrite, Poisson spikes at its soma.

    basal = sum_j W_j s_j + bias and apical = sum_j Y_j s_j, s = kappa * counts;
    soma <- soma + dt (-g_leak soma + g_basal (basal - soma)
    + g_apical (apical - soma)); rate = phi_max sigma(soma) with the new soma, 1/ms; the
    count of the step is Poisson of mean ``expected`` = rate dt and may exceed 1.

    Inputs: ``basal`` and ``apical``, ms: weighted sums of the counts that arrive in the
    step; ``bias``. With a memory also ``basal_expired``, ``apical_expired`` and
    ``expired``.

    Reads, beside the State: ``plateau`` sigma(apical), ``somatic_rate``
    phi_max sigma(soma) in 1/ms and ``slope`` sigma'(soma), which are made for cells
    averaged over a window: sigma of the mean, not the mean of sigma. ``psp``, 1/ms, is
    the cell's own spike train through kappa, its newest count at kappa(dt).

    Parameters
    ----------
    memory : int
        Number of steps in which a spike acts, 0 for the full kernel; the module says
        what it needs. Published code: 10.
    **parameters : float
        phi_max (1/ms), tau_rise, tau_decay (ms), g_leak, g_basal, g_apical (1/ms).

    Raises
    ------
    ModelError
        If a parameter is out of its range or unknown, or `memory` no whole number.

    Source: Guerguiev, Lillicrap and Richards (2017), eqs. 11-18; memory: their code.
    """
    check_memory(memory, "guerguiev_hidden")
    return CellModel(
        name="guerguiev_hidden",
        state=HiddenState,
        params=MemoryHiddenParams if memory else HiddenParams,
        inputs=MemoryHiddenInputs if memory else HiddenInputs,
        step=_hidden_step_with_memory if memory else _hidden_step,
        spike=_spike,
        fired=_hidden_fired,
        sparse=True,
        reads={"plateau": _plateau, "somatic_rate": _somatic_rate, "slope": _slope},
        parameters={**parameters, "memory": memory} if memory else parameters,
        compartments=("soma", "basal", "apical"),
        time_constant=lambda p: 1.0 / (p.g_leak + p.g_basal + p.g_apical),
        quiet_dt=PUBLISHED_DT,
        source=SOURCE,
    )


def guerguiev_output(*, memory: int = 0, **parameters: float) -> CellModel:
    """Output cell with one dendrite and a teacher's conductances at its soma.

    basal = sum_j W_j s_j + bias is the dendrite's potential;
    soma <- soma + dt (-g_leak soma + g_dendrite (basal - soma)
    + g_exc (e_exc - soma) + g_inh (e_inh - soma)); rate and counts as in
    `guerguiev_hidden`.

    Inputs: ``basal``, ms, and ``bias``; the teacher ``g_exc`` and ``g_inh``, 1/ms, in
    the published target phase (1, 0) for the correct cell and (0, 1) for all others,
    else 0. With a memory also ``basal_expired`` and ``expired``.

    Reads, beside the State: ``somatic_rate`` phi_max sigma(soma) in 1/ms,
    ``activation`` sigma(soma) and ``slope`` sigma'(soma). ``fast_before`` and
    ``psp_before`` are ``fast`` and ``psp`` one step earlier.

    Parameters
    ----------
    memory : int
        As in `guerguiev_hidden`.
    **parameters : float
        phi_max (1/ms), tau_rise, tau_decay (ms), g_leak, g_dendrite (1/ms), e_exc,
        e_inh.

    Raises
    ------
    ModelError
        As in `guerguiev_hidden`.

    Source: Guerguiev, Lillicrap and Richards (2017), eqs. 11-12, 16-20.
    """
    check_memory(memory, "guerguiev_output")
    return CellModel(
        name="guerguiev_output",
        state=OutputState,
        params=MemoryOutputParams if memory else OutputParams,
        inputs=MemoryOutputInputs if memory else OutputInputs,
        step=_output_step_with_memory if memory else _output_step,
        spike=_spike,
        fired=_output_fired,
        sparse=True,
        reads={
            "somatic_rate": _somatic_rate,
            "activation": _activation,
            "slope": _slope,
        },
        parameters={**parameters, "memory": memory} if memory else parameters,
        compartments=("soma", "basal"),
        time_constant=lambda p: 1.0 / (p.g_leak + p.g_dendrite + _TEACHER),
        quiet_dt=PUBLISHED_DT,
        source=SOURCE,
    )
