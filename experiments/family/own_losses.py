"""Exact gradients of losses that layers have of their own."""

from collections.abc import Mapping

import numpy as np

from circuits import Circuit, negative_gradient
from circuits.gradient import feedforward
from circuits.stack import bottom_up
from dendrites.compile.loops import elementwise
from dendrites.transfer import TRANSFERS


def reconstruction_gradient(
    circuit: Circuit, weights: Mapping, inputs, targets
) -> dict[str, np.ndarray]:
    """-dE/dW of what hidden layers lose of the layer below, and of the output's loss.

        E_l = |h_(l-1) - phi(B_l h_l + c)|^2 / 2,   h_l = phi(W_l h_(l-1) + b_l)

    of every hidden layer with h_(l-1) as it is; the output has the loss of the task.

    Parameters
    ----------
    circuit : Circuit
        Of `circuits.algorithms.autoencoder` with an identity as `input_phi`.
    weights, inputs, targets : as in `circuits.negative_gradient`

    Returns
    -------
    dict of ndarray (n_post, n_pre)
        Bottom-up weights.
    """
    found = negative_gradient(circuit, weights, inputs, targets)
    potentials = feedforward(circuit, weights, inputs)
    below, rates = "input", np.asarray(inputs, float)
    sends = TRANSFERS["identity"]
    for k, layer in enumerate(circuit.network.layers[:-1]):
        here = layer.population
        receives = circuit.network.transfer(k)
        h = elementwise(receives[0], potentials[k])
        decoder = weights[f"{here}_to_{below}_reconstruction"]
        drive = h @ decoder.T + weights[f"bias_to_{below}_reconstruction"][:, 0]
        missed = (rates - elementwise(sends[0], drive)) * elementwise(sends[1], drive)
        delta = (missed @ decoder) * elementwise(receives[1], potentials[k])
        found[bottom_up(below, here)] = delta.T @ rates / len(rates)
        below, rates, sends = here, h, receives
    return found
