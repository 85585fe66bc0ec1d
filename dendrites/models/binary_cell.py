"""Binary stochastic cells: 1 with a probability that is logistic in what arrives.

    p = logistic((basal + apical) / T),   spikes ~ Bernoulli(p)

A clamped cell shows the value that it is clamped to, whatever it is.

Source: Ackley, Hinton & Sejnowski, Cogn. Sci. 9 (1985) 147; our notation.
"""

from typing import Annotated, NamedTuple

from dendrites._checks import shown, whole_number
from dendrites.cell import POSITIVE, CellModel
from dendrites.errors import ModelError
from dendrites.transfer import logistic

SOURCE = "Ackley, Hinton & Sejnowski (1985)"


class State(NamedTuple):
    spikes: Annotated[float, "1"] = 0.0
    p: Annotated[float, "1"] = 0.5
    clamped: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    temperature: Annotated[float, "1", POSITIVE] = 1.0


class TurnState(NamedTuple):
    spikes: Annotated[float, "1"] = 0.0
    p: Annotated[float, "1"] = 0.5
    clamped: Annotated[float, "1"] = 0.0
    turn: Annotated[float, "1"] = 0.0


class TurnParams(NamedTuple):
    temperature: Annotated[float, "1", POSITIVE] = 1.0
    turns: Annotated[float, "1", POSITIVE] = 1.0
    place: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0
    clamp: Annotated[float, "1"] = 0.0
    clamped: Annotated[float, "1"] = 0.0
    heat: Annotated[float, "1"] = 0.0


def _probability(inputs, p):
    if inputs.clamped > 0.0:
        return inputs.clamp
    return logistic((inputs.basal + inputs.apical) / (p.temperature + inputs.heat))


def _step(cell, inputs, p, dt):
    return State(cell.spikes, _probability(inputs, p), inputs.clamped)


def _turned_step(cell, inputs, p, dt):
    turn = cell.turn + 1.0
    return TurnState(
        cell.spikes,
        _probability(inputs, p),
        inputs.clamped,
        turn if turn < p.turns else 0.0,
    )


def drawn(cell, u, p, dt):
    """1 with the probability p of the cell."""
    return 1.0 if u < cell.p else 0.0


def _drawn_in_turn(cell, u, p, dt):
    if cell.turn != p.place:
        return cell.spikes
    return 1.0 if u < cell.p else 0.0


def fired(cell, count, p, dt):
    """The cell with that many spikes in its last step."""
    return cell._replace(spikes=count)


def activity(cell, p):
    """The value that the cell is clamped to, else whether it fired."""
    return cell.p if cell.clamped > 0.0 else cell.spikes


def binary_cell(
    *, temperature: float = 1.0, turns: int | None = None, place: int = 0
) -> CellModel:
    """A cell that is drawn anew in every step, from what reaches its two dendrites.

    Inputs: ``basal`` and ``apical``, whose sum counts; ``clamp``, the value of a cell
    while what reaches ``clamped`` is above 0; ``heat``, added to the temperature.

    Reads: ``p``, the probability (of a clamped cell its value); ``spikes``, what was
    drawn; ``activity``, the value of a clamped cell, else the spikes.

    Parameters
    ----------
    temperature : float
        T, > 0.
    turns : int, optional
        Cells that are connected among themselves must be drawn one after the other
        (Gibbs sampling). With `turns` a cell is drawn in one step of so many and keeps
        its spikes in the others.
    place : int
        In which, below `turns`; cells of a population are given one each:
        ``Population(..., parameters={"place": np.arange(n)})``.

    Raises
    ------
    ModelError
        For a temperature that is not positive, and impossible turns and places.
    """
    common = {
        "name": "binary_cell",
        "inputs": Inputs,
        "fired": fired,
        "reads": {"activity": activity},
        "source": SOURCE,
    }
    place = whole_number("binary_cell: place", place, lowest=0, error=ModelError)
    if turns is None:
        if place > 0:
            raise ModelError(
                f"binary_cell: place = {shown(place)} is a cell's among others that "
                "take turns: give turns, or leave place out"
            )
        return CellModel(
            state=State,
            params=Params,
            step=_step,
            spike=drawn,
            parameters={"temperature": temperature},
            **common,
        )
    turns = whole_number("binary_cell: turns", turns, lowest=1, error=ModelError)
    if place >= turns:
        raise ModelError(
            f"binary_cell: place = {place}: must be below turns = {turns}, or the cell "
            "is never drawn"
        )
    return CellModel(
        state=TurnState,
        params=TurnParams,
        step=_turned_step,
        spike=_drawn_in_turn,
        parameters={
            "temperature": temperature,
            "turns": float(turns),
            "place": float(place),
        },
        **common,
    )
