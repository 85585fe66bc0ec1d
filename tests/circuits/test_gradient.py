"""The exact gradient against differences and an independent twin; angles to it."""

import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from reference.microcircuit_twin import conductances, integral_loss_gradient
from reference.microcircuit_twin import integral_loss as twin_loss
from scipy.sparse import issparse
from scipy.special import logsumexp
from systems import two_populations

from circuits.alignment import measure_alignment
from circuits.connectivity import OneToOne, Sparse
from circuits.gradient import feedforward, negative_gradient, network_loss
from circuits.microcircuit import microcircuit
from circuits.network import Feedforward
from circuits.weights import initial_weights
from dendrites import transfer
from dendrites.errors import ConfigError, ModelError
from dendrites.transfer import LOGISTIC

PHI = {
    "logistic": LOGISTIC,
    "soft_rectifier": transfer.soft_rectifier(),
    # The published one is nearly flat at rest: no slope for differences to resolve.
    "steep_rectifier": transfer.soft_rectifier(gamma=0.5, beta=2.0, theta=0.2),
}
# Rates that each transfer function can reach.
RATES = {
    "logistic": (0.1, 0.8),
    "soft_rectifier": (0.05, 0.4),
    "steep_rectifier": (0.05, 2.0),
}
DEPTHS = {1: [5, 4, 3], 2: [5, 4, 4, 3], 3: [5, 4, 3, 4, 2]}


def system(depth, phi, *, bias=False, batch=3, sizes=None):
    """Circuit of `depth` hidden layers, drawn weights, inputs and target rates."""
    sizes = sizes or DEPTHS[depth]
    circuit = microcircuit(sizes, phi=PHI[phi], bias=bias)
    rng = np.random.default_rng(depth)
    weights = {
        name: rng.uniform(-1.5, 1.5, value.shape)
        for name, value in initial_weights(circuit).items()
    }
    inputs = rng.uniform(-1.0, 1.0, (batch, sizes[0]))
    return circuit, weights, inputs, rng.uniform(*RATES[phi], (batch, sizes[-1]))


def with_loss(circuit, loss):
    return replace(circuit, network=replace(circuit.network, loss=loss))


@pytest.mark.parametrize("bias", [False, True], ids=["plain", "bias"])
@pytest.mark.parametrize("phi", ["logistic", "steep_rectifier"])
@pytest.mark.parametrize("depth", DEPTHS)
def test_the_gradient_equals_central_differences_of_the_loss(depth, phi, bias):
    circuit, *shown = system(depth, phi, bias=bias)
    check_differences(circuit, *shown)
    assert len(negative_gradient(circuit, *shown)) == (2 if bias else 1) * (depth + 1)


@pytest.mark.parametrize(
    ("loss", "phi"),
    [
        ("squared", "logistic"),
        ("squared", "steep_rectifier"),
        ("cross_entropy", "logistic"),
    ],
)
def test_the_gradient_of_every_loss_equals_central_differences(loss, phi):
    circuit, *shown = system(2, phi, bias=True)
    check_differences(with_loss(circuit, loss), *shown)


IDENTITY = (lambda u: u, lambda u: 1.0, lambda r: r)
TANH = (
    lambda u: math.tanh(u),
    lambda u: 1.0 - math.tanh(u) ** 2,
    lambda r: math.atanh(r),
)


@pytest.mark.parametrize("loss", ["squared", "cross_entropy"])
def test_the_gradient_of_a_softmax_equals_central_differences(loss):
    circuit, weights, inputs, rates = system(2, "logistic", bias=True)
    shown = weights, inputs, rates / rates.sum(axis=1, keepdims=True)
    check_differences(with_transfers(circuit, TANH, None, "softmax", loss=loss), *shown)


def test_every_layer_can_have_a_transfer_function_of_its_own():
    circuit, weights, inputs, rates = system(2, "logistic")
    own = with_transfers(circuit, TANH, None, IDENTITY, loss="squared")
    check_differences(own, weights, inputs, rates)
    first, second, _ = (layer.projection for layer in own.network.layers)
    a, b, c = (layer.attenuation for layer in own.network.layers)
    r = np.tanh(a * inputs @ weights[first].T)
    r = 1 / (1 + np.exp(-b * r @ weights[second].T))
    u = c * r @ weights["hidden2_to_output_basal"].T
    np.testing.assert_allclose(
        feedforward(own, weights, inputs)[-1], u, rtol=1e-13, atol=1e-15
    )
    loss = network_loss(own, weights, inputs, rates)
    assert loss == pytest.approx(((u - rates) ** 2 / 2).sum(axis=1).mean(), rel=1e-13)


def test_the_softmax_loss_is_the_cross_entropy_of_classes():
    circuit, weights, inputs, _ = system(1, "logistic")
    circuit = with_transfers(circuit, None, "softmax", loss="cross_entropy")
    weights["hidden1_to_output_basal"] *= 400.0  # beyond what an exponential holds
    u = feedforward(circuit, weights, inputs)[-1]
    labels = np.array([0, 2, 1])
    found = network_loss(circuit, weights, inputs, np.eye(3)[labels])
    wanted = np.mean(logsumexp(u, axis=1) - u[np.arange(3), labels])
    assert found == pytest.approx(wanted, rel=1e-12)


def with_transfers(circuit, *phi, loss):
    layers = [
        layer._replace(phi=own)
        for layer, own in zip(circuit.network.layers, phi, strict=True)
    ]
    return replace(circuit, network=Feedforward(layers, LOGISTIC, loss))


@pytest.mark.parametrize(
    ("phi", "loss", "message"),
    [
        (
            (None, TANH),
            "cross_entropy",
            "gives the rate -1 at the potential -10, which",
        ),
        ((None, IDENTITY), "cross_entropy", "Use one between 0 and 1"),
        ((None, "softmax"), "integral", "softmax of 'output' has no inverse"),
        (("softmax", None), "squared", "'hidden1' is a softmax, which only the last"),
        (
            (None, "tanh"),
            "squared",
            "phi of 'output' = 'tanh': must be three functions",
        ),
        (((math.tanh,), None), "squared", "'hidden1' = .* must be three functions"),
    ],
)
def test_transfer_functions_that_do_not_fit_are_refused(phi, loss, message):
    circuit = system(1, "logistic")[0]
    with pytest.raises(ModelError, match=message):
        with_transfers(circuit, *phi, loss=loss)


def test_a_network_with_functions_of_its_layers_can_be_sent():
    phi = PHI["steep_rectifier"]  # made within a function
    circuit = with_transfers(system(1, "logistic")[0], phi, None, loss="squared")
    sent = pickle.loads(pickle.dumps(circuit))
    assert sent.network.layers[0].phi[0](2.5) == phi[0](2.5)


@pytest.mark.parametrize("kind", ["one_to_one", "sparse"])
def test_the_gradient_is_that_of_the_weights_there_are(kind):
    circuit, weights, inputs, rates = system(1, "logistic", sizes=[4, 4, 3])
    name = "input_to_hidden1_basal"
    mask = np.random.default_rng(1).random((4, 4)) < 0.5
    connectivity = OneToOne() if kind == "one_to_one" else Sparse(mask)
    changed = tuple(
        replace(p, connectivity=connectivity) if p.name == name else p
        for p in circuit.projections
    )
    circuit = replace(circuit, projections=changed)
    weights[name] = np.where(mask, weights[name], 0.0)
    if kind == "one_to_one":
        weights[name] = np.array([0.5, -1.0, 1.5, 0.8])
    check_differences(circuit, weights, inputs, rates, masked={name: ~mask})


def check_differences(circuit, weights, inputs, rates, masked=()):
    """Every entry of the gradient; those of absent synapses are zero."""
    gradient = negative_gradient(circuit, weights, inputs, rates)
    step = 1e-5  # error of order step**2 and rounding / step: both below 1e-10
    for name, direction in gradient.items():
        if issparse(direction):
            direction = direction.toarray()
        differences = np.zeros_like(direction)
        absent = dict(masked).get(name) if direction.ndim > 1 else None
        for index in np.ndindex(direction.shape):
            if absent is not None and absent[index]:
                assert direction[index] == 0.0
                continue
            losses = []
            for sign in (1.0, -1.0):
                moved = {**weights, name: weights[name].copy()}
                moved[name][index] += sign * step
                losses.append(network_loss(circuit, moved, inputs, rates))
            differences[index] = (losses[1] - losses[0]) / (2 * step)
        error = np.linalg.norm(differences - direction)
        assert error < 1e-6 * np.linalg.norm(direction)


@pytest.mark.parametrize("phi", ["logistic", "soft_rectifier"])
@pytest.mark.parametrize("depth", DEPTHS)
def test_loss_and_gradient_equal_the_independent_twins(depth, phi):
    circuit, weights, inputs, rates = system(depth, phi)
    target = np.vectorize(PHI[phi][2])(rates)
    W = [weights[layer.projection] for layer in circuit.network.layers]
    g = conductances(depth + 1)
    wanted = integral_loss_gradient(W, inputs, target, g, phi)
    found = negative_gradient(circuit, weights, inputs, rates)
    for layer, direction in zip(circuit.network.layers, wanted, strict=True):
        np.testing.assert_allclose(
            found[layer.projection], direction, rtol=0, atol=1e-12
        )
    loss = network_loss(circuit, weights, inputs, rates)
    assert loss == pytest.approx(twin_loss(W, inputs, target, g, phi), rel=1e-12)


def test_a_batch_gives_the_mean_of_its_samples():
    circuit, weights, inputs, rates = system(2, "logistic", bias=True, batch=4)
    together = negative_gradient(circuit, weights, inputs, rates)
    alone = [
        negative_gradient(circuit, weights, inputs[i : i + 1], rates[i : i + 1])
        for i in range(4)
    ]
    for name, direction in together.items():
        mean = np.mean([one[name] for one in alone], axis=0)
        np.testing.assert_allclose(direction, mean, rtol=0, atol=1e-15)


def test_a_target_that_is_reached_gives_no_gradient():
    circuit, weights, inputs, _ = system(2, "logistic")
    reached = PHI["logistic"][0]
    output = feedforward(circuit, weights, inputs)[-1]
    rates = np.vectorize(reached)(output)
    for direction in negative_gradient(circuit, weights, inputs, rates).values():
        # The inverse of the rate loses a few units in the last place.
        assert np.abs(direction).max() < 1e-14
    assert abs(network_loss(circuit, weights, inputs, rates)) < 1e-14


def test_losses_are_what_they_are_called():
    circuit, weights, inputs, rates = system(1, "logistic")
    output = np.vectorize(LOGISTIC[0])(feedforward(circuit, weights, inputs)[-1])
    wanted = {
        "squared": 0.5 * (rates - output) ** 2,
        "cross_entropy": -rates * np.log(output) - (1 - rates) * np.log(1 - output),
    }
    for loss, value in wanted.items():
        found = network_loss(with_loss(circuit, loss), weights, inputs, rates)
        assert found == pytest.approx(value.sum(axis=1).mean(), rel=1e-12)


@pytest.mark.parametrize("wanted", [negative_gradient, network_loss])
def test_the_cross_entropy_of_a_rate_of_one_is_refused(wanted):
    circuit, weights, inputs, rates = system(1, "logistic")
    weights["hidden1_to_output_basal"] += 200.0
    with pytest.raises(ConfigError, match="rates must lie between 0 and 1"):
        wanted(with_loss(circuit, "cross_entropy"), weights, inputs, rates)


@pytest.mark.parametrize("wanted", [negative_gradient, network_loss])
def test_a_circuit_without_a_network_is_refused(wanted):
    circuit = two_populations()
    weights = initial_weights(circuit)
    with pytest.raises(ModelError, match=r"give it network=Feedforward\("):
        wanted(circuit, weights, np.zeros((1, 4)), np.full((1, 3), 0.5))


@pytest.mark.parametrize("shape", [(3, 4), (5,), (3, 6)])
def test_inputs_of_a_wrong_size_are_refused_with_both_sizes(shape):
    circuit, weights, _, rates = system(1, "logistic")
    with pytest.raises(ConfigError, match=r"inputs .* must be \(n_samples, 5\)"):
        negative_gradient(circuit, weights, np.zeros(shape), rates)


@pytest.mark.parametrize("shape", [(3, 4), (3,), (1, 3), (3, 1)])
def test_target_rates_of_a_wrong_shape_are_refused(shape):
    circuit, weights, inputs, _ = system(1, "logistic")
    with pytest.raises(ConfigError, match=r"target_rates .* must be \(3, 3\)"):
        negative_gradient(circuit, weights, inputs, np.full(shape, 0.5))


# Alignment


def turned(angle):
    """Two unit vectors in 20 dimensions at this angle, degree."""
    rng = np.random.default_rng(0)
    a, b = np.linalg.qr(rng.normal(size=(20, 2)))[0].T
    return a, a * np.cos(np.radians(angle)) + b * np.sin(np.radians(angle))


@pytest.mark.parametrize("angle", [1e-9, 1e-6, 1e-3, 1.0, 30.0, 90.0, 179.0, 180.0])
def test_angles_are_resolved_down_to_a_billionth_of_a_degree(angle):
    # Rounding of unit vectors, 1e-16, is an angle of 6e-15 degree or so.
    found = measure_alignment(*turned(angle))
    assert found.angle == pytest.approx(angle, rel=1e-12, abs=2e-14)
    assert found.cosine == pytest.approx(np.cos(np.radians(angle)), abs=1e-15)


@pytest.mark.parametrize("factor", [1e-200, 1e-9, 7.0, 1e200])
def test_the_angle_does_not_depend_on_the_sizes(factor):
    change, reference = turned(30.0)
    found = measure_alignment(factor * change, reference)
    assert found.angle == pytest.approx(30.0, rel=1e-12)
    assert found.norm == pytest.approx(factor, rel=1e-12)
    assert found.size_ratio == pytest.approx(factor, rel=1e-12)
    back = measure_alignment(reference, factor * change)
    assert back.size_ratio == pytest.approx(1 / factor, rel=1e-12)
    assert back.angle == pytest.approx(30.0, rel=1e-12)


def test_a_zero_vector_has_no_direction():
    some, none = np.array([[1.0, 2.0]]), np.zeros((1, 2))
    for change, reference in ((some, none), (none, some), (none, none)):
        found = measure_alignment(change, reference)
        assert found.angle == 90.0
        assert found.cosine == found.size_ratio == 0.0
        assert found.sign_agreement == 1.0
    assert measure_alignment(none, some).reference_norm == np.sqrt(5)


def test_signs_are_compared_where_neither_is_zero():
    change = np.array([1.0, -1.0, 2.0, 0.0, 3.0])
    reference = np.array([5.0, 1.0, 0.0, 1.0, 0.1])
    assert measure_alignment(change, reference).sign_agreement == 2 / 3
    assert measure_alignment(change, -change).sign_agreement == 0.0


@pytest.mark.parametrize("shape", [(6,), (3, 2), (2, 2)])
def test_arrays_of_different_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="alignment of"):
        measure_alignment(np.ones((2, 3)), np.ones(shape))
