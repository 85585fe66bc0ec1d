"""A cell that sends noise in place of its rate, so that feedback may learn from it."""

from typing import Annotated, NamedTuple

from dendrites.cell import NON_NEGATIVE, CellModel
from dendrites.models.error_cell import reads_of
from dendrites.transfer import LOGISTIC, Transfer


class State(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0
    noise: Annotated[float, "1"] = 0.0
    gate: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0
    gate: Annotated[float, "1"] = 0.0
    draw: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    sigma: Annotated[float, "1", NON_NEGATIVE] = 1.0


def _derivative(cell, inputs, p):
    return State(
        inputs.basal - cell.soma,
        inputs.apical - cell.apical,
        p.sigma * inputs.gate * inputs.draw - cell.noise,
        inputs.gate - cell.gate,
    )


def mirror_cell(phi: Transfer = LOGISTIC, *, sigma: float = 1.0) -> CellModel:
    """An `error_cell` that sends noise instead of its rate while a gate is open.

    Reads besides those of an `error_cell`: ``sent``, the noise of standard deviation
    sigma (State field ``noise``) while what reaches ``gate`` is 1, else the rate.

    Source: the mirror mode of Akrout et al., NeurIPS 32 (2019).
    """
    reads = reads_of(phi)
    function = phi.rate

    def sent(cell, p):
        return cell.noise if cell.gate > 0.0 else function(cell.soma)

    return CellModel(
        "mirror_cell",
        State,
        Params,
        Inputs,
        derivative=_derivative,
        reads={**reads, "sent": sent},
        parameters=Params(sigma),
        random={"draw": "normal"},
        source="Akrout et al. (2019)",
    )
