"""Auto-encoders: every hidden layer learns a code of the layer below it."""

from collections.abc import Sequence

from circuits._microcircuit_parts import layer_names
from circuits.algorithms._codes import cells, check_codes, decoders, settled
from circuits.algorithms._options import rates_of
from circuits.circuit import Circuit
from circuits.phase import Phase
from circuits.projection import Projection
from circuits.stack import ROOT_FAN_IN, layered, up
from circuits.ties import Tied
from dendrites._checks import choice
from dendrites.activity_difference import ActivityDifference

ENCODERS = ("gradient", "fixed")


def autoencoder(
    sizes: Sequence[int],
    *,
    learning_rate: float | Sequence[float] = 0.1,
    momentum: float = 0.0,
    encoder: str = "gradient",
    input_phi="identity",
    decoder_initial=ROOT_FAN_IN,
    **options,
) -> Circuit:
    """Hidden layers learn to reconstruct what is below them, the output its targets.

        h_l = phi(W_l h_(l-1) + b_l),  x_(l-1) = phi_(l-1)(B_l h_l + c_(l-1))
        d = (h_(l-1) - x_(l-1)) o phi'_(l-1)
        dB_l = learning_rate * mean(d h_l^T)
        dW_l = learning_rate * mean((B_l^T d) o phi'(a_l) h_(l-1)^T)

    The error d lies in the layer that is reconstructed. Each layer has a loss of its
    own, |h_(l-1) - x_(l-1)|^2 / 2 with h_(l-1) as it is; no error of the output reaches
    the hidden layers.

    Parameters
    ----------
    sizes : sequence of int
        Input, hidden layers, output.
    learning_rate : float or one per layer
        Per presentation; that of a hidden layer is also that of its decoder.
    momentum : float
        Of updates, in [0, 1).
    encoder : {"gradient", "fixed"}
        W_l follows the gradient through the transposed decoder, or stays random.
    input_phi : name in `dendrites.transfer.TRANSFERS` or Transfer
        Of the reconstructed input. Hidden layers use their own phi.
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

    Source: Hinton & McClelland (1988) and Lillicrap et al. (2020) for the local
    decoder; our stack.
    Exact: always, for the loss of each layer. A hidden cell gets nothing of the task,
    and the vector of what its decoder missed; phases: forward, reconstructed; one
    presentation.
    """
    own = ("learning_rate", "momentum", "encoder", "input_phi", "decoder_initial")
    sizes = check_codes("autoencoder", sizes, options, own)
    choice("autoencoder: encoder", encoder, ENCODERS)
    rates = rates_of("autoencoder", learning_rate, sizes)
    learns = {"moments": ("reconstructed", "reconstructed"), "momentum": momentum}
    rules = [ActivityDifference("delta", None, rate, **learns) for rate in rates]
    if encoder == "fixed":
        rules[:-1] = [None] * (len(rules) - 1)
    bias = options.get("bias", True)
    error = ("picture_delta", None)
    made = decoders(sizes, rates, error, decoder_initial, bias, **learns)
    names = layer_names(sizes)

    def feedback(above, here):
        yield from made.get(here, ())
        if encoder == "gradient":
            below = names[names.index(here) - 1]
            tied = Tied(made[below][0].name, transpose=True)
            yield Projection(below, here, "error", "picture_delta", tied_to=tied)

    return layered(
        sizes,
        forward=rules,
        feedback=feedback,
        phases=lambda stack: (*up(stack), Phase(**settled(stack, "reconstructed"))),
        extra=lambda stack: made["input"],
        **cells("autoencoder", input_phi),
        **{"name": "autoencoder", **options},
    )
