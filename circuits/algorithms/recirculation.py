"""Recirculation: a layer learns to be what it was when its own picture comes back."""

from collections.abc import Sequence

from circuits._microcircuit_parts import layer_names
from circuits.algorithms._codes import cells, check_codes, decoders, settled
from circuits.algorithms._options import rates_of
from circuits.circuit import Circuit
from circuits.phase import Phase
from circuits.projection import Projection
from circuits.stack import ROOT_FAN_IN, bottom_up, layered, up
from circuits.ties import Tied
from dendrites._checks import number
from dendrites.activity_difference import ActivityDifference


def recirculation(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    regression: float = 0.75,
    input_phi="identity",
    decoder_initial=ROOT_FAN_IN,
    **options,
) -> Circuit:
    """Activity goes up, down and up again; both layers learn to keep what they were.

        x_0 -> h_1 = phi(W x_0 + b)
            -> x_2 = lambda x_0 + (1 - lambda) phi_0(B h_1 + c)
            -> h_3 = lambda h_1 + (1 - lambda) phi(W x_2 + b)
        dB = learning_rate * mean((x_0 - x_2) h_1^T)
        dW = learning_rate * mean((h_1 - h_3) x_2^T)

    of every hidden layer and the layer below it, with no derivative and no error sent;
    the output learns its targets by the delta rule.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation; that of a hidden layer is also that of its decoder. Updates of
        W shrink with (1 - lambda)^2, those of B with 1 - lambda.
    momentum : float
        Of updates, in [0, 1).
    regression : float
        lambda, in [0, 1): the share of its activity that a layer keeps.
    input_phi : name in `dendrites.transfer.TRANSFERS` or Transfer
        phi_0, of the reconstructed input. Hidden layers use their own phi.
    decoder_initial : initialiser
        What the weights B are drawn from.
    **options
        Further arguments of `circuits.layered`: transfer functions, loss, biases, ...

    Returns
    -------
    Circuit

    Raises
    ------
    ModelError
        For an unknown option, sizes without hidden layers, and as `circuits.layered`.

    Source: Hinton & McClelland, NIPS (1988) 358; our stack.
    Exact: with B = W^T and a linear picture dW becomes parallel to the gradient of
    |x_0 - phi_0|^2 / 2, by an angle in proportion to 1 - lambda. A hidden cell gets the
    difference of its own activity at two times; phases: forward, recirculated; one
    presentation.
    """
    name, moment = "recirculation", ("recirculated", "recirculated")
    own = ("learning_rate", "momentum", "regression", "input_phi", "decoder_initial")
    sizes = check_codes(name, sizes, options, own)
    number(f"{name}: regression", regression, least=0.0, below=1.0)
    rates = rates_of(name, learning_rate, sizes)
    learns = {"moments": moment, "momentum": momentum}
    encoders = [
        ActivityDifference("rate", "again", rate, presynaptic="regressed", **learns)
        for rate in rates[:-1]
    ]
    readout = ActivityDifference("delta", None, rates[-1], **learns)
    error, bias = ("rate", "regressed"), options.get("bias", True)
    made = decoders(sizes, rates, error, decoder_initial, bias, **learns)
    names = layer_names(sizes)

    def feedback(above, here):
        yield from made.get(here, ())
        below = names[names.index(here) - 1]
        for pre, signal in (
            (below, "regressed"),
            *([("bias", "rate")] if bias else ()),
        ):
            tied = Tied(bottom_up(pre, here))
            yield Projection(pre, here, "heard", signal, tied_to=tied)

    return layered(
        sizes,
        forward=[*encoders, readout],
        feedback=feedback,
        extra=lambda stack: made["input"],
        phases=lambda stack: (*up(stack), Phase(**settled(stack, moment[0]))),
        **cells(name, input_phi, regression=regression),
        **{"name": name, **options},
    )
