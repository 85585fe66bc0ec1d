"""Cells and synapses that choose and are told a reward: every choice, enumerated."""

import numpy as np
import pytest
from enumeration import (
    enumerated,
    gradient,
    logistic,
    outer,
    patterns,
    probability,
    repeated,
)

import circuits
from circuits import algorithms
from circuits.stack import bottom_up
from dendrites.errors import ModelError

SIZES = (3, 2, 2)
X, T = np.array([[0.3, -1.0, 0.8]]), np.array([[1.0, 0.0]])
FIRST, SECOND = bottom_up("input", "hidden1"), bottom_up("hidden1", "output")


def softmax(u):
    return np.exp(u) / np.exp(u).sum(axis=-1, keepdims=True)


def expected_reward(w1, w2, outputs):
    """Of two layers of cells, over all that they can do."""
    p1, total = logistic(X @ w1.T)[0], 0.0
    for s1 in patterns(2):
        chance = probability(s1, p1)
        if outputs == "choice":
            total += chance * softmax(s1 @ w2.T)[0]
            continue
        p2 = logistic(s1 @ w2.T)
        for s2 in patterns(2):
            chosen = chance * probability(s2, p2)
            total += chosen * -0.5 * ((T - s2) ** 2).sum()
    return total


@pytest.mark.parametrize("baseline", [0.0, 5.0])
@pytest.mark.parametrize("outputs", ["choice", "binary"])
def test_reinforce_is_the_gradient_of_the_expected_reward_for_any_baseline(
    outputs, baseline
):
    count, choice = 4000, outputs == "choice"
    circuit = algorithms.reinforce(
        SIZES, baseline=baseline, bias=False, outputs=outputs
    )
    w1 = np.array([[0.5, -0.3, 0.4], [-0.2, 0.6, 0.1]])
    w2 = np.array([[0.7, -0.5], [-0.4, 0.8]])
    last = "output_told" if choice else "told"
    names = ("winner", "rate") if choice else ("spikes", "p")
    reads = [("hidden1", read, "told") for read in ("spikes", "p", "credit")]
    reads += [("output", read, last) for read in (*names, "credit")]
    shown, weights = repeated(count, input=X, target=T), {FIRST: w1, SECOND: w2}
    found = circuits.present(
        circuit, shown, reads=reads, learning=True, weights=weights
    )
    s1, p1, c1, s2, p2, c2 = (found[read] for read in reads)
    u2 = s1 @ w2.T
    np.testing.assert_allclose(p2, (softmax if choice else logistic)(u2), atol=1e-12)
    reward = s2[:, :1] if choice else -0.5 * ((T - s2) ** 2).sum(axis=1)[:, None]
    np.testing.assert_allclose(c2, (reward - baseline) * (s2 - p2), atol=1e-12)

    def chance(k):
        made = (s2 * p2).sum(axis=1) if choice else probability(s2, p2)
        return probability(s1[k], p1[k]) * made[k]

    exact = [
        gradient(lambda w: expected_reward(w, w2, outputs), w1),
        gradient(lambda w: expected_reward(w1, w, outputs), w2),
    ]
    # One of two outputs says which was chosen.
    both = np.hstack([s1, s2[:, :1] if choice else s2])
    for name, credit, pre, wanted in zip(
        (FIRST, SECOND), (c1, c2), (shown["input"], s1), exact, strict=True
    ):
        each = outer(credit, pre)
        mean = enumerated(both, each, chance)
        np.testing.assert_allclose(mean, wanted, rtol=0, atol=1e-9)
        moved = found.update[name] / 0.1
        np.testing.assert_allclose(moved, each.mean(axis=0), rtol=0, atol=1e-12)
        error = each.std(axis=0) / np.sqrt(count)
        assert (np.abs(moved - wanted) < 4 * error + 1e-9).all()


def test_a_running_mean_of_rewards_is_subtracted_from_the_next():
    circuit = algorithms.reinforce(
        SIZES, baseline=-0.2, averaging=0.25, outputs="binary"
    )
    with circuits.Presenter(circuit, batch=6) as presenter:
        mean = np.zeros(6)
        for _ in range(3):
            presenter.present(repeated(6, input=X, target=T))
            s = presenter.read("output", "spikes", "sampled")
            reward = -0.5 * ((T - s) ** 2).sum(axis=1) + 0.2 - mean
            told = presenter.read("hidden1", "reward", "told")
            np.testing.assert_allclose(told, np.tile(reward[:, None], 2), atol=1e-12)
            mean = mean + 0.25 * reward
        assert np.ptp(mean) > 0


@pytest.mark.parametrize("outputs", ["choice", "binary"])
def test_tests_of_stochastic_cells_show_what_they_expect(outputs):
    circuit = algorithms.reinforce(SIZES, outputs=outputs)
    w = circuits.initial_weights(circuit)
    found = circuits.present(circuit, {"input": X}, circuit.test_schedule)
    last = softmax if outputs == "choice" else logistic
    wanted = last(logistic(X @ w[FIRST].T) @ w[SECOND].T)
    np.testing.assert_allclose(found["output", "rate"], wanted, atol=1e-12)


def test_one_layer_that_chooses_needs_no_hidden_cells():
    circuit = algorithms.reinforce((3, 2), baseline=0.5, bias=False)
    reads = [("output", "winner"), ("output", "rate")]
    shown = repeated(6, input=X, target=T)
    found = circuits.present(circuit, shown, reads=reads, learning=True)
    s, p = (found[read] for read in reads)
    wanted = outer((s[:, :1] - 0.5) * (s - p), shown["input"]).mean(axis=0)
    update = found.update[bottom_up("input", "output")]
    np.testing.assert_allclose(update, 0.1 * wanted, rtol=0, atol=1e-12)


# --- synapses -------------------------------------------------------------------------


READS = ("spikes", "credit")


def released(q, w, x):
    """Expected reward of 2-2-1 cells with six synapses, by all they can do."""
    total = 0.0
    for z in patterns(6):
        h = np.tanh((z[:4].reshape(2, 2) * w[0]) @ x)
        y = np.tanh((z[4:] * w[1]) @ h)
        total += probability(z, logistic(q)) * -0.5 * ((0.9 - y) ** 2).sum()
    return total


@pytest.mark.parametrize("x", [(1.0, 0.5), (1.0, 0.0)])
def test_hedonistic_synapses_follow_the_gradient_of_the_expected_reward(x):
    count, x = 6000, np.array(x)
    circuit = algorithms.hedonistic_synapses((2, 2, 1), phi="tanh", baseline=-0.3)
    rng = np.random.default_rng(0)
    q = rng.normal(0.0, 0.5, 6)
    w = rng.normal(0.0, 2.0, (2, 2)), rng.normal(0.0, 2.0, (1, 2))
    names = ("release1", "release2")
    weights = {
        "release1_q": q[:4, None],
        "release2_q": q[4:, None],
        FIRST: np.kron(np.eye(2), [[1.0, 1.0]]) * w[0].ravel(),
        SECOND: w[1],
    }
    reads = [(name, read, "told") for name in names for read in READS]
    shown = repeated(count, input=x[None], target=np.array([[0.9]]))
    found = circuits.present(
        circuit, shown, reads=reads, weights=weights, learning=True
    )
    z, credit = (np.hstack([found[n, r, "told"] for n in names]) for r in READS)
    mean = enumerated(z, credit, lambda k: probability(z[k], logistic(q)))
    wanted = gradient(lambda q: released(q, w, x), q)
    np.testing.assert_allclose(mean, wanted, rtol=0, atol=1e-9)
    assert np.abs(wanted).max() > 0.01
    silent = np.tile(x == 0.0, 2)
    assert (credit[:, :4][:, silent] == 0.0).all()
    moved = np.vstack([found.update[f"{n}_q"] for n in names])[:, 0] / 0.1
    np.testing.assert_allclose(moved, credit.mean(axis=0), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("make", "options", "text"),
    [
        (algorithms.reinforce, {"averaging": 1.5}, "averaging"),
        (algorithms.reinforce, {"outputs": "normal"}, "outputs = 'normal'"),
        (algorithms.hedonistic_synapses, {"averaging": -0.1}, "averaging"),
        (algorithms.hedonistic_synapses, {"phi": "sine"}, "sine"),
    ],
)
def test_rewards_that_cannot_be_are_refused(make, options, text):
    with pytest.raises(ModelError, match=text):
        make(SIZES, **options)
