"""A generic pyramidal cell: basal dendrite, apical dendrite, soma."""

from collections.abc import Callable
from typing import Annotated, NamedTuple

from dendrites import transfer
from dendrites.cell import NON_NEGATIVE, POSITIVE, CellModel
from dendrites.errors import ModelError
from dendrites.reads import rate_of_soma


class State(NamedTuple):
    soma: Annotated[float, "mV"] = 0.0
    basal: Annotated[float, "mV"] = 0.0
    apical: Annotated[float, "mV"] = 0.0


class Params(NamedTuple):
    tau_soma: Annotated[float, "ms", POSITIVE] = 20.0
    tau_dendrite: Annotated[float, "ms", POSITIVE] = 5.0
    basal_coupling: Annotated[float, "1", NON_NEGATIVE] = 1.0
    apical_coupling: Annotated[float, "1", NON_NEGATIVE] = 0.8


class Inputs(NamedTuple):
    basal: Annotated[float, "mV"] = 0.0
    apical: Annotated[float, "mV"] = 0.0
    soma: Annotated[float, "mV"] = 0.0


def _derivative_dynamic(cell, inputs, p):
    soma = (
        -cell.soma
        + p.basal_coupling * (cell.basal - cell.soma)
        + p.apical_coupling * (cell.apical - cell.soma)
        + inputs.soma
    ) / p.tau_soma
    basal = (inputs.basal - cell.basal) / p.tau_dendrite
    apical = (inputs.apical - cell.apical) / p.tau_dendrite
    return State(soma, basal, apical)


def _dendrites(cell, inputs, p):
    return State(cell.soma, inputs.basal, inputs.apical)


def _derivative_instantaneous(cell, inputs, p):
    soma = (
        -cell.soma
        + p.basal_coupling * (cell.basal - cell.soma)
        + p.apical_coupling * (cell.apical - cell.soma)
        + inputs.soma
    ) / p.tau_soma
    return State(soma, 0.0, 0.0)


def _time_constant(p):
    return min(
        p.tau_dendrite, p.tau_soma / (1.0 + p.basal_coupling + p.apical_coupling)
    )


def _time_constant_instantaneous(p):
    return p.tau_soma / (1.0 + p.basal_coupling + p.apical_coupling)


def three_compartment(
    *,
    dendrites: str = "dynamic",
    phi: Callable = transfer.logistic,
    **parameters: float,
) -> CellModel:
    """Pyramidal cell whose dendrites pull the soma; potentials relative to rest.

    tau_soma du/dt = -u + basal_coupling (v_basal - u) + apical_coupling (v_apical - u)
    + i_soma, and for each dendrite tau_dendrite dv/dt = -v + input, or v = input at
    once with ``dendrites="instantaneous"``. Inputs are the potentials, mV, towards
    which synapses or electrodes drive a compartment.

    Parameters
    ----------
    dendrites : {"dynamic", "instantaneous"}
    phi : scalar function
        Transfer function of the soma, for the read ``rate``.
    **parameters : float
        tau_soma, tau_dendrite in ms; basal_coupling, apical_coupling (conductances
        in units of the somatic leak).

    Raises
    ------
    ModelError
        For another kind of dendrite or an impossible parameter.

    Source: our generic form of the dendritic cells of Urbanczik and Senn (2014) and
    Sacramento et al. (2018).
    """
    if dendrites not in ("dynamic", "instantaneous"):
        raise ModelError(
            f"three_compartment: dendrites = {dendrites!r}: allowed: dynamic, "
            "instantaneous"
        )
    dynamic = dendrites == "dynamic"
    if not dynamic and "tau_dendrite" in parameters:
        raise ModelError(
            f"three_compartment: tau_dendrite = {parameters['tau_dendrite']!r} ms: "
            "instantaneous dendrites have no time constant; leave it out, or use "
            "dendrites='dynamic'"
        )
    return CellModel(
        name="three_compartment",
        state=State,
        params=Params,
        inputs=Inputs,
        derivative=_derivative_dynamic if dynamic else _derivative_instantaneous,
        instantaneous=None if dynamic else _dendrites,
        reads={"rate": rate_of_soma(phi)},
        parameters=parameters,
        time_constant=_time_constant if dynamic else _time_constant_instantaneous,
        source="generic three-compartment pyramidal cell",
    )


def steady_state(p, basal=0.0, apical=0.0, soma=0.0):
    """Potentials the cell settles to under constant drive, mV.

    Parameters
    ----------
    p : Params
    basal, apical, soma : float or ndarray
        Inputs, mV, of one shape.

    Returns
    -------
    State
        The unique fixed point (the model is linear).
    """
    total = 1.0 + p.basal_coupling + p.apical_coupling
    u = (p.basal_coupling * basal + p.apical_coupling * apical + soma) / total
    return State(u, basal, apical)
