"""Attention-gated reinforcement learning: the winner says who may learn."""

from collections.abc import Sequence

from circuits._microcircuit_parts import layer_names
from circuits._stack_options import checked_sizes
from circuits.algorithms._errors import RANDOM_FEEDBACK
from circuits.algorithms._options import check_options, rates_of
from circuits.algorithms._rewards import ONES, chance, scalar_rules
from circuits.circuit import Circuit
from circuits.phase import Phase
from circuits.population import Population
from circuits.projection import Projection
from circuits.stack import bottom_up, layered
from circuits.ties import Tied
from dendrites._checks import choice
from dendrites.errors import ModelError
from dendrites.models import attention_cell, choosing_output, surprise_critic

FEEDBACK = ("transposed", "learned")


def attention_gated(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    feedback: str = "transposed",
    feedback_initial=None,
    weight_decay: float = 0.0,
    **options,
) -> Circuit:
    """One output wins, is right or not, and gates what feeds it.

        c ~ softmax p,  delta = 1 - p_c if c is the target, else -1
        f = delta / (1 - delta) if delta > 0, else -1
        dW_L = eta mean(f z r_(L-1)^T),  z_c = 1, else 0
        dW_l = eta mean(f (phi'(a_l) o g_l) r_(l-1)^T),  g_(L-1) = W_L^T z

    and g_l = W_(l+1)^T (phi'(a_(l+1)) o g_(l+1)) below: what the winner sends back says
    which cells have fed it, and the scalar f in which direction they learn.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output. Targets are one-hot.
    learning_rate : float or one per layer
        Per presentation, of weights and biases.
    momentum : float
        Of updates, in [0, 1).
    feedback : {"transposed", "learned"}
        W^T, or weights of their own that learn by the product of the cells they join,
        so that both become reciprocal (as `kolen_pollack`).
    feedback_initial : initialiser, optional
        What learned feedback starts from; default Uniform(-0.5, 0.5).
    weight_decay : float
        The share that a presentation takes of forward and learned feedback weights.
    **options
        Further arguments of `circuits.layered`: transfer functions, biases, ...

    Returns
    -------
    Circuit
        A hidden cell gets a scalar, and what the winner sends it: a vector in which the
        target has no part. One presentation has one pass up and one down. The mean
        over winners is the gradient of the cross entropy of the softmax, exactly.

    Raises
    ------
    ModelError
        For an unknown option, `feedback_initial` of transposed weights, and as
        `circuits.layered`.

    Source: Roelfsema & van Ooyen, Neural Comput. 17 (2005) 2176. Differs: any depth.
    """
    own = ("learning_rate", "momentum", "feedback", "feedback_initial")
    without = ("forward", "feedback", "phases", "hidden", "output", "extra")
    without = (*without, "output_phi", "loss", "teacher", "signal", "weight_decay")
    check_options("attention_gated", options, own=own, without=without)
    sizes = checked_sizes(sizes, "attention_gated")
    choice("attention_gated: feedback", feedback, FEEDBACK)
    learned = feedback == "learned"
    if feedback_initial is not None and not learned:
        raise ModelError(
            "attention_gated: feedback_initial: transposed weights start as those that "
            "they follow; leave it out, or give feedback='learned'"
        )
    gated = {"gain": "reward", "momentum": momentum}
    names = layer_names(sizes)
    rates = rates_of("attention_gated", learning_rate, sizes)
    rules = scalar_rules(rates, "delta", **gated)

    def down(above, here):
        if not learned:
            tied = Tied(bottom_up(here, above), transpose=True)
            return Projection(above, here, "apical", "delta", tied_to=tied)
        rate = rules[names.index(here)].learning_rate
        (rule,) = scalar_rules([rate], "rate", **gated)
        return Projection(
            above,
            here,
            "apical",
            "delta",
            rule=rule,
            initial=RANDOM_FEEDBACK if feedback_initial is None else feedback_initial,
            weight_decay=weight_decay,
        )

    def beside(stack):
        yield from chance(stack.sizes[-1])
        yield Population("critic", surprise_critic(), 1)
        yield Projection("output", "critic", "reward", "rewarded", **ONES)
        yield Projection("output", "critic", "expected", "expected", **ONES)
        for layer in stack.layers[1:]:
            yield Projection("critic", layer, "reward", "factor", **ONES)

    def phases(stack):
        layers = stack.layers[1:]
        hold = {"hold": {"output": ("soma",)}, "silent": stack.forward}
        up = (*layers, *stack.normaliser, "chance")
        held = dict.fromkeys(layers, ("soma",))
        return (
            Phase("forward", settle=up, silent=stack.feedback),
            Phase("choice", settle=("output", "critic"), on=("target",), **hold),
            Phase("told", settle=layers[::-1], silent=stack.forward, hold=held),
        )

    return layered(
        sizes,
        forward=rules,
        feedback=down,
        phases=phases,
        output_phi="softmax",
        loss="cross_entropy",
        hidden=attention_cell,
        output=lambda phi, loss: choosing_output(),
        extra=beside,
        weight_decay=weight_decay,
        **{"name": "attention_gated", **options},
    )
