"""Weight mirror: noise that travels up teaches feedback the transposed weights."""

from collections.abc import Sequence

from circuits._stack_options import checked_sizes
from circuits.algorithms._errors import RANDOM_FEEDBACK, delta_rules
from circuits.algorithms._options import check_options, rates_of
from circuits.circuit import Circuit
from circuits.initialisers import Constant
from circuits.phase import Phase
from circuits.population import Population
from circuits.projection import Projection
from circuits.stack import layered, up_and_down
from dendrites._checks import number
from dendrites.activity_difference import ActivityDifference
from dendrites.models import mirror_cell, source


def weight_mirror(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    mirror_rate: float = 0.1,
    mirror_decay: float = 0.01,
    sigma: float = 1.0,
    feedback_initial=RANDOM_FEEDBACK,
    **options,
) -> Circuit:
    """Feedback learns from noise in a phase of its own, errors then use it.

    In the phase "mirror" every hidden layer sends noise xi_l of standard deviation
    `sigma` in place of its rates, without inputs and biases, and the layer above
    answers:

        B' = (1 - lambda) B + mirror_rate mean(xi_l r_(l+1)^T)

    For linear cells its mean goes to (mirror_rate sigma^2 / lambda) W^T. All layers
    mirror at once, since each sends its own noise.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of weights and biases.
    momentum : float
        Of updates, in [0, 1).
    mirror_rate, mirror_decay : float
        Of feedback weights, per presentation: the rate, and lambda.
    sigma : float
        Standard deviation of the noise, >= 0.
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

    Source: Akrout et al., NeurIPS 32 (2019). Differs: all layers mirror in one phase.
    """
    own = ("learning_rate", "momentum", "mirror_rate", "mirror_decay", "sigma")
    without = ("forward", "feedback", "phases", "hidden", "signal", "extra")
    own = (*own, "feedback_initial")
    check_options("weight_mirror", options, own=own, without=without)
    sizes = checked_sizes(sizes, "weight_mirror")
    rates = rates_of("weight_mirror", learning_rate, sizes)
    number("weight_mirror: sigma", sigma, least=0.0)
    rule = ActivityDifference(
        "noise",
        None,
        presynaptic="rate",
        moments=("mirror", "mirror"),
        learning_rate=mirror_rate,
    )

    def mirrored(above, here):
        return Projection(
            above,
            here,
            "apical",
            "delta",
            rule=rule,
            initial=feedback_initial,
            weight_decay=mirror_decay,
        )

    def gates(stack):
        yield Population("gate", source(), 1, pattern=1.0)
        for layer in stack.layers[1:-1]:
            yield Projection("gate", layer, "gate", initial=Constant(1.0))

    def phases(stack):
        silent = (*stack.feedback, *(n for n in stack.forward if n.startswith("bias")))
        mirror = Phase(
            "mirror",
            settle=stack.layers[1:],
            silent=(*silent, *stack.forward[:1]),
            on=("gate",),
        )
        return (*up_and_down(stack), mirror)

    return layered(
        sizes,
        forward=delta_rules(rates, momentum),
        feedback=mirrored,
        phases=phases,
        hidden=lambda phi: mirror_cell(phi, sigma=sigma),
        signal="sent",
        extra=gates,
        **{"name": "weight_mirror", **options},
    )
