"""Columns in which error cells compare what a cell represents with its prediction."""

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
from circuits.stack import ONE_TO_ONE, bottom_up, layered, up
from circuits.ties import Tied
from dendrites._checks import choice, number
from dendrites.errors import ModelError
from dendrites.models import column_cell, prediction_error_cell

FEEDBACK = ("transposed", "random")
MINUS = {"connectivity": "one_to_one", "initial": Constant(-1.0)}


def error_neurons(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    precision: float = 1.0,
    feedback: str = "transposed",
    feedback_initial=None,
    sweeps: int = 1000,
    step: float = 0.2,
    tolerance: float | None = 1e-6,
    **options,
) -> Circuit:
    """A column has a cell that represents, and two that tell its error.

        mu_l = phi(a_l), a_l = W_l v_(l-1) + b_l        (basal dendrite: prediction)
        eps+ = pi_l max(v - mu, 0),  eps- = pi_l max(mu - v, 0),  eps = eps+ - eps-
        dv_l/dt = mu_l - v_l + B_(l+1) (phi'(a_(l+1)) o eps_(l+1))    of hidden layers
        dW_l = learning_rate / precision * mean((eps_l o phi'(a_l)) v_(l-1)^T)

    A target is the output's value; pi is `precision` there and 1 elsewhere. With B =
    W^T values relax down the energy sum of pi |v - mu|^2 / 2: strict predictive coding.

    Exact: as the precision goes to 0 the update of every layer goes to the gradient of
    half the squared error, with a difference of first order in it; of a linear network
    with one hidden layer the output's error at rest is (I / pi + W_2 W_2^T)^-1 (t - W_2
    W_1 x). A hidden cell is told a vector, by cells of its own column. One
    presentation, one phase in which everything relaxes (after the way up, its start).

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation, of weights and biases.
    momentum : float
        Of updates, in [0, 1).
    precision : float
        pi_L, of the output's error, > 0.
    feedback : {"transposed", "random"}
        B = W^T, or fixed and random.
    feedback_initial : initialiser, optional
        What a random B is drawn from. Default: uniform(-0.5, 0.5).
    sweeps, step, tolerance : optional
        Of the relaxation, as in `circuits.Phase`: at most so many sweeps of `step` ms,
        until no derivative is above the tolerance (times a precision below 1). None:
        all of them.
    **options
        Further arguments of `circuits.layered`: transfer functions, biases, ...

    Returns
    -------
    Circuit
        With populations "positive_<layer>" and "negative_<layer>".

    Raises
    ------
    ModelError
        For an unknown option, one without effect, a precision of 0, and as
        `circuits.layered`. While it runs, NumericalError if it does not come to rest.

    Source: Whittington & Bogacz, Neural Comput. 29 (2017) 1229 (equations as recalled);
    the two signs of error cells after Keller & Mrsic-Flogel, Neuron 100 (2018) 424.
    """
    own = ("learning_rate", "momentum", "precision", "feedback_initial", "sweeps")
    without = ("forward", "feedback", "phases", "hidden", "output", "extra", "teacher")
    without = (*without, "loss", "signal", "readout")
    own = (*own, "feedback", "step", "tolerance")
    check_options("error_neurons", options, own=own, without=without)
    sizes = checked_sizes(sizes, "error_neurons")
    rates = rates_of("error_neurons", learning_rate, sizes)
    choice("error_neurons: feedback", feedback, FEEDBACK)
    number("error_neurons: precision", precision, above=0.0)
    if feedback == "transposed" and feedback_initial is not None:
        raise ModelError(
            "error_neurons: feedback_initial has no effect with feedback = "
            "'transposed'; leave it out"
        )
    drawn = RANDOM_FEEDBACK if feedback_initial is None else feedback_initial
    if tolerance is not None:
        number("error_neurons: tolerance", tolerance, above=0.0)
        tolerance *= min(precision, 1.0)
    last = layer_names(sizes)[-1]

    def down(above, here):
        positive = f"positive_{above}_to_{here}_apical"
        weights = {"initial": drawn}
        of = positive, False
        if feedback == "transposed":
            of = bottom_up(here, above), True
            weights = {"tied_to": Tied(of[0], transpose=True)}
        yield Projection(f"positive_{above}", here, "apical", "gated", **weights)
        opposite = Tied(of[0], factor=-1.0, transpose=of[1])
        yield Projection(f"negative_{above}", here, "apical", "gated", tied_to=opposite)

    def beside(stack):
        yield Projection("target", "output", "taught", "active", **ONE_TO_ONE)
        for n, here in zip(stack.sizes[1:], stack.layers[1:], strict=True):
            pi = precision if here == last else 1.0
            for cell, more, less in (
                (f"positive_{here}", ONE_TO_ONE, MINUS),
                (f"negative_{here}", MINUS, ONE_TO_ONE),
            ):
                yield Population(cell, prediction_error_cell(pi), n)
                for signal, weight in (("value", more), ("prediction", less)):
                    name = f"{signal}_of_{here}_to_{cell}"
                    yield Projection(here, cell, "drive", signal, name=name, **weight)
                yield Projection(here, cell, "slope", "slope", **ONE_TO_ONE)
                yield Projection(cell, here, "error", "rate", **more)

    def phases(stack):
        cells = [
            name
            for here in stack.layers[1:]
            for name in (here, f"positive_{here}", f"negative_{here}")
        ]
        relaxed = Phase(
            "relaxed",
            relax=tuple(cells),
            on=("target",),
            sweeps=sweeps,
            step=step,
            tolerance=tolerance,
        )
        return (*up(stack), relaxed)

    return layered(
        sizes,
        forward=delta_rules(rates, momentum, "relaxed"),
        feedback=down,
        phases=phases,
        hidden=lambda phi: column_cell(phi, precision=precision),
        output=lambda phi, loss: column_cell(phi, precision=precision, taught=True),
        extra=beside,
        **{"name": "error_neurons", **options},
    )
