"""A cell that knows its mean rate, or the mean of a power of it."""

from typing import Annotated, NamedTuple

from dendrites.cell import POSITIVE, CellModel
from dendrites.models.rewarded_cell import check_transfer
from dendrites.transfer import LOGISTIC, Transfer


class State(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    rate: Annotated[float, "1"] = 0.0
    mean: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    averaging: Annotated[float, "1", POSITIVE] = 0.05
    power: Annotated[float, "1", POSITIVE] = 1.0


def _deviation(cell, p):
    return cell.rate - cell.mean


def averaging_cell(
    phi: Transfer = LOGISTIC, *, averaging: float = 0.05, power: float = 1.0
) -> CellModel:
    """A cell whose soma is what it receives, and that averages its rate over steps.

        mean' = mean + averaging (rate^power - mean),   rate' = phi(basal)

    so the mean is that of steps before this one. Reads: ``deviation`` = rate - mean.

    Parameters
    ----------
    phi : Transfer
    averaging : float
        Share of a step in the mean, > 0.
    power : float
        1 or 2, say.

    Source: Bienenstock, Cooper & Munro, J. Neurosci. 2 (1982) 32, for the power 2.
    """
    check_transfer("averaging_cell", phi)
    function = phi.rate

    def step(cell, inputs, p, dt):
        mean = cell.mean + p.averaging * (cell.rate**p.power - cell.mean)
        return State(inputs.basal, function(inputs.basal), mean)

    return CellModel(
        "averaging_cell",
        State,
        Params,
        Inputs,
        step=step,
        reads={"deviation": _deviation},
        parameters=Params(averaging, power),
        source="Bienenstock, Cooper & Munro (1982)",
    )
