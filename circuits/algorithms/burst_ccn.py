"""Bursting cortico-cortical networks: events cancel bursts, in a single phase."""

from collections.abc import Sequence

from circuits._stack_options import checked_sizes
from circuits.algorithms._bursts import OWN_PARTS, teacher_is_there, tied
from circuits.algorithms._dale_bursts import (
    beside,
    excitatory,
    long_range,
    up,
    up_and_down,
)
from circuits.algorithms._errors import RANDOM_FEEDBACK, delta_rules
from circuits.algorithms._options import check_options, rates_of
from circuits.circuit import Circuit
from circuits.projection import Projection
from circuits.stack import ROOT_FAN_IN, bottom_up, layered
from dendrites._checks import choice, flag, number
from dendrites.activity_difference import ActivityDifference
from dendrites.errors import ModelError
from dendrites.models import burst_cell, taught_burst_cell
from dendrites.models.burst_ensemble import check_probability

FEEDBACK = ("fixed", "transposed")
CANCELLATION = ("set", "learned")
CANCELLATION_RATE = 0.1
SST_BASELINE = 1.0


def burst_ccn(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    feedback: str = "fixed",
    feedback_initial=None,
    cancellation: str = "set",
    cancellation_rate: float | None = None,
    cancellation_initial=None,
    resting: float = 0.5,
    gain: float | None = None,
    dale: bool = False,
    sst_baseline: float | None = None,
    **options,
) -> Circuit:
    """Depressing feedback of events cancels facilitating feedback of bursts.

        e_l = phi(W_l e_(l-1) + c_l),   b_l = p_l e_l,   h = phi' / phi
        output:  p = p_0 + p_0 (t - e) o h
        hidden:  u = Q e_(l+1) - Y b_(l+1),   p = logistic(gain u o h + logit(p_0))
        dW_l = learning_rate * mean(((p_l - p_0) o e_l) e_(l-1)^T)
        dQ = -cancellation_rate * mean(u e_(l+1)^T)          (cancellation "learned")

    With Q = p_0 Y the apical potential is 0 unless the layer above bursts more or less
    than p_0 of its events. The teacher may always be there: nothing is compared with an
    earlier phase. "forward" and "backward" are only the order in which the one state is
    computed, in which all these equations hold.

    Exact: the output layer learns p_0 times the gradient of half the squared error;
    t = e_L leaves all weights where they are. With Y = -W^T, Q = p_0 Y and p_0 = 1/2
    every layer learns p_0 times the gradient, up to third order of the error (another
    p_0: second). A hidden cell is told a vector, by a difference of two pathways. One
    presentation, one phase.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of weights and biases.
    momentum : float
        Of these updates, in [0, 1).
    feedback : {"fixed", "transposed"}
        Y fixed and random, or -W^T.
    feedback_initial : initialiser, optional
        What a fixed Y is drawn from. Default: uniform(-0.5, 0.5).
    cancellation : {"set", "learned"}
        Q = p_0 Y at every moment, or learned.
    cancellation_rate : float, optional
        Per presentation, of a learned Q. Default: 0.1.
    cancellation_initial : initialiser, optional
        What a learned Q is drawn from. Default: that of Y.
    resting : float
        p_0, in (0, 1).
    gain : float, optional
        alpha, the slope of the dendrite. Default: 1 / (p_0 (1 - p_0)), so that a small
        u changes p by h u; 4 with the published p_0 = 1/2.
    dale : bool
        Dale's law: pyramidal cells excite. W = W+ - W-, W- the weights of PV cells, one
        for each cell below, as active as it; both learn with the rate given, so that W
        moves twice as fast where neither is 0. Y = Y+ - Y-, and Q likewise: bursts
        excite SST cells (Y+) and dendrites (Y-), events VIP cells, which inhibit SST
        cells (Q+), and NDNF cells (Q-); SST and NDNF cells inhibit the dendrite. Rates
        of the input must be >= 0, and there is no reference network, since it has one
        projection per layer.
    sst_baseline : float, optional
        Rate of SST cells at rest, with which a constant excitation of the dendrite
        is in balance; apical errors that would take them below 0 are lost. Default: 1.
    **options
        Further arguments of `circuits.layered`: transfer functions above 0, biases, ...

    Returns
    -------
    Circuit

    Raises
    ------
    ModelError
        For an unknown option, one of weights that are tied, a transfer function that
        gives no event rates, and as `circuits.layered`.

    Source: Greedy, Zhu, Pemberton, Mellor & Costa, NeurIPS 35 (2022); its sign of u.
    """
    own = ("learning_rate", "momentum", "feedback_initial", "cancellation_rate")
    own = (*own, "cancellation_initial", "cancellation", "feedback", "resting", "gain")
    own = (*own, "dale", "sst_baseline")
    without = (*OWN_PARTS, "loss", "signal", "readout")
    flag("burst_ccn: dale", dale)
    if dale:
        without = (*without, "connectivity", "reference", "weight_decay", "test")
    check_options("burst_ccn", options, own=own, without=without)
    sizes = checked_sizes(sizes, "burst_ccn")
    rates = rates_of("burst_ccn", learning_rate, sizes)
    choice("burst_ccn: feedback", feedback, FEEDBACK)
    choice("burst_ccn: cancellation", cancellation, CANCELLATION)
    check_probability("burst_ccn: resting", resting)
    if gain is None:
        gain = 1.0 / (resting * (1.0 - resting))
    number("burst_ccn: gain", gain, above=0.0)
    if feedback == "transposed":
        _unused(feedback_initial=feedback_initial, because="feedback = 'transposed'")
    if cancellation == "set":
        because = "cancellation = 'set'"
        _unused(cancellation_rate=cancellation_rate, because=because)
        _unused(cancellation_initial=cancellation_initial, because=because)
    if not dale:
        _unused(sst_baseline=sst_baseline, because="dale = False")
    elif cancellation == "learned":
        raise ModelError(
            "burst_ccn: cancellation = 'learned' with dale = True: a synapse on an "
            "interneuron does not see the dendrite; use cancellation = 'set'"
        )
    drawn = RANDOM_FEEDBACK if feedback_initial is None else feedback_initial

    def down(above, here):
        of = f"{above}_to_{here}_inhibition", 1.0, False
        bursts = {"initial": drawn}
        if feedback == "transposed":
            of = bottom_up(here, above), -1.0, True
            bursts = {"tied_to": tied(of)}
        yield Projection(above, here, "inhibition", "burst", **bursts)
        events = {"tied_to": tied(of, resting)}
        if cancellation == "learned":
            rate = CANCELLATION_RATE if cancellation_rate is None else cancellation_rate
            rule = ActivityDifference(
                None, "apical", rate, moments=("backward", "backward")
            )
            start = drawn if cancellation_initial is None else cancellation_initial
            events = {"rule": rule, "initial": start}
        yield Projection(above, here, "apical", "rate", **events)

    rules = delta_rules(rates, momentum)
    parts = {"feedback": down, "extra": lambda stack: (teacher_is_there(),)}
    tonic = 0.0
    if dale:
        tonic = SST_BASELINE if sst_baseline is None else sst_baseline
        interneurons = beside(rules, options.get("initial", ROOT_FAN_IN), tonic)
        parts = {
            "feedback": long_range(drawn, feedback, resting),
            "extra": lambda stack: (*interneurons(stack), teacher_is_there()),
            "phases": up_and_down,
            "test": up,
            "reference": False,
        }
    circuit = layered(
        sizes,
        forward=rules,
        hidden=lambda phi: burst_cell(phi, gain=gain, resting=resting, tonic=tonic),
        output=lambda phi, loss: taught_burst_cell(phi, resting=resting),
        **{"name": "burst_ccn", **parts, **options},
    )
    return excitatory(circuit) if dale else circuit


def _unused(*, because, **given):
    for name, value in given.items():
        if value is not None:
            raise ModelError(
                f"burst_ccn: {name} has no effect with {because}; leave it out"
            )
