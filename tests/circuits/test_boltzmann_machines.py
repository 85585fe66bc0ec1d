"""Boltzmann machines beside the enumeration of all their states."""

import numpy as np
import pytest
from drawn_numbers import SEED, drawn
from reference.boltzmann_twin import correlations, log_probability
from scheme_circuits import EXACT
from scipy.sparse import issparse
from systems import logistic

import circuits
from circuits import Presenter, Uniform, algorithms
from dendrites.errors import ModelError
from dendrites.random import uniform

DRAWN = {"initial": Uniform(-1.0, 1.0), "seed": SEED}
MANY = 4000  # independent chains
ERRORS = 4.0  # standard errors


def with_biases(circuit, seed=3, size=0.7):
    """Weights of all projections that are tied to none, biases too."""
    rng = np.random.default_rng(seed)
    return {
        p.name: rng.uniform(-size, size, circuit.weights_shape(p.name))
        for p in circuit.projections
        if p.learns
    }


def dense(w):
    return w.toarray() if issparse(w) else w


# --- the general machine --------------------------------------------------------------


def symmetric(layers, weights):
    """Weights (n, n) and biases (n,) of all cells, layer by layer from below."""
    first = dict(zip(layers, np.cumsum([0, *layers.values()]), strict=False))
    n = sum(layers.values())
    w, b = np.zeros((n, n)), np.zeros(n)
    for name, value in weights.items():
        kind = name.split("_")
        if kind[0] == "bias":
            b[first[kind[2]] :][: layers[kind[2]]] = value[:, 0]
            continue
        pre, post = (kind[1],) * 2 if kind[0] == "within" else (kind[0], kind[2])
        if kind[0] == "within":
            value = np.tril(value, -1)
        rows = slice(first[post], first[post] + layers[post])
        columns = slice(first[pre], first[pre] + layers[pre])
        w[rows, columns] = value
        w[columns, rows] = w[rows, columns].T if pre != post else value + value.T
        if pre == post:
            w[rows, columns] = value + value.T
    return w, b


def parts_of(matrix, layers, names):
    """What a matrix over all cells says of each projection."""
    first = dict(zip(layers, np.cumsum([0, *layers.values()]), strict=False))
    found = {}
    for name in names:
        kind = name.split("_")
        if kind[0] == "bias":
            post = slice(first[kind[2]], first[kind[2]] + layers[kind[2]])
            found[name] = np.diag(matrix)[post, None]
            continue
        pre, post = (kind[1],) * 2 if kind[0] == "within" else (kind[0], kind[2])
        rows = slice(first[post], first[post] + layers[post])
        value = matrix[rows, first[pre] : first[pre] + layers[pre]]
        found[name] = np.tril(value, -1) if kind[0] == "within" else value
    return found


LAYERS = {"visible": 3, "hidden1": 2}


@pytest.fixture(scope="module")
def general():
    """Every cell joined to every other, three of five visible."""
    return algorithms.boltzmann_machine(
        (3, 2), models="inputs", lateral=True, sweeps=1, annealing=((2.0, 2), (1.0, 8)),
        learning_rate=1.0, **DRAWN,
    )  # fmt: skip


def test_the_difference_of_correlations_is_the_gradient_of_the_log_probability():
    rng = np.random.default_rng(0)
    w = rng.normal(size=(5, 5))
    w, b = np.tril(w, -1) + np.tril(w, -1).T, rng.normal(size=5)
    clamped, h = {0: 1.0, 1: 0.0, 2: 1.0}, 1e-4
    exact = correlations(w, b, clamped) - correlations(w, b, {})
    for i in range(5):
        for j in range(i + 1):
            step = np.zeros((5, 5))
            step[i, j] = step[j, i] = h
            up, down, far_up, far_down = (
                log_probability(w + k * (i != j) * step, b + k * np.diag(step), clamped)
                for k in (1, -1, 2, -2)
            )
            slope = (8 * (up - down) - (far_up - far_down)) / (12 * h)
            # Fourth order: h^4 and the rounding of log p over h.
            assert abs(slope - exact[i, j]) < 2e-11


def test_samples_of_a_machine_agree_with_the_enumeration(general):
    weights = with_biases(general)
    x = np.array([1.0, 0.0, 1.0])
    found = circuits.present(
        general, {"input": np.tile(x, (MANY, 1))}, weights=weights, learning=True
    )
    w, b = symmetric(LAYERS, weights)
    clamped, free = correlations(w, b, dict(enumerate(x))), correlations(w, b, {})
    # Of one product in each of the two phases.
    error = np.sqrt((clamped * (1 - clamped) + free * (1 - free)) / MANY)
    errors = parts_of(error, LAYERS, weights)
    largest = 0.0
    for name, wanted in parts_of(clamped - free, LAYERS, weights).items():
        gap = np.abs(dense(found.update[name]) - wanted)
        assert (gap <= ERRORS * errors[name]).all(), name
        if (errors[name] > 0).any():
            largest = max(largest, (np.abs(wanted) / error.max()).max())
    assert largest > 20


def test_both_directions_of_a_pair_keep_one_weight(general):
    with Presenter(general, batch=2) as presenter:
        presenter.present({"input": np.eye(3)[:2]})
        w = presenter.weights()
    for one, other in (
        ("within_visible", "within_visible_back"),
        ("visible_to_hidden1_basal", "hidden1_to_visible_apical"),
    ):
        assert np.abs(dense(w[one])).max() > 0
        np.testing.assert_array_equal(dense(w[one]), dense(w[other]).T)


def test_cells_take_turns_and_see_those_drawn_before():
    made = algorithms.boltzmann_machine(
        (3, 2), models="inputs", lateral=True, sweeps=2, annealing=((2.0, 1),),
        learning_rate=0.5, **DRAWN,
    )  # fmt: skip
    weights, x = with_biases(made), np.array([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    found = circuits.present(made, {"input": x}, weights=weights, learning=True)
    w, b = symmetric(LAYERS, weights)
    s, step, means = np.zeros((2, 5)), 0, []
    for clamped in (True, False):
        total = 0.0
        for turn in range(15):
            heat = 2.0 if turn < 5 else 1.0
            cell = (step + 1) % 5
            u = [
                drawn(uniform, f"spikes/{name}", n, 2, step=step)
                for name, n in LAYERS.items()
            ]
            if clamped:
                s[:, :3] = x
            if not (clamped and cell < 3):
                p = logistic((s @ w[cell] + b[cell]) / heat)
                s[:, cell] = np.hstack(u)[:, cell] < p
            step += 1
            if turn >= 5:
                total = total + s.T @ s / 20.0
        means.append(total)
    for name, wanted in parts_of(means[0] - means[1], LAYERS, weights).items():
        moved = dense(found.update[name])
        np.testing.assert_allclose(moved, 0.5 * wanted, atol=EXACT)


def test_a_machine_of_targets_learns_what_they_are_given_the_input():
    layers = {"input": 2, "hidden1": 3, "output": 2}
    made = algorithms.boltzmann_machine(
        (2, 3, 2), sweeps=1, annealing=((1.0, 15),), learning_rate=1.0, **DRAWN
    )
    weights, x, t = with_biases(made), np.array([1.0, 0.0]), np.array([0.0, 1.0])
    shown = {"input": np.tile(x, (MANY, 1)), "target": np.tile(t, (MANY, 1))}
    found = circuits.present(made, shown, weights=weights, learning=True)
    w, b = symmetric(layers, weights)
    given = dict(enumerate(x))
    clamped = correlations(w, b, given | {5: t[0], 6: t[1]})
    free = correlations(w, b, given)
    error = np.sqrt((clamped * (1 - clamped) + free * (1 - free)) / MANY)
    errors = parts_of(error, layers, weights)
    for name, wanted in parts_of(clamped - free, layers, weights).items():
        assert (np.abs(found.update[name] - wanted) <= ERRORS * errors[name]).all()
    answer = found["output", "p", "free"].mean(axis=0)
    p = np.diag(free)[5:]
    assert (np.abs(answer - p) <= ERRORS * np.sqrt(p * (1 - p) / MANY)).all()
    assert np.abs(p - 0.5).max() > 0.1


def test_a_joint_machine_learns_what_input_and_target_are_together():
    layers = {"visible": 2, "hidden1": 2, "output": 2}
    made = algorithms.boltzmann_machine(
        (2, 2, 2), models="joint", sweeps=1, annealing=((1.0, 20),), learning_rate=1.0,
        **DRAWN,
    )  # fmt: skip
    weights, x, t = with_biases(made), np.array([1.0, 0.0]), np.array([0.0, 1.0])
    shown = {"input": np.tile(x, (MANY, 1)), "target": np.tile(t, (MANY, 1))}
    found = circuits.present(made, shown, weights=weights, learning=True)
    w, b = symmetric(layers, weights)
    clamped = correlations(w, b, {0: x[0], 1: x[1], 4: t[0], 5: t[1]})
    free = correlations(w, b, {})
    error = np.sqrt((clamped * (1 - clamped) + free * (1 - free)) / MANY)
    errors = parts_of(error, layers, weights)
    for name, wanted in parts_of(clamped - free, layers, weights).items():
        assert (np.abs(found.update[name] - wanted) <= ERRORS * errors[name]).all()
    assert np.abs(found.update["bias_to_visible_basal"]).max() > 20 * error.max()


# --- refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "options", "text"),
    [
        ((4,), {}, "sizes = .*two layers or more"),
        ((4, 2), {"models": "both"}, "models = 'both'"),
        ((4, 2), {"sweeps": 0}, "sweeps"),
        ((4, 2), {"annealing": (2.0, 5)}, "hold pairs"),
        ((4, 2), {"annealing": ((0.0, 5),)}, "temperature"),
    ],
)
@pytest.mark.usefixtures("nothing_is_compiled")
def test_impossible_machines_are_refused(sizes, options, text):
    with pytest.raises(ModelError, match=text):
        algorithms.boltzmann_machine(sizes, **options)
