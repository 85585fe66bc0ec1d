"""Direct feedback alignment: the output's error reaches every layer at once."""

from collections.abc import Sequence

from circuits._stack_options import checked_sizes
from circuits.algorithms._errors import RANDOM_FEEDBACK, delta_rules
from circuits.algorithms._options import check_options, rates_of
from circuits.algorithms.feedback_alignment import TRANSMITTED
from circuits.circuit import Circuit
from circuits.projection import Projection
from circuits.stack import layered
from dendrites._checks import choice


def direct_feedback_alignment(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    transmitted: str = "gated",
    feedback_initial=RANDOM_FEEDBACK,
    **options,
) -> Circuit:
    """Every hidden layer gets the output's error through weights of its own.

        e_l = B_l delta_L (or B_l e_L),  dW_l = mean((phi'(a_l) o e_l) r_(l-1)^T)

    With one hidden layer it is feedback alignment. It can start from zero weights.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of weights and biases.
    momentum : float
        Of updates, in [0, 1).
    transmitted : {"gated", "raw"}
        delta_L, the derivative of the loss with respect to the output potential, as
        published, or e_L, target minus rate.
    feedback_initial : initialiser
        What the weights B_l are drawn from.
    **options
        Further arguments of `circuits.layered`: transfer functions, loss, biases, ...

    Returns
    -------
    Circuit

    Raises
    ------
    ModelError
        For an unknown option, and as `circuits.layered`.

    Source: Nokland, NeurIPS 29 (2016) 1037.
    """
    own = ("learning_rate", "momentum", "transmitted", "feedback_initial")
    without = ("forward", "feedback")
    check_options("direct_feedback_alignment", options, own=own, without=without)
    sizes = checked_sizes(sizes, "direct_feedback_alignment")
    rates = rates_of("direct_feedback_alignment", learning_rate, sizes)
    choice("direct_feedback_alignment: transmitted", transmitted, TRANSMITTED)
    signal = TRANSMITTED[transmitted]

    def direct(above, here):
        return Projection("output", here, "apical", signal, initial=feedback_initial)

    return layered(
        sizes,
        forward=delta_rules(rates, momentum),
        feedback=direct,
        **{"name": "direct_feedback_alignment", **options},
    )
