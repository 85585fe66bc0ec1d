"""Two sites of synaptic integration: apical events let basal synapses learn."""

from collections.abc import Sequence

from circuits._stack_options import checked_sizes
from circuits.algorithms._errors import RANDOM_FEEDBACK, delta_rules
from circuits.algorithms._options import check_options, rates_of
from circuits.circuit import Circuit
from circuits.projection import Projection
from circuits.stack import bottom_up, layered
from circuits.ties import Tied
from dendrites._checks import choice
from dendrites.errors import ModelError
from dendrites.models import calcium_cell

FEEDBACK = ("random", "transposed")


def kording_konig(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    threshold: float = 0.01,
    event: str = "graded",
    feedback: str = "random",
    feedback_initial=None,
    **options,
) -> Circuit:
    """Basal synapses learn where apical input is strong enough for a calcium event.

        output:  a = t - r
        hidden:  a_l = B_(l+1) (c_(l+1) o phi'(u_(l+1)))
        c_l = a_l ("graded") or its sign where |a_l| > threshold, else 0
        dW_l = learning_rate * mean((c_l o phi'(u_l)) r_(l-1)^T)

    One site (basal) carries what the cells say, the other (apical) what they learn from
    it; where it causes no event nothing is learned, and nothing is sent down.

    Exact: with threshold 0, graded events and B = W^T it is backprop, bit for bit.
    All-or-none events keep the sign of every output cell's change, for one example. A
    hidden cell is told a vector. One presentation, one phase each way.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of weights and biases.
    momentum : float
        Of updates, in [0, 1).
    threshold : float
        Apical input beyond which there are events, >= 0.
    event : {"graded", "all_or_none"}
        Whether an event is as large as what caused it, or 1 or -1.
    feedback : {"random", "transposed"}
        B fixed and random, or W^T.
    feedback_initial : initialiser, optional
        What a random B is drawn from. Default: uniform(-0.5, 0.5).
    **options
        Further arguments of `circuits.layered`: transfer functions, biases, ...

    Returns
    -------
    Circuit

    Raises
    ------
    ModelError
        For an unknown option, one without effect, and as `circuits.layered`.

    Source: the idea of Kording & Konig, J. Comput. Neurosci. 11 (2001) 207, of which
    the abstract alone is known here; the form, thresholds and signed events are ours.
    """
    own = ("learning_rate", "momentum", "threshold", "event", "feedback_initial")
    without = ("forward", "feedback", "hidden", "output", "teacher", "loss", "phases")
    check_options("kording_konig", options, own=(*own, "feedback"), without=without)
    sizes = checked_sizes(sizes, "kording_konig")
    rates = rates_of("kording_konig", learning_rate, sizes)
    choice("kording_konig: feedback", feedback, FEEDBACK)
    if feedback == "transposed" and feedback_initial is not None:
        raise ModelError(
            "kording_konig: feedback_initial has no effect with feedback = "
            "'transposed'; leave it out"
        )
    drawn = RANDOM_FEEDBACK if feedback_initial is None else feedback_initial
    events = {"threshold": threshold, "event": event}

    def down(above, here):
        weights = {"initial": drawn}
        if feedback == "transposed":
            weights = {"tied_to": Tied(bottom_up(here, above), transpose=True)}
        return Projection(above, here, "apical", "delta", **weights)

    return layered(
        sizes,
        forward=delta_rules(rates, momentum),
        feedback=down,
        hidden=lambda phi: calcium_cell(phi, **events),
        output=lambda phi, loss: calcium_cell(phi, taught=True, **events),
        **{"name": "kording_konig", **options},
    )
