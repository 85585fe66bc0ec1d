"""The hidden cell of segregated dendrites with a plateau at a time of its own."""

from dataclasses import replace
from typing import Annotated, NamedTuple

from dendrites import transfer
from dendrites.cell import NON_NEGATIVE, POSITIVE, CellModel
from dendrites.models.guerguiev import _hidden_step, guerguiev_hidden


class State(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    basal: Annotated[float, "1"] = 0.0
    apical: Annotated[float, "1"] = 0.0
    rate: Annotated[float, "1/ms"] = 0.0
    expected: Annotated[float, "1"] = 0.0
    spikes: Annotated[float, "1"] = 0.0
    psp: Annotated[float, "1/ms"] = 0.0
    led: Annotated[float, "1"] = 0.0
    apical_1: Annotated[float, "1"] = 0.0
    apical_2: Annotated[float, "1"] = 0.0
    apical_3: Annotated[float, "1"] = 0.0
    apical_4: Annotated[float, "1"] = 0.0
    apical_5: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    phi_max: Annotated[float, "1/ms", POSITIVE] = 0.2
    g_leak: Annotated[float, "1/ms", POSITIVE] = 0.1
    g_basal: Annotated[float, "1/ms", NON_NEGATIVE] = 0.6
    g_apical: Annotated[float, "1/ms", NON_NEGATIVE] = 0.0
    lead: Annotated[float, "1", NON_NEGATIVE] = 0.0


def _step(cell, inputs, p, dt):
    new = _hidden_step(cell, inputs, p, dt)
    led = inputs.apical
    led = cell.apical if p.lead > 0.5 else led
    led = cell.apical_1 if p.lead > 1.5 else led
    led = cell.apical_2 if p.lead > 2.5 else led
    led = cell.apical_3 if p.lead > 3.5 else led
    led = cell.apical_4 if p.lead > 4.5 else led
    return State(
        new.soma,
        new.basal,
        new.apical,
        new.rate,
        new.expected,
        new.spikes,
        new.psp,
        led,
        cell.apical,
        cell.apical_1,
        cell.apical_2,
        cell.apical_3,
        cell.apical_4,
    )


def _fired(cell, count, p, dt):
    return cell._replace(spikes=count)


def _plateau(cell, p):
    return transfer.logistic(cell.led)


def _apical_slope(cell, p):
    return transfer.logistic_derivative(cell.led)


def guerguiev_leading(*, memory: float = 0.0, **parameters: float) -> CellModel:
    """As `guerguiev_hidden`, with a plateau potential some steps before the phase ends.

    The State field ``led`` is the apical potential of `lead` steps ago, and the reads
    ``plateau`` and ``apical_slope`` are of it: averaged in the window of a phase they
    are what a window that ends `lead` steps earlier shows.

    Parameters
    ----------
    memory : float
        As in `guerguiev_hidden`.
    **parameters : float
        Also ``lead``, steps, 0 to 5, rounded; beyond it is 5.

    Source: the variant of Guerguiev, Lillicrap and Richards (2017), Figure 6,
    supplement 1.
    """
    hidden = guerguiev_hidden(memory=memory)
    return replace(
        hidden,
        name="guerguiev_leading",
        state=State,
        params=Params,
        step=_step,
        fired=_fired,
        reads={**hidden.reads, "plateau": _plateau, "apical_slope": _apical_slope},
        parameters=parameters,
    )
