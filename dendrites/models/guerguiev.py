"""Segregated-dendrite cells of Guerguiev, Lillicrap and Richards (2017).

Potentials are sigmoid arguments without a unit, capacitance is 1 and rest is 0, so
conductances are in 1/ms. The published step is 1 ms with forward Euler for the soma,
and so it is here: another step follows the same differential equations, but is not the
published trajectory.

A dendrite sees spikes through the unit-area kernel kappa (`dendrites.Kernel`); the
newest count, of the step itself, has weight kappa(dt). The inputs ``basal`` and
``apical`` and the State field ``psp`` are traces (`CellModel.traces`), so a run keeps
them: present weights times all spikes that are remembered. The public code keeps 10
steps of spikes; the paper's equations have the full kernel. `memory` is that time.
"""

from typing import Annotated, NamedTuple

from dendrites import transfer
from dendrites.cell import NON_NEGATIVE, POSITIVE, CellModel
from dendrites.kernel import memory_kernel
from dendrites.spikes import poisson_count

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
    psp: Annotated[float, "1/ms"] = 0.0


class HiddenParams(NamedTuple):
    phi_max: Annotated[float, "1/ms", POSITIVE] = 0.2
    g_leak: Annotated[float, "1/ms", POSITIVE] = 0.1
    g_basal: Annotated[float, "1/ms", NON_NEGATIVE] = 0.6
    g_apical: Annotated[float, "1/ms", NON_NEGATIVE] = 0.0


class HiddenInputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    bias: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0


class OutputState(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    basal: Annotated[float, "1"] = 0.0
    rate: Annotated[float, "1/ms"] = 0.0
    expected: Annotated[float, "1"] = 0.0
    spikes: Annotated[float, "1"] = 0.0
    psp: Annotated[float, "1/ms"] = 0.0


class OutputParams(NamedTuple):
    phi_max: Annotated[float, "1/ms", POSITIVE] = 0.2
    g_leak: Annotated[float, "1/ms", POSITIVE] = 0.1
    g_dendrite: Annotated[float, "1/ms", NON_NEGATIVE] = 0.6
    e_exc: Annotated[float, "1"] = 8.0
    e_inh: Annotated[float, "1"] = -8.0


class OutputInputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    bias: Annotated[float, "1"] = 0.0
    g_exc: Annotated[float, "1/ms", NON_NEGATIVE] = 0.0
    g_inh: Annotated[float, "1/ms", NON_NEGATIVE] = 0.0


def _hidden_step(cell, inputs, p, dt):
    basal = inputs.basal + inputs.bias
    soma = cell.soma + dt * (
        -p.g_leak * cell.soma
        + p.g_basal * (basal - cell.soma)
        + p.g_apical * (inputs.apical - cell.soma)
    )
    rate = p.phi_max * transfer.logistic(soma)
    return HiddenState(soma, basal, inputs.apical, rate, rate * dt, 0.0, cell.psp)


def _output_step(cell, inputs, p, dt):
    basal = inputs.basal + inputs.bias
    soma = cell.soma + dt * (
        -p.g_leak * cell.soma
        + p.g_dendrite * (basal - cell.soma)
        + inputs.g_exc * (p.e_exc - cell.soma)
        + inputs.g_inh * (p.e_inh - cell.soma)
    )
    rate = p.phi_max * transfer.logistic(soma)
    return OutputState(soma, basal, rate, rate * dt, 0.0, cell.psp)


def _spike(cell, u, p, dt):
    return poisson_count(u, cell.expected)


def _hidden_fired(cell, count, p, dt):
    return HiddenState(
        cell.soma, cell.basal, cell.apical, cell.rate, cell.expected, count, cell.psp
    )


def _output_fired(cell, count, p, dt):
    return OutputState(cell.soma, cell.basal, cell.rate, cell.expected, count, cell.psp)


def _plateau(cell, p):
    return transfer.logistic(cell.apical)


def _somatic_rate(cell, p):
    return p.phi_max * transfer.logistic(cell.soma)


def _slope(cell, p):
    return transfer.logistic_derivative(cell.soma)


def _apical_slope(cell, p):
    return transfer.logistic_derivative(cell.apical)


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


def guerguiev_hidden(
    *,
    tau_rise: float = 3.0,
    tau_decay: float = 10.0,
    memory: float = 0.0,
    **parameters: float,
) -> CellModel:
    """Hidden cell with a basal and an apical dendrite, Poisson spikes at its soma.

    basal = sum_j W_j s_j + bias and apical = sum_j Y_j s_j, s = kappa * counts;
    soma <- soma + dt (-g_leak soma + g_basal (basal - soma)
    + g_apical (apical - soma)); rate = phi_max sigma(soma) with the new soma, 1/ms; the
    count of the step is Poisson of mean ``expected`` = rate dt and may exceed 1.

    Inputs: ``basal`` and ``apical``, traces of what arrives; ``bias``.

    Reads, beside the State: ``plateau`` sigma(apical), ``apical_slope`` sigma'(apical),
    ``somatic_rate`` phi_max sigma(soma) in 1/ms and ``slope`` sigma'(soma), which are
    made for cells averaged over a window: sigma of the mean, not the mean of sigma.
    ``psp``, 1/ms, is the cell's own spike train through kappa, its newest count at
    kappa(dt).

    Parameters
    ----------
    tau_rise, tau_decay : float
        Time constants of kappa, ms, > 0; they may be equal.
    memory : float
        Time in which a spike acts, ms, whole steps; 0 for the full kernel. Published
        code: 10.
    **parameters : float
        phi_max (1/ms), g_leak, g_basal, g_apical (1/ms).

    Raises
    ------
    ModelError
        If a parameter is out of its range or unknown.

    Source: Guerguiev, Lillicrap and Richards (2017), eqs. 11-18; memory: their code.
    """
    kappa = memory_kernel("guerguiev_hidden", tau_rise, tau_decay, memory)
    return CellModel(
        name="guerguiev_hidden",
        state=HiddenState,
        params=HiddenParams,
        inputs=HiddenInputs,
        step=_hidden_step,
        spike=_spike,
        fired=_hidden_fired,
        sparse=True,
        traces=dict.fromkeys(("basal", "apical", "psp"), kappa),
        reads={
            "plateau": _plateau,
            "somatic_rate": _somatic_rate,
            "slope": _slope,
            "apical_slope": _apical_slope,
        },
        parameters=parameters,
        compartments=("soma", "basal", "apical"),
        time_constant=lambda p: 1.0 / (p.g_leak + p.g_basal + p.g_apical),
        quiet_dt=PUBLISHED_DT,
        source=SOURCE,
    )


def guerguiev_output(
    *,
    tau_rise: float = 3.0,
    tau_decay: float = 10.0,
    memory: float = 0.0,
    **parameters: float,
) -> CellModel:
    """Output cell with one dendrite and a teacher's conductances at its soma.

    basal = sum_j W_j s_j + bias is the dendrite's potential;
    soma <- soma + dt (-g_leak soma + g_dendrite (basal - soma)
    + g_exc (e_exc - soma) + g_inh (e_inh - soma)); rate and counts as in
    `guerguiev_hidden`.

    Inputs: ``basal``, a trace of what arrives, and ``bias``; the teacher ``g_exc`` and
    ``g_inh``, 1/ms, in the published target phase (1, 0) for the correct cell and
    (0, 1) for all others, else 0.

    Reads, beside the State: ``somatic_rate`` phi_max sigma(soma) in 1/ms,
    ``activation`` sigma(soma) and ``slope`` sigma'(soma).

    Parameters
    ----------
    tau_rise, tau_decay, memory : float
        As in `guerguiev_hidden`.
    **parameters : float
        phi_max (1/ms), g_leak, g_dendrite (1/ms), e_exc, e_inh.

    Raises
    ------
    ModelError
        As in `guerguiev_hidden`.

    Source: Guerguiev, Lillicrap and Richards (2017), eqs. 11-12, 16-20.
    """
    kappa = memory_kernel("guerguiev_output", tau_rise, tau_decay, memory)
    return CellModel(
        name="guerguiev_output",
        state=OutputState,
        params=OutputParams,
        inputs=OutputInputs,
        step=_output_step,
        spike=_spike,
        fired=_output_fired,
        sparse=True,
        traces=dict.fromkeys(("basal", "psp"), kappa),
        reads={
            "somatic_rate": _somatic_rate,
            "activation": _activation,
            "slope": _slope,
        },
        parameters=parameters,
        compartments=("soma", "basal"),
        time_constant=lambda p: 1.0 / (p.g_leak + p.g_dendrite + _TEACHER),
        quiet_dt=PUBLISHED_DT,
        source=SOURCE,
    )
