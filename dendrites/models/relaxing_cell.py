"""A cell whose activity goes to a rate of all that reaches it, or is clamped."""

from typing import Annotated, NamedTuple

from dendrites.cell import POSITIVE, CellModel
from dendrites.models.error_cell import check_transfer
from dendrites.transfer import LOGISTIC, Transfer


class State(NamedTuple):
    activity: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    clamped: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    scale: Annotated[float, "1", POSITIVE] = 1.0


def _rate(cell, p):
    return cell.activity


def _scale(cell, p):
    return p.scale


def _time_constant(p):
    return 1.0


def relaxing_cell(phi: Transfer = LOGISTIC, *, scale: float = 1.0) -> CellModel:
    """A cell of a network that relaxes to a fixed point.

        tau dr/dt = phi(basal + apical) - r,   target - r while `clamped` is not 0

    with tau = 1 ms, so that a sweep with a step of 1 ms goes all the way. Reads:
    ``rate`` = r, and ``scale``, by which rules can multiply what a cell learns.

    Parameters
    ----------
    phi : Transfer
    scale : float
        > 0.

    Raises
    ------
    ModelError

    Source: Xie & Seung, Neural Comput. 15 (2003) 441.
    """
    check_transfer("relaxing_cell: phi", phi)
    function = phi.rate

    def derivative(cell, inputs, p):
        drive = inputs.basal + inputs.apical
        end = inputs.target if inputs.clamped > 0.0 else function(drive)
        return State(end - cell.activity)

    return CellModel(
        "relaxing_cell",
        State,
        Params,
        Inputs,
        derivative=derivative,
        reads={"rate": _rate, "scale": _scale},
        parameters=Params(scale),
        time_constant=_time_constant,
        source="Xie & Seung (2003)",
    )
