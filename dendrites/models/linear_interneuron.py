"""A linear interneuron: its rate is what reaches it, at once."""

from typing import Annotated, NamedTuple

from dendrites.cell import CellModel


class State(NamedTuple):
    rate: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    drive: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    pass


def _derivative(cell, inputs, p):
    return State(0.0)


def _instantaneous(cell, inputs, p):
    return State(inputs.drive)


def linear_interneuron() -> CellModel:
    """A cell without dynamics and threshold: ``rate`` = what reaches ``drive``.

    It passes signals on in the step in which they arrive, so that what goes through it
    (`delay` 0 from there) comes with what goes directly.
    """
    return CellModel(
        "linear_interneuron",
        State,
        Params,
        Inputs,
        derivative=_derivative,
        instantaneous=_instantaneous,
        source="Parisien, Anderson & Eliasmith, Neural Comput. 20 (2008) 1473",
    )
