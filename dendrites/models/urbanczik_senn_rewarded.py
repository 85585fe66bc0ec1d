"""The cell of Urbanczik and Senn (2014) that also hears a reward."""

from dataclasses import replace
from typing import Annotated, NamedTuple

from dendrites.cell import NON_NEGATIVE, CellModel
from dendrites.models.urbanczik_senn import _step, urbanczik_senn


class State(NamedTuple):
    soma: Annotated[float, "mV"] = -70.0
    dendrite: Annotated[float, "mV"] = -70.0
    current: Annotated[float, "pA"] = 0.0
    g_exc: Annotated[float, "nS"] = 0.0
    g_inh: Annotated[float, "nS"] = 0.0
    spikes: Annotated[float, "1"] = 0.0
    spike_rate: Annotated[float, "1/ms"] = 0.0
    refractory: Annotated[float, "1"] = 0.0
    reward: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    dendrite: Annotated[float, "pA"] = 0.0
    i_dendrite: Annotated[float, "pA"] = 0.0
    exc: Annotated[float, "nS", NON_NEGATIVE] = 0.0
    inh: Annotated[float, "nS", NON_NEGATIVE] = 0.0
    g_exc: Annotated[float, "nS", NON_NEGATIVE] = 0.0
    g_inh: Annotated[float, "nS", NON_NEGATIVE] = 0.0
    i_soma: Annotated[float, "pA"] = 0.0
    reward: Annotated[float, "1"] = 0.0


def _rewarded_step(cell, inputs, p, dt):
    new = _step(cell, inputs, p, dt)
    return State(
        new.soma,
        new.dendrite,
        new.current,
        new.g_exc,
        new.g_inh,
        new.spikes,
        new.spike_rate,
        new.refractory,
        inputs.reward,
    )


def urbanczik_senn_rewarded(*, units: str = "nest", **parameters: float) -> CellModel:
    """As `urbanczik_senn`, with a reward that rules may read.

    The input field ``reward`` is held in the State field of the same name, by which a
    rule multiplies its filtered update (``modulator="reward"``).

    Parameters
    ----------
    units, **parameters
        As in `urbanczik_senn`.
    """
    model = urbanczik_senn(units=units, **parameters)
    return replace(
        model,
        name="urbanczik_senn_rewarded",
        state=State,
        inputs=Inputs,
        step=_rewarded_step,
    )
