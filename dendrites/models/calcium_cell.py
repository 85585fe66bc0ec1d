"""Two sites of integration: one drives the cell, the other lets its synapses learn.

Every compartment is what it receives, as in `models.error_cell`; what reaches the
apical site counts only where it is strong enough for a calcium event.

Source: the idea of Kording & Konig, J. Comput. Neurosci. 11 (2001) 207; our form.
"""

from typing import Annotated, NamedTuple

from dendrites._checks import choice, number, shown
from dendrites.cell import NON_NEGATIVE, CellModel
from dendrites.errors import ModelError
from dendrites.transfer import LOGISTIC, Transfer, sign

SOURCE = "idea: Kording & Konig (2001)"
EVENTS = ("graded", "all_or_none")


class State(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0


class TaughtInputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    threshold: Annotated[float, "1", NON_NEGATIVE] = 0.1


def _derivative(cell, inputs, p):
    return State(inputs.basal - cell.soma, inputs.apical - cell.apical)


def _taught_derivative(cell, inputs, p):
    return State(inputs.basal - cell.soma, inputs.target - cell.apical)


def _graded(apical, p):
    return apical if abs(apical) > p.threshold else 0.0


def _all_or_none(apical, p):
    return sign(apical) if abs(apical) > p.threshold else 0.0


def calcium_cell(
    phi: Transfer = LOGISTIC,
    *,
    threshold: float = 0.1,
    event: str = "graded",
    taught: bool = False,
) -> CellModel:
    """A cell that learns only while its apical site fires a calcium event.

    The apical input is what is more or less than usual there; an event is above or
    below it. Reads: ``rate`` = phi(soma), ``error``, what drives the apical site,
    ``event`` = error ("graded") or its sign ("all_or_none") where ``|error|`` >
    threshold, else 0, ``slope`` = phi'(soma), ``delta`` = event times slope.

    Parameters
    ----------
    phi : Transfer
    threshold : float
        Apical input beyond which there are events, >= 0.
    event : {"graded", "all_or_none"}
        Whether an event is as large as what caused it, or 1.
    taught : bool
        Whether a teacher, in the input field ``target``, drives the apical site, and
        the cell's own rate is what is usual there: error = target - rate.

    Raises
    ------
    ModelError
        For what is no Transfer, and a threshold below 0.
    """
    if not isinstance(phi, Transfer):
        raise ModelError(
            f"calcium_cell: phi = {shown(phi)}: must be a dendrites.transfer.Transfer "
            "(rate, slope, inverse), such as dendrites.transfer.LOGISTIC"
        )
    choice("calcium_cell: event", event, EVENTS)
    number("calcium_cell: threshold", threshold, least=0.0)
    function, derivative, _ = phi
    calcium = _graded if event == "graded" else _all_or_none

    def rate(cell, p):
        return function(cell.soma)

    def slope(cell, p):
        return derivative(cell.soma)

    def hidden_error(cell, p):
        return cell.apical

    def output_error(cell, p):
        return cell.apical - function(cell.soma)

    error = output_error if taught else hidden_error

    def fired(cell, p):
        return calcium(error(cell, p), p)

    def delta(cell, p):
        return calcium(error(cell, p), p) * derivative(cell.soma)

    return CellModel(
        "calcium_cell",
        State,
        Params,
        TaughtInputs if taught else Inputs,
        derivative=_taught_derivative if taught else _derivative,
        reads={
            "rate": rate,
            "slope": slope,
            "error": error,
            "event": fired,
            "delta": delta,
        },
        parameters=Params(threshold),
        source=SOURCE,
    )
