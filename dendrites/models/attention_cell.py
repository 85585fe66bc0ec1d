"""Cells of which one wins at the output, and only those that feed it learn.

Every compartment is what it receives, tau dv/dt = I - v with tau = 1 ms.

Source: Roelfsema & van Ooyen, Neural Comput. 17 (2005) 2176; our notation.
"""

import math
from typing import Annotated, NamedTuple

from dendrites.cell import CellModel
from dendrites.models.error_cell import reads_of
from dendrites.transfer import LOGISTIC, Transfer, exp


class State(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0
    reward: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0
    reward: Annotated[float, "1"] = 0.0


class ChoiceState(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    total: Annotated[float, "1"] = 1.0
    before: Annotated[float, "1"] = 0.0
    chance: Annotated[float, "1"] = 0.0
    reward: Annotated[float, "1"] = 0.0


class ChoiceInputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    total: Annotated[float, "1"] = 0.0
    before: Annotated[float, "1"] = 0.0
    chance: Annotated[float, "1"] = 0.0
    reward: Annotated[float, "1"] = 0.0


class ChanceState(NamedTuple):
    drawn: Annotated[float, "1"] = 0.0


class ChanceInputs(NamedTuple):
    draw: Annotated[float, "1"] = 0.0


class CriticState(NamedTuple):
    reward: Annotated[float, "1"] = 0.0
    expected: Annotated[float, "1"] = 1.0


class CriticInputs(NamedTuple):
    reward: Annotated[float, "1"] = 0.0
    expected: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    pass


SOURCE = "Roelfsema & van Ooyen (2005)"


def _derivative(cell, inputs, p):
    return State(
        inputs.basal - cell.soma,
        inputs.apical - cell.apical,
        inputs.reward - cell.reward,
    )


def attention_cell(phi: Transfer = LOGISTIC) -> CellModel:
    """A hidden cell that learns as far as it feeds the winner, by what it is told.

    Reads: those of an `error_cell`, of what the winner sends back; the State field
    ``reward`` is what it is told.

    Parameters
    ----------
    phi : Transfer
    """
    return CellModel(
        "attention_cell",
        State,
        Params,
        Inputs,
        derivative=_derivative,
        reads=reads_of(phi),
        source=SOURCE,
    )


def _choice_derivative(cell, inputs, p):
    return ChoiceState(
        inputs.basal - cell.soma,
        inputs.target - cell.target,
        inputs.total - cell.total,
        inputs.before - cell.before,
        inputs.chance - cell.chance,
        inputs.reward - cell.reward,
    )


def _unnormalised(cell, p):
    return exp(cell.soma)


def _share(cell, p):
    return exp(cell.soma) / cell.total


def _winner(cell, p):
    place = cell.chance * cell.total - cell.before
    return 1.0 if 0.0 <= place < exp(cell.soma) else 0.0


def _rewarded(cell, p):
    return cell.target * _winner(cell, p)


def _expected(cell, p):
    return exp(cell.soma) / cell.total * _winner(cell, p)


def _loss(cell, p):
    return -cell.target * _winner(cell, p)


def _credit(cell, p):
    return cell.reward * (_winner(cell, p) - exp(cell.soma) / cell.total)


def choosing_output() -> CellModel:
    """An output cell that wins with the probability that is its share (softmax).

    It receives ``total``, the sum of the reads ``unnormalised`` = exp(soma) of all
    output cells, ``before``, the sum of those before it in order, and ``chance``, one
    number in [0, 1) for all. Reads: ``rate`` = exp(soma) / total; ``winner``, 1 where
    chance * total lies between ``before`` and that plus its own, else 0; ``rewarded``,
    the target of the winner; ``expected``, the rate of the winner; ``loss``, minus
    ``rewarded``; ``credit`` = reward (winner - rate).
    """
    return CellModel(
        "choosing_output",
        ChoiceState,
        Params,
        ChoiceInputs,
        derivative=_choice_derivative,
        reads={
            "rate": _share,
            "unnormalised": _unnormalised,
            "winner": _winner,
            "delta": _winner,
            "rewarded": _rewarded,
            "expected": _expected,
            "loss": _loss,
            "credit": _credit,
        },
        limit=math.inf,  # of the sum of exponentials
        source=SOURCE,
    )


def _chance_derivative(cell, inputs, p):
    return ChanceState(inputs.draw - cell.drawn)


def chance_cell() -> CellModel:
    """A cell that draws one number in [0, 1), its State field ``drawn``."""
    return CellModel(
        "chance_cell",
        ChanceState,
        Params,
        ChanceInputs,
        derivative=_chance_derivative,
        random={"draw": "uniform"},
    )


def _critic_derivative(cell, inputs, p):
    return CriticState(inputs.reward - cell.reward, inputs.expected - cell.expected)


def _factor(cell, p):
    if cell.reward > 0.5:
        return (1.0 - cell.expected) / cell.expected
    return -1.0


def surprise_critic() -> CellModel:
    """A cell that tells how surprising a reward was.

    With delta = reward - expected, or -1 where there was no reward, the read ``factor``
    is delta / (1 - delta) where delta is positive, else -1.
    """
    return CellModel(
        "surprise_critic",
        CriticState,
        Params,
        CriticInputs,
        derivative=_critic_derivative,
        reads={"factor": _factor},
        source=SOURCE,
    )
