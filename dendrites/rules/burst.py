"""Burst-dependent plasticity: bursts beyond those expected strengthen a synapse."""

from dendrites._checks import flag
from dendrites.activity_difference import ActivityDifference, Needs


def burst_dependent(
    learning_rate: float, *, homeostasis: bool = False
) -> ActivityDifference:
    """Bursts potentiate, the bursts expected of the events depress.

    dw = learning_rate * (burst_rate - burst_probability * event_rate) * event_trace,
    for postsynaptic cells with the reads ``burst_rate`` and ``expected_burst_rate``
    (burst_probability * event_rate, with the averages of the time before the event)
    and presynaptic cells with the read ``event_trace``, which includes an event of the
    same step. A postsynaptic event lowers the weight by
    learning_rate * burst_probability * event_trace; if it becomes a burst, the second
    spike raises it by learning_rate * event_trace.

    With `homeostasis` the weight also rises by learning_rate * too_few_events at every
    presynaptic event, and falls by learning_rate * (share of the average event rate
    above its maximum) at every postsynaptic event: the reads ``too_few_events``, Hz,
    and ``too_many_events``, 1/ms, of the postsynaptic and ``event_rate`` and ``one`` of
    the presynaptic cell.

    Parameters
    ----------
    learning_rate : float
        Weight change per burst and unit of the trace; >= 0.
    homeostasis : bool

    Returns
    -------
    ActivityDifference
        With homeostasis, a sum of three.

    Raises
    ------
    ModelError
        If the learning rate is no finite number >= 0.

    Source: Payeur et al. (2021), Nat. Neurosci. 24, 1010, eq. 1; the homeostasis from
    their public code.
    """
    flag("burst_dependent: homeostasis", homeostasis)
    rule = ActivityDifference(
        teaching="burst_rate",
        baseline="expected_burst_rate",
        presynaptic="event_trace",
        learning_rate=learning_rate,
        needs=Needs(undelayed=True),
    )
    if not homeostasis:
        return rule
    rise = ActivityDifference(
        teaching="too_few_events",
        baseline=None,
        presynaptic="event_rate",
        learning_rate=learning_rate,
    )
    fall = ActivityDifference(
        teaching=None,
        baseline="too_many_events",
        presynaptic="one",
        learning_rate=learning_rate,
    )
    return rule + rise + fall
