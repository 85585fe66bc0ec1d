"""Feedback alignment: errors travel back through fixed random weights."""

from collections.abc import Sequence

from circuits._stack_options import checked_sizes
from circuits.algorithms._errors import RANDOM_FEEDBACK, delta_rules
from circuits.algorithms._options import check_options, rates_of
from circuits.circuit import Circuit
from circuits.projection import Projection
from circuits.stack import layered
from dendrites._checks import choice

TRANSMITTED = {"raw": "error", "gated": "delta"}


def feedback_alignment(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    transmitted: str = "raw",
    feedback_initial=RANDOM_FEEDBACK,
    feedback_connectivity: float | str = "dense",
    **options,
) -> Circuit:
    """Fixed random weights B bring errors back; forward weights align with them.

        e_l = B_(l+1) e_(l+1)        "raw": each cell applies its own slope alone
        e_l = B_(l+1) delta_(l+1)    "gated": the slope of the sender travels, too
        dW_l = learning_rate * mean((phi'(a_l) o e_l) r_(l-1)^T)

    Of linear layers both are the same. With B = W^T the gated form is backprop.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of weights and biases.
    momentum : float
        Of updates, in [0, 1).
    transmitted : {"raw", "gated"}
        What travels down. The article's is "raw", most programs' "gated".
    feedback_initial : initialiser
        What the weights B are drawn from.
    feedback_connectivity : float or word
        The probability with which two cells are joined by feedback, as in
        `Projection`; ``connectivity`` is that of the forward weights.
    **options
        Further arguments of `circuits.layered`: transfer functions, loss, biases, ...

    Returns
    -------
    Circuit

    Raises
    ------
    ModelError
        For an unknown option, and as `circuits.layered`.

    Source: Lillicrap, Cownden, Tweed & Akerman, Nat. Commun. 7 (2016) 13276.
    """
    own = ("learning_rate", "momentum", "transmitted", "feedback_initial")
    own = (*own, "feedback_connectivity")
    without = ("forward", "feedback")
    check_options("feedback_alignment", options, own=own, without=without)
    sizes = checked_sizes(sizes, "feedback_alignment")
    rates = rates_of("feedback_alignment", learning_rate, sizes)
    choice("feedback_alignment: transmitted", transmitted, TRANSMITTED)

    def fixed(above, here):
        return Projection(
            above,
            here,
            "apical",
            TRANSMITTED[transmitted],
            connectivity=feedback_connectivity,
            initial=feedback_initial,
        )

    return layered(
        sizes,
        forward=delta_rules(rates, momentum),
        feedback=fixed,
        **{"name": "feedback_alignment", **options},
    )
