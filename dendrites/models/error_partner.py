"""A cell whose rate around a baseline is the error of a partner."""

from typing import Annotated, NamedTuple

from dendrites.cell import NON_NEGATIVE, CellModel


class State(NamedTuple):
    drive: Annotated[float, "1"] = 0.0
    slope: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    error: Annotated[float, "1"] = 0.0
    slope: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    baseline: Annotated[float, "1", NON_NEGATIVE] = 1.0


def _derivative(cell, inputs, p):
    return State(inputs.error - cell.drive, inputs.slope - cell.slope)


def _rate(cell, p):
    return max(p.baseline + cell.drive, 0.0)


def _error(cell, p):
    return max(p.baseline + cell.drive, 0.0) - p.baseline


def _gated(cell, p):
    return (max(p.baseline + cell.drive, 0.0) - p.baseline) * cell.slope


def error_partner(baseline: float = 1.0) -> CellModel:
    """A cell whose rate above or below a baseline is the error of its partner.

    Reads: ``rate`` = max(baseline + drive, 0), ``error`` = rate - baseline, ``gated`` =
    error times what the partner sends as its slope.

    Source: Stork (1989); our form of it.
    """
    return CellModel(
        "error_partner",
        State,
        Params,
        Inputs,
        derivative=_derivative,
        reads={"rate": _rate, "error": _error, "gated": _gated},
        parameters=Params(baseline),
        source="Stork (1989)",
    )
