"""A cell that shows normal noise."""

from typing import Annotated, NamedTuple

from dendrites.cell import NON_NEGATIVE, CellModel


class State(NamedTuple):
    noise: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    draw: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    sigma: Annotated[float, "1", NON_NEGATIVE] = 1.0


def _derivative(cell, inputs, p):
    return State(p.sigma * inputs.draw - cell.noise)


def noise_cell(sigma: float = 1.0) -> CellModel:
    """A cell that shows a normal number of standard deviation sigma, ``noise``.

    A settled phase draws it anew; until one does, it is 0.
    """
    return CellModel(
        "noise_cell",
        State,
        Params,
        Inputs,
        derivative=_derivative,
        parameters=Params(sigma),
        random={"draw": "normal"},
    )
