"""Apical events, and columns with error cells: updates against NumPy, and limits."""

import numpy as np
import pytest
from dendritic_layers import (
    LAYERS,
    PAIRS,
    SIZES,
    T,
    X,
    mean_product,
    weights_of,
)
from systems import logistic

import circuits
from circuits import algorithms
from circuits.stack import bottom_up
from dendrites.errors import ModelError, NumericalError

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


# --- columns with error cells ---------------------------------------------------------

FINE = {"tolerance": 1e-11, "sweeps": 5000}


@pytest.fixture(scope="module")
def columns():
    return algorithms.error_neurons(SIZES, precision=0.01, **FINE)


def relaxed(w, back, precision, sweeps=1500, step=0.1):
    """Values and errors at rest, by slow steps down."""
    values = [X]
    for below, here in PAIRS:
        u = values[-1] @ w[bottom_up(below, here)].T + w[bottom_up("bias", here)][:, 0]
        values.append(logistic(u))
    values[-1] = T
    for _ in range(sweeps):
        mus = [
            logistic(v @ w[bottom_up(*pair)].T + w[bottom_up("bias", pair[1])][:, 0])
            for v, pair in zip(values[:-1], PAIRS, strict=True)
        ]
        errors = [v - mu for v, mu in zip(values[1:], mus, strict=True)]
        errors[-1] = precision * errors[-1]
        deltas = [e * mu * (1 - mu) for e, mu in zip(errors, mus, strict=True)]
        for k in (1, 2):
            values[k] = values[k] + step * (deltas[k] @ back[k].T - errors[k - 1])
    return values, errors, deltas


@pytest.mark.parametrize("feedback", ["transposed", "random"])
def test_columns_come_to_rest_where_their_equations_say(columns, feedback):
    made, precision = columns, 0.01
    w = weights_of(made)
    back = {
        1: w[bottom_up("hidden1", "hidden2")].T,
        2: w[bottom_up("hidden2", "output")].T,
    }
    if feedback == "random":
        precision = 0.5
        made = algorithms.error_neurons(
            SIZES, precision=precision, feedback="random", **FINE
        )
        w = weights_of(made)
        back = {
            1: w["positive_hidden2_to_hidden1_apical"],
            2: w["positive_output_to_hidden2_apical"],
        }
    values, errors, deltas = relaxed(w, back, precision)
    reads = [
        (f"{sign}_{here}", "rate")
        for here in LAYERS[1:]
        for sign in ("positive", "negative")
    ]
    found = circuits.present(
        made, {"input": X, "target": T}, reads=reads, learning=True, weights=w
    )
    for k, here in enumerate(LAYERS[1:]):
        above, below = (
            found[f"positive_{here}", "rate"],
            found[f"negative_{here}", "rate"],
        )
        assert (above >= 0).all() and (below >= 0).all() and (above * below == 0).all()
        np.testing.assert_allclose(above - below, errors[k], rtol=0, atol=1e-10)
        wanted = 0.1 * mean_product(deltas[k], values[k]) / precision
        update = found.update[bottom_up(*PAIRS[k])]
        np.testing.assert_allclose(update, wanted, rtol=0, atol=1e-10)


def test_weakly_coupled_columns_learn_the_gradient_to_first_order(columns):
    lost = []
    for precision in (0.01, 0.005):
        made = columns
        if precision != 0.01:
            made = algorithms.error_neurons(SIZES, precision=precision, **FINE)
        w = weights_of(made)
        found = circuits.gradient_estimate(made, X, T, weights=w)
        exact = circuits.negative_gradient(made, w, X, T)
        lost.append([np.abs(found[name] - exact[name]).max() for name in exact])
    assert len(lost[0]) == 6
    np.testing.assert_allclose(np.log2(np.array(lost[0]) / lost[1]), 1.0, atol=0.05)


def test_errors_of_a_linear_column_have_a_closed_form():
    made = algorithms.error_neurons((5, 4, 3), phi="identity", bias=False, **FINE)
    w = circuits.initial_weights(made)
    w1, w2 = w[bottom_up("input", "hidden1")], w[bottom_up("hidden1", "output")]
    reads = [("positive_output", "rate"), ("negative_output", "rate")]
    found = circuits.present(made, {"input": X, "target": T}, reads=reads)
    error = found[reads[0]] - found[reads[1]]
    wanted = np.linalg.solve(np.eye(3) + w2 @ w2.T, (T - X @ w1.T @ w2.T).T).T
    np.testing.assert_allclose(error, wanted, rtol=0, atol=1e-10)


def test_columns_that_do_not_come_to_rest_say_so():
    made = algorithms.error_neurons(SIZES, sweeps=3)
    with pytest.raises(NumericalError, match="relaxed"):
        circuits.gradient_estimate(made, X, T)


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("kording_konig", {"threshold": -0.1}, "threshold"),
        ("kording_konig", {"event": "spike"}, "event = 'spike'"),
        ("error_neurons", {"precision": 0.0}, "precision"),
        ("error_neurons", {"tolerance": 0.0}, "tolerance"),
        ("error_neurons", {"feedback": "learned"}, "feedback = 'learned'"),
        ("error_neurons", {"output_phi": "softmax"}, "must be a dendrites.transfer"),
        ("error_neurons", {"feedback_initial": circuits.Uniform()}, "no effect"),
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
