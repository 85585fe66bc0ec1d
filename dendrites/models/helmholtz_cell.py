"""Binary cells that recognise from below and generate from above.

    recognised = logistic(basal),   generated = logistic(apical)
    spikes ~ Bernoulli(generated while dreaming, else recognised)

Source: Hinton, Dayan, Frey & Neal, Science 268 (1995) 1158; our notation.
"""

from typing import Annotated, NamedTuple

from dendrites.cell import CellModel
from dendrites.models.binary_cell import activity, drawn, fired
from dendrites.transfer import logistic


class State(NamedTuple):
    spikes: Annotated[float, "1"] = 0.0
    p: Annotated[float, "1"] = 0.5
    recognised: Annotated[float, "1"] = 0.5
    generated: Annotated[float, "1"] = 0.5
    clamped: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    pass


class Inputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0
    clamp: Annotated[float, "1"] = 0.0
    clamped: Annotated[float, "1"] = 0.0
    dream: Annotated[float, "1"] = 0.0


def _step(cell, inputs, p, dt):
    up, down = logistic(inputs.basal), logistic(inputs.apical)
    drawn_with = down if inputs.dream > 0.0 else up
    if inputs.clamped > 0.0:
        drawn_with = inputs.clamp
    return State(cell.spikes, drawn_with, up, down, inputs.clamped)


def helmholtz_cell() -> CellModel:
    """A cell whose two dendrites are two opinions about when it should fire.

    Inputs: ``basal`` (recognition) and ``apical`` (generation); ``dream``, above 0
    while the cell follows its apical dendrite; ``clamp``, the value of a cell while
    what reaches ``clamped`` is above 0.

    Reads: ``recognised`` and ``generated``, the two probabilities; ``p``, that of the
    last draw; ``spikes``, what was drawn; ``activity``, the value of a clamped cell,
    else the spikes.
    """
    return CellModel(
        "helmholtz_cell",
        State,
        Params,
        Inputs,
        step=_step,
        spike=drawn,
        fired=fired,
        reads={"activity": activity},
        source="Hinton, Dayan, Frey & Neal (1995)",
    )
