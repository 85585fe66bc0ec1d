"""Cells that are told what they should have been: targets in place of errors.

Every compartment is what it receives, d v/dt = I - v with a time constant of 1 ms, so
that a settled phase finds v = I:

    soma             basal input; the rate h is phi(soma)
    heard            the same input at a moment when the soma keeps its value
    apical           the inverse's input from the target above
    reconstruction   the inverse's input from the activity above
    noise            what is added to the rate that the cell sends
    error            an error that comes instead of a target

Source: LeCun (1986), Bengio (2014), Lee, Zhang, Fischer & Bengio (2015); our division
into compartments.
"""

from typing import Annotated, NamedTuple

from dendrites._checks import choice, flag
from dendrites.cell import POSITIVE, CellModel
from dendrites.models.error_cell import check_transfer, taught_cell
from dendrites.transfer import IDENTITY, LOGISTIC, Transfer

INVERSES = ("rates", "potentials")
SOURCE = "Lee, Zhang, Fischer & Bengio (2015)"


class State(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    heard: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0
    reconstruction: Annotated[float, "1"] = 0.0
    noise: Annotated[float, "1"] = 0.0
    error: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0
    reconstruction: Annotated[float, "1"] = 0.0
    noise: Annotated[float, "1"] = 0.0
    error: Annotated[float, "1"] = 0.0


class OutputState(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    heard: Annotated[float, "1"] = 0.0


class OutputInputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0


class ShareState(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    total: Annotated[float, "1"] = 1.0
    taught: Annotated[float, "1"] = 0.0
    heard: Annotated[float, "1"] = 0.0


class ShareInputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    total: Annotated[float, "1"] = 0.0
    taught: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    target_step: Annotated[float, "1", POSITIVE] = 1.0


def _derivative(cell, inputs, p):
    return State(
        inputs.basal - cell.soma,
        inputs.basal - cell.heard,
        inputs.apical - cell.apical,
        inputs.reconstruction - cell.reconstruction,
        inputs.noise - cell.noise,
        inputs.error - cell.error,
    )


def _output_derivative(cell, inputs, p):
    return OutputState(
        inputs.basal - cell.soma,
        inputs.target - cell.target,
        inputs.basal - cell.heard,
    )


def _share_derivative(cell, inputs, p):
    return ShareState(
        inputs.basal - cell.soma,
        inputs.target - cell.target,
        inputs.total - cell.total,
        inputs.taught - cell.taught,
        inputs.basal - cell.heard,
    )


def target_hidden(
    phi: Transfer = LOGISTIC,
    *,
    inverse_phi: Transfer | None = None,
    difference: bool = True,
    inverse_of: str = "rates",
    target_step: float = 1.0,
) -> CellModel:
    """A hidden cell whose apical dendrite says which rate it should have had.

        h~ = h + (g(apical) - g(reconstruction)) + target_step * error
        h~ = g(apical)                               without `difference`

    Reads: ``rate`` h = phi(soma), ``slope``; ``sent`` = h + noise and ``passed`` =
    phi(heard) + noise; ``target_rate`` h~; ``delta`` = (h~ - h) phi'(soma) /
    target_step; and what inverses below see: ``goal`` (h~), ``activity`` (h) and
    ``answered`` (phi(heard)). What inverses here learn from: ``inverse_delta`` = (sent
    - g(reconstruction)) g'(reconstruction), and of the change that noise makes
    ``noisy_delta`` and ``clean_delta`` = (noise - g(apical) + g(reconstruction)) times
    g'(apical) and g'(reconstruction).

    Parameters
    ----------
    phi : Transfer
    inverse_phi : Transfer, optional
        g. Default: phi, or the identity if inverses see potentials.
    difference : bool
        Whether what the inverse makes of the activity above is subtracted.
    inverse_of : {"rates", "potentials"}
        What inverses see: rates, or the potentials that belong to them, soma +
        (phi^-1(h~) - phi^-1(h)) of a target and the compartments themselves.
    target_step : float
        The share of the output's error that its target holds, > 0.

    Source: Lee et al. (2015).
    """
    check_transfer("target_hidden: phi", phi)
    check_transfer("target_hidden: inverse_phi", inverse_phi or phi)
    choice("target_hidden: inverse_of", inverse_of, INVERSES)
    flag("target_hidden: difference", difference)
    function, derivative, inverse = phi
    back, back_slope, _ = inverse_transfer(phi, inverse_phi, inverse_of)

    def rate(cell, p):
        return function(cell.soma)

    def slope(cell, p):
        return derivative(cell.soma)

    def sent(cell, p):
        return function(cell.soma) + cell.noise

    def passed(cell, p):
        return function(cell.heard) + cell.noise

    def away(cell, p):
        # The difference first: it is exactly 0 where the layer above is content.
        change = back(cell.apical) - back(cell.reconstruction)
        return function(cell.soma) + (change + p.target_step * cell.error)

    def put(cell, p):
        return back(cell.apical)

    target_rate = away if difference else put

    def delta(cell, p):
        error = target_rate(cell, p) - function(cell.soma)
        return error * derivative(cell.soma) / p.target_step

    def inverse_delta(cell, p):
        error = sent(cell, p) - back(cell.reconstruction)
        return error * back_slope(cell.reconstruction)

    def missed(cell, p):
        return cell.noise - (back(cell.apical) - back(cell.reconstruction))

    def noisy_delta(cell, p):
        return missed(cell, p) * back_slope(cell.apical)

    def clean_delta(cell, p):
        return missed(cell, p) * back_slope(cell.reconstruction)

    return CellModel(
        "target_hidden",
        State,
        Params,
        Inputs,
        derivative=_derivative,
        reads={
            "rate": rate,
            "slope": slope,
            "sent": sent,
            "passed": passed,
            "target_rate": target_rate,
            "delta": delta,
            "inverse_delta": inverse_delta,
            "noisy_delta": noisy_delta,
            "clean_delta": clean_delta,
            **_seen(inverse_of, function, inverse, target_rate),
        },
        parameters=Params(target_step),
        source=SOURCE,
    )


def target_output(
    phi: Transfer | str = LOGISTIC,
    *,
    loss: str = "squared",
    inverse_of: str = "rates",
    target_step: float = 1.0,
) -> CellModel:
    """An output cell whose target lies between its rate and what a teacher shows.

        h~ = h + target_step * (target - h)

    A `taught_cell` with the reads ``target_rate`` h~, ``goal``, ``activity`` and
    ``answered`` of a `target_hidden`.

    Parameters
    ----------
    phi : Transfer or "softmax"
        Inverses see potentials of a softmax: soma + target_step * error.
    loss : {"squared", "cross_entropy"}
    inverse_of, target_step : see `target_hidden`

    Source: Lee et al. (2015); potentials of a softmax as Meulemans et al. (2020).
    """
    choice("target_output: inverse_of", inverse_of, INVERSES)
    taught = taught_cell(phi, loss=loss)
    rate, error = taught.reads["rate"], taught.reads["error"]
    softmax = isinstance(phi, str)

    def target_rate(cell, p):
        return rate(cell, p) + p.target_step * error(cell, p)

    def potential(cell, p):
        return cell.soma + p.target_step * error(cell, p)

    if softmax:
        seen = {"goal": potential, "activity": _soma, "answered": _heard}
    else:
        seen = _seen(inverse_of, phi.rate, phi.inverse, target_rate)
    return CellModel(
        "target_output",
        ShareState if softmax else OutputState,
        Params,
        ShareInputs if softmax else OutputInputs,
        derivative=_share_derivative if softmax else _output_derivative,
        reads={**taught.reads, "target_rate": target_rate, **seen},
        parameters=Params(target_step),
        limit=taught.limit,
        source=SOURCE,
    )


def inverse_transfer(phi, inverse_phi, inverse_of) -> Transfer:
    """The transfer function of an inverse that gives the rates of cells with phi."""
    if inverse_phi is not None:
        return inverse_phi
    return phi if inverse_of == "rates" else IDENTITY


def _soma(cell, p):
    return cell.soma


def _heard(cell, p):
    return cell.heard


def _seen(inverse_of, function, inverse, target_rate):
    """What the inverse of the layer below sees of a cell."""

    def rate(cell, p):
        return function(cell.soma)

    def answered(cell, p):
        return function(cell.heard)

    def goal(cell, p):
        h = function(cell.soma)
        return cell.soma + (inverse(target_rate(cell, p)) - inverse(h))

    if inverse_of == "rates":
        return {"goal": target_rate, "activity": rate, "answered": answered}
    return {"goal": goal, "activity": _soma, "answered": _heard}
