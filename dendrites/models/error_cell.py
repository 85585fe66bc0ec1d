"""Cells with an apical compartment that holds an error: layers that compute gradients.

Every compartment is what it receives,

    tau dv/dt = I - v   for soma (basal input), apical and target,

with tau = 1 ms, so that a settled phase finds v = I. Rates are phi(soma).

Source: the delta rule and its chain (Rumelhart, Hinton & Williams, 1986) with the error
in a compartment of its own; our notation.
"""

import math
from typing import Annotated, NamedTuple

from dendrites._checks import choice, shown
from dendrites.cell import CellModel
from dendrites.errors import ModelError
from dendrites.transfer import LOGISTIC, Transfer, exp


class State(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0


class TaughtState(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0


class TaughtInputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0


class ShareState(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    total: Annotated[float, "1"] = 1.0
    taught: Annotated[float, "1"] = 0.0


class ShareInputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    total: Annotated[float, "1"] = 0.0
    taught: Annotated[float, "1"] = 0.0


class SumState(NamedTuple):
    total: Annotated[float, "1"] = 1.0
    taught: Annotated[float, "1"] = 0.0


class SumInputs(NamedTuple):
    total: Annotated[float, "1"] = 0.0
    taught: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    pass


SOURCE = "Rumelhart, Hinton & Williams (1986)"
LOSSES = ("squared", "cross_entropy")


def _derivative(cell, inputs, p):
    return State(inputs.basal - cell.soma, inputs.apical - cell.apical)


def _taught_derivative(cell, inputs, p):
    return TaughtState(inputs.basal - cell.soma, inputs.target - cell.target)


def _share_derivative(cell, inputs, p):
    return ShareState(
        inputs.basal - cell.soma,
        inputs.target - cell.target,
        inputs.total - cell.total,
        inputs.taught - cell.taught,
    )


def _sum_derivative(cell, inputs, p):
    return SumState(inputs.total - cell.total, inputs.taught - cell.taught)


def _apical(cell, p):
    return cell.apical


def check_transfer(where, phi):
    """Refuse what is no transfer function with slope and inverse."""
    if not isinstance(phi, Transfer):
        raise ModelError(
            f"{where} = {shown(phi)}: must be a dendrites.transfer.Transfer (rate, "
            "slope, inverse), such as dendrites.transfer.TANH"
        )


def reads_of(phi):
    """Reads of a cell whose apical compartment holds its error."""
    check_transfer("error_cell: phi", phi)
    function, derivative, _ = phi

    def rate(cell, p):
        return function(cell.soma)

    def slope(cell, p):
        return derivative(cell.soma)

    def delta(cell, p):
        return cell.apical * derivative(cell.soma)

    return {"rate": rate, "slope": slope, "error": _apical, "delta": delta}


def error_cell(phi: Transfer = LOGISTIC) -> CellModel:
    """A hidden cell: what reaches its apical compartment is its error.

    Reads: ``rate`` = phi(soma), ``error`` = apical, ``slope`` = phi'(soma), ``delta`` =
    error times slope.

    Parameters
    ----------
    phi : Transfer
    """
    return CellModel(
        "error_cell",
        State,
        Params,
        Inputs,
        derivative=_derivative,
        reads=reads_of(phi),
        source=SOURCE,
    )


def taught_cell(phi: Transfer | str = LOGISTIC, *, loss: str = "squared") -> CellModel:
    """An output cell, whose error is what a teacher shows minus its rate.

    Reads: ``rate``, ``error`` = target - rate, and ``delta``, the negative derivative
    of the loss with respect to the potential: error times slope for half the squared
    error, the error itself for the cross entropy of a logistic or a softmax.

    Parameters
    ----------
    phi : Transfer or "softmax"
        With "softmax" rate = exp(soma) / total and error = target - taught * rate,
        where a `summing_cell` sends ``total``, the sum of the reads ``unnormalised`` =
        exp(soma), and ``taught``, the sum of all targets (1 where they are shares).
    loss : {"squared", "cross_entropy"}

    Raises
    ------
    ModelError
        For a squared error of a softmax, whose derivative is no function of one cell,
        and a cross entropy of another function than logistic or softmax.
    """
    choice("taught_cell: loss", loss, LOSSES)
    if isinstance(phi, str):
        return _share_cell(phi, loss)
    function, derivative, _ = phi

    def rate(cell, p):
        return function(cell.soma)

    def error(cell, p):
        return cell.target - function(cell.soma)

    def delta(cell, p):
        return (cell.target - function(cell.soma)) * derivative(cell.soma)

    if loss == "cross_entropy" and phi != LOGISTIC:
        raise ModelError(
            "taught_cell: loss = 'cross_entropy' needs a cell whose delta is its "
            "error: phi = LOGISTIC or 'softmax'. Use one of them, or loss = 'squared'"
        )
    return CellModel(
        "taught_cell",
        TaughtState,
        Params,
        TaughtInputs,
        derivative=_taught_derivative,
        reads={
            "rate": rate,
            "error": error,
            "delta": error if loss == "cross_entropy" else delta,
        },
        source=SOURCE,
    )


def _unnormalised(cell, p):
    return exp(cell.soma)


def _share(cell, p):
    return exp(cell.soma) / cell.total


def _share_error(cell, p):
    return cell.target - cell.taught * exp(cell.soma) / cell.total


def _share_cell(phi, loss):
    choice("taught_cell: phi", phi, ("softmax",))
    if loss != "cross_entropy":
        raise ModelError(
            f"taught_cell: loss = {loss!r} of a softmax: its derivative needs the "
            "rates of all cells. Use loss = 'cross_entropy'"
        )
    return CellModel(
        "taught_cell",
        ShareState,
        Params,
        ShareInputs,
        derivative=_share_derivative,
        reads={
            "rate": _share,
            "unnormalised": _unnormalised,
            "error": _share_error,
            "delta": _share_error,
        },
        limit=math.inf,  # of the sum of exponentials
        source=SOURCE,
    )


def summing_cell() -> CellModel:
    """A cell that shows the sums of what reaches it: ``total`` and ``taught``."""
    return CellModel(
        "summing_cell",
        SumState,
        Params,
        SumInputs,
        derivative=_sum_derivative,
        limit=math.inf,
    )
