"""Bernoulli sources: a spike per step with the probability that a pattern says."""

from typing import Annotated, NamedTuple

from dendrites._checks import number
from dendrites.cell import NON_NEGATIVE, CellModel


class State(NamedTuple):
    value: Annotated[float, "1"] = 0.0
    active: Annotated[float, "1"] = 0.0
    spikes: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    most: Annotated[float, "1", NON_NEGATIVE] = 1.0


class Inputs(NamedTuple):
    pass


def _p(cell, p):
    return min(cell.value, p.most)


def _step(cell, inputs, p, dt):
    return State(cell.value, cell.active, 0.0)


def _spike(cell, u, p, dt):
    return 1.0 if u < min(cell.value, p.most) else 0.0


def _fired(cell, count, p, dt):
    return State(cell.value, cell.active, count)


def bernoulli_source(*, most: float = 1.0) -> CellModel:
    """Cells that fire in every step with the probability min(value, most).

    Reads: ``p``, the probability; ``spikes``, 1 or 0, of the last step.

    Parameters
    ----------
    most : float
        Largest probability, from 0 to 1.

    Raises
    ------
    ModelError

    Source: the input cells of Lillicrap et al., Nat. Commun. 7 (2016) 13276, whose
    most is 0.95.
    """
    number("bernoulli_source: most", most, least=0.0, most=1.0)
    return CellModel(
        name="bernoulli_source",
        state=State,
        params=Params,
        inputs=Inputs,
        step=_step,
        spike=_spike,
        fired=_fired,
        sparse=True,
        monotone=True,
        reads={"p": _p},
        compartments=("value", "active"),
        parameters={"most": most},
        clamped=True,
        source="Lillicrap et al. (2016)",
    )
