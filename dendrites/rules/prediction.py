"""Rules in which one part of a cell predicts another, or one phase the next.

All take `moments`, (postsynaptic moment, presynaptic moment): None reads both at every
step. Names of phases make a rule that acts once, at the end of a presentation, with a
learning rate per presentation instead of per ms: the postsynaptic cell is read in the
window of the first phase, the presynaptic signal in that of the second.
"""

from dendrites.activity_difference import ActivityDifference, LowPass, Needs
from dendrites.errors import ModelError


def dendritic_prediction(
    learning_rate: float,
    *,
    low_pass: LowPass | None = None,
    moments: tuple[str, str] | None = None,
) -> ActivityDifference:
    """The soma teaches the dendrite that predicts it.

    dw = learning_rate * (rate - predicted_rate) * presynaptic rate, for any cell with
    the reads ``rate`` and ``predicted_rate`` (the rate at the potential to which the
    dendrite alone would bring the soma).

    Parameters
    ----------
    learning_rate : float
        Per ms, or per presentation with `moments`; >= 0.
    low_pass : LowPass, optional
        Filter of the update; not together with the names of phases in `moments`.
    moments : (str, str), optional
        Phases in which the postsynaptic cell and the presynaptic rate are read;
        default: both now.

    Raises
    ------
    ModelError
        If an option is impossible.

    Source: Sacramento et al. (2018), eqs. 7 and 8; rate form of Urbanczik and Senn
    (2014).
    """
    return ActivityDifference(
        teaching="rate",
        baseline="predicted_rate",
        learning_rate=learning_rate,
        low_pass=low_pass,
        **_moments("dendritic_prediction", moments),
    )


def apical_silencing(
    learning_rate: float,
    *,
    low_pass: LowPass | None = None,
    moments: tuple[str, str] | None = None,
) -> ActivityDifference:
    """Inhibition learns to hold the apical potential at rest (0).

    dw = learning_rate * (0 - apical potential) * presynaptic rate. The potential
    itself, not a rate of it.

    Parameters
    ----------
    learning_rate, low_pass, moments
        As in `dendritic_prediction`.

    Source: Sacramento et al. (2018), eq. 9.
    """
    return ActivityDifference(
        teaching=None,
        baseline="apical",
        learning_rate=learning_rate,
        low_pass=low_pass,
        **_moments("apical_silencing", moments),
    )


def top_down_reconstruction(
    learning_rate: float,
    *,
    low_pass: LowPass | None = None,
    moments: tuple[str, str] | None = None,
) -> ActivityDifference:
    """Top-down weights learn to reconstruct the rate of the cell they reach.

    dw = learning_rate * (rate - top_down_rate) * presynaptic rate, for cells with the
    read ``top_down_rate``: the rate at the potential of the part of the apical tree
    that top-down input alone reaches, not attenuated on its way to the soma
    (``sacramento_pyramidal(split_apical=True)``).

    Parameters
    ----------
    learning_rate, low_pass, moments
        As in `dendritic_prediction`.

    Source: Sacramento et al. (2018), eq. 10.
    """
    return ActivityDifference(
        teaching="rate",
        baseline="top_down_rate",
        learning_rate=learning_rate,
        low_pass=low_pass,
        **_moments("top_down_reconstruction", moments),
    )


def spike_prediction(
    learning_rate: float, *, low_pass: LowPass | None = None
) -> ActivityDifference:
    """The spikes of the soma teach the dendrite that predicts its rate.

    dw = learning_rate * (S - phi(V*)) * h(V*) * psp, for cells with the reads
    ``spike_rate`` (spikes of the step / dt), ``predicted_rate`` phi(V*) and
    ``importance`` h = phi'/phi, and presynaptic cells with the read ``psp``, their
    spikes seen through the kernel of the synapse. Its mean is the gradient of the
    log-likelihood of the soma's spikes, if that kernel is the one through which the
    dendrite sees them: a circuit checks that tau_rise of `models.spike_source` is
    tau_syn of the cell and, without a current back from its soma, tau_decay
    capacitance / g_leak.

    Parameters
    ----------
    learning_rate : float
        Per ms, in the weight's unit per unit of h and psp; >= 0.
    low_pass : LowPass, optional
        Filter of the update; the published one has tau = 100 ms.

    Source: Urbanczik and Senn (2014).
    """
    return ActivityDifference(
        teaching="spike_rate",
        baseline="predicted_rate",
        gain="importance",
        presynaptic="psp",
        learning_rate=learning_rate,
        low_pass=low_pass,
        needs=Needs({"tau_rise": _tau_synapse, "tau_decay": _tau_dendrite}),
    )


def _tau_synapse(p):
    return getattr(p, "tau_syn", None)


def _tau_dendrite(p):
    if not {"capacitance", "g_leak"} <= {*p._fields} or getattr(p, "g_back", 0.0):
        return None
    return p.capacitance / p.g_leak


def plateau_difference(
    learning_rate: float, *, forward: str = "forward", target: str = "target"
) -> ActivityDifference:
    """The plateau potentials of two phases are the error of a hidden cell.

    dw = learning_rate * (plateau^target - plateau^forward) * slope^forward *
    psp^forward, for cells with the reads ``plateau`` and ``slope``, all of the cells
    averaged in the windows of the two phases.

    Parameters
    ----------
    learning_rate : float
        Per presentation, >= 0.
    forward, target : str
        Names of the phases.

    Source: Guerguiev, Lillicrap and Richards (2017), eqs. 32-35.
    """
    return _across_phases("plateau", "plateau", learning_rate, forward, target)


def target_rate_difference(
    learning_rate: float, *, forward: str = "forward", target: str = "target"
) -> ActivityDifference:
    """The rate that a teacher imposed is what an output cell should have shown.

    dw = learning_rate * (mean rate^target - somatic_rate^forward) * slope^forward *
    psp^forward, where ``rate`` is a variable of the cell, so its mean is taken, and
    ``somatic_rate`` a read, so that it is the rate at the mean potential.

    Parameters
    ----------
    learning_rate, forward, target
        As in `plateau_difference`.

    Source: Guerguiev, Lillicrap and Richards (2017), eqs. 28-29.
    """
    return _across_phases("rate", "somatic_rate", learning_rate, forward, target)


def _across_phases(teaching, baseline, learning_rate, forward, target):
    return ActivityDifference(
        teaching=teaching,
        baseline=baseline,
        gain="slope",
        presynaptic="psp",
        learning_rate=learning_rate,
        moments=(target, forward),
        gain_moment=forward,
        presynaptic_moments=(forward, forward),
    )


def _moments(rule, moments):
    if moments is None:
        return {}
    pair = isinstance(moments, (tuple, list)) and len(moments) == 2
    if not pair or not all(isinstance(moment, str) for moment in moments):
        raise ModelError(
            f"{rule}: moments = {moments!r}: must be two names of phases, "
            "(postsynaptic, presynaptic), or None"
        )
    post, pre = moments
    return {"moments": (post, post), "presynaptic_moments": (pre, pre)}
