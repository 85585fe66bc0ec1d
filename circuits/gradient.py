"""Exact gradient of the feedforward network inside a circuit.

Without a teacher and with silent apical dendrites, a circuit's fixed point is the
network u_k = a_k (W_k r_{k-1} + bias), r_k = phi(u_k). Its loss is

    L = sum_i integral from u_i to t_i of (phi(s) - phi(u_i)) ds
    dL/du = -phi'(u) (t - u)

with u the output potentials and t the target potentials: the loss whose gradient a
weakly nudged dendritic microcircuit descends (model page, check C5).
"""

from collections.abc import Mapping

import numpy as np

from circuits.circuit import Circuit
from dendrites.compile.loops import elementwise
from dendrites.errors import ConfigError, ModelError

LOSS = "integral of (phi(s) - phi(u)) from output to target potential"


def feedforward(circuit: Circuit, weights: Mapping, inputs) -> list[np.ndarray]:
    """Potentials (n_samples, n) of every layer of the network, first hidden to output.

    Parameters
    ----------
    circuit : Circuit with `layers` and `phi`
    weights : mapping of str to ndarray (n_post, n_pre)
    inputs : ndarray (n_samples, n_inputs), rates

    Raises
    ------
    ConfigError
        If the inputs do not have one column per input cell.
    ModelError
        If the circuit does not say which feedforward network it holds.
    """
    if not circuit.layers or circuit.phi is None:
        raise ModelError(
            f"circuit {circuit.name!r} has no feedforward network: give it `layers` "
            "and `phi` to compare it with an exact gradient"
        )
    rates = np.asarray(inputs, float)
    first = circuit.layers[0].projection
    expected = circuit.shape(first)[1]
    if rates.ndim != 2 or rates.shape[1] != expected:
        raise ConfigError(
            f"inputs of {circuit.name!r} have shape {rates.shape}, must be (n_samples, "
            f"{expected}), one column per cell before {first!r}"
        )
    potentials = []
    for layer in circuit.layers:
        drive = rates @ weights[layer.projection].T
        if layer.bias:
            drive = drive + weights[layer.bias].T
        potentials.append(layer.attenuation * drive)
        rates = elementwise(circuit.phi[0], potentials[-1])
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
    dict of ndarray (n_post, n_pre)

    Source: Sacramento et al. (2018); the loss is our derivation (docs, model page).
    """
    potentials = feedforward(circuit, weights, inputs)
    phi, slope, inverse = circuit.phi
    rates = [np.asarray(inputs, float)]
    rates += [elementwise(phi, u) for u in potentials[:-1]]
    n = len(rates[0])
    target = elementwise(inverse, _target_rates(circuit, target_rates, potentials[-1]))
    error = target - potentials[-1]
    result = {}
    for k in reversed(range(len(circuit.layers))):
        layer = circuit.layers[k]
        delta = layer.attenuation * elementwise(slope, potentials[k]) * error
        result[layer.projection] = delta.T @ rates[k] / n
        if layer.bias:
            result[layer.bias] = delta.mean(axis=0)[:, None]
        error = delta @ weights[layer.projection]
    return result


def integral_loss(circuit: Circuit, weights: Mapping, inputs, target_rates) -> float:
    """The loss itself, mean over the samples, by Gauss-Legendre quadrature."""
    output = feedforward(circuit, weights, inputs)[-1]
    phi, _, inverse = circuit.phi
    target = elementwise(inverse, _target_rates(circuit, target_rates, output))
    nodes, node_weights = np.polynomial.legendre.leggauss(40)
    s = output[..., None] + (target - output)[..., None] * (nodes + 1) / 2
    difference = elementwise(phi, s) - elementwise(phi, output)[..., None]
    integral = (difference * node_weights).sum(-1) * (target - output) / 2
    return float(integral.sum(axis=1).mean())


def _target_rates(circuit, target_rates, output):
    target_rates = np.asarray(target_rates, float)
    if target_rates.shape != output.shape:
        raise ConfigError(
            f"target_rates of {circuit.name!r} have shape {target_rates.shape}, must "
            f"be {output.shape} (n_samples, n_outputs)"
        )
    return target_rates
