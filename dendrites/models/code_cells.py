"""Cells of auto-encoders: a layer that is a code of what it sees, and a picture, too.

Every compartment is what it receives, d v/dt = I - v with a time constant of 1 ms, so
that a settled phase finds v = I:

    soma             basal input; the rate r is phi(soma)
    reconstruction   what the layer above says that the rate was
    error            what the layer below says that its reconstruction missed
    heard            basal input of what the layer below has made of its reconstruction

Source: Hinton & McClelland, NIPS (1988) 358; our division into compartments.
"""

from typing import Annotated, NamedTuple

from annotated_types import Lt

from dendrites.cell import NON_NEGATIVE, CellModel
from dendrites.models.error_cell import check_transfer
from dendrites.transfer import IDENTITY, LOGISTIC, Transfer


class State(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    reconstruction: Annotated[float, "1"] = 0.0
    error: Annotated[float, "1"] = 0.0
    heard: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    reconstruction: Annotated[float, "1"] = 0.0
    error: Annotated[float, "1"] = 0.0
    heard: Annotated[float, "1"] = 0.0


class SourceState(NamedTuple):
    value: Annotated[float, "1"] = 0.0
    active: Annotated[float, "1"] = 0.0
    reconstruction: Annotated[float, "1"] = 0.0


class SourceInputs(NamedTuple):
    reconstruction: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    regression: Annotated[float, "1", NON_NEGATIVE, Lt(1.0)] = 0.75


def _derivative(cell, inputs, p):
    return State(
        inputs.basal - cell.soma,
        inputs.reconstruction - cell.reconstruction,
        inputs.error - cell.error,
        inputs.heard - cell.heard,
    )


def _source_derivative(cell, inputs, p):
    return SourceState(0.0, 0.0, inputs.reconstruction - cell.reconstruction)


def _value(cell, p):
    return cell.value


def code_hidden(phi: Transfer = LOGISTIC, *, regression: float = 0.75) -> CellModel:
    """A hidden cell that codes the layer below and is coded by the layer above.

    Reads: ``rate`` r = phi(soma), ``slope``. Of a picture: ``reconstructed`` =
    phi(reconstruction), ``picture_delta`` = (r - reconstructed) phi'(reconstruction)
    and ``regressed`` = regression * r + (1 - regression) * reconstructed. Of a code:
    ``delta`` = error * slope and ``again`` = regression * r + (1 - regression) *
    phi(heard).

    Parameters
    ----------
    phi : Transfer
    regression : float
        lambda in [0, 1): the share of its rate that a cell keeps.
    """
    check_transfer("code_hidden: phi", phi)
    function, derivative, _ = phi

    def rate(cell, p):
        return function(cell.soma)

    def slope(cell, p):
        return derivative(cell.soma)

    def delta(cell, p):
        return cell.error * derivative(cell.soma)

    def again(cell, p):
        kept = p.regression * function(cell.soma)
        return kept + (1.0 - p.regression) * function(cell.heard)

    return CellModel(
        "code_hidden",
        State,
        Params,
        Inputs,
        derivative=_derivative,
        reads={
            "rate": rate,
            "slope": slope,
            "delta": delta,
            "again": again,
            **_picture(phi, rate),
        },
        parameters=Params(regression),
        source="Hinton & McClelland (1988)",
    )


def code_source(phi: Transfer = IDENTITY, *, regression: float = 0.75) -> CellModel:
    """A clamped cell that is told how the layer above would show its pattern again.

    Reads: ``rate``, the pattern, and those of a picture of a `code_hidden`.

    Parameters
    ----------
    phi : Transfer
        Of the reconstruction.
    regression : float
        lambda in [0, 1): the share of its pattern that a cell keeps.
    """
    check_transfer("code_source: phi", phi)
    return CellModel(
        "code_source",
        SourceState,
        Params,
        SourceInputs,
        derivative=_source_derivative,
        reads={"rate": _value, **_picture(phi, _value)},
        parameters=Params(regression),
        clamped=True,
        source="Hinton & McClelland (1988)",
    )


def _picture(phi, rate):
    """Reads of a cell whose rate is reconstructed."""
    function, derivative, _ = phi

    def reconstructed(cell, p):
        return function(cell.reconstruction)

    def picture_delta(cell, p):
        missed = rate(cell, p) - function(cell.reconstruction)
        return missed * derivative(cell.reconstruction)

    def regressed(cell, p):
        kept = p.regression * rate(cell, p)
        return kept + (1.0 - p.regression) * function(cell.reconstruction)

    return {
        "reconstructed": reconstructed,
        "picture_delta": picture_delta,
        "regressed": regressed,
    }
