"""A cell whose dendrites balance excitation by an input with lateral inhibition.

    branch of cell i for input j:   u_ij = F_ij x_j + sum_k W^j_ik z_k
    soma:                           dv_i/dt = sum_j u_ij - decay (v_i - apical_i)
    rate:                           z_i = max(v_i, 0)

with tau = 1 ms. Where inhibition predicts what input brings, u is a prediction error.

Source: Mikulasch, Rudelt & Priesemann, PNAS 118 (2021) e2021925118, and Mikulasch et
al., Trends Neurosci. 46 (2023) 45; our rate form of an idea for spiking cells.
"""

from typing import Annotated, NamedTuple

from dendrites.cell import POSITIVE, CellModel

SOURCE = "Mikulasch et al. (2021, 2023)"


class State(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0


class Inputs(NamedTuple):
    branches: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    decay: Annotated[float, "1/ms", POSITIVE] = 0.1


class BranchState(NamedTuple):
    potential: Annotated[float, "1"] = 0.0
    soma: Annotated[float, "1"] = 0.0


class BranchInputs(NamedTuple):
    excitation: Annotated[float, "1"] = 0.0
    inhibition: Annotated[float, "1"] = 0.0
    soma: Annotated[float, "1"] = 0.0


class BranchParams(NamedTuple):
    pass


def _derivative(cell, inputs, p):
    return State(inputs.branches - p.decay * (cell.soma - inputs.apical), 0.0)


def _predicted(cell, inputs, p):
    return State(cell.soma, inputs.apical)


def _rate(cell, p):
    return max(cell.soma, 0.0)


def _one(cell, p):
    return 1.0


def _surprise(cell, p):
    return max(cell.soma, 0.0) - cell.apical


def balanced_cell(decay: float = 0.1) -> CellModel:
    """The soma of a cell, which sums its balanced dendritic branches.

    Reads: ``rate`` = max(soma, 0), ``active`` = 1, ``surprise`` = rate - apical, what
    the prediction from above misses.

    Parameters
    ----------
    decay : float
        Of the soma towards its apical prediction, 1/ms, > 0.
    """
    return CellModel(
        "balanced_cell",
        State,
        Params,
        Inputs,
        derivative=_derivative,
        instantaneous=_predicted,
        reads={"rate": _rate, "active": _one, "surprise": _surprise},
        parameters=Params(decay),
        source=SOURCE,
    )


def _still(cell, inputs, p):
    return BranchState(0.0, 0.0)


def _received(cell, inputs, p):
    return BranchState(inputs.excitation + inputs.inhibition, inputs.soma)


def _coincidence(cell, p):
    return cell.potential * cell.soma


def balanced_branch() -> CellModel:
    """A dendritic branch, where one input meets inhibition by all cells of the layer.

    Reads: ``potential`` = excitation + inhibition, and ``coincidence``, that times the
    rate of its soma.
    """
    return CellModel(
        "balanced_branch",
        BranchState,
        BranchParams,
        BranchInputs,
        derivative=_still,
        instantaneous=_received,
        reads={"coincidence": _coincidence},
        source=SOURCE,
    )
