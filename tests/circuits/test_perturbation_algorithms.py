"""Perturbed weights and perturbed cells, against what they follow on average."""

import itertools

import numpy as np
import pytest

import circuits
from circuits import algorithms
from circuits.stack import bottom_up
from dendrites.errors import ModelError

SIZES = (5, 4, 3)
NAMES = ("input", "hidden1", "output")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 5))
T = np.eye(3)[RNG.integers(0, 3, 6)]
FORMS = {
    "one_sided": ("normal", (0.0, 1.0), 1.0),
    "symmetric": ("sign", (-1.0, 1.0), 2.0),
    "accept": ("normal", (0.0, 1.0), None),
}


def logistic(u):
    return 1.0 / (1.0 + np.exp(-u))


def potentials(w, x, added=(0.0, 0.0)):
    """Of both layers, with noise that is added to them."""
    a1 = x @ w[bottom_up("input", "hidden1")].T + w[bottom_up("bias", "hidden1")].T
    a1 = a1 + added[0]
    above = bottom_up("hidden1", "output")
    return a1, logistic(a1) @ w[above].T + w[bottom_up("bias", "output")].T + added[1]


def squared(u):
    return 0.5 * ((T - logistic(u)) ** 2).sum(axis=1)


def cross_entropy(u):
    p = logistic(u)
    return -(T * np.log(p) + (1 - T) * np.log(1 - p)).sum(axis=1)


def shares(u):
    return np.exp(u) / np.exp(u).sum(axis=1, keepdims=True)


LOSSES = {
    ("logistic", "squared"): squared,
    ("logistic", "cross_entropy"): cross_entropy,
    ("softmax", "cross_entropy"): lambda u: -(T * np.log(shares(u))).sum(axis=1),
    ("softmax", "squared"): lambda u: 0.5 * ((T - shares(u)) ** 2).sum(axis=1),
}


@pytest.mark.parametrize("form", FORMS)
def test_weights_move_along_what_was_added_as_the_loss_fell(form):
    kind, factors, scale = FORMS[form]
    options = {"sigma": 0.1, "kind": kind, "form": form, "learning_rate": 0.3}
    circuit = algorithms.weight_perturbation(SIZES, **options)
    with circuits.Presenter(circuit, batch=len(X)) as presenter:
        w = presenter.weights()
        presenter.present({"input": X, "target": T})
        after = presenter.weights()
        xi = {k: presenter.perturbation(k) for k in w if k.endswith("basal")}
    first, second = (
        squared(potentials({k: w[k] + f * xi[k] for k in xi}, X)[1]) for f in factors
    )
    told = (first - second) / (scale * 0.01) if scale else second < first
    assert scale or 0 < told.mean() < 1
    for name, added in xi.items():
        wanted = w[name] + 0.3 * told.mean() * added
        np.testing.assert_allclose(after[name], wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("output", LOSSES, ids="-".join)
def test_cells_learn_from_their_own_noise_as_the_loss_fell(output):
    phi, loss = output
    circuit = algorithms.node_perturbation(
        SIZES, sigma=0.1, learning_rate=0.3, output_phi=phi, loss=loss
    )
    reads = [(name, "noise", "told") for name in NAMES[1:]]
    shown = {"input": X, "target": T}
    found = circuits.present(circuit, shown, reads=reads, learning=True)
    w, xi = found.before, [found[read] for read in reads]
    assert all(0.05 < noise.std() < 0.2 for noise in xi)
    a1, u = potentials(w, X)
    fell = LOSSES[output](u) - LOSSES[output](potentials(w, X, xi)[1])
    for k, below in enumerate((X, logistic(a1))):
        factor = fell[:, None] * xi[k] / 0.01
        wanted = 0.3 * factor.T @ below / len(X)
        name = bottom_up(NAMES[k], NAMES[k + 1])
        np.testing.assert_allclose(found.update[name], wanted, rtol=0, atol=1e-12)
        wanted = 0.3 * factor.mean(axis=0)[:, None]
        name = bottom_up("bias", NAMES[k + 1])
        np.testing.assert_allclose(found.update[name], wanted, rtol=0, atol=1e-12)


LINEAR = {"phi": "identity", "output_phi": "identity", "bias": False}
ONLY = bottom_up("input", "output")


def far(n):
    """A target that linear cells are far from."""
    return np.random.default_rng(n).normal(0.0, 3.0, (1, n))


def linear(n_outputs=2, **options):
    """One layer of linear cells, one sample, and the negative gradient."""
    circuit = algorithms.weight_perturbation((5, n_outputs), **LINEAR, **options)
    x, t = X[:1], far(n_outputs)
    w = circuits.initial_weights(circuit)
    return circuit, x, t, w, circuits.negative_gradient(circuit, w, x, t)[ONLY]


def mean_update(circuit, x, t, count):
    """Over the learning rate, by presentations that leave the weights as they are."""
    rate = 1e-9
    with circuits.Presenter(circuit, learning_rates={ONLY: rate}) as presenter:
        before = presenter.weights()[ONLY]
        shown = {"input": x, "target": t}
        presenter.present_many({k: np.repeat(v, count, 0) for k, v in shown.items()})
        return (presenter.weights()[ONLY] - before) / (rate * count)


def close_on_average(mean, wanted, second_moment, count):
    """Whether a mean of so many vectors is within four standard errors."""
    left = np.sqrt((second_moment - (wanted**2).sum()) / count)
    assert np.linalg.norm(mean - wanted) < 4 * left
    assert left < 0.1 * np.linalg.norm(wanted)


def test_perturbed_weights_follow_a_quadratic_loss_whatever_their_size():
    circuit, x, t, w, g = linear(sigma=0.5)
    count = 20_000
    mean = mean_update(circuit, x, t, count)
    # Of other draws: how far single estimates are from their mean.
    xi = np.random.default_rng(1).normal(size=(20_000, *g.shape)) * 0.5
    fell = [((t - x @ (w[ONLY] + f * xi).swapaxes(1, 2)) ** 2) for f in (0, 1)]
    fell = 0.5 * (fell[0] - fell[1]).sum(axis=(1, 2))
    one = (fell[:, None, None] * xi / 0.25) ** 2
    close_on_average(mean, g, one.sum(axis=(1, 2)).mean(), count)


def test_accepted_changes_point_along_the_gradient_on_average():
    sigma, count = 1e-3, 20_000
    circuit, x, t, _, g = linear(sigma=sigma, form="accept")
    mean = mean_update(circuit, x, t, count)
    wanted = sigma / np.sqrt(2 * np.pi) * g / np.linalg.norm(g)
    close_on_average(mean, wanted, g.size * sigma**2 / 2, count)


def test_random_signs_and_a_symmetric_difference_have_a_mean_square_of_n():
    circuit, x, t, w, g = linear(sigma=0.2, kind="sign", form="symmetric")
    with circuits.Presenter(circuit, learning_rates={ONLY: 1.0}) as presenter:
        for _ in range(3):
            presenter.set_weights({ONLY: w[ONLY]})
            presenter.present({"input": x, "target": t})
            signs = presenter.perturbation(ONLY) / 0.2
            moved = presenter.weights()[ONLY] - w[ONLY]
            np.testing.assert_allclose(moved, (g * signs).sum() * signs, atol=1e-12)
    # Hence over all signs N |g|^2, and g itself in the mean.
    every = np.array(list(itertools.product((-1.0, 1.0), repeat=g.size)))
    every = (every @ g.ravel())[:, None] * every
    np.testing.assert_allclose(every.mean(axis=0), g.ravel(), atol=1e-12)
    square = (every**2).sum(axis=1).mean()
    np.testing.assert_allclose(square, g.size * (g**2).sum(), rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("n_outputs", [2, 8, 32])
def test_the_mean_square_of_perturbed_weights_is_n_plus_2(n_outputs):
    circuit, x, t, w, g = linear(n_outputs, sigma=1e-5)
    count, total = 40_000, 0.0
    with circuits.Presenter(circuit, learning_rates={ONLY: 0.0}) as presenter:
        for _ in range(count):
            presenter.present({"input": x, "target": t})
            reward = presenter.read("output", "reward")[0, 0]
            total += ((reward * presenter.perturbation(ONLY)) ** 2).sum()
    # Four standard errors of the smallest network are 4 %.
    ratio = total / count / (g**2).sum()
    np.testing.assert_allclose(ratio, g.size + 2, rtol=0.04)


@pytest.mark.parametrize("sizes", [(5, 8, 2), (5, 30, 10)])
def test_the_mean_square_of_perturbed_cells_is_n_plus_2(sizes):
    count, n = 40_000, sum(sizes[1:])
    circuit = algorithms.node_perturbation(sizes, sigma=1e-5, **LINEAR)
    w = circuits.initial_weights(circuit)
    x, t = X[:1], far(sizes[-1])
    shown = {"input": np.repeat(x, count, 0), "target": np.repeat(t, count, 0)}
    names = ("hidden1", "output")
    reads = [("output", "reward", "told"), *((n, "noise", "told") for n in names)]
    found = circuits.present(circuit, shown, reads=reads)
    noise = np.hstack([found[read] for read in reads[1:]])
    found = found[reads[0]][:, :1] * noise
    above = w[bottom_up("hidden1", "output")]
    delta = (t - x @ w[bottom_up("input", "hidden1")].T @ above.T)[0]
    g = np.concatenate([delta @ above, delta])
    close_on_average(found.mean(axis=0), g, (n + 2) * (g**2).sum(), count)
    ratio = (found**2).sum(axis=1).mean() / (g**2).sum()
    # Four standard errors of the smaller network are 4 %.
    np.testing.assert_allclose(ratio, n + 2, rtol=0.04)


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("weight_perturbation", {"sigma": 0.0}, "sigma"),
        ("weight_perturbation", {"form": "spsa"}, "form = 'spsa'"),
        ("weight_perturbation", {"kind": "uniform"}, "kind"),
        ("node_perturbation", {"sigma": 0.0}, "sigma"),
        ("node_perturbation", {"learning_rate": (0.1,) * 3}, "3 values for 2 layers"),
        (
            "node_perturbation",
            {"loss": "cross_entropy", "phi": "tanh"},
            "cross_entropy' needs rates that are probabilities",
        ),
    ],
)
def test_perturbations_that_cannot_be_are_refused(name, options, text):
    with pytest.raises(ModelError, match=text):
        getattr(algorithms, name)(SIZES, **options)
