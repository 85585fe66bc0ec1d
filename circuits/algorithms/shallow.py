"""Shallow learning: hidden layers keep the weights they started with."""

from collections.abc import Sequence

from circuits._stack_options import checked_sizes
from circuits.algorithms._errors import delta_rules
from circuits.algorithms._options import check_options
from circuits.circuit import Circuit
from circuits.stack import layered
from dendrites._checks import number


def shallow(
    sizes: Sequence[int],
    *,
    learning_rate: float = 0.1,
    momentum: float = 0.0,
    **options,
) -> Circuit:
    """Only the output layer learns: what random hidden layers are good for.

    With a linear code of n1 cells that is random and of n0 white inputs, the best
    readout leaves the share 1 - n1 / n0 of the variance.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float
        Of the output layer, per presentation.
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

    Source: the control of Lillicrap et al., Nat. Commun. 7 (2016) 13276, Fig. 2.
    """
    own = ("learning_rate", "momentum")
    check_options("shallow", options, own=own, without=("forward", "feedback"))
    sizes = checked_sizes(sizes, "shallow")
    number("shallow: learning_rate", learning_rate, least=0.0)
    (rule,) = delta_rules([learning_rate], momentum)
    return layered(
        sizes,
        forward=[*[None] * (len(sizes) - 2), rule],
        **{"name": "shallow", **options},
    )
