"""Exact gradient of the reference network inside a circuit.

Without a teacher and with silent apical dendrites, a circuit's fixed point is the
network u_k = a_k (W_k r_{k-1} + bias), r_k = phi_k(u_k), that `Feedforward` describes.
Its loss L is by default

    L = sum_i integral from u_i to t_i of (phi(s) - phi(u_i)) ds
    dL/du = -phi'(u) (t - u)

with u the output potentials and t the target potentials: the loss whose gradient a
weakly nudged dendritic microcircuit descends (its model page, "The loss").
"""

from collections.abc import Mapping

import numpy as np

from circuits.circuit import Circuit
from circuits.losses import output_error, output_loss
from circuits.network import SOFTMAX, Feedforward
from dendrites.compile.loops import elementwise
from dendrites.errors import ConfigError, ModelError


def feedforward(circuit: Circuit, weights: Mapping, inputs) -> list[np.ndarray]:
    """Potentials (n_samples, n) of every layer of the network, first hidden to output.

    Parameters
    ----------
    circuit : Circuit with a `network`
    weights : mapping of str to ndarray (n_post, n_pre), one-to-one (n,)
    inputs : ndarray (n_samples, n_inputs), rates

    Raises
    ------
    ConfigError
        If the inputs do not have one column per input cell.
    ModelError
        If the circuit does not say which feedforward network it holds.
    """
    network = _network(circuit)
    rates = np.asarray(inputs, float)
    first = network.layers[0].projection
    expected = circuit.shape(first)[1]
    if rates.ndim != 2 or rates.shape[1] != expected:
        raise ConfigError(
            f"inputs of {circuit.name!r} have shape {rates.shape}, must be (n_samples, "
            f"{expected}), one column per cell before {first!r}"
        )
    potentials = []
    for k, layer in enumerate(network.layers):
        if k:
            rates = elementwise(network.transfer(k - 1)[0], potentials[-1])
        name = layer.projection
        connectivity = circuit.projection(name).connectivity
        drive = connectivity.drive(weights[name], rates, circuit.shape(name)[0])
        if layer.bias:
            drive = drive + weights[layer.bias].T
        potentials.append(layer.attenuation * drive)
    return potentials


def negative_gradient(
    circuit: Circuit, weights: Mapping, inputs, target_rates
) -> dict[str, np.ndarray]:
    """-dL/dW of every bottom-up (and bias) projection, mean over the samples.

    Parameters
    ----------
    circuit, weights, inputs : see `feedforward`
    target_rates : ndarray (n_samples, n_outputs)

    Returns
    -------
    dict of ndarray
        Of the form of the weights.

    Source: Sacramento et al. (2018); the loss is our derivation (docs, model page).
    """
    potentials = feedforward(circuit, weights, inputs)
    network = _network(circuit)
    rates = [np.asarray(inputs, float)]
    rates += [
        elementwise(network.transfer(k)[0], u) for k, u in enumerate(potentials[:-1])
    ]
    n = len(rates[0])
    target_rates = _target_rates(circuit, target_rates, potentials[-1])
    error = output_error(network, potentials[-1], target_rates)
    result = {}
    for k in reversed(range(len(network.layers))):
        layer = network.layers[k]
        phi = network.transfer(k)
        slope = 1.0 if phi == SOFTMAX else elementwise(phi[1], potentials[k])
        delta = layer.attenuation * slope * error
        name = layer.projection
        connectivity = circuit.projection(name).connectivity
        result[name] = connectivity.outer(delta, rates[k]) / n
        if layer.bias:
            result[layer.bias] = delta.mean(axis=0).reshape(weights[layer.bias].shape)
        error = connectivity.back(weights[name], delta, circuit.shape(name)[1])
    return result


def network_loss(circuit: Circuit, weights: Mapping, inputs, target_rates) -> float:
    """The loss of a circuit's network, mean over the samples.

    Parameters
    ----------
    circuit, weights, inputs, target_rates : see `negative_gradient`
    """
    output = feedforward(circuit, weights, inputs)[-1]
    target_rates = _target_rates(circuit, target_rates, output)
    return float(output_loss(_network(circuit), output, target_rates).mean())


def _network(circuit) -> Feedforward:
    if circuit.network is None:
        raise ModelError(
            f"circuit {circuit.name!r} has no feedforward network: give it "
            "network=Feedforward(layers, phi) to compare it with an exact gradient"
        )
    return circuit.network


def _target_rates(circuit, target_rates, output):
    target_rates = np.asarray(target_rates, float)
    if target_rates.shape != output.shape:
        raise ConfigError(
            f"target_rates of {circuit.name!r} have shape {target_rates.shape}, must "
            f"be {output.shape} (n_samples, n_outputs)"
        )
    return target_rates
