"""Cells of a column: one represents, two tell how far it is from its prediction.

    representation:  dv/dt = phi(basal) - v + apical
    errors:          rate+ = max(v - phi(basal), 0),  rate- = max(phi(basal) - v, 0)

with tau = 1 ms. Basal dendrites predict the value from the layer below; apical ones
hear the errors of the layer above. No rate of an error cell is below 0.

Source: Rao & Ballard, Nat. Neurosci. 2 (1999) 79, and Whittington & Bogacz, Neural
Comput. 29 (2017) 1229, with two cells for the two signs of an error; our form.
"""

from typing import Annotated, NamedTuple

from dendrites._checks import flag, number, shown
from dendrites.cell import POSITIVE, CellModel
from dendrites.errors import ModelError
from dendrites.transfer import LOGISTIC, Transfer

SOURCE = "Rao & Ballard (1999); Whittington & Bogacz (2017)"


class State(NamedTuple):
    value: Annotated[float, "1"] = 0.0
    basal: Annotated[float, "1"] = 0.0
    error: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0
    error: Annotated[float, "1"] = 0.0


class TaughtInputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    taught: Annotated[float, "1"] = 0.0
    error: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    precision: Annotated[float, "1", POSITIVE] = 1.0


class ErrorState(NamedTuple):
    drive: Annotated[float, "1"] = 0.0
    slope: Annotated[float, "1"] = 0.0


class ErrorInputs(NamedTuple):
    drive: Annotated[float, "1"] = 0.0
    slope: Annotated[float, "1"] = 0.0


def _dendrites(cell, inputs, p):
    return State(cell.value, inputs.basal, inputs.error)


def column_cell(
    phi: Transfer = LOGISTIC, *, precision: float = 1.0, taught: bool = False
) -> CellModel:
    """The representation cell of a column.

    Reads: ``value``, also as ``rate``; ``prediction`` = phi(basal), ``slope`` =
    phi'(basal), ``error``, what error cells tell it, and ``delta`` = error slope /
    precision.

    Parameters
    ----------
    phi : Transfer
    precision : float
        Of the output's error, > 0: deltas are in units of an error of precision 1.
    taught : bool
        Whether the value is the ``target`` where ``taught`` is 1, as in an output.

    Raises
    ------
    ModelError
        For what is no Transfer, and a precision of 0 or below.
    """
    if not isinstance(phi, Transfer):
        raise ModelError(
            f"column_cell: phi = {shown(phi)}: must be a dendrites.transfer.Transfer "
            "(rate, slope, inverse), such as dendrites.transfer.LOGISTIC"
        )
    number("column_cell: precision", precision, above=0.0)
    flag("column_cell: taught", taught)
    function, derivative, _ = phi

    def hidden(cell, inputs, p):
        return State(function(cell.basal) - cell.value + inputs.apical, 0.0, 0.0)

    def output(cell, inputs, p):
        free = (1.0 - inputs.taught) * function(cell.basal)
        return State(free + inputs.target - cell.value, 0.0, 0.0)

    def value(cell, p):
        return cell.value

    def prediction(cell, p):
        return function(cell.basal)

    def slope(cell, p):
        return derivative(cell.basal)

    def delta(cell, p):
        return cell.error * derivative(cell.basal) / p.precision

    return CellModel(
        "column_cell",
        State,
        Params,
        TaughtInputs if taught else Inputs,
        derivative=output if taught else hidden,
        instantaneous=_dendrites,
        reads={
            "rate": value,
            "prediction": prediction,
            "slope": slope,
            "delta": delta,
        },
        parameters=Params(precision),
        source=SOURCE,
    )


def _no_change(cell, inputs, p):
    return ErrorState(0.0, 0.0)


def _received(cell, inputs, p):
    return ErrorState(inputs.drive, inputs.slope)


def _rate(cell, p):
    return p.precision * max(cell.drive, 0.0)


def _gated(cell, p):
    return p.precision * max(cell.drive, 0.0) * cell.slope


def prediction_error_cell(precision: float = 1.0) -> CellModel:
    """A cell that fires with what a value is above (or below) its prediction.

    Reads: ``rate`` = precision max(drive, 0), ``gated`` = rate times the slope that the
    representation cell sends.

    Parameters
    ----------
    precision : float
        > 0.
    """
    return CellModel(
        "prediction_error_cell",
        ErrorState,
        Params,
        ErrorInputs,
        derivative=_no_change,
        instantaneous=_received,
        reads={"rate": _rate, "gated": _gated},
        parameters=Params(precision),
        source=SOURCE,
    )
