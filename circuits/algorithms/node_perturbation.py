"""Node perturbation: cells learn from noise of their own that made the loss smaller."""

from collections.abc import Sequence

from circuits._stack_options import checked_sizes
from circuits.algorithms._options import check_options, rates_of
from circuits.algorithms._rewards import gate, judged, scalar_rules, tell, told
from circuits.circuit import Circuit
from circuits.stack import layered
from dendrites._checks import number
from dendrites.models import comparing_critic, rewarded_cell, rewarded_output


def node_perturbation(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.01,
    momentum: float = 0.0,
    sigma: float = 0.01,
    **options,
) -> Circuit:
    """All potentials move at random, and a scalar tells what the loss made of it.

        a_l = W_l r_(l-1) + b_l + xi_l
        dW_l = eta mean((E - E') xi_l r_(l-1)^T) / sigma^2

    where E and r belong to a pass without noise and E' to one with it. xi is drawn for
    every cell and sample.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of weights and biases.
    momentum : float
        Of updates, in [0, 1).
    sigma : float
        Standard deviation of the noise, > 0.
    **options
        Further arguments of `circuits.layered`: transfer functions, loss, biases, ...

    Returns
    -------
    Circuit
        A hidden cell gets a scalar. One presentation has two passes of the network.
        The mean update is the negative gradient as sigma goes to 0; that of potentials
        has a mean square of (N + 2) times the gradient's for N cells.

    Raises
    ------
    ModelError
        For an unknown option, sigma = 0, and as `circuits.layered`.

    Source: Flower & Jabri, NeurIPS 5 (1993) 212; Werfel, Xie & Seung, Neural Comput. 17
    (2005) 2699.
    """
    own = ("learning_rate", "momentum", "sigma")
    without = ("forward", "feedback", "phases", "hidden", "output", "extra")
    without = (*without, "teacher", "signal")
    check_options("node_perturbation", options, own=own, without=without)
    sizes = checked_sizes(sizes, "node_perturbation")
    rates = rates_of("node_perturbation", learning_rate, sizes)
    number("node_perturbation: sigma", sigma, above=0.0)

    def beside(stack):
        cells = stack.layers[1:]
        return (*tell(comparing_critic(sigma**2), cells), *gate(cells))

    def phases(stack):
        noisy = judged(stack, "noisy", on=("gate",), hold=("before",))
        return (*judged(stack, "clean"), *noisy, told(stack))

    return layered(
        sizes,
        forward=scalar_rules(
            rates,
            "credit",
            presynaptic_moments=("clean", "clean"),
            momentum=momentum,
        ),
        phases=phases,
        hidden=lambda phi: rewarded_cell(phi, sigma=sigma),
        output=lambda phi, loss: rewarded_output(phi, loss=loss, sigma=sigma),
        extra=beside,
        **{"name": "node_perturbation", **options},
    )
