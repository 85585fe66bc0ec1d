"""Rules in which the apical dendrite decides whether basal synapses learn or forget."""

import math
from collections.abc import Callable

from dendrites._checks import as_float, number, shown
from dendrites.activity_difference import ActivityDifference, Needs
from dendrites.errors import ModelError

PLATEAU_THRESHOLD = -20.0


def apical_gating(
    learning_rate: float,
    *,
    ltd: float = 1.0,
    plateau: float | Callable = PLATEAU_THRESHOLD,
    firing: str | None = "spike_rate",
    presynaptic: str = "trace",
) -> ActivityDifference:
    """Active synapses grow while the apical dendrite fires, and shrink otherwise.

    dw = learning_rate * (plateau - ltd (1 - plateau)) * firing * presynaptic activity

    The plateau is 1 while the apical potential is above a threshold and else 0. A spike
    in the plateau strengthens the synapses that were active before it; a spike
    without one weakens them. Without presynaptic or without postsynaptic activity
    nothing changes.

    Parameters
    ----------
    learning_rate : float
        Change per spike and unit of presynaptic trace; with another `firing`, per ms.
        >= 0.
    ltd : float
        Depression without plateau over potentiation with one, >= 0.
    plateau : float or scalar function
        Threshold of ``cell.apical``, mV; the default lies inside the dendritic spikes
        of `models.naud_sprekeler`. Or ``plateau(cell, p) -> float`` between 0 and 1,
        for cells whose plateau is graded or known otherwise.
    firing : str or None
        Read of the postsynaptic cell, the spikes of a step / dt or a rate. "trace"
        makes spikes shortly before the plateau count as well. None: no such factor; the
        plateau alone decides on every active synapse.
    presynaptic : str
        Read of the presynaptic cell that says how active its synapses are.

    Raises
    ------
    ModelError
        If a number is not finite, or `ltd` or the rate are below 0.

    Source: the idea is that of Kording and Konig (2001): one site of integration makes
    the cell fire, the other gates plasticity. The form is ours: that active synapses
    are strengthened where the apical site fires a calcium spike and weakened otherwise
    is recalled, not read, and so is nothing of the sizes.
    """
    ltd = float(number("apical_gating: ltd", ltd, least=0.0))
    gate = plateau if callable(plateau) else above(plateau)

    def missing(cell, p):
        return ltd * (1.0 - gate(cell, p))

    return ActivityDifference(
        teaching=gate,
        baseline=missing,
        gain=firing,
        presynaptic=presynaptic,
        learning_rate=learning_rate,
        needs=Needs(undelayed=True),
    )


def above(threshold: float) -> Callable:
    """The scalar function of a cell that is 1 while its apical potential is above.

    Raises ModelError if the threshold, mV, is no finite number.
    """
    if not math.isfinite(as_float(threshold)):
        raise ModelError(
            f"apical_gating: plateau = {shown(threshold)}: must be a threshold in mV, "
            "or a scalar function of (cell, p)"
        )
    threshold = float(threshold)

    def plateau(cell, p):
        return 1.0 if cell.apical > threshold else 0.0

    return plateau
