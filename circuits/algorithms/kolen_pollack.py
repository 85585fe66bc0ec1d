"""Kolen-Pollack learning: feedback weights learn the same product and align."""

from collections.abc import Sequence

from circuits._microcircuit_parts import layer_names
from circuits._stack_options import checked_sizes
from circuits.algorithms._errors import RANDOM_FEEDBACK, delta_rules
from circuits.algorithms._options import check_options, rates_of
from circuits.circuit import Circuit
from circuits.projection import Projection
from circuits.stack import layered
from dendrites.activity_difference import ActivityDifference


def kolen_pollack(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    weight_decay: float = 1e-3,
    feedback_initial=RANDOM_FEEDBACK,
    **options,
) -> Circuit:
    """Both pathways learn by the product of the cells they join, and both decay.

        W' = (1 - lambda) W + eta mean(delta_l r_(l-1)^T)
        B' = (1 - lambda) B + eta mean(r_(l-1) delta_l^T)

    so that W - B^T shrinks by 1 - lambda per presentation, whatever the data: feedback
    becomes the transpose without weight transport. With `weight_decay` 0 it is the
    scheme of Amit (2019), in which they only become alike in direction.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of weights and biases.
    momentum : float
        Of updates, in [0, 1).
    weight_decay : float
        lambda, the share that a presentation takes of both.
    feedback_initial : initialiser
        What the weights B are drawn from.
    **options
        Further arguments of `circuits.layered`: transfer functions, loss, biases, ...

    Returns
    -------
    Circuit

    Raises
    ------
    ModelError
        For an unknown option, and as `circuits.layered`.

    Source: Kolen & Pollack, ICNN (1994) 1375; Akrout et al., NeurIPS 32 (2019); Amit,
    Front. Comput. Neurosci. 13 (2019) 18.
    """
    own = ("learning_rate", "momentum", "feedback_initial")
    without = ("forward", "feedback")
    check_options("kolen_pollack", options, own=own, without=without)
    sizes = checked_sizes(sizes, "kolen_pollack")
    rates = rates_of("kolen_pollack", learning_rate, sizes)
    rules = delta_rules(rates, momentum)
    names = layer_names(sizes)

    def learned(above, here):
        rule = ActivityDifference(
            "rate",
            None,
            moments=("backward", "backward"),
            learning_rate=rules[names.index(here)].learning_rate,
            momentum=momentum,
        )
        return Projection(
            above,
            here,
            "apical",
            "delta",
            rule=rule,
            initial=feedback_initial,
            weight_decay=weight_decay,
        )

    return layered(
        sizes,
        forward=rules,
        feedback=learned,
        weight_decay=weight_decay,
        **{"name": "kolen_pollack", **options},
    )
