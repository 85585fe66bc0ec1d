"""Algorithms that carry errors back, against their exact relations."""

from inspect import signature

import numpy as np
import pytest

import circuits
from circuits import Uniform, algorithms
from circuits.stack import bottom_up
from dendrites.errors import ModelError

SIZES = (6, 5, 4, 3)
PAIRS = (("hidden1", "hidden2"), ("hidden2", "output"))
OLDER = ("guerguiev", "sacramento", "urbanczik_senn")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(7, 6))
T = RNG.uniform(0.1, 0.9, size=(7, 3))


def forward_weights(seed=0):
    """Of all layers, with biases that are not 0."""
    circuit = algorithms.backprop(SIZES)
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(size=w.shape)
        for name, w in circuits.initial_weights(circuit).items()
        if name.endswith("basal")
    }


def transposed(weights):
    """Feedback weights that equal the forward weights, transposed."""
    return {
        f"{above}_to_{here}_apical": weights[bottom_up(here, above)].T.copy()
        for here, above in PAIRS
    }


def estimate(circuit, weights):
    found = circuits.gradient_estimate(circuit, X, T, weights=weights)
    return {name: found[name] for name in forward_weights()}


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (algorithms.feedback_alignment, {"transmitted": "gated"}),
        (algorithms.kolen_pollack, {"weight_decay": 0.0}),
        (algorithms.weight_mirror, {}),
    ],
)
def test_feedback_that_is_the_transpose_is_backprop_bit_for_bit(make, options):
    weights = forward_weights()
    found = estimate(make(SIZES, **options), weights | transposed(weights))
    wanted = estimate(algorithms.backprop(SIZES), weights)
    for name, value in wanted.items():
        np.testing.assert_array_equal(found[name], value)


def test_direct_feedback_alignment_is_feedback_alignment_with_one_hidden_layer():
    updates = []
    for make in (algorithms.feedback_alignment, algorithms.direct_feedback_alignment):
        circuit = make((6, 5, 3), transmitted="gated", seed=4)
        updates.append(circuits.gradient_estimate(circuit, X, T))
    assert len(updates[0]) == 4
    for name, value in updates[0].items():
        np.testing.assert_array_equal(updates[1][name], value)


def layers(weights):
    """Rates and slopes of all layers, in plain NumPy."""
    rates, slopes = [X], []
    names = ("input", "hidden1", "hidden2", "output")
    for below, here in zip(names[:-1], names[1:], strict=True):
        u = rates[-1] @ weights[bottom_up(below, here)].T
        u += weights[bottom_up("bias", here)][:, 0]
        rates.append(1 / (1 + np.exp(-u)))
        slopes.append(rates[-1] * (1 - rates[-1]))
    return rates, slopes


def products(deltas, rates):
    names = ("input", "hidden1", "hidden2", "output")
    found = {}
    for k, delta in enumerate(deltas):
        found[bottom_up(names[k], names[k + 1])] = delta.T @ rates[k] / len(X)
        found[bottom_up("bias", names[k + 1])] = delta.mean(axis=0)[:, None]
    return found


def test_raw_errors_meet_one_slope_only():
    circuit = algorithms.feedback_alignment(SIZES, transmitted="raw")
    back = {
        k: RNG.normal(size=v.shape) for k, v in transposed(forward_weights()).items()
    }
    weights = forward_weights()
    rates, slopes = layers(weights)
    e3 = T - rates[3]
    e2 = e3 @ back["output_to_hidden2_apical"].T
    e1 = e2 @ back["hidden2_to_hidden1_apical"].T
    deltas = [e * s for e, s in zip((e1, e2, e3), slopes, strict=True)]
    found = estimate(circuit, weights | back)
    for name, value in products(deltas, rates).items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-13)


def linear(seed, rate):
    """A linear network of 30-20-10 cells that starts small, its task and batch."""
    circuit = algorithms.feedback_alignment(
        (30, 20, 10), phi="identity", bias=False, learning_rate=rate, seed=seed,
        initial=Uniform(-0.01, 0.01),
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(200, 30))
    return circuit, x, x @ rng.uniform(-1, 1, (10, 30)).T


def test_feedback_alignment_keeps_a_matrix_of_linear_networks():
    drifts = []
    for rate in (1e-2, 1e-3):
        circuit, x, target = linear(0, rate)
        with circuits.Presenter(circuit, batch=200) as presenter:
            seen = [presenter.weights()]
            for _ in range(round(4.0 / rate)):
                presenter.present({"input": x, "target": target}, learning=True)
            seen.append(presenter.weights())
        kept = []
        for w in seen:
            w0, up = w[bottom_up("input", "hidden1")], w[bottom_up("hidden1", "output")]
            bw = w["output_to_hidden1_apical"] @ up
            kept.append(bw + bw.T - w0 @ w0.T)
        drifts.append(np.abs(kept[1] - kept[0]).max())
        assert np.abs(w0 @ w0.T).max() > 0.5
        # From next to nothing tr(BW) = |W0|^2 / 2: the angle of W and B^T is below 90.
        assert np.trace(bw) > 0.4 * (w0**2).sum()
    assert drifts[0] < 0.05
    assert 8 < drifts[0] / drifts[1] < 12  # first order in the rate


def test_kolen_pollack_loses_the_difference_by_the_decay_alone():
    decay = 0.01
    circuit = algorithms.kolen_pollack(SIZES, weight_decay=decay, learning_rate=0.3)
    with circuits.Presenter(circuit, batch=len(X)) as presenter:
        before = presenter.weights()
        for _ in range(200):
            presenter.present({"input": X, "target": T}, learning=True)
        after = presenter.weights()
    for here, above in PAIRS:
        gaps = [
            w[bottom_up(here, above)] - w[f"{above}_to_{here}_apical"].T
            for w in (before, after)
        ]
        np.testing.assert_allclose(gaps[1], 0.99**200 * gaps[0], rtol=0, atol=1e-14)


def test_feedback_without_decay_keeps_the_difference():
    circuit = algorithms.kolen_pollack(SIZES, weight_decay=0.0, learning_rate=0.3)
    with circuits.Presenter(circuit, batch=len(X)) as presenter:
        before = presenter.weights()
        for _ in range(50):
            presenter.present({"input": X, "target": T}, learning=True)
        after = presenter.weights()
    for here, above in PAIRS:
        moved = [
            after[name] - before[name]
            for name in (bottom_up(here, above), f"{above}_to_{here}_apical")
        ]
        assert np.abs(moved[0]).max() > 1e-3
        np.testing.assert_allclose(moved[0], moved[1].T, rtol=0, atol=1e-14)


@pytest.mark.parametrize("magnitudes", ["uniform", "redrawn", "fixed"])
def test_sign_symmetry_agrees_with_every_sign(magnitudes):
    circuit = algorithms.sign_symmetry(SIZES, magnitudes=magnitudes, scale=0.7)
    weights = circuits.initial_weights(circuit)
    for here, above in PAIRS:
        w = weights[bottom_up(here, above)]
        b = weights[f"{above}_to_{here}_apical"]
        assert (np.sign(b) == np.sign(w.T)).all()
        mean = 0.7 / np.sqrt(len(w))
        if magnitudes == "uniform":
            np.testing.assert_allclose(np.abs(b), mean)
        else:
            assert np.abs(b).max() < 2 * mean and len(np.unique(np.abs(b))) == b.size


def angle(a, b):
    cosine = (a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)
    return np.degrees(np.arccos(cosine))


def test_a_weight_mirror_of_linear_cells_finds_the_transposed_weights():
    rate, decay, sigma, batch = 0.04, 0.02, 0.5, 50
    circuit = algorithms.weight_mirror(
        (6, 20, 10), phi="identity", learning_rate=0.0, mirror_rate=rate,
        mirror_decay=decay, sigma=sigma, feedback_initial=Uniform(-1.0, 1.0),
    )  # fmt: skip
    patterns = {"input": np.ones((batch, 6)), "target": np.zeros((batch, 10))}
    angles = []
    with circuits.Presenter(circuit, batch=batch) as presenter:
        w = presenter.weights()[bottom_up("hidden1", "output")]
        for _ in range(3):
            b = presenter.weights()["output_to_hidden1_apical"]
            angles.append(angle(b, w.T))
            for _ in range(100):
                presenter.present(patterns | {"gate": np.ones((batch, 1))})
        b = presenter.weights()["output_to_hidden1_apical"]
    assert angles[0] > 70 and angles[0] > angles[1] > angles[2]
    wanted = rate * sigma**2 / decay * w.T
    # Of one entry: the mean over about 1 / (2 decay) presentations of `batch` products.
    noise = rate * sigma**2 * np.sqrt((w**2).sum(axis=1)) / np.sqrt(2 * decay * batch)
    assert (np.abs(b - wanted) < 5 * noise + np.exp(-300 * decay)).all()
    assert angle(b, w.T) < 12


def error_weights(weights):
    """The transposed weights, as those between error cells."""
    return {
        "error2_to_error1_error": weights[bottom_up("hidden1", "hidden2")].T.copy(),
        "error_to_error2_error": weights[bottom_up("hidden2", "output")].T.copy(),
    }


@pytest.mark.parametrize("feedback", ["random", "transposed"])
def test_an_error_network_with_transposed_weights_is_backprop(feedback):
    weights = forward_weights()
    circuit = algorithms.error_network(SIZES, feedback=feedback, baseline=1.0)
    given = weights | (error_weights(weights) if feedback == "random" else {})
    wanted = estimate(algorithms.backprop(SIZES), weights)
    for name, value in estimate(circuit, given).items():
        np.testing.assert_allclose(value, wanted[name], rtol=0, atol=1e-14)


def test_error_cells_lose_what_is_below_their_baseline():
    weights, baseline = forward_weights(), 0.1
    circuit = algorithms.error_network(SIZES, feedback="transposed", baseline=baseline)
    rates, slopes = layers(weights)
    e3 = np.maximum(T - rates[3], -baseline)
    assert (e3 == -baseline).any() and (e3 > 0).any()
    e2 = (e3 * slopes[2]) @ weights[bottom_up("hidden2", "output")]
    e2 = np.maximum(e2, -baseline)
    e1 = (e2 * slopes[1]) @ weights[bottom_up("hidden1", "hidden2")]
    e1 = np.maximum(e1, -baseline)
    deltas = [e * s for e, s in zip((e1, e2, e3), slopes, strict=True)]
    found = estimate(circuit, weights)
    for name, value in products(deltas, rates).items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-13)


def test_shallow_learning_finds_the_best_readout_of_its_hidden_layer():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(400, 30))
    target = x @ rng.uniform(-1, 1, (10, 30)).T
    circuit = algorithms.shallow(
        (30, 20, 10), phi="identity", bias=False, learning_rate=0.5, momentum=0.9
    )
    with circuits.Presenter(circuit, batch=400) as presenter:
        before = presenter.weights()
        for _ in range(400):
            presenter.present({"input": x, "target": target}, learning=True)
        after = presenter.weights()
    first, last = bottom_up("input", "hidden1"), bottom_up("hidden1", "output")
    np.testing.assert_array_equal(after[first], before[first])
    hidden = x @ before[first].T
    best = np.linalg.lstsq(hidden, target, rcond=None)[0].T
    np.testing.assert_allclose(after[last], best, atol=1e-3)
    left = ((target - hidden @ best.T) ** 2).sum() / (target**2).sum()
    # 1 - n1 / n0 of white inputs; the share varies by about a tenth between networks.
    assert abs(left - 1 / 3) < 0.15


MAKERS = [
    name
    for name in algorithms.__all__
    if "options" in signature(getattr(algorithms, name)).parameters
    and name not in OLDER
]


@pytest.mark.parametrize("name", MAKERS)
def test_unknown_options_are_refused_with_those_there_are(name):
    text = f"{name} has no option 'learning_ratee'.*learning_rate"
    with pytest.raises(ModelError, match=text):
        getattr(algorithms, name)(SIZES, learning_ratee=0.5)


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("feedback_alignment", {"transmitted": "both"}, "transmitted = 'both'"),
        ("direct_feedback_alignment", {"transmitted": 1}, "transmitted = 1"),
        ("sign_symmetry", {"magnitudes": "drawn"}, "magnitudes = 'drawn'"),
        ("error_network", {"feedback": "symmetric"}, "feedback = 'symmetric'"),
        ("error_network", {"baseline": -1.0}, "baseline"),
        ("weight_mirror", {"sigma": -1.0}, "sigma"),
        ("backprop", {"learning_rate": (0.1, 0.2)}, "2 values for 3 layers"),
    ],
)
def test_options_out_of_range_are_refused(name, options, text):
    with pytest.raises(ModelError, match=text):
        getattr(algorithms, name)(SIZES, **options)
