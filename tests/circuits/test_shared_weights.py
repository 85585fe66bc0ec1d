"""Convolutions, pooling, local fields and slots: what arrives through them."""

import numpy as np
import pytest
from scipy.signal import convolve2d, correlate2d
from shared_kinds import circuit_of, drawn, each_kind, full, tied_back

import circuits
from circuits import (
    Constant,
    Convolution,
    Pooling,
    Tied,
)

RNG = np.random.default_rng(0)


@each_kind
@pytest.mark.parametrize("samples", [1, 3])
def test_a_product_is_that_of_the_table_of_weights(every_engine, kind, samples):
    weights = drawn(kind)
    rates = RNG.uniform(-1, 1, (samples, kind.n_pre))
    shown = circuits.present(
        circuit_of(kind),
        {"input": rates},
        reads=[("output", "basal")],
        weights={"feedforward": weights},
    )
    wanted = rates @ full(kind, weights).T
    found = shown["output", "basal"]
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(shown.weights["feedforward"], weights)


def test_a_convolution_is_that_of_scipy(every_engine):
    kind = Convolution((9, 8), (3, 4), (2, 3))
    weights, images = drawn(kind), RNG.uniform(size=(2, 2, 9, 8))
    wanted = [
        [
            sum(correlate2d(x[i], weights[o, i], "valid") for i in range(2))
            for o in range(3)
        ]
        for x in images
    ]
    shown = circuits.present(
        circuit_of(kind),
        {"input": images.reshape(2, -1)},
        reads=[("output", "basal")],
        weights={"feedforward": weights},
    )
    found = shown["output", "basal"].reshape(2, *kind.post_shape)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


def test_strides_and_padding_are_those_of_padded_images():
    kind = Convolution((7, 6), 3, stride=2, padding=1)
    weights, image = drawn(kind), RNG.uniform(size=(7, 6))
    wanted = correlate2d(np.pad(image, 1), weights[0, 0], "valid")[::2, ::2]
    assert kind.post_shape == (1, *wanted.shape)
    found = kind.drive(weights, image.reshape(1, -1), kind.n_post)
    np.testing.assert_allclose(found.reshape(wanted.shape), wanted, rtol=1e-12)
    table = image.reshape(1, -1) @ full(kind, weights).T
    np.testing.assert_allclose(table.reshape(wanted.shape), wanted, rtol=1e-12)


def test_pooling_averages_fields():
    kind = Pooling((4, 6), 2, 2)
    image = RNG.uniform(size=(2, 4, 6))
    start = circuits.initial_weights(circuit_of(kind, initial=Constant(kind.average)))
    found = kind.drive(start["feedforward"], image.reshape(1, -1), kind.n_post)
    wanted = image.reshape(2, 2, 2, 3, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(found.reshape(wanted.shape), wanted, rtol=1e-14)


def test_a_tied_transposed_convolution_is_that_of_scipy(every_engine):
    kind = Convolution((6, 5), (3, 2), (1, 2))
    weights, maps = drawn(kind), RNG.uniform(size=kind.post_shape)
    wanted = sum(convolve2d(maps[o], weights[o, 0], "full") for o in range(2))
    shown = circuits.present(
        tied_back(kind, Tied("feedforward", 2.0, transpose=True)),
        {"input": np.zeros(kind.n_pre), "above": maps.ravel()},
        reads=[("below", "basal")],
        weights={"feedforward": weights},
    )
    found = shown["below", "basal"].reshape(6, 5)
    np.testing.assert_allclose(found, 2 * wanted, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(shown.weights["back"], 2 * weights)
