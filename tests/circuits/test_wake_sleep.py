"""Helmholtz machines beside the enumeration of all their states."""

import numpy as np
import pytest
from drawn_numbers import SEED, drawn
from reference.helmholtz_twin import (
    divergence_of_dreams,
    every_state,
    free_energy,
    generated,
    log_p,
    log_q,
    recognised,
)
from scheme_circuits import EXACT, mean_product
from systems import logistic

import circuits
from circuits import algorithms
from dendrites.errors import ModelError
from dendrites.random import uniform

SIZES = (3, 3, 2)
NAMES = ("visible", "hidden1", "hidden2")
MANY = 4000  # independent samples
ERRORS = 4.0  # standard errors
X = np.array([1.0, 0.0, 1.0])


def with_biases(circuit, size=1.0, seed=3):
    rng = np.random.default_rng(seed)
    return {
        p.name: rng.uniform(-size, size, circuit.weights_shape(p.name))
        for p in circuit.projections
        if p.learns
    }


def two_ways(weights, names=NAMES):
    """Recognition and generation, layer by layer."""

    def bias(layer, field):
        return weights[f"bias_to_{layer}_{field}"][:, 0]

    pairs = list(zip(names[:-1], names[1:], strict=True))
    up = [
        (weights[f"{below}_to_{here}_basal"], bias(here, "basal"))
        for below, here in pairs
    ]
    down = [
        (weights[f"{here}_to_{below}_apical"], bias(below, "apical"))
        for below, here in pairs
    ]
    return up, [*down, (None, bias(names[-1], "apical"))]


def products(post, pre):
    return post[:, :, None] * pre[:, None, :]


def wake_terms(down, s, names=NAMES):
    """What single samples say of each generative weight."""
    found = {}
    for k, p in enumerate(generated(down, s)):
        found[f"bias_to_{names[k]}_apical"] = (s[k] - p)[:, :, None]
        if k + 1 < len(names):
            name = f"{names[k + 1]}_to_{names[k]}_apical"
            found[name] = products(s[k] - p, s[k + 1])
    return found


def sleep_terms(up, s, names=NAMES):
    """What single samples say of each recognition weight."""
    found = {}
    for k, q in enumerate(recognised(up, s)):
        found[f"bias_to_{names[k + 1]}_basal"] = (s[k + 1] - q)[:, :, None]
        name = f"{names[k]}_to_{names[k + 1]}_basal"
        found[name] = products(s[k + 1] - q, s[k])
    return found


def of_states(share, terms):
    """Mean of each term, and the standard error of a mean over MANY samples."""
    found = {}
    for name, value in terms.items():
        mean = np.tensordot(share, value, 1)
        spread = np.tensordot(share, value**2, 1) - mean**2
        found[name] = mean, np.sqrt(np.maximum(spread, 0.0) / MANY)
    return found


def given_x(s, x=X):
    return [part[(s[0] == x).all(axis=1)] for part in s]


@pytest.fixture(scope="module")
def machine():
    circuit = algorithms.wake_sleep(SIZES, learning_rate=1.0, seed=SEED)
    return circuit, with_biases(circuit)


@pytest.fixture(scope="module")
def presented(machine):
    circuit, weights = machine
    shown = {"input": np.tile(X, (MANY, 1))}
    return circuits.present(circuit, shown, weights=weights, learning=True)


def test_samples_by_day_and_in_dreams_are_those_of_the_enumeration(machine, presented):
    up, down = two_ways(machine[1])
    s = every_state(SIZES)
    awake = given_x(s)
    expected = of_states(np.exp(log_q(up, awake)), wake_terms(down, awake))
    expected |= of_states(np.exp(log_p(down, s)), sleep_terms(up, s))
    assert set(expected) == set(machine[1])
    for name, (mean, error) in expected.items():
        gap = np.abs(presented.update[name] - mean)
        assert (gap <= ERRORS * error).all(), name
    largest = max((np.abs(mean) / (error + 1e-9)).max() for mean, error in
                  expected.values())  # fmt: skip
    assert largest > 20


def slopes(of, weights, name, h=1e-3):
    """Derivatives of a number with respect to one array, of fourth order."""
    found = np.zeros(weights[name].shape)
    for index in np.ndindex(found.shape):
        at = []
        for k in (1, -1, 2, -2):
            moved = weights[name].copy()
            moved[index] += k * h
            at.append(of({**weights, name: moved}))
        found[index] = (8 * (at[0] - at[1]) - (at[2] - at[3])) / (12 * h)
    return found


def test_the_mean_wake_update_is_the_gradient_of_the_bound(machine):
    up, down = two_ways(machine[1])
    awake = given_x(every_state(SIZES))
    means = of_states(np.exp(log_q(up, awake)), wake_terms(down, awake))
    for name, (mean, _) in means.items():
        slope = slopes(lambda w: free_energy(*two_ways(w), X)[0], machine[1], name)
        np.testing.assert_allclose(mean, -slope, atol=1e-11)


def test_the_mean_sleep_update_descends_the_divergence_of_dreams(machine):
    up, down = two_ways(machine[1])
    s = every_state(SIZES)
    means = of_states(np.exp(log_p(down, s)), sleep_terms(up, s))
    x = np.exp(log_p(down, s))
    seen = {tuple(v): x[(s[0] == v).all(axis=1)].sum() for v in np.unique(s[0], axis=0)}

    def bound(w):
        return sum(p * free_energy(*two_ways(w), v)[0] for v, p in seen.items())

    for name, (mean, _) in means.items():
        slope = slopes(lambda w: divergence_of_dreams(*two_ways(w)), machine[1], name)
        np.testing.assert_allclose(mean, -slope, atol=1e-11)
        # Of KL(q || p), which the bound needs, on inputs of the same distribution.
        other = slopes(bound, machine[1], name)
        assert np.abs(other - slope).max() > 0.02


def test_the_free_energy_is_a_bound_and_sharp_for_the_true_posterior():
    circuit = algorithms.wake_sleep((3, 1), learning_rate=1.0, seed=SEED)
    names = ("visible", "hidden1")
    weights = with_biases(circuit, size=2.0)
    up, down = two_ways(weights, names)
    (b, v), (_, prior) = down
    bound, exact = free_energy(up, down, X)
    assert bound > exact + 0.01
    # Log odds of one hidden cell are linear in what is seen.
    odds = (np.log(1 - logistic(v + b[:, 0])) - np.log(1 - logistic(v))).sum()
    true = [(b.T, prior + odds)]
    bound, exact = free_energy(true, down, X)
    assert abs(bound - exact) < 1e-14
    # Nothing is left for dreams to teach.
    weights["visible_to_hidden1_basal"] = b.T.copy()
    weights["bias_to_hidden1_basal"] = (prior + odds)[:, None]
    found = circuits.present(
        circuit, {"input": np.tile(X, (MANY, 1))}, weights=weights, learning=True
    )
    s = every_state((3, 1))
    share = np.exp(log_p(down, s))
    for name, (mean, error) in of_states(share, sleep_terms(true, s, names)).items():
        assert np.abs(mean).max() < 1e-15
        assert (np.abs(found.update[name]) <= ERRORS * error).all()


@pytest.mark.usefixtures("every_engine")
def test_a_day_and_a_night_with_targets():
    rate, dreamt = 0.5, 0.25
    circuit = algorithms.wake_sleep(
        SIZES, learning_rate=rate, recognition_rate=dreamt, taught=True, seed=SEED
    )
    names = ("visible", "hidden1", "output")
    weights = with_biases(circuit)
    x, t = np.array([[1, 0, 0.25], [0, 1, 1], [0, 0, 1]]), np.eye(2)[[0, 1, 1]]
    found = circuits.present(
        circuit, {"input": x, "target": t}, weights=weights, learning=True
    )
    up, down = two_ways(weights, names)

    def sample(name, n, step, p):
        u = drawn(uniform, f"spikes/{name}", n, len(x), step=step)
        return (u < p).astype(float)

    h = sample("hidden1", 3, 0, logistic(x @ up[0][0].T + up[0][1]))
    wanted = {
        k: rate * value.mean(axis=0)
        for k, value in wake_terms(down, [x, h, t], names).items()
    }
    top = sample("output", 2, 2, logistic(down[2][1]))
    h = sample("hidden1", 3, 2, logistic(top @ down[1][0].T + down[1][1]))
    v = sample("visible", 3, 2, logistic(h @ down[0][0].T + down[0][1]))
    wanted |= {
        k: dreamt * value.mean(axis=0)
        for k, value in sleep_terms(up, [v, h, top], names).items()
    }
    q = logistic(v @ up[0][0].T + up[0][1])
    first = dreamt * mean_product(h - q, v)
    np.testing.assert_allclose(wanted["visible_to_hidden1_basal"], first, atol=EXACT)
    for name, value in wanted.items():
        np.testing.assert_allclose(found.update[name], value, atol=EXACT)
        assert np.abs(value).max() > 0


@pytest.mark.usefixtures("nothing_is_compiled")
@pytest.mark.parametrize(
    ("sizes", "options", "text"),
    [
        ((4,), {}, "sizes = .*two layers or more"),
        ((4, 3), {"sweeps": 5}, "sweeps = 5: with one hidden layer"),
        ((4, 3, 2), {"sweeps": 0}, "sweeps"),
        ((4, 3, 2), {"taught": 1}, "taught"),
    ],
)
def test_impossible_machines_are_refused(sizes, options, text):
    with pytest.raises(ModelError, match=text):
        algorithms.wake_sleep(sizes, **options)
