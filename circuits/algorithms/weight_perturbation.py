"""Weight perturbation: weights keep what made the loss smaller."""

from collections.abc import Sequence

from circuits._stack_options import checked_sizes
from circuits.algorithms._options import check_options, rates_of
from circuits.algorithms._rewards import judged, scalar_rules, tell, told
from circuits.circuit import Circuit
from circuits.perturbation import Perturbation
from circuits.stack import layered
from dendrites._checks import choice, number
from dendrites.models import comparing_critic, rewarded_cell, rewarded_output

FORMS = ("one_sided", "symmetric", "accept")


def weight_perturbation(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.01,
    momentum: float = 0.0,
    sigma: float = 0.01,
    kind: str = "normal",
    form: str = "one_sided",
    **options,
) -> Circuit:
    """All weights move at random, and a scalar tells what the loss made of it.

        one-sided   dW = eta mean(E(W) - E(W + xi)) xi / sigma^2
        symmetric   dW = eta mean(E(W - xi) - E(W + xi)) xi / (2 sigma^2)
        accept      dW = eta mean(E(W + xi) < E(W)) xi

    with one xi for all samples of a batch. The symmetric form with random signs is
    SPSA. With the learning rate 1 accepting keeps a change that made the loss smaller
    and drops any other (in a batch: the share of samples that it was good for).

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of weights and biases.
    momentum : float
        Of updates, in [0, 1).
    sigma : float
        Standard deviation of xi, > 0.
    kind : {"normal", "sign"}
        What xi is: normal, or sigma with a random sign.
    form : {"one_sided", "symmetric", "accept"}
    **options
        Further arguments of `circuits.layered`: transfer functions, loss, biases, ...

    Returns
    -------
    Circuit
        A hidden cell gets a scalar. One presentation has two passes of the network.
        The mean update is the negative gradient as sigma goes to 0, symmetric forms of
        a quadratic loss and all of normal numbers at any sigma; its mean square is (N +
        2) times that of the gradient for N weights, with signs N times.

    Raises
    ------
    ModelError
        For an unknown option, sigma = 0, and as `circuits.layered`.

    Source: Jabri & Flower, IEEE Trans. Neural Netw. 3 (1992) 154; Spall, IEEE Trans.
    Autom. Control 37 (1992) 332.
    """
    own = ("learning_rate", "momentum", "sigma", "kind", "form")
    without = ("forward", "feedback", "phases", "hidden", "output", "extra")
    without = (*without, "teacher", "signal", "perturbation")
    check_options("weight_perturbation", options, own=own, without=without)
    sizes = checked_sizes(sizes, "weight_perturbation")
    rates = rates_of("weight_perturbation", learning_rate, sizes)
    number("weight_perturbation: sigma", sigma, above=0.0)
    choice("weight_perturbation: form", form, FORMS)
    first, second = ("clean", "perturbed")
    factors = {second: 1.0}
    if form == "symmetric":
        first, second = ("minus", "plus")
        factors = {first: -1.0, second: 1.0}
    scale = (2.0 if form == "symmetric" else 1.0) * sigma**2

    def beside(stack):
        signal = "kept" if form == "accept" else "reward"
        return tell(comparing_critic(scale), stack.layers[1:], signal=signal)

    def phases(stack):
        again = judged(stack, second, hold=("before",))
        return (*judged(stack, first), *again, told(stack))

    return layered(
        sizes,
        forward=scalar_rules(
            rates,
            "reward",
            presynaptic="xi",
            momentum=momentum,
        ),
        perturbation=Perturbation(sigma, kind, factors),
        phases=phases,
        hidden=rewarded_cell,
        output=rewarded_output,
        extra=beside,
        **{"name": "weight_perturbation", **options},
    )
