"""Schemes that are exact in a limit: with which parameter, of which order, of what."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

FIRST = "input_to_hidden1_basal"
AT_REST = {"sweeps": 20_000, "tolerance": 1e-14}
DIFFERENCE = 1e-5


class Limit(NamedTuple):
    """A scheme whose update goes to a gradient as a parameter goes to 0.

    Parameters
    ----------
    algorithm : str
        Of `circuits.algorithms`.
    parameter : str
        In words.
    order : float
        With which power of it the relative error falls.
    options : callable
        ``options(value) -> dict`` of the algorithm.
    exact : callable
        ``exact(circuit, weights, inputs, targets)``, what the update of the first
        hidden layer goes to, (n_post, n_pre).
    direction : bool
        Whether lengths are left out of the error.
    weights : callable, optional
        ``weights(circuit, start) -> dict`` of further weights that the limit needs.
    """

    algorithm: str
    parameter: str
    order: float
    options: Callable[[float], dict[str, Any]]
    exact: Callable
    direction: bool = False
    weights: Callable | None = None


def backprop(circuit, weights, inputs, targets):
    """The negative gradient of the circuit's reference network."""
    from circuits import negative_gradient

    return negative_gradient(circuit, weights, inputs, targets)[FIRST]


def of_the_free_state(circuit, weights, inputs, targets):
    """-dL/dW of |t - s|^2 / 2 at the free equilibrium, by central differences."""
    from circuits import present

    read = ("output", "soma")

    def loss(moved):
        found = present(
            circuit,
            {"input": inputs},
            circuit.test_schedule,
            weights={**weights, FIRST: moved},
            reads=[read],
        )
        return 0.5 * np.sum((targets - found[read]) ** 2) / len(inputs)

    start, slope = weights[FIRST], np.empty(weights[FIRST].shape)
    for place in np.ndindex(slope.shape):
        step = np.zeros(slope.shape)
        step[place] = DIFFERENCE
        slope[place] = (loss(start - step) - loss(start + step)) / (2 * DIFFERENCE)
    return slope


def reconstruction(circuit, weights, inputs, targets):
    """-dL/dW of |x - B h|^2 / 2 along the way through h, B = W^T."""
    w = weights[FIRST]
    h = _logistic(inputs @ w.T)
    delta = (inputs - h @ w) @ w.T * h * (1.0 - h)
    return delta.T @ inputs / len(inputs)


def gauss_newton(circuit, weights, inputs, targets):
    """The delta rule for (dh_L/dh_1)^-1 (t - h_L) in the first hidden layer."""
    layers = circuit.network.layers
    names = [layer.projection for layer in layers]
    rates = [inputs]
    for layer in layers:
        drive = rates[-1] @ weights[layer.projection].T
        rates.append(_logistic(drive + weights[layer.bias][:, 0]))
    total = 0.0
    for k in range(len(inputs)):
        jacobian = np.eye(len(rates[1][k]))
        for name, h in zip(names[1:], rates[2:], strict=True):
            jacobian = (h[k] * (1.0 - h[k]))[:, None] * (weights[name] @ jacobian)
        step = np.linalg.solve(jacobian, targets[k] - rates[-1][k])
        total = total + np.outer(step * rates[1][k] * (1.0 - rates[1][k]), inputs[k])
    return total / len(inputs)


def _logistic(u):
    return 1.0 / (1.0 + np.exp(-u))


def _well_conditioned(circuit, start):
    """Orthogonal weights around rates of 1/2, and their inverses.

    Targets are then rates that the layers below can have.
    """
    from circuits.algorithms.target_propagation import exact_inverses

    given = {}
    for k, layer in enumerate(circuit.network.layers):
        q = np.linalg.qr(start[layer.projection])[0]
        given[layer.projection] = 4.0 * q if k else 0.5 * q
        given[layer.bias] = -2.0 * q.sum(axis=1, keepdims=True) * (k > 0)
    return given | exact_inverses(circuit, {**start, **given})


def _transposed_decoder(circuit, start):
    return {"hidden1_to_input_reconstruction": start[FIRST].T}


def _transposed_top_down(circuit, start):
    names = [layer.population for layer in circuit.network.layers]
    return {
        f"{above}_to_{here}_apical": start[f"{here}_to_{above}_basal"].T
        for here, above in zip(names[:-1], names[1:], strict=True)
    }


def _nudged(share):
    return {
        "form": "two_sweep",
        "tie_interneurons": True,
        "tie_inhibition": True,
        "g_output_nudge": share / (1.0 - share) * 1.1,  # of leak and basal, 0.1 + 1
    }


LIMITS = {
    "contrastive_hebbian": Limit(
        "contrastive_hebbian",
        "gain of feedback",
        1,
        lambda value: {"gain": value, **AT_REST},
        backprop,
    ),
    "generec": Limit(
        "generec",
        "gain of feedback",
        1,
        lambda value: {"gain": value, **AT_REST},
        backprop,
    ),
    "equilibrium_one_sided": Limit(
        "equilibrium_propagation",
        "beta",
        1,
        lambda value: {
            "beta": value,
            "nudging": "one_sided",
            "phi": "logistic",
            **AT_REST,
        },
        of_the_free_state,
    ),
    "equilibrium_symmetric": Limit(
        "equilibrium_propagation",
        "beta",
        2,
        lambda value: {"beta": value, "phi": "logistic", **AT_REST},
        of_the_free_state,
    ),
    "predictive_coding": Limit(
        "predictive_coding",
        "precision of the output",
        1,
        lambda value: {"output_precision": value, **AT_REST},
        backprop,
    ),
    "recirculation": Limit(
        "recirculation",
        "1 - regression",
        1,
        lambda value: {"regression": 1.0 - value},
        reconstruction,
        direction=True,
        weights=_transposed_decoder,
    ),
    "sacramento": Limit(
        "sacramento",
        "share of the teacher",
        1,
        _nudged,
        backprop,
        direction=True,
        weights=_transposed_top_down,
    ),
    "target_propagation": Limit(
        "target_propagation",
        "step of the target",
        1,
        lambda value: {
            "target_step": value,
            "inverse_of": "potentials",
            "inverse_rate": 0.0,
            "sigma": 0.0,
        },
        gauss_newton,
        weights=_well_conditioned,
    ),
}
