"""Losses of a reference network, and how they change with the output potentials.

All take output potentials u and target rates (n_samples, n_outputs). The equations are
those of `network.Feedforward`.
"""

from collections.abc import Callable

import numpy as np

from circuits.network import SOFTMAX, Feedforward
from dendrites.compile.loops import elementwise
from dendrites.errors import ConfigError


def output_loss(network: Feedforward, u, target_rates) -> np.ndarray:
    """Loss (n_samples,) of output potentials u, summed over the output cells.

    Raises
    ------
    ConfigError
        If an output rate is none that the loss is defined for.
    """
    value, _ = _losses(network)
    return value(network.transfer(-1), u, target_rates).sum(axis=1)


def output_error(network: Feedforward, u, target_rates) -> np.ndarray:
    """e (n_samples, n_outputs) of the derivative dL/du = -phi'(u) e.

    Of a softmax, whose slope is no function of one potential, that of dL/du = -e.

    Raises
    ------
    ConfigError
        If an output rate is none that the loss is defined for.
    """
    _, error = _losses(network)
    return error(network.transfer(-1), u, target_rates)


def _integral(phi, u, target_rates):
    # Gauss-Legendre quadrature
    target = elementwise(phi[2], target_rates)
    nodes, node_weights = np.polynomial.legendre.leggauss(40)
    s = u[..., None] + (target - u)[..., None] * (nodes + 1) / 2
    difference = elementwise(phi[0], s) - elementwise(phi[0], u)[..., None]
    return (difference * node_weights).sum(-1) * (target - u) / 2


def _integral_error(phi, u, target_rates):
    return elementwise(phi[2], target_rates) - u


def _squared(phi, u, target_rates):
    return (target_rates - elementwise(phi[0], u)) ** 2 / 2


def _squared_error(phi, u, target_rates):
    return target_rates - elementwise(phi[0], u)


def _cross_entropy(phi, u, target_rates):
    rates = _shares(phi, u)
    return -target_rates * np.log(rates) - (1 - target_rates) * np.log1p(-rates)


def _cross_entropy_error(phi, u, target_rates):
    rates = _shares(phi, u)
    return (target_rates - rates) / (rates * (1 - rates))


def _shares(phi, u):
    """Output rates, which must lie between 0 and 1."""
    rates = elementwise(phi[0], u)
    wrong = rates[~((rates > 0) & (rates < 1))]
    if wrong.size:
        raise ConfigError(
            f"cross entropy of an output rate of {wrong[0]:g}: rates must lie between "
            "0 and 1. Use smaller weights, or another loss"
        )
    return rates


def _log_softmax(u):
    u = u - u.max(axis=1, keepdims=True)
    return u - np.log(np.exp(u).sum(axis=1, keepdims=True))


def _softmax(u):
    return np.exp(_log_softmax(u))


def _softmax_cross_entropy(phi, u, target_rates):
    return -target_rates * _log_softmax(u)


def _softmax_cross_entropy_error(phi, u, target_rates):
    return target_rates - target_rates.sum(axis=1, keepdims=True) * _softmax(u)


def _softmax_squared(phi, u, target_rates):
    return (target_rates - _softmax(u)) ** 2 / 2


def _softmax_squared_error(phi, u, target_rates):
    # The slope is the matrix r_i (delta_ij - r_j).
    rates = _softmax(u)
    error = target_rates - rates
    return rates * (error - (rates * error).sum(axis=1, keepdims=True))


def _losses(network) -> tuple[Callable, Callable]:
    """A loss and its error, as functions of (phi, u, target_rates)."""
    return (_OF_SOFTMAX if network.transfer(-1) == SOFTMAX else _LOSSES)[network.loss]


_LOSSES: dict[str, tuple[Callable, Callable]] = {
    "integral": (_integral, _integral_error),
    "squared": (_squared, _squared_error),
    "cross_entropy": (_cross_entropy, _cross_entropy_error),
}
_OF_SOFTMAX: dict[str, tuple[Callable, Callable]] = {
    "squared": (_softmax_squared, _softmax_squared_error),
    "cross_entropy": (_softmax_cross_entropy, _softmax_cross_entropy_error),
}
