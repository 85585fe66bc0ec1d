"""Gradients at fixed points, against the schemes that find them."""

import numpy as np
import pytest

import circuits
from circuits import algorithms
from experiments.family.at_rest import equilibrium_gradient, fixed_point_gradient

SIZES = (4, 6, 5, 3)
RNG = np.random.default_rng(0)
X = RNG.uniform(0.0, 1.0, (6, 4))
T = RNG.uniform(0.1, 0.9, (6, 3))


def weights_of(circuit):
    rng = np.random.default_rng(1)
    return {
        name: rng.normal(0.0, 0.3, w.shape) if name.startswith("bias") else w
        for name, w in circuits.initial_weights(circuit).items()
        if circuit.projection(name).tied_to is None and w.ndim > 1
    }


def test_recurrent_backpropagation_finds_the_gradient_of_its_fixed_point():
    circuit = algorithms.almeida_pineda(SIZES, learning_rate=1.0, tolerance=1e-14)
    weights = weights_of(circuit)
    found = circuits.gradient_estimate(circuit, X, T, weights=weights)
    exact = fixed_point_gradient(circuit, weights, X, T)
    assert exact.keys() == weights.keys()
    for name, value in exact.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-13)


@pytest.mark.parametrize("phi", ["logistic", "hard_sigmoid"])
def test_equilibrium_propagation_goes_to_the_gradient_of_its_equilibrium(phi):
    circuit = algorithms.equilibrium_propagation(
        SIZES, phi=phi, learning_rate=1.0, beta=1e-3, tolerance=1e-13
    )
    weights = weights_of(circuit)
    found = circuits.gradient_estimate(circuit, X, T, weights=weights)
    exact = equilibrium_gradient(circuit, weights, X, T)
    assert exact.keys() == weights.keys()
    for name, value in exact.items():
        size = np.abs(value).max()
        assert size > 1e-5
        # The error of a symmetric nudge is of second order, 1e-6 of the gradient.
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-5 * size)
