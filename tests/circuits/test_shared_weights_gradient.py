"""The exact gradient through shared weights, and a circuit that computes it."""

import numpy as np
import pytest
from backprop_circuit import backprop
from shared_kinds import KINDS

import circuits
from circuits import Pooling

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("first", ["convolution", "strided", "wide", "strided local"])
def test_backpropagation_through_shared_weights_is_the_gradient(every_engine, first):
    kind = KINDS[first]
    pool = Pooling(kind.post_shape[1:], (2, 2), kind.channels[1], stride=1)
    sizes = [kind.n_pre, kind.n_post, pool.n_post, 3]
    check_gradient(backprop(sizes, (kind, pool, circuits.Dense())))


def test_backpropagation_through_slots_is_the_gradient(every_engine):
    slots = KINDS["slots"]
    # The last cell has no synapse.
    sizes = [slots.n_pre, slots.n_post + 1, slots.n_pre, 3]
    kinds = (slots, KINDS["slots, back"], circuits.Dense())
    check_gradient(backprop([sizes[0], slots.n_post, *sizes[2:]], kinds))
    check_gradient(backprop([sizes[0], sizes[1], 3], (slots, circuits.Dense())))


def check_gradient(circuit):
    """What a circuit does, the reference network, and differences of its loss."""
    n_in, n_out = circuit.populations[0].size, circuit.populations[1].size
    inputs, targets = RNG.uniform(-1, 1, (4, n_in)), RNG.uniform(0, 1, (4, n_out))
    weights = circuits.initial_weights(circuit, seed=2)
    found = circuits.gradient_estimate(circuit, inputs, targets, weights=weights)
    wanted = circuits.negative_gradient(circuit, weights, inputs, targets)
    step = 1e-5
    for name, direction in wanted.items():
        assert direction.shape == circuit.weights_shape(name)
        size = np.abs(direction).max()
        np.testing.assert_allclose(found[name], direction, rtol=0, atol=1e-13)
        # A dozen weights of each projection, along the gradient and drawn.
        for seed in range(3):
            along = np.random.default_rng(seed).normal(size=direction.shape)
            along = circuit.projection(name).connectivity.masked(along)
            losses = [
                circuits.network_loss(
                    circuit,
                    weights | {name: weights[name] + sign * step * along},
                    inputs,
                    targets,
                )
                for sign in (1.0, -1.0)
            ]
            slope = (losses[1] - losses[0]) / (2 * step)
            error = abs(slope - (along * direction).sum())
            assert error < 1e-6 * np.linalg.norm(along) * size
