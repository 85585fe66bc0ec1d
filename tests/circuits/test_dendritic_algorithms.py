"""Errors in dendrites without bursts: updates against NumPy, and exact limits."""

import numpy as np
import pytest
import scipy.optimize
from systems import logistic

import circuits
from circuits import algorithms
from circuits.stack import bottom_up
from dendrites.errors import ModelError, NumericalError

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


# --- balance of dendritic branches ----------------------------------------------------

PICTURES = RNG.uniform(size=(5, 6))
REST = {"tolerance": 1e-11, "sweeps": 20000}


@pytest.fixture(scope="module")
def balanced():
    return algorithms.dendritic_predictive_coding((6, 4), **REST)


def excitation(circuit):
    """F (n_cells, n_inputs) that the circuit starts from."""
    w = circuits.initial_weights(circuit)["input_to_branches_output_excitation"]
    return w.sum(axis=1).reshape(4, 6)


def explained(f, x, decay=0.1):
    """The best rates >= 0 for one picture, and the loss that they leave."""
    a = np.vstack([f.T, np.sqrt(decay) * np.eye(len(f))])
    z, left = scipy.optimize.nnls(a, np.concatenate([x, np.zeros(len(f))]))
    return z, left**2 / 2


def test_balanced_branches_find_the_best_rates_and_hold_errors(balanced):
    f = excitation(balanced)
    z = np.array([explained(f, x)[0] for x in PICTURES])
    reads = [("output", "rate"), ("branches_output", "potential")]
    found = circuits.present(balanced, {"input": PICTURES}, reads=reads, learning=True)
    np.testing.assert_allclose(found["output", "rate"], z, rtol=0, atol=1e-8)
    assert (z == 0).any() and (z > 0.1).any()
    u = f * (PICTURES - z @ f)[:, None, :]
    branches = found["branches_output", "potential"].reshape(-1, 4, 6)
    np.testing.assert_allclose(branches, u, rtol=0, atol=1e-8)
    inhibition = -0.1 * np.einsum("sij,sk->ijk", u, z).reshape(24, 4) / len(z)
    update = found.update["output_to_branches_output_inhibition"]
    # Inhibition that would become excitation stops at 0.
    before = found.before["output_to_branches_output_inhibition"]
    wanted = np.minimum(before + inhibition, 0.0) - before
    np.testing.assert_allclose(update, wanted, rtol=0, atol=1e-8)


def test_excitation_learns_down_the_loss_that_branches_see(balanced):
    f = excitation(balanced)
    update = circuits.gradient_estimate(balanced, PICTURES)
    found = update["input_to_branches_output_excitation"].sum(axis=1).reshape(4, 6)

    def loss(f):
        return np.mean([explained(f, x)[1] for x in PICTURES])

    step = 1e-5
    for i in range(4):
        for j in range(6):
            more = np.zeros_like(f)
            more[i, j] = step
            slope = (loss(f + more) - loss(f - more)) / (2 * step)
            np.testing.assert_allclose(found[i, j], -f[i, j] * slope, atol=1e-7)
    assert np.abs(found).max() > 1e-3


def test_inhibition_that_starts_at_nothing_learns_the_balance():
    made = algorithms.dendritic_predictive_coding(
        (6, 4), inhibition="none", learning_rate=0.0, inhibitory_rate=0.3
    )
    sizes = []
    with circuits.Presenter(made, batch=5) as presenter:
        for _ in range(2):
            reads = [("branches_output", "potential"), ("output", "rate")]
            u, z = circuits.present(
                made, {"input": PICTURES}, reads=reads, weights=presenter.weights()
            ).reads.values()
            sizes.append(np.abs(mean_product(u, z)).max())
            for _ in range(130):
                presenter.present({"input": PICTURES})
    assert sizes[1] < 0.01 * sizes[0]


def test_a_higher_layer_explains_a_lower_one_and_predicts_it():
    made = algorithms.dendritic_predictive_coding((6, 4, 3), **REST)
    w = {
        name: value + (0.1 if name == "output_to_hidden1_apical" else 0.0)
        for name, value in circuits.initial_weights(made).items()
    }
    reads = [("hidden1", "rate"), ("hidden1", "apical"), ("output", "rate")]
    found = circuits.present(
        made, {"input": PICTURES}, reads=reads, learning=True, weights=w
    )
    low, apical, high = (found[read] for read in reads)
    np.testing.assert_allclose(apical, 0.1 * high.sum(axis=1)[:, None] + 0 * low)
    wanted = 0.1 * mean_product(low - apical, high)
    update = found.update["output_to_hidden1_apical"]
    np.testing.assert_allclose(update, wanted, rtol=0, atol=1e-12)
    f = w["hidden1_to_branches_output_excitation"].sum(axis=1).reshape(3, 4)
    for one, rates in zip(low, high, strict=True):
        np.testing.assert_allclose(rates, explained(f, one)[0], atol=1e-8)


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
        ("dendritic_predictive_coding", {"inhibition": "set"}, "inhibition = 'set'"),
        ("dendritic_predictive_coding", {"decay": 0.0}, "decay"),
        ("dendritic_predictive_coding", {"learning_rate": -1.0}, "learning_rate"),
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


def test_a_network_without_cells_has_nothing_to_balance():
    with pytest.raises(ModelError, match="needs an input and a layer"):
        algorithms.dendritic_predictive_coding((6,))
