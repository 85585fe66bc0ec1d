"""Sources: populations whose activity is given from outside."""

from collections.abc import Callable
from typing import Annotated, NamedTuple

from dendrites._checks import function, number
from dendrites.cell import POSITIVE, CellModel, state_field


class State(NamedTuple):
    value: Annotated[float, "1"] = 0.0
    active: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    pass


class Inputs(NamedTuple):
    pass


class FilteredState(NamedTuple):
    value: Annotated[float, "1"] = 0.0
    active: Annotated[float, "1"] = 0.0
    filtered: Annotated[float, "1"] = 0.0


class FilteredParams(NamedTuple):
    tau: Annotated[float, "ms", POSITIVE] = 3.0


def _filtered_derivative(cell, inputs, p):
    return FilteredState(0.0, 0.0, (cell.value - cell.filtered) / p.tau)


def _complement(cell, p):
    return cell.active - cell.value


def source(*, potential: Callable | None = None, tau: float | None = None) -> CellModel:
    """Cells clamped to a pattern during the phases that switch them on.

    Reads: ``rate`` is the pattern's value (0 while off), ``active`` is 1 while on,
    ``complement`` is 1 - value (0 while off). A phase that gives the source an
    amplitude multiplies all of them, and ``potential``, by it.
    With `tau` the rate is the low-pass filtered value, the State field ``filtered``:

    d filtered/dt = (value - filtered) / tau, from 0.

    Parameters
    ----------
    potential : scalar function, optional
        Adds the read ``potential``, the value seen through this function (for
        example the inverse transfer function, for a target given as a rate). It reads
        the value itself, with `tau` too.
    tau : float, optional
        Time constant of the filter, ms, > 0; default: no filter.

    Raises
    ------
    ModelError
        If `tau` is not > 0 and finite.

    Source: the filter is that of Sacramento et al. (2018), who low-pass filter their
    inputs; public reimplementations use 3 ms.
    """
    if tau is not None:
        number("source: tau", tau, unit="ms", above=0.0)
    reads = {
        "rate": state_field("value" if tau is None else "filtered"),
        "complement": _complement,
    }
    if potential is not None:
        function("source: potential", potential, "of one number")

        def target_potential(cell, p):
            # While off the value is no rate, and its potential need not exist.
            if cell.active == 0.0:
                return 0.0
            return cell.active * potential(cell.value / cell.active)

        reads["potential"] = target_potential
    if tau is None:
        return CellModel(
            name="source",
            state=State,
            params=Params,
            inputs=Inputs,
            reads=reads,
            clamped=True,
        )
    return CellModel(
        name="source",
        state=FilteredState,
        params=FilteredParams,
        inputs=Inputs,
        derivative=_filtered_derivative,
        reads=reads,
        parameters={"tau": tau},
        time_constant=lambda p: p.tau,
        clamped=True,
    )
