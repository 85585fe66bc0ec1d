"""Rules of correlation and of three factors, against their closed forms."""

import numpy as np
import pytest

import circuits
from circuits import (
    Circuit,
    Constant,
    Phase,
    Population,
    Projection,
    Schedule,
    algorithms,
)
from circuits.stack import bottom_up
from dendrites import ActivityDifference, LowPass
from dendrites.errors import ModelError
from dendrites.models import error_cell, source

FIRST, SECOND = bottom_up("input", "hidden1"), bottom_up("hidden1", "output")
ONLY = bottom_up("input", "output")
LINEAR = {"output_phi": "identity"}


def rule_of(rule, y, mean, x, w):
    """Mean change over samples, of one layer."""
    if rule == "hebb":
        return y.T @ x / len(x)
    if rule == "oja":
        return y.T @ x / len(x) - (y**2).mean(axis=0)[:, None] * w
    factor = (y - mean) * (y if rule == "bcm" else 1.0)
    return factor.T @ x / len(x)


@pytest.mark.parametrize("rule", ["hebb", "oja", "covariance", "bcm"])
def test_layers_learn_by_the_rule_from_what_they_do(rule):
    averaging = {"averaging": 0.2} if rule in ("covariance", "bcm") else {}
    circuit = algorithms.hebbian(
        (4, 3, 2), rule=rule, phi="tanh", learning_rate=0.1, **averaging
    )
    x = np.random.default_rng(0).normal(size=(6, 4))
    with circuits.Presenter(circuit, batch=6) as presenter:
        w, means = presenter.weights(), [0.0, 0.0]
        for _ in range(3):
            presenter.present({"input": x})
            y1 = np.tanh(x @ w[FIRST].T)
            y2 = np.tanh(y1 @ w[SECOND].T)
            wanted = {}
            for k, (name, below, y) in enumerate(((FIRST, x, y1), (SECOND, y1, y2))):
                change = rule_of(rule, y, means[k], below, w[name])
                wanted[name] = w[name] + 0.1 * change
                power = 2 if rule == "bcm" else 1
                means[k] = means[k] + 0.2 * (y**power - means[k])
            w = presenter.weights()
            for name, value in wanted.items():
                np.testing.assert_allclose(w[name], value, rtol=0, atol=1e-12)


def shown_often(rule, x, rate, count, **options):
    """Weights before and after so many presentations of one batch to two cells."""
    sizes = (x.shape[1], 2)
    circuit = algorithms.hebbian(
        sizes, rule=rule, learning_rate=rate, **LINEAR, **options
    )
    with circuits.Presenter(circuit, batch=len(x)) as presenter:
        before = presenter.weights()[ONLY]
        for _ in range(count):
            presenter.present({"input": x})
        return before, presenter.weights()[ONLY]


def spread(n_samples=30):
    """Inputs with one leading direction, and their mean product."""
    x = np.random.default_rng(0).normal(size=(n_samples, 4)) * [2.0, 1.0, 0.7, 0.5]
    return x, x.T @ x / n_samples


def test_hebbian_weights_grow_as_powers_of_the_correlation():
    x, c = spread()
    before, after = shown_often("hebb", x, 0.01, 250)
    wanted = before @ np.linalg.matrix_power(np.eye(4) + 0.01 * c, 250)
    np.testing.assert_allclose(after, wanted, rtol=1e-11)
    values, vectors = np.linalg.eigh(c)
    norms = np.linalg.norm(after, axis=1)
    assert (norms > 10 * np.linalg.norm(before, axis=1)).all()
    # What is left of the second direction, by the ratio of both growth factors.
    ratio = ((1 + 0.01 * values[2]) / (1 + 0.01 * values[3])) ** 250
    first, others = before @ vectors[:, 3], before @ vectors[:, :3]
    most = ratio * np.linalg.norm(others, axis=1) / np.abs(first)
    cosine = np.abs(after @ vectors[:, 3]) / norms
    assert (np.sqrt(1 - cosine**2) <= most).all() and most.max() < 0.1


def test_oja_finds_the_first_principal_component_with_length_1():
    x, c = spread()
    _, after = shown_often("oja", x, 0.1, 300)
    first = np.linalg.eigh(c)[1][:, 3]
    signs = np.sign(after @ first)[:, None]
    np.testing.assert_allclose(signs * after, np.tile(first, (2, 1)), atol=1e-9)


def course(rule, x, rate, averaging, initial):
    """Weights of one linear cell after samples one by one."""
    circuit = algorithms.hebbian(
        (x.shape[1], 1), rule=rule, learning_rate=rate, averaging=averaging, **LINEAR
    )
    with circuits.Presenter(circuit, weights={ONLY: initial}) as presenter:
        presenter.present_many({"input": x})
        return presenter.weights()[ONLY]


def test_the_covariance_rule_does_not_see_the_mean_of_its_inputs():
    count, w = 5000, np.array([[1.0, -0.5, 0.3, 0.2]])
    scale = np.array([2.0, 1.0, 0.7, 0.5])
    x = np.random.default_rng(0).normal([1.0, 2.0, -1.0, 0.5], scale, (count, 4))
    moved = (course("covariance", x, 1e-9, 0.1, w) - w) / (1e-9 * count)
    wanted = w * scale**2
    # The mean of the past varies by 5 % of the variance of y, and multiplies all of x.
    y = (x - x.mean(axis=0)) @ w.T
    error = np.sqrt(y.var() * 1.1 * (x**2).mean(axis=0) / count) * np.sqrt(2)
    assert (np.abs(moved - wanted) < 4 * error).all()
    assert (4 * error < 0.2 * np.abs(x.mean(axis=0) * (x @ w.T).mean() + wanted)).any()


def test_bcm_cells_answer_to_one_pattern_alone():
    """Of K patterns in turn, the one at which y is the mean of squares before it.

    That mean has seen y^2 K, 2 K, ... presentations ago; it is y at about y = K.
    """
    k, a, initial = 3, 0.05, np.array([[0.5, 0.4, 0.3]])
    w = course("bcm", np.tile(np.eye(k), (2000, 1)), 0.01, a, initial)
    y = (1 - (1 - a) ** k) / (a * (1 - a) ** (k - 1))
    np.testing.assert_allclose(w, [[y, 0.0, 0.0]], atol=1e-9)
    assert abs(y - k) < 2 * a * k


def eligible(**options):
    """Two linear cells with a filtered Hebbian rule."""
    rule = ActivityDifference("rate", None, low_pass=LowPass(5.0), **options)
    return Circuit(
        (
            Population("input", source(), 3, pattern="inputs"),
            Population("output", error_cell(), 2),
        ),
        (Projection("input", "output", "basal", rule=rule, initial=Constant(0.5)),),
        Schedule((Phase("shown", 5.0, on=("input",)), Phase("after", 5.0))),
    )


def test_with_a_constant_third_factor_learning_is_filtered_hebb():
    x, updates = np.array([[0.5, -1.0, 2.0]]), []
    for options in (
        {"learning_rate": 0.4, "modulator": lambda cell, p: 0.25},
        {"learning_rate": 0.1},
    ):
        found = circuits.present(eligible(**options), {"input": x}, learning=True)
        updates.append(found.update[ONLY])
    assert np.abs(updates[0]).max() > 0.01
    np.testing.assert_allclose(updates[0], updates[1], rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"rule": "stdp"}, "rule = 'stdp'"),
        ({"rule": "oja", "averaging": 0.1}, "'oja' has no running mean"),
        ({"rule": "bcm", "averaging": 0.0}, "averaging"),
        ({"loss": "squared"}, "no option 'loss'"),
        ({"learning_rate": (0.1,)}, "1 values for 2 layers"),
    ],
)
def test_rules_that_cannot_be_are_refused(options, text):
    with pytest.raises(ModelError, match=text):
        algorithms.hebbian((4, 3, 2), **options)
