"""Target propagation with and without differences, against its exact relations."""

import numpy as np
import pytest
from drawn_numbers import SEED, drawn
from scheme_circuits import close, mean_product
from systems import logistic

import circuits
from circuits import algorithms
from circuits.algorithms.target_propagation import exact_inverses
from circuits.stack import bottom_up
from dendrites.errors import ModelError, NumericalError
from dendrites.random import normal

SIZES = (6, 5, 4, 3)
LAYERS = ("input", "hidden1", "hidden2", "output")
BATCH = 7
RNG = np.random.default_rng(0)
X = RNG.normal(size=(BATCH, 6))
T = RNG.uniform(0.1, 0.9, size=(BATCH, 3))
MAKERS = {
    "tp": algorithms.target_propagation,
    "dtp": algorithms.difference_target_propagation,
}


def weights_of(circuit, seed=0, size=0.7):
    """Random numbers for all weights that learn, biases too."""
    rng = np.random.default_rng(seed)
    return {
        p.name: rng.normal(0.0, size, circuit.weights_shape(p.name))
        for p in circuit.projections
        if p.rule is not None
    }


def forward_of(weights):
    """W and b by layer, from the first hidden one up."""
    pairs = zip(LAYERS[:-1], LAYERS[1:], strict=True)
    return [
        (weights[bottom_up(a, b)], weights[bottom_up("bias", b)][:, 0])
        for a, b in pairs
    ]


def inverses_of(weights):
    """V and c at the hidden layers, from the first one up."""
    pairs = zip(LAYERS[1:-1], LAYERS[2:], strict=True)
    return [
        (weights[f"{a}_to_{b}_apical"], weights[f"bias_to_{b}_apical"][:, 0])
        for b, a in pairs
    ]


def squash(r):
    return 1 - r**2


@pytest.fixture(scope="module", params=MAKERS)
def one_update(request):
    """One presentation with tanh layers and a logistic output; the scheme's name."""
    options = {"phi": "tanh", "output_phi": "logistic", "seed": SEED}
    circuit = MAKERS[request.param](SIZES, target_step=0.4, sigma=0.2, **options)
    shown = {"input": X, "target": T}
    reads = [(layer, "target_rate", "target") for layer in LAYERS[1:]]
    found = circuits.present(
        circuit, shown, weights=weights_of(circuit), learning=True, reads=reads
    )
    return request.param, found


def test_targets_and_forward_weights_are_those_of_the_equations(one_update):
    scheme, found = one_update
    (w1, b1), (w2, b2), (w3, b3) = forward_of(found.before)
    (v2, c2), (v3, c3) = inverses_of(found.before)
    h1 = np.tanh(X @ w1.T + b1)
    h2 = np.tanh(h1 @ w2.T + b2)
    y = logistic(h2 @ w3.T + b3)
    goals = [None, None, y + 0.4 * (T - y)]
    goals[1] = np.tanh(goals[2] @ v3.T + c3)
    if scheme == "dtp":
        goals[1] += h2 - np.tanh(y @ v3.T + c3)
    goals[0] = np.tanh(goals[1] @ v2.T + c2)
    if scheme == "dtp":
        goals[0] += h1 - np.tanh(h2 @ v2.T + c2)
    rates, slopes = (X, h1, h2, y), (squash(h1), squash(h2), y * (1 - y))
    for k, layer in enumerate(LAYERS[1:]):
        np.testing.assert_allclose(
            found[layer, "target_rate", "target"], goals[k], rtol=0, atol=1e-13
        )
        error = (goals[k] - rates[k + 1]) / 0.4
        delta = error * slopes[k]
        name, bias = bottom_up(LAYERS[k], layer), bottom_up("bias", layer)
        wanted = {
            name: 0.1 * mean_product(delta, rates[k]),
            bias: 0.1 * delta.mean(axis=0)[:, None],
        }
        close(found.update, wanted)


def test_inverses_learn_to_undo_what_the_layer_above_makes_of_noise(one_update):
    _, found = one_update
    (w1, b1), (w2, b2), (w3, b3) = forward_of(found.before)
    (v2, c2), (v3, c3) = inverses_of(found.before)
    h1 = np.tanh(X @ w1.T + b1)
    h2 = np.tanh(h1 @ w2.T + b2)
    cases = (
        (h1, w2, b2, np.tanh, v2, c2, "hidden2_to_hidden1_apical"),
        (h2, w3, b3, logistic, v3, c3, "output_to_hidden2_apical"),
    )
    for k, (h, w, b, phi, v, c, name) in enumerate(cases):
        xi = 0.2 * drawn(normal, f"noise/noise{k + 1}/draw", h.shape[1], BATCH, step=0)
        heard = phi((h + xi) @ w.T + b)
        back = np.tanh(heard @ v.T + c)
        delta = (h + xi - back) * squash(back)
        wanted = {
            name: 0.1 * mean_product(delta, heard),
            f"bias_to_hidden{k + 1}_apical": 0.1 * delta.mean(axis=0)[:, None],
        }
        close(found.update, wanted)


def test_the_same_inverse_sees_targets_and_activities(one_update):
    _, found = one_update
    for name in ("hidden2_to_hidden1", "output_to_hidden2", "bias_to_hidden1"):
        np.testing.assert_array_equal(
            found.weights[f"{name}_apical"], found.weights[f"{name}_reconstruction"]
        )


def test_nothing_below_a_content_output_learns_whatever_the_inverse():
    circuit = algorithms.difference_target_propagation(
        SIZES, phi="tanh", output_phi="logistic", inverse_rate=0.0
    )
    weights = weights_of(circuit)
    answer = circuits.present(
        circuit, {"input": X}, circuit.test_schedule, weights=weights
    )["output", "rate"]
    shown = {"input": X, "target": answer}
    found = circuits.present(circuit, shown, weights=weights, learning=True)
    for name, change in found.update.items():
        assert not change.any(), name
    shown["target"] = T
    other = circuits.present(circuit, shown, weights=weights, learning=True)
    assert other.update[bottom_up("input", "hidden1")].any()


@pytest.mark.parametrize("sizes", [SIZES, (6, 2, 3), (6, 3, 5, 2, 4, 3)])
def test_a_fixed_linear_inverse_is_feedback_alignment_of_the_difference(sizes):
    options = {"phi": "tanh", "output_phi": "logistic"}
    circuit = algorithms.difference_target_propagation(
        sizes, inverse_phi="identity", inverse_rate=0.0, target_step=0.3, **options
    )
    weights = weights_of(circuit)
    aligned = algorithms.feedback_alignment(sizes, transmitted="raw", **options)
    own = {p.name for p in aligned.projections}
    given = {name: w for name, w in weights.items() if name in own}
    wanted = circuits.gradient_estimate(aligned, X, T, weights=given)
    found = circuits.gradient_estimate(circuit, X, T, weights=weights)
    assert len(wanted) == 2 * len(sizes) - 2
    close(found, wanted)


def test_a_softmax_shows_inverses_its_potentials():
    circuit = algorithms.difference_target_propagation(
        SIZES, phi="tanh", output_phi="softmax", loss="cross_entropy", target_step=0.4,
        seed=SEED,
    )  # fmt: skip
    weights = weights_of(circuit)
    shares = T / T.sum(axis=1, keepdims=True)
    read = ("hidden2", "target_rate", "target")
    shown = {"input": X, "target": shares}
    found = circuits.present(
        circuit, shown, weights=weights, learning=True, reads=[read]
    )
    (w1, b1), (w2, b2), (w3, b3) = forward_of(weights)
    v, c = inverses_of(weights)[1]
    h2 = np.tanh(np.tanh(X @ w1.T + b1) @ w2.T + b2)
    a = h2 @ w3.T + b3
    p = np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)
    goal = a + 0.4 * (shares - p)
    wanted = h2 + np.tanh(goal @ v.T + c) - np.tanh(a @ v.T + c)
    np.testing.assert_allclose(found[read], wanted, rtol=0, atol=1e-13)
    xi = 0.1 * drawn(normal, "noise/noise2/draw", 4, BATCH, step=0)
    heard = (h2 + xi) @ w3.T + b3
    back = np.tanh(heard @ v.T + c)
    delta = (h2 + xi - back) * squash(back)
    name = "output_to_hidden2_apical"
    close(found.update, {name: 0.1 * mean_product(delta, heard)})


def test_the_gradient_at_the_top_is_backprop_for_the_two_last_layers():
    options = {"phi": "tanh", "output_phi": "logistic"}
    circuit = algorithms.difference_target_propagation(
        SIZES, top="gradient", target_step=0.3, **options
    )
    weights = weights_of(circuit)
    found = circuits.gradient_estimate(circuit, X, T, weights=weights)
    exact = circuits.negative_gradient(circuit, weights, X, T)
    first = bottom_up("input", "hidden1")
    exact = {k: v for k, v in exact.items() if not k.endswith("hidden1_basal")}
    assert len(exact) == 4 and first not in exact
    close(found, exact)
    (w1, b1), (w2, b2), (w3, b3) = forward_of(weights)
    v = weights["hidden2_to_hidden1_apical"]
    c = weights["bias_to_hidden1_apical"][:, 0]
    h1 = np.tanh(X @ w1.T + b1)
    h2 = np.tanh(h1 @ w2.T + b2)
    y = logistic(h2 @ w3.T + b3)
    goal = h2 + 0.3 * ((T - y) * y * (1 - y)) @ w3
    change = np.tanh(goal @ v.T + c) - np.tanh(h2 @ v.T + c)
    close(found, {first: mean_product(change / 0.3 * squash(h1), X)})


# --- exact inverses -------------------------------------------------------------------

SQUARE = (4, 4, 4, 4)
X4 = RNG.normal(size=(3, 4))


@pytest.fixture(scope="module")
def invertible():
    """Circuits with inverses of potentials, by scheme; weights with exact ones."""
    made = {
        name: make(SQUARE, phi="tanh", inverse_of="potentials", target_step=1e-3)
        for name, make in MAKERS.items()
    }
    weights = weights_of(made["tp"], size=0.4)
    return made, weights | exact_inverses(made["tp"], weights)


def near(y, size=0.01):
    """Targets close to the answers, so that their potentials exist in all layers."""
    return y + size * np.random.default_rng(3).choice([-1.0, 1.0], y.shape)


def goals_of(circuit, weights, x, size=1.0, step=1.0):
    """Rates and targets of all layers, and targets minus rates over the step."""
    layers = ("hidden1", "hidden2", "output")
    answers = {"schedule": circuit.test_schedule, "weights": weights}
    y = circuits.present(circuit, {"input": x}, **answers)["output", "rate"]
    t = near(y, size)
    reads = [(n, r, "target") for n in layers for r in ("rate", "target_rate")]
    shown = {"input": x, "target": t}
    found = circuits.present(circuit, shown, weights=weights, reads=reads)
    pairs = [[found[n, r, "target"] for n in layers] for r in ("rate", "target_rate")]
    return *pairs, [(b - a) / step for a, b in zip(*pairs, strict=True)], t - y


def test_exact_inverses_bring_targets_that_come_back_up_as_they_went_down(invertible):
    made, weights = invertible
    _, goals, _, error = goals_of(made["tp"], weights, X4)
    forward = [
        np.tanh(goal @ w.T + b)
        for goal, (w, b) in zip(goals[:2], forward_of(weights)[1:], strict=True)
    ]
    assert np.abs(error).min() > 0.5
    for found, wanted in zip(forward, goals[1:], strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


def test_with_exact_inverses_differences_change_nothing(invertible):
    made, weights = invertible
    _, goals, _, _ = goals_of(made["tp"], weights, X4)
    _, others, _, _ = goals_of(made["dtp"], weights, X4)
    for found, wanted in zip(others, goals, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12)


def jacobians(weights, rates, slope):
    """Of the output with respect to hidden1 and hidden2, by sample."""
    (_, _), (w2, _), (w3, _) = forward_of(weights)
    last = slope(rates[2])[:, :, None] * w3
    return last @ (slope(rates[1])[:, :, None] * w2), last


def test_small_steps_are_those_of_gauss_and_newton_to_first_order(invertible):
    made, weights = invertible
    errors = []
    for size in (1.0, 0.5):  # times the step of 1e-3
        rates, _, changes, e = goals_of(made["tp"], weights, X4, size, 1e-3)
        errors.append([])
        for j, change in zip(jacobians(weights, rates, squash), changes, strict=False):
            wanted = np.linalg.solve(j, e[:, :, None])[:, :, 0]
            size_of = np.linalg.norm(wanted)
            errors[-1].append(np.linalg.norm(change - wanted) / size_of)
    ratios = np.divide(*errors)
    assert np.abs(ratios / 2 - 1).max() < 0.05
    assert max(errors[0]) < 0.1


def test_in_one_linear_region_the_step_of_gauss_and_newton_is_exact():
    circuit = algorithms.target_propagation(
        SQUARE, phi="relu", inverse_of="potentials", target_step=1e-3
    )
    weights = weights_of(circuit, size=0.4)
    for name in weights:
        if name.startswith("bias"):
            weights[name] = np.abs(weights[name]) + 4.0  # all cells are active
    weights |= exact_inverses(circuit, weights)
    rates, _, changes, e = goals_of(circuit, weights, X4, 1.0, 1e-3)
    assert min(h.min() for h in rates) > 0
    for j, change in zip(
        jacobians(weights, rates, np.ones_like), changes, strict=False
    ):
        wanted = np.linalg.solve(j, e[:, :, None])[:, :, 0]
        # A change of 1e-3 of numbers near 10 is known to 1e-12 of itself.
        np.testing.assert_allclose(change, wanted, rtol=0, atol=1e-10)


def test_orthogonal_linear_layers_are_backprop():
    circuit = algorithms.target_propagation(
        SQUARE, phi="identity", inverse_rate=0.0, seed=1
    )
    weights = weights_of(circuit)
    for k, name in enumerate(("hidden2", "output")):
        q = np.linalg.qr(RNG.normal(size=(4, 4)))[0]
        weights[bottom_up(f"hidden{k + 1}", name)] = q
    weights |= exact_inverses(circuit, weights)
    found = circuits.gradient_estimate(circuit, X4, X4[:, ::-1], weights=weights)
    exact = circuits.negative_gradient(circuit, weights, X4, X4[:, ::-1])
    close(found, exact, 1e-13)


def test_the_inverse_of_a_linear_layer_becomes_its_least_squares_inverse():
    circuit = algorithms.difference_target_propagation(
        (4, 4, 3), phi="identity", bias=False, learning_rate=0.0, inverse_rate=0.2,
        sigma=0.0,
    )  # fmt: skip
    first, last = bottom_up("input", "hidden1"), bottom_up("hidden1", "output")
    rng = np.random.default_rng(2)
    x = rng.normal(size=(40, 4))
    w = np.eye(3, 4) + rng.normal(0.0, 0.2, (3, 4))
    weights = {first: np.eye(4), last: w}
    cov = x.T @ x
    wanted = cov @ w.T @ np.linalg.inv(w @ cov @ w.T)
    with circuits.Presenter(circuit, batch=40, weights=weights) as presenter:
        for _ in range(600):
            presenter.present({"input": x, "target": np.zeros((40, 3))})
        found = presenter.weights()["output_to_hidden1_apical"]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9)


def test_a_target_without_a_potential_stops_the_run(invertible):
    made, weights = invertible
    shown = {"input": X4, "target": np.full((3, 4), 2e3)}
    with pytest.raises(NumericalError, match="'hidden2'.* settled at nan, .*inverse"):
        circuits.present(made["tp"], shown, weights=weights)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"sizes": (4, 3)}, "targets are for hidden layers"),
        ({"target_step": 0.0}, "target_step = 0"),
        ({"sigma": -0.1}, "sigma"),
        ({"inverse_of": "spikes"}, "inverse_of = 'spikes'"),
        ({"inverse_phi": "sine"}, "inverse_phi = 'sine'"),
        ({"inverse_rate": -1.0}, "learning_rate"),
        ({"teacher": None}, "no option 'teacher'"),
    ],
)
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_options_that_make_no_targets_are_refused(make, options, text):
    options = {"sizes": SIZES, **options}
    with pytest.raises(ModelError, match=text):
        make(**options)


def test_the_top_is_one_of_two():
    with pytest.raises(ModelError, match="top = 'direct'"):
        algorithms.difference_target_propagation(SIZES, top="direct")
