"""Backpropagation of errors, as a circuit: the reference of all other schemes."""

from collections.abc import Sequence

from circuits._stack_options import checked_sizes
from circuits.algorithms._errors import delta_rules
from circuits.algorithms._options import check_options, rates_of
from circuits.circuit import Circuit
from circuits.projection import Projection
from circuits.stack import bottom_up, layered
from circuits.ties import Tied


def backprop(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    **options,
) -> Circuit:
    """Errors travel back through the transposed forward weights.

        delta_L = -dE/da_L,  delta_l = phi'(a_l) o W_(l+1)^T delta_(l+1)
        dW_l = learning_rate * mean(delta_l r_(l-1)^T)

    With the learning rate 1 the update is the exact negative gradient of the loss.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of weights and biases.
    momentum : float
        Of updates, in [0, 1).
    **options
        Further arguments of `circuits.layered`: transfer functions, loss, biases, ...

    Returns
    -------
    Circuit

    Raises
    ------
    ModelError
        For an unknown option, and as `circuits.layered`.

    Source: Rumelhart, Hinton & Williams, Nature 323 (1986) 533.
    """
    own = ("learning_rate", "momentum")
    check_options("backprop", options, own=own, without=("forward", "feedback"))
    sizes = checked_sizes(sizes, "backprop")
    rates = rates_of("backprop", learning_rate, sizes)

    def transposed(above, here):
        tied = Tied(bottom_up(here, above), transpose=True)
        return Projection(above, here, "apical", "delta", tied_to=tied)

    return layered(
        sizes,
        forward=delta_rules(rates, momentum),
        feedback=transposed,
        **{"name": "backprop", **options},
    )
