"""Cells of the dendritic error microcircuit of Sacramento et al. (2018).

Dendrites are instantaneous; capacitance is 1 and rest is 0, so conductances are in
1/ms and potentials carry no unit.

With ``noise=...`` every soma receives the white noise sigma xi of eqs. 1 and 2:

- ``"white"``: Euler-Maruyama, a step moves the soma by sigma sqrt(dt) N(0, 1), with
  sigma in 1/sqrt(ms). The equations mean this; its effect does not depend on dt.
- ``"per_step"``: sigma dt N(0, 1) per step, sigma in 1/ms, as in public
  reimplementations. At equal numbers it is weaker by sqrt(dt), dt in ms (3.2-fold at
  0.1 ms), and its effect vanishes with dt.

Both hold for Euler steps; other methods take the number as an input held for the step.
"""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, NamedTuple

import numpy as np

from dendrites import transfer
from dendrites.cell import NON_NEGATIVE, POSITIVE, CellModel
from dendrites.errors import ModelError, choices
from dendrites.models._noise import with_noise
from dendrites.reads import rate_of_soma

SOURCE = "Sacramento, Costa, Bengio & Senn (2018), NeurIPS 31, eqs. 1-5"
PUBLISHED_DT = 0.1
NUDGES = ("current", "conductance")


class PyramidalState(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0


class PyramidalParams(NamedTuple):
    g_leak: Annotated[float, "1/ms", POSITIVE] = 0.1
    g_basal: Annotated[float, "1/ms", POSITIVE] = 1.0
    g_apical: Annotated[float, "1/ms", NON_NEGATIVE] = 0.8


class PyramidalInputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0


def _pyramidal_dendrites(cell, inputs, p):
    return PyramidalState(cell.soma, inputs.basal, inputs.apical)


def _pyramidal_derivative(cell, inputs, p):
    soma = (
        -p.g_leak * cell.soma
        + p.g_basal * (cell.basal - cell.soma)
        + p.g_apical * (cell.apical - cell.soma)
    )
    return PyramidalState(soma, 0.0, 0.0)


class SplitPyramidalState(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0
    top_down: Annotated[float, "1"] = 0.0


class SplitPyramidalInputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0
    top_down: Annotated[float, "1"] = 0.0


def _split_pyramidal_dendrites(cell, inputs, p):
    apical = inputs.apical + inputs.top_down
    return SplitPyramidalState(cell.soma, inputs.basal, apical, inputs.top_down)


def _split_pyramidal_derivative(cell, inputs, p):
    soma = _pyramidal_derivative(cell, inputs, p).soma
    return SplitPyramidalState(soma, 0.0, 0.0, 0.0)


def sacramento_pyramidal(
    *,
    phi: Callable = transfer.logistic,
    noise: str | None = None,
    split_apical: bool = False,
    **parameters: float,
) -> CellModel:
    """Hidden pyramidal cell: basal and apical dendrite on one soma.

    du/dt = -g_leak u + g_basal (v_basal - u) + g_apical (v_apical - u)

    Reads: ``rate`` = phi(u); ``predicted_rate`` = phi of the potential to which the
    basal dendrite alone brings the soma; State fields soma, basal, apical.

    Parameters
    ----------
    phi : scalar function
        Transfer function from potential to rate.
    noise : {None, "white", "per_step"}
        Adds sigma xi to du/dt, with the input field ``noise`` and the parameter sigma;
        `dendrites.models.sacramento` says how the two kinds differ.
    split_apical : bool
        Adds the compartment and input field ``top_down``: the part of the apical tree
        that top-down projections alone reach. Its potential is its input, which also
        adds to the apical potential. The read ``top_down_rate`` is phi of it, not
        attenuated, as eq. 10 compares it with the rate of the soma.
    **parameters : float
        g_leak, g_basal, g_apical in 1/ms; with noise also sigma (default 0.1), in
        1/sqrt(ms) for "white" and in 1/ms for "per_step".

    Raises
    ------
    ModelError
        If a conductance or sigma is negative, a name is no parameter of this cell, or
        `noise` is unknown.

    Source: Sacramento et al. (2018), eqs. 1, 3, 4; split apical tree: eq. 10.
    """

    def predicted_rate(cell, p):
        return phi(p.g_basal / (p.g_leak + p.g_basal + p.g_apical) * cell.basal)

    def top_down_rate(cell, p):
        return phi(cell.top_down)

    model = CellModel(
        name="sacramento_pyramidal",
        state=PyramidalState,
        params=PyramidalParams,
        inputs=PyramidalInputs,
        derivative=_pyramidal_derivative,
        instantaneous=_pyramidal_dendrites,
        reads={"rate": rate_of_soma(phi), "predicted_rate": predicted_rate},
        time_constant=lambda p: 1.0 / (p.g_leak + p.g_basal + p.g_apical),
        quiet_dt=PUBLISHED_DT,
        source=SOURCE,
    )
    if split_apical:
        model = replace(
            model,
            state=SplitPyramidalState,
            inputs=SplitPyramidalInputs,
            derivative=_split_pyramidal_derivative,
            instantaneous=_split_pyramidal_dendrites,
            reads={**model.reads, "top_down_rate": top_down_rate},
            compartments=None,
        )
    return with_noise(model, noise, parameters)


class InterneuronState(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    dendrite: Annotated[float, "1"] = 0.0


class InterneuronParams(NamedTuple):
    g_leak: Annotated[float, "1/ms", POSITIVE] = 0.1
    g_dendrite: Annotated[float, "1/ms", POSITIVE] = 1.0
    g_nudge: Annotated[float, "1/ms", NON_NEGATIVE] = 0.8


class InterneuronInputs(NamedTuple):
    dendrite: Annotated[float, "1"] = 0.0
    nudge: Annotated[float, "1"] = 0.0


def _interneuron_dendrite(cell, inputs, p):
    return InterneuronState(cell.soma, inputs.dendrite)


def _interneuron_derivative(cell, inputs, p):
    soma = (
        -p.g_leak * cell.soma
        + p.g_dendrite * (cell.dendrite - cell.soma)
        + p.g_nudge * (inputs.nudge - cell.soma)
    )
    return InterneuronState(soma, 0.0)


def sacramento_interneuron(
    *,
    phi: Callable = transfer.logistic,
    noise: str | None = None,
    **parameters: float,
) -> CellModel:
    """Interneuron that predicts one pyramidal cell of the layer above.

    du/dt = -g_leak u + g_dendrite (v_dendrite - u) + g_nudge (u_above - u)

    Parameters
    ----------
    phi : scalar function
    noise : {None, "white", "per_step"}
        As in `sacramento_pyramidal`.
    **parameters : float
        g_leak, g_dendrite, g_nudge in 1/ms; with noise also sigma.

    Raises
    ------
    ModelError
        As in `sacramento_pyramidal`.

    Source: Sacramento et al. (2018), eqs. 2, 5.
    """

    def predicted_rate(cell, p):
        return phi(p.g_dendrite / (p.g_leak + p.g_dendrite) * cell.dendrite)

    model = CellModel(
        name="sacramento_interneuron",
        state=InterneuronState,
        params=InterneuronParams,
        inputs=InterneuronInputs,
        derivative=_interneuron_derivative,
        instantaneous=_interneuron_dendrite,
        reads={"rate": rate_of_soma(phi), "predicted_rate": predicted_rate},
        time_constant=lambda p: 1.0 / (p.g_leak + p.g_dendrite + p.g_nudge),
        quiet_dt=PUBLISHED_DT,
        source=SOURCE,
    )
    return with_noise(model, noise, parameters)


class OutputState(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    basal: Annotated[float, "1"] = 0.0


class OutputParams(NamedTuple):
    g_leak: Annotated[float, "1/ms", POSITIVE] = 0.1
    g_basal: Annotated[float, "1/ms", POSITIVE] = 1.0
    g_nudge: Annotated[float, "1/ms", NON_NEGATIVE] = 0.8


class OutputInputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    teaching: Annotated[float, "1"] = 0.0


def _output_dendrite(cell, inputs, p):
    return OutputState(cell.soma, inputs.basal)


def _output_derivative(cell, inputs, p):
    soma = (
        -p.g_leak * cell.soma
        + p.g_basal * (cell.basal - cell.soma)
        + p.g_nudge * inputs.teaching * (inputs.target - cell.soma)
    )
    return OutputState(soma, 0.0)


class ConductanceOutputParams(NamedTuple):
    g_leak: Annotated[float, "1/ms", POSITIVE] = 0.1
    g_basal: Annotated[float, "1/ms", POSITIVE] = 1.0
    e_exc: Annotated[float, "1"] = 1.0
    e_inh: Annotated[float, "1"] = -1.0


class ConductanceOutputInputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    g_exc: Annotated[float, "1/ms"] = 0.0
    g_inh: Annotated[float, "1/ms"] = 0.0


def _conductance_output_derivative(cell, inputs, p):
    soma = (
        -p.g_leak * cell.soma
        + p.g_basal * (cell.basal - cell.soma)
        + inputs.g_exc * (p.e_exc - cell.soma)
        + inputs.g_inh * (p.e_inh - cell.soma)
    )
    return OutputState(soma, 0.0)


def sacramento_output(
    *,
    phi: Callable = transfer.logistic,
    nudge: str = "current",
    noise: str | None = None,
    **parameters: float,
) -> CellModel:
    """Output pyramidal cell: no apical dendrite, a teacher at the soma.

    du/dt = -g_leak u + g_basal (v_basal - u) + teaching g_nudge (target - u)

    With ``nudge="conductance"`` the teacher opens g_exc and g_inh instead
    (`nudging_conductances` gives the pair that is algebraically the same).

    Parameters
    ----------
    phi : scalar function
    nudge : {"current", "conductance"}
    noise : {None, "white", "per_step"}
        As in `sacramento_pyramidal`.
    **parameters : float
        g_leak, g_basal, g_nudge in 1/ms; with conductances e_exc, e_inh for g_nudge;
        with noise also sigma.

    Raises
    ------
    ModelError
        As in `sacramento_pyramidal`.

    Source: Sacramento et al. (2018), eq. 1 and its nudging conductances.
    """

    def predicted_rate(cell, p):
        return phi(p.g_basal / (p.g_leak + p.g_basal) * cell.basal)

    if nudge not in NUDGES:
        raise ModelError(
            f"sacramento_output: nudge = {nudge!r}: no known teacher. "
            + choices(nudge, NUDGES)
        )
    current = nudge == "current"
    model = CellModel(
        name="sacramento_output",
        state=OutputState,
        params=OutputParams if current else ConductanceOutputParams,
        inputs=OutputInputs if current else ConductanceOutputInputs,
        derivative=_output_derivative if current else _conductance_output_derivative,
        instantaneous=_output_dendrite,
        reads={"rate": rate_of_soma(phi), "predicted_rate": predicted_rate},
        time_constant=(lambda p: 1.0 / (p.g_leak + p.g_basal + p.g_nudge))
        if current
        else (lambda p: 1.0 / (p.g_leak + p.g_basal)),
        quiet_dt=PUBLISHED_DT,
        source=SOURCE,
    )
    return with_noise(model, noise, parameters)


def warn_outside_reversal_range(target, *, e_exc: float = 1.0, e_inh: float = -1.0):
    """Warn when target potentials would need a negative conductance."""
    target = np.asarray(target)
    if target.size and (target.min() < e_inh or target.max() > e_exc):
        warnings.warn(
            f"target potentials {target.min():.3g} to {target.max():.3g} leave the "
            f"reversal range [{e_inh:g}, {e_exc:g}]: a nudging conductance becomes "
            "negative, which no synapse has. The dynamics stay those of the current "
            "nudge; widen e_exc and e_inh for a conductance reading.",
            stacklevel=3,
        )


def nudging_conductances(
    target, *, g_nudge: float = 0.8, e_exc: float = 1.0, e_inh: float = -1.0
):
    """Excitatory and inhibitory conductances that pull the soma towards `target`.

    g_exc = g_nudge (target - e_inh) / (e_exc - e_inh) and g_inh = -g_nudge
    (target - e_exc) / (e_exc - e_inh): together exactly g_nudge (target - u).

    Parameters
    ----------
    target : array_like
        Target potentials; outside [e_inh, e_exc] a warning is given.

    Returns
    -------
    g_exc, g_inh : ndarray, 1/ms, shape of `target`.

    Source: Sacramento et al. (2018), text after eq. 1.
    """
    warn_outside_reversal_range(target, e_exc=e_exc, e_inh=e_inh)
    target = np.asarray(target, dtype=float)
    span = e_exc - e_inh
    return g_nudge * (target - e_inh) / span, -g_nudge * (target - e_exc) / span
