"""Cells that go down an energy of the whole network, and a coin that they may share."""

from typing import Annotated, NamedTuple

from dendrites._checks import flag
from dendrites.cell import POSITIVE, CellModel
from dendrites.models.error_cell import check_transfer
from dendrites.transfer import HARD_SIGMOID, LOGISTIC, Transfer

SOURCE = "Scellier & Bengio (2017)"


class State(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    sign: Annotated[float, "1"] = 1.0


class Inputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    beta: Annotated[float, "1"] = 0.0
    sign: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    scale: Annotated[float, "1", POSITIVE] = 1.0


class CoinState(NamedTuple):
    sign: Annotated[float, "1"] = 1.0


class CoinInputs(NamedTuple):
    draw: Annotated[float, "1"] = 0.0


class NoParams(NamedTuple):
    pass


def _shown_sign(cell, inputs, p):
    return State(cell.soma, inputs.sign)


def _scale(cell, p):
    return p.scale * cell.sign


def _clipped_step(cell, inputs, p, dt):
    nudge = cell.sign * (inputs.target - inputs.beta * cell.soma)
    moved = cell.soma + dt * (inputs.basal + inputs.apical - cell.soma + nudge)
    return State(min(max(moved, 0.0), 1.0), cell.sign)


def _time_constant(p):
    return 1.0


def _clipped_rate(cell, p):
    return cell.soma


def energy_cell(
    phi: Transfer = LOGISTIC, *, scale: float = 1.0, signed: bool = False
) -> CellModel:
    """A cell that goes down the energy of its network, and may be nudged to a target.

        tau ds/dt = phi'(s) (basal + apical) - s + sign (target - beta s)

    with tau = 1 ms, the negative derivative of |s|^2 / 2 - phi(s)^T W phi(s) / 2 with
    symmetric weights, and of beta |y - s|^2 / 2 where a target y sends beta y to
    `target` and beta to `beta`. Of a hard sigmoid s is clipped to [0, 1], where its
    slope is 1.

    Reads: ``rate`` = phi(s), ``scale`` = the parameter times sign, ``gated`` = phi'(s)
    times that.

    Parameters
    ----------
    phi : Transfer
    scale : float
        > 0; by which rules can multiply what a cell learns.
    signed : bool
        Whether the sign is what reaches the field `sign` (see `coin`), or 1.

    Raises
    ------
    ModelError

    Source: Scellier & Bengio, Front. Comput. Neurosci. 11 (2017) 24.
    """
    check_transfer("energy_cell: phi", phi)
    flag("energy_cell: signed", signed)
    function, slope, _ = phi

    def derivative(cell, inputs, p):
        drive = inputs.basal + inputs.apical
        nudge = cell.sign * (inputs.target - inputs.beta * cell.soma)
        return State(slope(cell.soma) * drive - cell.soma + nudge, 0.0)

    def rate(cell, p):
        return function(cell.soma)

    def gated(cell, p):
        return slope(cell.soma) * p.scale * cell.sign

    clipped = phi == HARD_SIGMOID
    return CellModel(
        "energy_cell",
        State,
        Params,
        Inputs,
        derivative=None if clipped else derivative,
        step=_clipped_step if clipped else None,
        instantaneous=_shown_sign if signed else None,
        reads={
            "rate": _clipped_rate if clipped else rate,
            "scale": _scale,
            "gated": _scale if clipped else gated,
        },
        parameters=Params(scale),
        time_constant=None if clipped else _time_constant,
        source=SOURCE,
    )


def _tossed(cell, inputs, p):
    return CoinState((-1.0 if inputs.draw < 0.5 else 1.0) - cell.sign)


def coin() -> CellModel:
    """A cell that shows -1 or 1, drawn anew whenever it settles: its State ``sign``."""
    return CellModel(
        "coin",
        CoinState,
        NoParams,
        CoinInputs,
        derivative=_tossed,
        random={"draw": "uniform"},
    )
