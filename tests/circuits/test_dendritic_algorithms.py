"""Errors in dendrites without bursts: updates against NumPy, and exact limits."""

import numpy as np
import pytest
from systems import logistic

import circuits
from circuits import algorithms
from circuits.stack import bottom_up
from dendrites.errors import ModelError

SIZES = (5, 4, 4, 3)
LAYERS = ("input", "hidden1", "hidden2", "output")
PAIRS = list(zip(LAYERS[:-1], LAYERS[1:], strict=True))
RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 5))
T = RNG.uniform(0.1, 0.9, size=(6, 3))


def weights_of(circuit, seed=0):
    """Initial weights, and biases that are not 0."""
    rng = np.random.default_rng(seed)
    return {
        name: w + rng.normal(size=w.shape) if name.startswith("bias") else w
        for name, w in circuits.initial_weights(circuit).items()
        if circuit.projection(name).tied_to is None
    }


def mean_product(post, pre):
    return post.T @ pre / len(post)


# --- two sites of integration ---------------------------------------------------------


def test_without_a_threshold_apical_events_are_backprop_bit_for_bit():
    made = algorithms.kording_konig(SIZES, threshold=0.0, feedback="transposed")
    w = weights_of(made)
    found = circuits.gradient_estimate(made, X, T, weights=w)
    wanted = circuits.gradient_estimate(algorithms.backprop(SIZES), X, T, weights=w)
    for name, value in wanted.items():
        if name in w:
            np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize("event", ["graded", "all_or_none"])
def test_only_events_teach_and_travel_down(event):
    threshold = 0.05
    made = algorithms.kording_konig(SIZES, threshold=threshold, event=event)
    w = weights_of(made)
    rates = [X]
    for below, here in PAIRS:
        u = rates[-1] @ w[bottom_up(below, here)].T
        rates.append(logistic(u + w[bottom_up("bias", here)][:, 0]))
    error, deltas, shares = T - rates[3], [], []
    for k in (3, 2, 1):
        fires = np.abs(error) > threshold
        c = fires * (error if event == "graded" else np.sign(error))
        deltas.insert(0, c * rates[k] * (1 - rates[k]))
        shares.append(fires.mean())
        if k > 1:
            error = deltas[0] @ w[f"{LAYERS[k]}_to_{LAYERS[k - 1]}_apical"].T
    assert min(shares[:2]) > 0 and min(shares) < 1
    found = circuits.gradient_estimate(made, X, T, weights=w)
    for k, (below, here) in enumerate(PAIRS):
        wanted = mean_product(deltas[k], rates[k])
        np.testing.assert_allclose(found[bottom_up(below, here)], wanted, atol=1e-14)
    if event == "all_or_none":
        # Of one example: the sign of the gradient, or nothing.
        one = circuits.gradient_estimate(made, X[:1], T[:1], weights=w)
        exact = circuits.negative_gradient(made, w, X[:1], T[:1])
        name = bottom_up("bias", "output")
        loud = np.abs(T - rates[3])[0] > threshold
        signs = np.sign(exact[name])
        np.testing.assert_array_equal(np.sign(one[name])[loud], signs[loud])
        np.testing.assert_array_equal(one[name][~loud], 0.0)


def test_no_event_no_learning():
    made = algorithms.kording_konig(SIZES, threshold=1.0)
    update = circuits.present(made, {"input": X, "target": T}, learning=True).update
    assert len(update) >= 6
    for value in update.values():
        np.testing.assert_array_equal(value, 0.0)


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("kording_konig", {"threshold": -0.1}, "threshold"),
        ("kording_konig", {"event": "spike"}, "event = 'spike'"),
        ("kording_konig", {"feedback": "learned"}, "feedback = 'learned'"),
        ("kording_konig", {"output_phi": "softmax"}, "must be a dendrites.transfer"),
        (
            "kording_konig",
            {"feedback": "transposed", "feedback_initial": circuits.Uniform()},
            "no effect",
        ),
    ],
)
def test_options_that_cannot_be_are_refused(name, options, text):
    with pytest.raises(ModelError, match=text):
        getattr(algorithms, name)(SIZES, **options)
