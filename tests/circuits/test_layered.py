"""Stacks of layers: their parts, their reference network, and what they refuse."""

import math

import numpy as np
import pytest

import circuits
from circuits import Projection, Uniform, layered
from circuits.algorithms import backprop
from dendrites import ActivityDifference, transfer
from dendrites.errors import ModelError
from dendrites.models import error_cell, taught_cell

SIZES = (6, 5, 4, 3)
ASKED = (-2.3, -0.7, 0.2, 0.55, 1.7)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(7, 6))
SHARES = RNG.uniform(0.1, 0.9, size=(7, 3))
SHARES /= SHARES.sum(axis=1, keepdims=True)


def weights_of(circuit, seed=0):
    """Initial weights, and biases that are not 0."""
    rng = np.random.default_rng(seed)
    return {
        name: w + rng.normal(size=w.shape) if name.startswith("bias") else w
        for name, w in circuits.initial_weights(circuit, seed=seed).items()
        if circuit.projection(name).tied_to is None
    }


@pytest.mark.parametrize("name", transfer.TRANSFERS)
def test_slope_and_inverse_belong_to_the_transfer_function(name):
    rate, slope, inverse = transfer.TRANSFERS[name]
    for u in ASKED:
        step = 1e-6
        central = (rate(u + step) - rate(u - step)) / (2 * step)
        assert math.isclose(slope(u), central, rel_tol=1e-6, abs_tol=1e-8)
        if slope(u) > 1e-6:
            assert math.isclose(inverse(rate(u)), u, rel_tol=1e-9)


@pytest.mark.parametrize(
    ("phi", "output_phi", "loss"),
    [
        ("logistic", "logistic", "squared"),
        ("logistic", None, "cross_entropy"),
        ("tanh", "identity", "squared"),
        ("relu", "softmax", "cross_entropy"),
        ("relu", "softmax of rates", "cross_entropy"),
        (("softplus", "soft_sigmoid"), "hard_sigmoid", "squared"),
        ((transfer.soft_rectifier(theta=0.5), "tanh"), "logistic", "squared"),
    ],
    ids=[
        "logistic",
        "cross-entropy",
        "tanh",
        "softmax",
        "rates",
        "softplus",
        "rectifier",
    ],
)
def test_backprop_of_any_functions_is_the_exact_gradient(phi, output_phi, loss):
    targets = SHARES
    if output_phi == "softmax of rates":  # they need not sum to 1
        output_phi, targets = "softmax", SHARES + 0.1
    circuit = backprop(SIZES, phi=phi, output_phi=output_phi, loss=loss)
    weights = weights_of(circuit)
    found = circuits.gradient_estimate(circuit, X, targets, weights=weights)
    exact = circuits.negative_gradient(circuit, weights, X, targets)
    assert len(exact) == 6
    for name, value in exact.items():
        # An update is read off weights, which are known to their last bit.
        bit = np.finfo(float).eps * np.abs(weights[name]).max() / 0.1
        size = np.abs(value).max()
        tolerance = 4 * bit + 1e-13 * size
        np.testing.assert_allclose(found[name], value, rtol=0, atol=tolerance)


@pytest.mark.parametrize("sizes", [(4, 2), (4, 3, 2), (4, 3, 3, 3, 3, 2)])
@pytest.mark.parametrize("bias", [True, False])
def test_stacks_have_any_depth_with_and_without_biases(sizes, bias):
    circuit = backprop(sizes, bias=bias, phi="tanh", output_phi="identity")
    weights = weights_of(circuit)
    x, t = X[:, :4], SHARES[:, :2]
    found = circuits.gradient_estimate(circuit, x, t, weights=weights)
    exact = circuits.negative_gradient(circuit, weights, x, t)
    assert len(exact) == (len(sizes) - 1) * (2 if bias else 1)
    for name, value in exact.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-13)


def test_a_softmax_answers_with_shares():
    circuit = backprop(SIZES, output_phi="softmax", loss="cross_entropy")
    weights = weights_of(circuit)
    schedule = circuit.test_schedule
    reads = [("output", "rate")]
    found = circuits.present(
        circuit, {"input": X}, weights=weights, schedule=schedule, reads=reads
    )
    r = X
    names = ("input", "hidden1", "hidden2", "output")
    for below, here in zip(names[:-1], names[1:], strict=True):
        w = weights[f"{below}_to_{here}_basal"]
        u = r @ w.T + weights[f"bias_to_{here}_basal"][:, 0]
        r = 1 / (1 + np.exp(-u))
    wanted = np.exp(u) / np.exp(u).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found["output", "rate"], wanted, rtol=1e-12)


def test_each_layer_can_have_a_rule_of_its_own():
    rates = (0.1, 0.0, 0.3)
    circuit = backprop(SIZES, learning_rate=rates)
    weights = weights_of(circuit)
    patterns = {"input": X, "target": SHARES}
    found = circuits.present(circuit, patterns, weights=weights, learning=True)
    exact = circuits.negative_gradient(circuit, weights, X, SHARES)
    for name, rate in zip(circuit.projections[:3], rates, strict=True):
        wanted = rate * exact[name.name]
        np.testing.assert_allclose(found.update[name.name], wanted, atol=1e-14)


def test_training_a_stack_learns_and_tests_without_a_teacher():
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, (300, 2))
    labels = (x[:, 0] * x[:, 1] > 0).astype(int)  # no line separates these
    task = circuits.Task(
        "quadrants",
        {
            name: circuits.Split(x[rows], np.eye(2)[labels[rows]], labels[rows], rows)
            for name, rows in (("train", np.arange(200)), ("test", np.arange(200, 300)))
        },
    )
    circuit = backprop((2, 16, 2), phi="tanh", output_phi="softmax", seed=1,
                       loss="cross_entropy", learning_rate=0.5)  # fmt: skip
    run = circuits.train(circuit, task, epochs=40, batch=10)
    errors = run["training"].error_rate.sel(split="test").values
    assert errors[0] > 0.3 and errors[-1] < 0.1


def test_what_is_extra_is_added():
    def twice(stack):
        assert stack.layers == ("input", "hidden1", "output")
        yield circuits.Population("critic", error_cell(), 2)
        yield Projection("output", "critic", "basal", initial=Uniform())

    circuit = layered((3, 4, 2), extra=twice)
    assert circuit.population("critic").size == 2
    assert circuit.projection("output_to_critic_basal").pre == "output"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"sizes": (3,)}, "must be the sizes of an input"),
        ({"sizes": (3, 0, 2)}, "sizes: expected a whole number >= 1"),
        ({"phi": "tanhh"}, "did you mean 'tanh'"),
        ({"phi": ("tanh",) * 3}, "3 values for 1 hidden layers"),
        ({"output_phi": "soft"}, "output_phi = 'soft'"),
        ({"phi": "softmax"}, "phi = 'softmax'"),
        ({"output_phi": "softmax"}, "loss = 'squared' of a softmax"),
        ({"output_phi": "tanh", "loss": "cross_entropy"}, "whose delta is its error"),
        ({"loss": "integral"}, "loss = 'integral'"),
        ({"forward": [ActivityDifference("delta", None)] * 3}, "for 2 layers"),
        ({"bias": 1}, "bias"),
    ],
    ids=str,
)
def test_parts_that_do_not_fit_are_refused(options, text):
    with pytest.raises(ModelError, match=text):
        layered(**{"sizes": (3, 4, 2), **options})


@pytest.mark.parametrize("make", [layered, backprop])
def test_phi_is_that_of_the_output_where_there_is_no_hidden_layer(make):
    (output,) = make((5, 2), phi="tanh").network.layers
    assert output.phi == transfer.TANH
    (usual,) = make((5, 2)).network.layers
    assert usual.phi == transfer.LOGISTIC


def test_cells_refuse_what_is_no_transfer_function():
    with pytest.raises(ModelError, match=r"error_cell: phi = .*Transfer"):
        error_cell("tanh")
    with pytest.raises(ModelError, match="phi = 'tanh'"):
        taught_cell("tanh")
