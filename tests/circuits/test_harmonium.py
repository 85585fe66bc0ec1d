"""Harmoniums beside the enumeration of all their states."""

import numpy as np
import pytest
from drawn_numbers import SEED, drawn
from reference.boltzmann_twin import chain, correlations, states
from scheme_circuits import EXACT, mean_product
from systems import logistic

import circuits
from circuits import Presenter, Uniform, algorithms
from dendrites.errors import ModelError
from dendrites.random import uniform

DRAWN = {"initial": Uniform(-1.0, 1.0), "seed": SEED}
MANY = 4000  # independent chains
ERRORS = 4.0  # standard errors


def with_biases(circuit, size=0.7):
    """Weights of all projections that are tied to none, biases too."""
    rng = np.random.default_rng(3)
    return {
        p.name: rng.uniform(-size, size, circuit.weights_shape(p.name))
        for p in circuit.projections
        if p.learns
    }


BASAL = "visible_to_hidden1_basal"


def of_harmonium(weights):
    return (
        weights[BASAL],
        weights["bias_to_visible_basal"][:, 0],
        weights["bias_to_hidden1_basal"][:, 0],
    )


def statistics(v, h):
    """Of visible and hidden cells (n, ...), the three products that are learned."""
    return {
        BASAL: h[:, :, None] * v[:, None, :],
        "bias_to_visible_basal": v[:, :, None],
        "bias_to_hidden1_basal": h[:, :, None],
    }


@pytest.mark.parametrize("persistent", [False, True])
def test_two_presentations_of_contrastive_divergence(persistent):
    rate = 0.5
    made = algorithms.harmonium(
        (4, 3), steps=2, persistent=persistent, learning_rate=rate, **DRAWN
    )
    w = with_biases(made)
    rng = np.random.default_rng(1)
    data = (rng.random((2, 3, 4)) > 0.5).astype(float)
    with Presenter(made, batch=3, weights=w) as presenter:
        for x in data:
            presenter.present({"input": x})
        found = presenter.weights()

    h, step = np.zeros((3, 3)), 0

    def u(name, n):
        at = {"step": step % 3, "presentation": step // 3}
        return drawn(uniform, f"spikes/{name}", n, 3, **at)

    for x in data:
        matrix, bv, bh = of_harmonium(w)
        up = logistic(x @ matrix.T + bh)
        if not persistent:
            h = (u("hidden1", 3) < up).astype(float)
        step += 1
        for _ in range(2):
            v = (u("visible", 4) < logistic(h @ matrix + bv)).astype(float)
            p = logistic(v @ matrix.T + bh)
            h = (u("hidden1", 3) < p).astype(float)
            step += 1
        data_side, model_side = statistics(x, up), statistics(v, p)
        w = {k: w[k] + rate * (data_side[k] - model_side[k]).mean(axis=0) for k in w}
    for name, value in w.items():
        np.testing.assert_allclose(found[name], value, atol=EXACT)


@pytest.mark.parametrize("steps", [1, 3])
def test_contrastive_divergence_has_the_mean_of_the_enumeration(steps):
    made = algorithms.harmonium((4, 3), steps=steps, learning_rate=1.0, **DRAWN)
    weights, x = with_biases(made, size=1.5), np.array([1.0, 0.0, 1.0, 1.0])
    found = circuits.present(
        made, {"input": np.tile(x, (MANY, 1))}, weights=weights, learning=True
    )
    matrix, bv, bh = of_harmonium(weights)
    v = states(4)
    start = (v == x).all(axis=1).astype(float)
    share = start @ np.linalg.matrix_power(chain(matrix, bv, bh), steps)
    each = statistics(v, logistic(v @ matrix.T + bh))
    for name, value in each.items():
        mean = np.tensordot(share, value, 1)
        spread = np.tensordot(share, value**2, 1) - mean**2
        wanted = np.tensordot(start, value, 1) - mean
        gap = np.abs(found.update[name] - wanted)
        assert (gap <= ERRORS * np.sqrt(spread / MANY)).all()
        assert np.abs(wanted).max() > 20 * np.sqrt(spread.max() / MANY)


def test_contrastive_divergence_tends_to_the_gradient_of_the_log_probability():
    made = algorithms.harmonium((4, 3), **DRAWN)
    matrix, bv, bh = of_harmonium(with_biases(made, size=1.5))
    w = np.block([[np.zeros((4, 4)), matrix.T], [matrix, np.zeros((3, 3))]])
    exact = correlations(w, np.concatenate([bv, bh]), {})[4:, :4]
    v, gaps = states(4), []
    products = np.einsum("ki,kj->kij", logistic(v @ matrix.T + bh), v)
    for steps in (1, 3, 100):
        share = np.linalg.matrix_power(chain(matrix, bv, bh), steps)[11]
        gaps.append(np.abs(np.tensordot(share, products, 1) - exact).max())
    assert gaps[0] > gaps[1] > 1e-3 and gaps[2] < 1e-12


def test_persistent_chains_go_to_the_distribution_of_the_model_whatever_is_shown():
    made = algorithms.harmonium((4, 3), persistent=True, learning_rate=1.0, **DRAWN)
    weights = with_biases(made, size=1.0)
    rng, ends = np.random.default_rng(2), []
    for data in (np.ones((MANY, 4)), np.round(rng.random((MANY, 4)))):
        with Presenter(made, batch=MANY, weights=weights) as presenter:
            for _ in range(30):
                presenter.present({"input": data}, learning=False)
            ends.append(presenter.read("hidden1", "spikes"))
    np.testing.assert_array_equal(*ends)
    matrix, bv, bh = of_harmonium(weights)
    w = np.block([[np.zeros((4, 4)), matrix.T], [matrix, np.zeros((3, 3))]])
    p = np.diag(correlations(w, np.concatenate([bv, bh]), {}))[4:]
    error = np.sqrt(p * (1 - p) / MANY)
    assert (np.abs(ends[0].mean(axis=0) - p) <= ERRORS * error).all()
    assert (np.abs(p - 0.5) > ERRORS * error).any()


def test_a_target_is_a_second_visible_layer():
    made = algorithms.harmonium((4, 3, 2), learning_rate=1.0, **DRAWN)
    weights = with_biases(made)
    rng = np.random.default_rng(4)
    x = (rng.random((3, 4)) > 0.5).astype(float)
    t = np.eye(2)[[0, 1, 1]]
    found = circuits.present(
        made, {"input": x, "target": t}, weights=weights, learning=True
    )
    up, last = weights[BASAL], weights["hidden1_to_output_basal"]
    bv, bh, bo = (
        weights[f"bias_to_{k}_basal"][:, 0] for k in ("visible", "hidden1", "output")
    )

    def u(name, n, step):
        return drawn(uniform, f"spikes/{name}", n, 3, step=step)

    p = logistic(x @ up.T + t @ last + bh)
    h = (u("hidden1", 3, 0) < p).astype(float)
    v = (u("visible", 4, 1) < logistic(h @ up + bv)).astype(float)
    o = (u("output", 2, 1) < logistic(h @ last.T + bo)).astype(float)
    q = logistic(v @ up.T + o @ last + bh)
    for name, wanted in {
        BASAL: mean_product(p, x) - mean_product(q, v),
        "hidden1_to_output_basal": mean_product(t, p) - mean_product(o, q),
        "bias_to_output_basal": (t - o).mean(axis=0)[:, None],
    }.items():
        np.testing.assert_allclose(found.update[name], wanted, atol=EXACT)
        assert np.abs(wanted).max() > 0


@pytest.mark.parametrize(
    ("sizes", "options", "text"),
    [
        ((4, 3, 2, 2), {}, "two or three layers"),
        ((4, 3), {"steps": 0}, "steps"),
        ((4, 3), {"persistent": 1}, "persistent"),
        ((4, 3), {"sweeps": 5}, "sweeps = 5: without a target"),
    ],
)
@pytest.mark.usefixtures("nothing_is_compiled")
def test_impossible_harmoniums_are_refused(sizes, options, text):
    with pytest.raises(ModelError, match=text):
        algorithms.harmonium(sizes, **options)
