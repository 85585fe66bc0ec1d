"""GeneRec: generalised recirculation, in its four forms."""

from collections.abc import Sequence

from circuits._microcircuit_parts import layer_names
from circuits._stack_options import checked_sizes
from circuits.algorithms._errors import RANDOM_FEEDBACK
from circuits.algorithms._options import check_options, rates_of
from circuits.algorithms._relaxing import (
    clamp,
    free_and_clamped,
    matching_loss,
    only_free,
    weak_feedback,
)
from circuits.circuit import Circuit
from circuits.projection import Projection
from circuits.stack import bottom_up, layered
from circuits.ties import Tied
from dendrites._checks import choice, flag
from dendrites.activity_difference import ActivityDifference
from dendrites.errors import ModelError

FEEDBACK = ("transposed", "learned")


def generec(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    midpoint: bool = False,
    symmetric: bool = False,
    feedback: str = "transposed",
    feedback_initial=None,
    gain: float = 1.0,
    sweeps: int = 1000,
    step: float = 0.5,
    tolerance: float | None = 1e-6,
    **options,
) -> Circuit:
    """A cell learns from its change of activity between two phases.

        r_l = phi(W_l r_(l-1) + b_l + gamma B_(l+1) r_(l+1)),  r_L = t if clamped
        dW_ij = learning_rate gamma^(l-L) mean of
            (r_i+ - r_i-) r_j-                              plain
            (r_i+ - r_i-) (r_j+ + r_j-) / 2                 midpoint
            the same plus what exchanging i and j gives     symmetric

    The minus phase is called "free", the plus phase "clamped". Midpoint and symmetric
    together are contrastive Hebbian learning, r_i+ r_j+ - r_i- r_j-. All go to backprop
    of an output delta t - r_L as gamma goes to 0 with B = W^T, with an error of first
    order; the midpoint is the trapezoid of the change where the plain form is Euler's.
    A hidden cell gets activities, and their difference in time is its error; one
    presentation, two phases.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of weights and biases.
    momentum : float
        Of updates, in [0, 1).
    midpoint, symmetric : bool
    feedback : {"transposed", "learned"}
        B = W^T, or weights of their own that learn by the same rule (from random ones;
        only the symmetric forms move both alike).
    feedback_initial : initialiser, optional
        Of learned feedback. Default: uniform(-0.5, 0.5).
    gain : float
        gamma, > 0; the article's is 1. Learned feedback is as strong as it is: 1.
    sweeps, step, tolerance : int, float, float or None
        Of both relaxations, as in `Phase`. A sample that is not at rest after so many
        sweeps is a NumericalError; None: always as many, at rest or not.
    **options
        Further arguments of `circuits.layered`: transfer functions, biases, ...

    Returns
    -------
    Circuit

    Raises
    ------
    ModelError
        For an unknown option, what learned feedback alone has or has not, and as
        `circuits.layered`.

    Source: O'Reilly, Neural Comput. 8 (1996) 895.
    """
    own = ("learning_rate", "momentum", "midpoint", "symmetric", "feedback_initial")
    own = (*own, "gain", "sweeps", "step", "tolerance")
    without = ("forward", "phases", "test", "loss", "hidden", "output", "teacher")
    without = (*without, "signal", "extra", "reference", "readout", "feedback")
    check_options("generec", options, own=(*own, "feedback"), without=without)
    flag("generec: midpoint", midpoint)
    flag("generec: symmetric", symmetric)
    _check_feedback(feedback, feedback_initial, gain)
    sizes = checked_sizes(sizes, "generec")
    names, n_layers = layer_names(sizes), len(sizes) - 1
    rates = rates_of("generec", learning_rate, sizes)
    relaxation = {"sweeps": sweeps, "step": step, "tolerance": tolerance}

    def back(above, here):
        if feedback == "transposed":
            tied = Tied(bottom_up(here, above), factor=gain, transpose=True)
            return Projection(above, here, "apical", tied_to=tied)
        rule = _rule(rates[names.index(above) - 1], momentum, midpoint, symmetric)
        initial = RANDOM_FEEDBACK if feedback_initial is None else feedback_initial
        return Projection(above, here, "apical", rule=rule, initial=initial)

    share = 0.5 if midpoint else 1.0
    return layered(
        sizes,
        forward=[_rule(r, momentum, midpoint, symmetric) for r in rates],
        feedback=back,
        phases=free_and_clamped(**relaxation),
        test=only_free(**relaxation),
        extra=clamp,
        **weak_feedback("generec", gain, n_layers - 1, share),
        **matching_loss(options, n_layers - 1),
        **{"name": "generec", **options},
    )


def _rule(rate, momentum, midpoint, symmetric):
    """Sum over presynaptic moments, and over both directions."""
    found = None
    for at in ("free", "clamped") if midpoint else ("free",):
        moments = [(("clamped", "free"), (at, at))]
        if symmetric:
            moments.append(((at, at), ("clamped", "free")))
        for own, presynaptic in moments:
            part = ActivityDifference(
                "rate",
                "rate",
                gain="scale",
                moments=own,
                presynaptic_moments=presynaptic,
                learning_rate=rate,
                momentum=momentum,
            )
            found = part if found is None else found + part
    return found


def _check_feedback(feedback, initial, gain):
    choice("generec: feedback", feedback, FEEDBACK)
    if feedback == "transposed" and initial is not None:
        raise ModelError(
            "generec: feedback_initial: transposed feedback has no weights of its own; "
            "leave it out, or use feedback='learned'"
        )
    if feedback == "learned" and gain != 1.0:
        raise ModelError(
            f"generec: gain = {gain!r}: learned feedback is as strong as its weights "
            "are; leave gain out, or use feedback='transposed'"
        )
