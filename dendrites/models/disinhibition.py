"""Rate units of a disinhibitory circuit: interneurons and the cell that they gate."""

import math
from dataclasses import replace
from typing import Annotated, NamedTuple

from dendrites import transfer
from dendrites._checks import number
from dendrites.cell import NON_NEGATIVE, POSITIVE, CellModel

SOURCE = "our minimal model after Williams & Holtmaat (2019), Neuron 101, 91-102"


class State(NamedTuple):
    potential: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    tau: Annotated[float, "ms", POSITIVE] = 10.0


class Inputs(NamedTuple):
    drive: Annotated[float, "1"] = 0.0


class NoisyParams(NamedTuple):
    tau: Annotated[float, "ms", POSITIVE] = 10.0
    noise: Annotated[float, "1", NON_NEGATIVE] = 0.0


class NoisyInputs(NamedTuple):
    drive: Annotated[float, "1"] = 0.0
    white: Annotated[float, "1/sqrt(ms)"] = 0.0


class PyramidalState(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0


class PyramidalParams(NamedTuple):
    tau_soma: Annotated[float, "ms", POSITIVE] = 10.0
    tau_apical: Annotated[float, "ms", POSITIVE] = 10.0
    plateau_threshold: Annotated[float, "1"] = -1.0
    plateau_width: Annotated[float, "1", POSITIVE] = 0.3


class PyramidalInputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0


class NoisyPyramidalParams(NamedTuple):
    tau_soma: Annotated[float, "ms", POSITIVE] = 10.0
    tau_apical: Annotated[float, "ms", POSITIVE] = 10.0
    plateau_threshold: Annotated[float, "1"] = -1.0
    plateau_width: Annotated[float, "1", POSITIVE] = 0.3
    noise: Annotated[float, "1", NON_NEGATIVE] = 0.0


class NoisyPyramidalInputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0
    white: Annotated[float, "1/sqrt(ms)"] = 0.0


def _derivative(cell, inputs, p):
    return State((inputs.drive - cell.potential) / p.tau)


def _noisy_derivative(cell, inputs, p):
    # White noise of this size has the stationary standard deviation p.noise.
    noise = p.noise * math.sqrt(2.0 / p.tau) * inputs.white
    return State((inputs.drive - cell.potential) / p.tau + noise)


def _rate(cell, p):
    return max(cell.potential, 0.0)


def _pyramidal_derivative(cell, inputs, p):
    return PyramidalState(
        (inputs.basal - cell.soma) / p.tau_soma,
        (inputs.apical - cell.apical) / p.tau_apical,
    )


def _noisy_pyramidal_derivative(cell, inputs, p):
    noise = p.noise * math.sqrt(2.0 / p.tau_apical) * inputs.white
    return PyramidalState(
        (inputs.basal - cell.soma) / p.tau_soma,
        (inputs.apical - cell.apical) / p.tau_apical + noise,
    )


def _somatic_rate(cell, p):
    return max(cell.soma, 0.0)


def plateau(cell, p):
    """How far the apical dendrite is in a plateau, between 0 and 1."""
    return transfer.logistic((cell.apical - p.plateau_threshold) / p.plateau_width)


def threshold_unit(*, tau: float = 10.0, noise: float = 0.0) -> CellModel:
    """Rate unit that is silent below 0 and linear above, such as an interneuron.

    tau dv/dt = -v + drive + noise,    rate = max(v, 0)

    Reads: ``rate``; ``potential``, v.

    Parameters
    ----------
    tau : float
        ms, > 0.
    noise : float
        Stationary standard deviation that white noise gives v, >= 0; with 0 the cell
        has neither the parameter nor the input of the noise.

    Raises
    ------
    ModelError
        If a parameter is out of its range.

    Source: our minimal model of the interneurons of Williams and Holtmaat (2019).
    """
    model = CellModel(
        name="threshold_unit",
        state=State,
        params=Params,
        inputs=Inputs,
        derivative=_derivative,
        reads={"rate": _rate},
        parameters={"tau": tau},
        time_constant=lambda p: p.tau,
        source=SOURCE,
    )
    return _with_noise(model, noise, NoisyParams, NoisyInputs, _noisy_derivative)


def gated_pyramidal(
    *,
    tau_soma: float = 10.0,
    tau_apical: float = 10.0,
    plateau_threshold: float = -1.0,
    plateau_width: float = 0.3,
    noise: float = 0.0,
) -> CellModel:
    """Pyramidal rate unit whose apical dendrite does nothing but gate plasticity.

    tau_soma dsoma/dt = -soma + basal
    tau_apical dapical/dt = -apical + apical drive + noise
    plateau = 1 / (1 + exp(-(apical - plateau_threshold) / plateau_width))

    Reads: ``rate`` = max(soma, 0); ``plateau``.

    Parameters
    ----------
    tau_soma, tau_apical : float
        ms, > 0.
    plateau_threshold, plateau_width : float
        Apical potential at which the plateau is 1/2, and its width, > 0. The default
        threshold lies below 0: without inhibition the dendrite is open.
    noise : float
        Stationary standard deviation of the apical potential from white noise, >= 0,
        as in `threshold_unit`.

    Raises
    ------
    ModelError
        If a parameter is out of its range.

    Source: our minimal model of the cells of Williams and Holtmaat (2019).
    """
    model = CellModel(
        name="gated_pyramidal",
        state=PyramidalState,
        params=PyramidalParams,
        inputs=PyramidalInputs,
        derivative=_pyramidal_derivative,
        reads={"rate": _somatic_rate, "plateau": plateau},
        parameters={
            "tau_soma": tau_soma,
            "tau_apical": tau_apical,
            "plateau_threshold": plateau_threshold,
            "plateau_width": plateau_width,
        },
        time_constant=lambda p: min(p.tau_soma, p.tau_apical),
        source=SOURCE,
    )
    return _with_noise(
        model,
        noise,
        NoisyPyramidalParams,
        NoisyPyramidalInputs,
        _noisy_pyramidal_derivative,
    )


def _with_noise(model, noise, params, inputs, derivative):
    number(f"{model.name}: noise", noise, least=0.0)
    if noise == 0.0:
        return model
    return replace(
        model,
        params=params,
        inputs=inputs,
        derivative=derivative,
        parameters={**model.parameters._asdict(), "noise": noise},
        random={"white": "white"},
    )
