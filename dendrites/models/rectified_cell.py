"""An interneuron whose rate is what excites it minus what inhibits it, above 0."""

from typing import Annotated, NamedTuple

from dendrites.cell import NON_NEGATIVE, CellModel


class State(NamedTuple):
    drive: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    drive: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    baseline: Annotated[float, "1", NON_NEGATIVE] = 0.0


def _derivative(cell, inputs, p):
    return State(inputs.drive - cell.drive)


def _rate(cell, p):
    return max(p.baseline + cell.drive, 0.0)


def rectified_cell(baseline: float = 0.0) -> CellModel:
    """A cell of the rate max(baseline + drive, 0), its drive what it receives.

    tau dv/dt = I - v with tau = 1 ms, so that a settled phase finds v = I.

    Parameters
    ----------
    baseline : float
        Rate without input, >= 0.
    """
    return CellModel(
        "rectified_cell",
        State,
        Params,
        Inputs,
        derivative=_derivative,
        reads={"rate": _rate},
        parameters=Params(baseline),
    )
