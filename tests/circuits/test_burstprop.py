"""Bursts before and after a teacher: updates against NumPy, and exact relations."""

import numpy as np
import pytest
from dendritic_layers import (
    HIDDEN,
    LAYERS,
    PAIRS,
    SHOWN,
    SIZES,
    T,
    X,
    logistic_rates,
    mean_product,
    weights_of,
    without_teacher,
)
from systems import logistic

import circuits
from circuits import algorithms
from circuits.stack import bottom_up
from dendrites.errors import ModelError

RATES = {"learning_rate": 0.3, "recurrent_rate": 0.7, "momentum": 0.8}


@pytest.fixture(scope="module")
def recurrent():
    return algorithms.burstprop(SIZES, weight_decay=0.01, **RATES)


@pytest.fixture(scope="module")
def plain():
    return algorithms.burstprop(SIZES, recurrent=False, learning_rate=0.3)


def bursts(w, rates, error, recurrent=True):
    """By layer: apical potentials and burst rates without and with teacher, b_pre."""
    p0, found = 0.2, {}
    e = rates[3]
    b, b_t = p0 * e, p0 * (error * (1 - e) + 1) * e
    found["output"] = (None, b, b_t, None)
    for k, here, above in reversed(HIDDEN):
        e, y = rates[k], w[f"{above}_to_{here}_apical"]
        before = e * logistic(b @ y.T)
        r = before @ w[f"{here}_to_{here}_recurrent"].T if recurrent else 0.0
        u, u_t = (s @ y.T * (1 - e) - r for s in (b, b_t))
        b, b_t = e * logistic(u), e * logistic(u_t)
        found[here] = (u, b, b_t, before)
    return found


def burstprop_update(w, rates, error):
    """One step of v = momentum v + g from v = 0: all changes but decay."""
    found, wanted = bursts(w, rates, error), {}
    for k, (below, here) in enumerate(PAIRS):
        _, b, b_t, _ = found[here]
        wanted[bottom_up(below, here)] = mean_product(b_t - b, rates[k])
        wanted[bottom_up("bias", here)] = (b_t - b).mean(axis=0)[:, None]
    for k, here, above in HIDDEN:
        u, _, _, before = found[here]
        _, b, b_t, _ = found[above]
        wanted[f"{above}_to_{here}_apical"] = mean_product(rates[k], b_t - b)
        wanted[f"{here}_to_{here}_recurrent"] = mean_product(u, before)
    return wanted


def test_two_presentations_of_burstprop_are_its_equations(recurrent):
    w = weights_of(recurrent)
    v = {name: np.zeros_like(value) for name, value in w.items()}
    with circuits.Presenter(recurrent, batch=len(X), weights=w) as presenter:
        for _ in range(2):
            rates = logistic_rates(w)
            for name, g in burstprop_update(w, rates, T - rates[3]).items():
                is_r = name.endswith("recurrent")
                v[name] = g if is_r else 0.8 * v[name] + g
                kept = 1.0 if is_r else 0.99
                w[name] = kept * w[name] + (0.7 if is_r else 0.3) * v[name]
            presenter.present(SHOWN)
        found = presenter.weights()
    for name, g in burstprop_update(w, rates, T - rates[3]).items():
        np.testing.assert_allclose(found[name], w[name], rtol=0, atol=1e-13)
        assert np.abs(g).max() > 1e-5


def test_the_output_layer_learns_the_gradient_times_its_burst_probability(plain):
    w = weights_of(plain)
    found = circuits.gradient_estimate(plain, X, T, weights=w)
    exact = circuits.negative_gradient(plain, w, X, T)
    for name in ("hidden2_to_output_basal", "bias_to_output_basal"):
        np.testing.assert_allclose(found[name], 0.2 * exact[name], rtol=0, atol=1e-14)


@pytest.mark.parametrize("which", ["recurrent", "plain"])
def test_without_a_teacher_no_weight_moves_but_recurrent_ones(which, request):
    circuit = request.getfixturevalue(which)
    w, schedule = weights_of(circuit), without_teacher(circuit)
    found = circuits.present(circuit, SHOWN, schedule, learning=True, weights=w)
    assert len(found.update) >= 8
    for name, update in found.update.items():
        if circuit.projection(name).rule is None:
            np.testing.assert_array_equal(update, 0.0)
        elif name.endswith("recurrent"):
            assert np.abs(update).max() > 1e-5
        elif which == "recurrent" or name.endswith("apical"):
            # Decay, and of feedback two sums over the batch: last bits.
            decay = 0.01 * w[name] if which == "recurrent" else 0.0
            np.testing.assert_allclose(update, -decay, rtol=0, atol=1e-15)
        else:
            np.testing.assert_array_equal(update, 0.0)


def test_for_small_errors_each_layer_passes_on_a_quarter(recurrent):
    """With Y = W^T and R that silences apical potentials."""
    w, x = weights_of(recurrent), X[:1]
    for here, above in (("hidden1", "hidden2"), ("hidden2", "output")):
        w[f"{above}_to_{here}_apical"] = w[bottom_up(here, above)].T.copy()
    rates = logistic_rates(w, x)
    off = {f"{here}_to_{here}_recurrent": np.zeros((4, 4)) for here in LAYERS[1:3]}
    b = 0.2 * rates[3]
    for k, here, above in reversed(HIDDEN):
        y = w[f"{above}_to_{here}_apical"]
        before = rates[k] * logistic(b @ y.T)
        u = b @ y.T * (1 - rates[k])
        off[f"{here}_to_{here}_recurrent"] = u.T @ before / (before**2).sum()
        b = rates[k] / 2
    w |= off
    lost = []
    for size in (2.0, 1.0):
        target = rates[3] + size * (T[:1] - rates[3])
        still = {name: 0.0 for name in off}
        found = circuits.gradient_estimate(
            recurrent, x, target, weights=w, learning_rates=still
        )
        exact = circuits.negative_gradient(recurrent, w, x, target)
        for depth, (below, here) in enumerate(PAIRS):
            name = bottom_up(below, here)
            decay = -0.01 / 0.3 * w[name]
            wanted = 0.2 * 0.25 ** (2 - depth) * exact[name]
            miss = np.abs(found[name] - decay - wanted).max() / np.abs(wanted).max()
            lost.append(miss)
    assert max(lost[2], lost[5]) < 1e-12
    for k in (0, 1):  # second order of the error, relative to the update
        assert abs(np.log2(lost[k] / lost[k + 3]) - 2.0) < 0.1


def test_recurrent_weights_bring_apical_potentials_to_zero(recurrent):
    reads = [("hidden1", "potential", "student"), ("hidden2", "potential", "student")]
    schedule = without_teacher(recurrent)
    w = weights_of(recurrent)
    sizes = []
    with circuits.Presenter(recurrent, batch=len(X), weights=w) as presenter:
        for _ in range(2):
            found = circuits.present(
                recurrent, SHOWN, schedule, reads=reads, weights=presenter.weights()
            )
            sizes.append([np.abs(found[read]).mean() for read in reads])
            for _ in range(300):
                presenter.present(SHOWN, schedule)
    assert (np.array(sizes[1]) < 0.3 * np.array(sizes[0])).all()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"feedback": "random"}, "feedback = 'random'"),
        ({"resting": 1.0}, "resting = 1.0: must be below 1"),
        ({"resting": 0.0}, "resting"),
        ({"phi": "tanh"}, "event rate -1"),
        ({"output_phi": "softmax"}, "must be a dendrites.transfer"),
        ({"loss": "cross_entropy"}, "no option 'loss'"),
        ({"recurrent": False, "recurrent_rate": 0.1}, "no effect"),
        ({"recurrent": 1}, "recurrent"),
    ],
)
def test_what_burstprop_cannot_do_is_refused(options, text):
    with pytest.raises(ModelError, match=text):
        algorithms.burstprop(SIZES, **options)
