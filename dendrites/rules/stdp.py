"""Spike-timing rules: every pair, or every triplet, of spikes changes the weight.

Both sides are "now": potentiation reads the postsynaptic spikes of the step and the
presynaptic traces of the time before, depression the presynaptic spikes and the
postsynaptic traces. Cells need the State fields ``spikes``, ``spike_rate`` (1/ms),
``trace`` and ``slow_trace`` and the presynaptic ones the read ``past_trace``
(`dendrites.models.presynaptic`). Time constants of the windows are those of the traces:
tau_trace of the presynaptic cell for potentiation, tau_trace of the postsynaptic one
for depression; tau_slow for the third spike of a triplet. Spikes of one step on both
sides are no pair. The rules read the presynaptic cells themselves, so a projection with
a delay of more than a step is refused: its spikes would count before they arrive.
"""

from dataclasses import replace

from dendrites._checks import choice, number, shown
from dendrites.activity_difference import ActivityDifference, Needs
from dendrites.cell import CellModel
from dendrites.errors import ModelError

TRIPLET_RATE = "triplet_rate"
COUNTED = ("spikes", "events")


def stdp_pair(
    *,
    a_plus: float,
    a_minus: float,
    learning_rate: float = 1.0,
    postsynaptic: str = "spikes",
) -> ActivityDifference:
    """Every pair of a presynaptic and a postsynaptic spike changes the weight.

    dw = learning_rate *  a_plus exp(-s / tau_pre)    for s = t_post - t_pre > 0
    dw = learning_rate * -a_minus exp(s / tau_post)   for s < 0

    and nothing for s = 0, summed over all pairs; tau_pre and tau_post are the parameter
    tau_trace of the two cells.

    Parameters
    ----------
    a_plus, a_minus : float
        Change by a pair at s = 0+ and minus that at s = 0-, in the weight's unit, >= 0.
    learning_rate : float
        Factor of both, >= 0.
    postsynaptic : {"spikes", "events"}
        "events": of the postsynaptic spikes only isolated ones and the first of every
        burst make pairs, for cells with ``event``, ``event_rate`` and ``event_trace``;
        tau_post is then their tau_event.

    Raises
    ------
    ModelError
        If a number is not finite or below 0, or `postsynaptic` unknown.

    Source: the usual exponential windows, all to all.
    """
    _check("stdp_pair", a_plus=a_plus, a_minus=a_minus)
    a_plus, a_minus = float(a_plus), float(a_minus)

    choice("stdp_pair: postsynaptic", postsynaptic, COUNTED)

    def potentiation(cell, p):
        return a_plus * cell.spike_rate

    def depression(cell, p):
        return a_minus * (cell.trace - cell.spikes)

    def potentiation_by_events(cell, p):
        return a_plus * cell.event_rate

    def depression_by_events(cell, p):
        return a_minus * (cell.event_trace - cell.event)

    events = postsynaptic == "events"
    return ActivityDifference(
        teaching=potentiation_by_events if events else potentiation,
        baseline=depression_by_events if events else depression,
        presynaptic=("past_trace", "spike_rate"),
        learning_rate=learning_rate,
        needs=Needs(undelayed=True),
    )


def stdp_triplet(
    *,
    a2_plus: float,
    a2_minus: float,
    a3_plus: float,
    a3_minus: float = 0.0,
    learning_rate: float = 1.0,
) -> ActivityDifference:
    """Pairs of spikes, and triplets of two spikes of one side and one of the other.

    At a postsynaptic spike:   dw = learning_rate *  r1 (a2_plus + a3_plus o2)
    at a presynaptic spike:    dw = learning_rate * -o1 (a2_minus + a3_minus r2)

    with r1 and r2 (``trace``, ``slow_trace``) of the presynaptic and o1 and o2 of the
    postsynaptic cell, +1 per spike, all without the spikes of the step itself. Their
    time constants are tau_+ = tau_trace and tau_x = tau_slow of the presynaptic,
    tau_- = tau_trace and tau_y = tau_slow of the postsynaptic cell. With a3 = 0 this is
    `stdp_pair`.

    Parameters
    ----------
    a2_plus, a2_minus, a3_plus, a3_minus : float
        In the weight's unit, >= 0. A presynaptic cell of a rule with a3_minus > 0 needs
        the read ``triplet_rate``: use `with_triplet_rate` of it.
    learning_rate : float
        Factor of all, >= 0.

    Raises
    ------
    ModelError
        If a number is not finite or below 0.

    Source: Pfister and Gerstner (2006), the all-to-all rule as their model is usually
    written; recalled, not read. So are values: tau_+ 16.8, tau_- 33.7, tau_x 101 and
    tau_y 125 ms with a2_plus 5e-10, a2_minus 7e-3, a3_plus 6.2e-3, a3_minus 2.3e-4 for
    their visual-cortex data. Other programs agree in the time constants but not in the
    amplitudes: look them up before use.
    """
    _check(
        "stdp_triplet",
        a2_plus=a2_plus,
        a2_minus=a2_minus,
        a3_plus=a3_plus,
        a3_minus=a3_minus,
    )
    a2_plus, a2_minus, a3_plus, a3_minus = (
        float(a) for a in (a2_plus, a2_minus, a3_plus, a3_minus)
    )

    def potentiation(cell, p):
        return cell.spike_rate * (a2_plus + a3_plus * (cell.slow_trace - cell.spikes))

    def depression(cell, p):
        return a2_minus * (cell.trace - cell.spikes)

    def triplet_depression(cell, p):
        return a3_minus * (cell.trace - cell.spikes)

    rule = ActivityDifference(
        teaching=potentiation,
        baseline=depression,
        presynaptic=("past_trace", "spike_rate"),
        learning_rate=learning_rate,
        needs=Needs(undelayed=True),
    )
    if a3_minus == 0.0:
        return rule
    return rule + ActivityDifference(
        teaching=None,
        baseline=triplet_depression,
        presynaptic=TRIPLET_RATE,
        learning_rate=learning_rate,
    )


def triplet_rate(cell, p):
    """spike_rate times the slow trace of the spikes before, 1/ms."""
    return cell.spike_rate * (cell.slow_trace - cell.spikes)


def with_triplet_rate(model: CellModel) -> CellModel:
    """The same presynaptic cells with the read ``triplet_rate``, for `stdp_triplet`.

    A rule reads one signal of the presynaptic cell; that of the depressing triplet is
    the product spike_rate * past_slow_trace.
    """
    if not isinstance(model, CellModel):
        raise ModelError(
            f"with_triplet_rate: model = {shown(model)}: must be a CellModel"
        )
    return replace(model, reads={**model.reads, TRIPLET_RATE: triplet_rate})


def _check(where, **amplitudes):
    for name, value in amplitudes.items():
        number(f"{where}: {name}", value, least=0.0)
