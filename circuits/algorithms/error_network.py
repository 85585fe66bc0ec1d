"""A network of error cells beside the forward network, one for every cell."""

from collections.abc import Sequence

from circuits._microcircuit_parts import layer_names
from circuits._stack_options import checked_sizes
from circuits.algorithms._errors import RANDOM_FEEDBACK, delta_rules
from circuits.algorithms._options import check_options, rates_of
from circuits.circuit import Circuit
from circuits.initialisers import Constant
from circuits.phase import Phase
from circuits.population import Population
from circuits.projection import Projection
from circuits.stack import ONE_TO_ONE, bottom_up, layered
from circuits.ties import Tied
from dendrites._checks import choice
from dendrites.models import error_cell, error_partner, source

FEEDBACK = ("random", "transposed")


def error_network(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    baseline: float = 1.0,
    feedback: str = "random",
    feedback_initial=RANDOM_FEEDBACK,
    **options,
) -> Circuit:
    """Every cell has a partner whose rate is its error, around a baseline.

        rho_l = max(rho_0 + e_l, 0),   e_L = t - r_L
        e_l = B_(l+1) ((rho_(l+1) - rho_0) o phi'(a_(l+1)))
        dW_l = mean(((rho_l - rho_0) o phi'(a_l)) r_(l-1)^T)

    The slope of a cell gates its partner's message, one to one. For errors above
    -rho_0 it is feedback alignment with the same B, and backprop with B = W^T; stronger
    negative errors are lost.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of weights and biases.
    momentum : float
        Of updates, in [0, 1).
    baseline : float
        rho_0, the rate that stands for no error, >= 0.
    feedback : {"random", "transposed"}
        B fixed and random, or W^T.
    feedback_initial : initialiser
        What a random B is drawn from.
    **options
        Further arguments of `circuits.layered`: transfer functions, loss, biases, ...

    Returns
    -------
    Circuit
        With populations "error1", ..., "error" beside "hidden1", ..., "output".

    Raises
    ------
    ModelError
        For an unknown option, and as `circuits.layered`.

    Source: the idea of Stork, IJCNN (1989) and Zipser & Rumelhart (1990), whose
    equations were not read; our form.
    """
    own = ("learning_rate", "momentum", "baseline", "feedback_initial")
    without = ("forward", "feedback", "phases", "hidden", "output", "extra", "teacher")
    without = (*without, "loss")
    check_options("error_network", options, own=(*own, "feedback"), without=without)
    sizes = checked_sizes(sizes, "error_network")
    rates = rates_of("error_network", learning_rate, sizes)
    choice("error_network: feedback", feedback, FEEDBACK)
    layers = layer_names(sizes)[1:]
    partners = [*(f"error{k}" for k in range(1, len(layers))), "error"]

    def beside(stack):
        for k, (layer, partner) in enumerate(zip(layers, partners, strict=True)):
            yield Population(partner, error_partner(baseline), stack.sizes[k + 1])
            yield Projection(layer, partner, "slope", "slope", **ONE_TO_ONE)
            yield Projection(partner, layer, "apical", "error", **ONE_TO_ONE)
        minus = {"connectivity": "one_to_one", "initial": Constant(-1.0)}
        yield Population("target", source(), stack.sizes[-1], pattern="targets")
        yield Projection("target", "error", "error", **ONE_TO_ONE)
        yield Projection("output", "error", "error", "rate", **minus)
        for k, (here, above) in enumerate(zip(partners, partners[1:], strict=False)):
            yield Projection(above, here, "error", "gated", **_weights(k))

    def _weights(k):
        if feedback == "random":
            return {"initial": feedback_initial}
        return {"tied_to": Tied(bottom_up(layers[k], layers[k + 1]), transpose=True)}

    def phases(stack):
        # From the output: a partner, then the cell that it tells.
        pairs = zip(reversed(partners), reversed(layers), strict=True)
        down = tuple(name for pair in pairs for name in pair)
        return (
            Phase("forward", settle=stack.layers[1:]),
            Phase(
                "backward",
                settle=down,
                on=("target",),
                silent=stack.forward,
                hold={name: ("soma",) for name in layers},
            ),
        )

    return layered(
        sizes,
        forward=delta_rules(rates, momentum),
        phases=phases,
        hidden=error_cell,
        output=lambda phi, loss: error_cell(phi),
        teacher=None,
        extra=beside,
        **{"name": "error_network", **options},
    )
