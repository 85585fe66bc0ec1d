"""Sources: populations whose activity is given from outside."""

from collections.abc import Callable
from typing import Annotated, NamedTuple

from dendrites.cell import CellModel, state_field


class State(NamedTuple):
    value: Annotated[float, "1"] = 0.0
    active: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    pass


class Inputs(NamedTuple):
    pass


def source(*, potential: Callable | None = None) -> CellModel:
    """Cells clamped to a pattern during the phases that switch them on.

    Reads: ``rate`` is the pattern's value (0 while off), ``active`` is 1 while on.

    Parameters
    ----------
    potential : scalar function, optional
        Adds the read ``potential``, the value seen through this function (for
        example the inverse transfer function, for a target given as a rate).
    """
    reads = {"rate": state_field("value")}
    if potential is not None:

        def target_potential(cell, p):
            # While off the value is no rate, and its potential need not exist.
            return potential(cell.value) if cell.active > 0.5 else 0.0

        reads["potential"] = target_potential
    return CellModel(
        name="source",
        state=State,
        params=Params,
        inputs=Inputs,
        reads=reads,
        clamped=True,
    )
