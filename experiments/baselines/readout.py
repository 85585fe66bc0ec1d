"""The best output weights on the hidden layers that a circuit begins with."""

import numpy as np
from scipy.optimize import minimize

from circuits.circuit import Circuit
from circuits.gradient import feedforward
from circuits.task import Task, score
from circuits.weights import initial_weights
from dendrites._checks import choice
from dendrites.compile.loops import elementwise
from dendrites.errors import ConfigError, NumericalError

LOSSES = ("integral", "squared")


def frozen_readout(circuit: Circuit, task: Task, *, loss: str = "integral") -> dict:
    """Weights with the circuit's initial hidden layers and a converged readout.

    Minimises a loss over the output weights with L-BFGS until it converges; biases of
    the output stay as they begin.

    Parameters
    ----------
    circuit : Circuit with a `network`
    task : Task
        Fitted to its split "train".
    loss : {"integral", "squared"}
        "integral": that of `circuits.gradient`, from the circuit's own weights. It has
        several minima; the search ends in one of them. "squared": squared rate error,
        from linear least squares in the potentials.

    Returns
    -------
    dict of ndarray (n_post, n_pre), by projection

    Raises
    ------
    ConfigError
        If there is no such loss, or no potential of the output has a target rate.
    NumericalError
        If the search does not converge.

    Source: our control.
    """
    choice("frozen_readout: loss", loss, LOSSES, error=ConfigError)
    weights = initial_weights(circuit)
    layer, phi = circuit.network.layers[-1], circuit.network.phi
    train = task.splits["train"]
    rates = elementwise(phi[0], feedforward(circuit, weights, train.inputs)[-2])
    # Rates of a random layer are nearly collinear; in orthonormal coordinates the
    # search takes tens of steps instead of thousands.
    basis, mixing = np.linalg.qr(rates)
    n, shape = len(basis), circuit.shape(layer.projection)
    offset = weights[layer.bias][:, 0] if layer.bias else np.zeros(shape[0])
    offset = layer.attenuation * offset
    target = elementwise(phi[2], train.targets)
    if not np.isfinite(target).all():
        raise ConfigError(
            f"frozen_readout: targets of {task.name!r} are outside the rates of the "
            f"output of {circuit.name!r}: no potential has them"
        )
    if loss == "integral":
        lost, start = _integral(phi, target), weights[layer.projection]
        start = start @ mixing.T
        options = {"maxiter": 3000, "maxfun": 4000, "ftol": 1e-9}
    else:
        basis, mixing = basis * np.sqrt(n), mixing / np.sqrt(n)
        lost = _squared(phi, train.targets)
        start = (basis.T @ (target - offset)).T / n / layer.attenuation
        options = {"maxiter": 2000}

    def value_and_gradient(flat):
        u = layer.attenuation * basis @ flat.reshape(shape).T + offset
        value, change = lost(u)
        delta = change * layer.attenuation
        return value / n, (delta.T @ basis).ravel() / n

    found = minimize(
        value_and_gradient, start.ravel(), jac=True, method="L-BFGS-B", options=options
    )
    if not found.success:
        raise NumericalError(f"the frozen readout did not converge: {found.message}")
    final = np.linalg.solve(mixing, found.x.reshape(shape).T).T
    return {layer.projection: final}


def _integral(phi, target):
    """The loss of `circuits.gradient` and its derivative, of output potentials."""
    nodes, shares = np.polynomial.legendre.leggauss(12)
    nodes, shares = (nodes + 1) / 2, shares / 2

    def lost(u):
        gap = target - u
        mean_rate = sum(
            share * elementwise(phi[0], u + node * gap)
            for node, share in zip(nodes, shares, strict=True)
        )
        value = np.sum(gap * (mean_rate - elementwise(phi[0], u)))
        return value, -elementwise(phi[1], u) * gap

    return lost


def _squared(phi, target_rates):
    """The squared rate error and its derivative, of output potentials."""

    def lost(u):
        gap = elementwise(phi[0], u) - target_rates
        return (gap**2).sum(), 2 * gap * elementwise(phi[1], u)

    return lost


def settled_score(circuit: Circuit, task: Task, weights: dict) -> dict:
    """What the settled circuit, its feedforward network, reaches on the split "test".

    Projections without given weights have the circuit's initial ones.

    Returns
    -------
    dict
        As `circuits.task.score`: ``loss``, mean squared rate error summed over outputs,
        and ``error_rate`` of a task with labels.
    """
    weights = initial_weights(circuit, given=weights)
    test = task.splits["test"]
    output = feedforward(circuit, weights, test.inputs)[-1]
    return score(elementwise(circuit.network.phi[0], output), test)
