"""Direct difference target propagation, against its exact relations."""

import numpy as np
import pytest
from drawn_numbers import SEED, drawn
from scheme_circuits import close, mean_product
from systems import logistic

import circuits
from circuits import algorithms
from circuits.stack import bottom_up
from dendrites.errors import ModelError
from dendrites.random import normal

make = algorithms.direct_difference_target_propagation
SIZES = (6, 5, 4, 3)
BATCH = 7
RNG = np.random.default_rng(0)
X = RNG.normal(size=(BATCH, 6))
T = RNG.uniform(0.1, 0.9, size=(BATCH, 3))
INVERSES = ("output_to_hidden1_apical", "output_to_hidden2_apical")


def weights_of(circuit, seed=0, size=0.7):
    """Random numbers for all weights that learn, biases too."""
    rng = np.random.default_rng(seed)
    return {
        p.name: rng.normal(0.0, size, circuit.weights_shape(p.name))
        for p in circuit.projections
        if p.rule is not None
    }


def test_one_update_is_that_of_the_equations():
    circuit = make(
        SIZES, phi="tanh", output_phi="logistic", inverse_phi="tanh", sigma=0.2,
        damping=0.3, inverse_rate=0.2, target_step=0.4, seed=SEED,
    )  # fmt: skip
    shown = {"input": X, "target": T}
    found = circuits.present(circuit, shown, weights=weights_of(circuit), learning=True)
    w = found.before
    pairs = (("input", "hidden1"), ("hidden1", "hidden2"), ("hidden2", "output"))
    (w1, b1), (w2, b2), (w3, b3) = (
        (w[bottom_up(a, b)], w[bottom_up("bias", b)][:, 0]) for a, b in pairs
    )
    h1 = np.tanh(X @ w1.T + b1)

    def second(h):
        return np.tanh(h @ w2.T + b2)

    def third(h):
        return logistic(h @ w3.T + b3)

    h2 = second(h1)
    y = third(h2)
    goal = y + 0.4 * (T - y)
    wanted = {}
    xi1 = 0.2 * drawn(normal, "noise/noise1/draw", 5, BATCH, step=1)
    xi2 = 0.2 * drawn(normal, "noise/noise2/draw", 4, BATCH, step=0)
    noisy = (third(second(h1 + xi1)), third(h2 + xi2))
    for k, (h, below, xi) in enumerate(((h1, X, xi1), (h2, h1, xi2))):
        v = w[INVERSES[k]]
        change = np.tanh(goal @ v.T) - np.tanh(y @ v.T)
        delta = change / 0.4 * (1 - h**2)
        wanted[bottom_up(*pairs[k])] = 0.1 * mean_product(delta, below)
        wanted[bottom_up("bias", pairs[k][1])] = 0.1 * delta.mean(axis=0)[:, None]
        after, before = np.tanh(noisy[k] @ v.T), np.tanh(y @ v.T)
        d = xi - (after - before)
        gradient = mean_product(d * (1 - after**2), noisy[k])
        gradient -= mean_product(d * (1 - before**2), y)
        wanted[INVERSES[k]] = 0.2 * (gradient / 0.2**2 - 0.3 * v)
    delta = (T - y) * y * (1 - y)
    wanted[bottom_up(*pairs[2])] = 0.1 * mean_product(delta, h2)
    close(found.update, wanted, 1e-11)  # of numbers divided by sigma^2


def fixed(sizes=SIZES):
    """A circuit with linear inverses that stay, and its weights."""
    circuit = make(
        sizes, phi="tanh", output_phi="logistic", inverse_rate=0.0, target_step=0.3
    )
    return circuit, weights_of(circuit)


@pytest.mark.parametrize("sizes", [SIZES, (6, 2, 3), (6, 3, 5, 2, 4, 3)])
def test_fixed_linear_inverses_are_direct_feedback_alignment_of_raw_errors(sizes):
    circuit, weights = fixed(sizes)
    other = algorithms.direct_feedback_alignment(
        sizes, transmitted="raw", phi="tanh", output_phi="logistic"
    )
    names = {p.name for p in other.projections}
    given = {name: w for name, w in weights.items() if name in names}
    assert INVERSES[0] in given
    wanted = circuits.gradient_estimate(other, X, T, weights=given)
    close(circuits.gradient_estimate(circuit, X, T, weights=weights), wanted)


def test_nothing_learns_where_the_output_is_content():
    circuit, weights = fixed()
    schedule = circuit.test_schedule
    answer = circuits.present(circuit, {"input": X}, schedule, weights=weights)
    shown = {"input": X, "target": answer["output", "rate"]}
    found = circuits.present(circuit, shown, weights=weights, learning=True)
    for name, change in found.update.items():
        assert not change.any(), name


# --- what inverses of linear layers learn ---------------------------------------------


def linear_weights():
    """W whose products have singular values of about 1."""
    rng = np.random.default_rng(5)
    shapes = ((5, 6), (4, 5), (3, 4))
    layers = ("input", "hidden1", "hidden2", "output")
    return {
        bottom_up(a, b): np.eye(*shape) + rng.normal(0.0, 0.2, shape)
        for a, b, shape in zip(layers[:-1], layers[1:], shapes, strict=True)
    }


def learned(damping, weights):
    """Inverses after learning with fixed forward weights, at falling rates."""
    shown = {"input": np.ones((200, 6)), "target": np.zeros((200, 3))}
    for divided in (1.0, 4.0, 16.0):
        # A decay does not follow the rate: both are those of another circuit.
        circuit = make(
            SIZES, phi="identity", bias=False, learning_rate=0.0, damping=damping,
            inverse_rate=0.2 / divided, seed=2,
        )  # fmt: skip
        with circuits.Presenter(circuit, weights=weights, batch=200) as presenter:
            for _ in range(round(60 * divided)):
                presenter.present(shown)
            weights = weights | {n: presenter.weights()[n] for n in INVERSES}
    return [weights[name] for name in INVERSES]


def jacobians(weights):
    last = weights[bottom_up("hidden2", "output")]
    return last @ weights[bottom_up("hidden1", "hidden2")], last


def test_learned_inverses_of_linear_layers_point_along_gauss_and_newton():
    weights = linear_weights()
    errors = np.random.default_rng(4).normal(size=(3, 50))
    for v, j in zip(learned(0.001, weights), jacobians(weights), strict=True):
        damped = j.T @ np.linalg.inv(j @ j.T + 0.001 * np.eye(3))
        assert np.abs(v - damped).max() < 0.02
        step, least = v @ errors, np.linalg.pinv(j) @ errors
        cosine = (step * least).sum() / np.linalg.norm(step) / np.linalg.norm(least)
        assert np.degrees(np.arccos(cosine)) < 1.0


@pytest.mark.slow
def test_damping_moves_them_from_there_in_proportion():
    weights = linear_weights()
    none, half, whole = (learned(size, weights) for size in (0.0, 0.001, 0.002))
    for k, j in enumerate(jacobians(weights)):
        first, second = half[k] - none[k], whole[k] - none[k]
        slope = np.log2(np.linalg.norm(second) / np.linalg.norm(first))
        assert abs(slope - 1) < 0.05
        inverse = np.linalg.inv(j @ j.T)
        wanted = -0.001 * j.T @ inverse @ inverse
        assert np.linalg.norm(first - wanted) < 0.05 * np.linalg.norm(wanted)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"sizes": (4, 3)}, "targets are for hidden layers"),
        ({"sigma": 0.0}, "sigma = 0"),
        ({"damping": -0.1}, "damping"),
        ({"damping": 20.0}, "inverse_rate \\* damping"),
        ({"inverse_phi": "sine"}, "inverse_phi = 'sine'"),
        ({"inverse_of": "potentials"}, "no option 'inverse_of'"),
    ],
)
def test_options_that_make_no_targets_are_refused(options, text):
    with pytest.raises(ModelError, match=text):
        make(**{"sizes": SIZES, **options})
