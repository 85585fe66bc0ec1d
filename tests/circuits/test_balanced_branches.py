"""Balance of dendritic branches: rates, errors and learning in closed form."""

import numpy as np
import pytest
import scipy.optimize
from dendritic_layers import mean_product

import circuits
from circuits import algorithms
from dendrites.errors import ModelError

PICTURES = np.random.default_rng(0).uniform(size=(5, 6))
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
    ("options", "text"),
    [
        ({"inhibition": "set"}, "inhibition = 'set'"),
        ({"decay": 0.0}, "decay"),
        ({"learning_rate": -1.0}, "learning_rate"),
    ],
)
def test_options_that_leave_nothing_to_balance_are_refused(options, text):
    with pytest.raises(ModelError, match=text):
        algorithms.dendritic_predictive_coding((6, 4), **options)


def test_a_network_without_cells_has_nothing_to_balance():
    with pytest.raises(ModelError, match="an input and one or more layers"):
        algorithms.dendritic_predictive_coding((6,))
