"""A cell whose apical current makes plateaus, the instructive signal of plasticity.

Soma and apical dendrite are leaky and not coupled: plateaus are made by the apical
current alone, and the soma shows what its synapses depolarise it by.
"""

import math
from typing import Annotated, NamedTuple

from dendrites.cell import POSITIVE, CellModel
from dendrites.spikes import faded, psp_kernel


class State(NamedTuple):
    soma: Annotated[float, "mV"] = -70.0
    apical: Annotated[float, "mV"] = -70.0
    current: Annotated[float, "pA"] = 0.0
    plateau: Annotated[float, "1"] = 0.0
    instructive: Annotated[float, "1"] = 0.0
    step_length: Annotated[float, "ms"] = 0.0


class Params(NamedTuple):
    e_leak: Annotated[float, "mV"] = -70.0
    tau_soma: Annotated[float, "ms", POSITIVE] = 20.0
    c_soma: Annotated[float, "pF", POSITIVE] = 200.0
    tau_apical: Annotated[float, "ms", POSITIVE] = 10.0
    c_apical: Annotated[float, "pF", POSITIVE] = 200.0
    plateau_threshold: Annotated[float, "mV"] = -52.5
    tau_instructive: Annotated[float, "ms", POSITIVE] = 543.0
    reference_plateau: Annotated[float, "ms", POSITIVE] = 300.0
    synaptic_current: Annotated[float, "pA"] = 0.0
    tau_syn: Annotated[float, "ms", POSITIVE] = 3.0


class Inputs(NamedTuple):
    soma: Annotated[float, "pA"] = 0.0
    apical: Annotated[float, "pA"] = 0.0
    synapse: Annotated[float, "1"] = 0.0


def _step(cell, inputs, p, dt):
    settled = p.e_leak + inputs.soma * p.tau_soma / p.c_soma
    response = psp_kernel(dt, p.tau_syn, p.tau_soma) * p.tau_syn * p.tau_soma / p.c_soma
    soma = (
        settled
        + (cell.soma - settled) * math.exp(-dt / p.tau_soma)
        + response * cell.current
    )
    settled = p.e_leak + inputs.apical * p.tau_apical / p.c_apical
    apical = settled + (cell.apical - settled) * math.exp(-dt / p.tau_apical)
    # IS moves with the plateau as it was when the step began: it then holds for the
    # whole step, and a rule knows the IS of mid-step.
    held = cell.plateau / (1.0 - math.exp(-p.reference_plateau / p.tau_instructive))
    instructive = held + (cell.instructive - held) * math.exp(-dt / p.tau_instructive)
    return State(
        soma,
        apical,
        faded(math.exp(-dt / p.tau_syn) * cell.current)
        + p.synaptic_current * inputs.synapse,
        1.0 if apical > p.plateau_threshold else 0.0,
        faded(instructive),
        dt,
    )


def plateau_cell(**parameters: float) -> CellModel:
    """Passive soma and apical dendrite, and plateaus while that is depolarised.

    dV/dt = -(V - e_leak) / tau_soma + (soma + I) / c_soma
    dA/dt = -(A - e_leak) / tau_apical + apical / c_apical
    dI/dt = -I/tau_syn + synaptic_current * synapse
    plateau = 1 while A > plateau_threshold, else 0
    tau_instructive dIS/dt = -IS + plateau / peak
    peak = 1 - exp(-reference_plateau / tau_instructive)

    so that IS is 1 at the end of a first plateau that lasts for reference_plateau. The
    cell has no spikes.

    Inputs: ``soma``, ``apical``, pA, held during the step; ``synapse``, the weighted
    presynaptic spikes of the step: each 1 makes a jump of synaptic_current pA of a
    current into the soma, which acts from the end of the step on.

    Reads: the State; ``plateau`` and ``instructive`` (IS) among them. ``step_length``,
    ms, is that of the last step, for rules that need it.

    Integration: exact for held inputs, whatever dt is. A plateau begins and ends on the
    grid of steps; the plateau that a step ends with drives IS from then on.

    Parameters
    ----------
    **parameters : float
        e_leak, plateau_threshold (mV), tau_soma, tau_apical, tau_instructive,
        reference_plateau, tau_syn (ms), c_soma, c_apical (pF), synaptic_current (pA).
        Potentials begin at -70 mV, whatever e_leak is.

    Raises
    ------
    ModelError
        If a name is no parameter or a value out of its range.

    Source: IS is that of Milstein et al. (2021), eqs. 1 and 8-16. The membranes are our
    choice: 700 pA, the current of the experiments, depolarise the dendrite by 35 mV
    with a time constant of 10 ms, and the threshold is half of that. Rise and fall then
    take equally long, so that the plateau lasts as long as the current and comes 6.9 ms
    later; currents up to 350 pA make none.
    """
    return CellModel(
        name="plateau_cell",
        state=State,
        params=Params,
        inputs=Inputs,
        step=_step,
        parameters=parameters,
        compartments=("soma", "apical"),
        source="our membranes; instructive signal of Milstein et al. (2021)",
    )
