"""A cell with a value, and a prediction of it from below: predictive coding."""

from typing import Annotated, NamedTuple

from dendrites.cell import POSITIVE, CellModel
from dendrites.models.error_cell import check_transfer
from dendrites.transfer import LOGISTIC, Transfer


class State(NamedTuple):
    value: Annotated[float, "1"] = 0.0
    basal: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    clamped: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    precision: Annotated[float, "1", POSITIVE] = 1.0
    scale: Annotated[float, "1", POSITIVE] = 1.0


def _predicted(cell, inputs, p):
    return State(cell.value, inputs.basal)


def _rate(cell, p):
    return cell.value


def _scale(cell, p):
    return p.scale


def predictive_cell(
    phi: Transfer = LOGISTIC, *, precision: float = 1.0, scale: float = 1.0
) -> CellModel:
    """A value v, and its error against the prediction phi(a) of the layer below.

        a = what reaches `basal`, at once
        epsilon = v - phi(a),   delta = pi epsilon phi'(a)
        tau dv/dt = apical - pi epsilon,   target - v while `clamped` is not 0

    with the precision pi and tau = 1 ms. Reads: ``rate`` = v, ``prediction`` = phi(a),
    ``error`` = epsilon, ``delta``, and ``scale``, by which rules can multiply what a
    cell learns.

    Parameters
    ----------
    phi : Transfer
    precision, scale : float
        > 0.

    Raises
    ------
    ModelError

    Source: Whittington & Bogacz, Neural Comput. 29 (2017) 1229. Differs: value and
    error, two cells there and joined one to one, are compartments of one.
    """
    check_transfer("predictive_cell: phi", phi)
    function, slope, _ = phi

    def derivative(cell, inputs, p):
        error = cell.value - function(cell.basal)
        free = inputs.apical - p.precision * error
        clamped = inputs.target - cell.value
        return State(clamped if inputs.clamped > 0.0 else free, 0.0)

    def prediction(cell, p):
        return function(cell.basal)

    def error(cell, p):
        return cell.value - function(cell.basal)

    def delta(cell, p):
        return p.precision * (cell.value - function(cell.basal)) * slope(cell.basal)

    return CellModel(
        "predictive_cell",
        State,
        Params,
        Inputs,
        derivative=derivative,
        instantaneous=_predicted,
        reads={
            "rate": _rate,
            "prediction": prediction,
            "error": error,
            "delta": delta,
            "scale": _scale,
        },
        parameters=Params(precision, scale),
        source="Whittington & Bogacz (2017)",
    )
