"""Attention-gated learning: the mean over winners is a gradient, exactly."""

import numpy as np
import pytest

import circuits
from circuits import algorithms
from circuits.stack import bottom_up
from dendrites.errors import ModelError

SIZES = (4, 3, 2, 3)
NAMES = ("input", "hidden1", "hidden2", "output")
PAIRS = (("hidden1", "hidden2"), ("hidden2", "output"))
X, T = np.array([[0.5, -1.0, 2.0, 0.3]]), np.array([[0.0, 1.0, 0.0]])


def test_the_mean_over_winners_is_the_gradient_of_the_cross_entropy():
    count = 600
    circuit = algorithms.attention_gated(SIZES)
    w = circuits.initial_weights(circuit)
    rng = np.random.default_rng(0)
    w = {k: rng.normal(size=v.shape) for k, v in w.items() if k.endswith("basal")}
    shown = {"input": np.repeat(X, count, 0), "target": np.repeat(T, count, 0)}
    reads = [(n, r, "told") for n in NAMES[1:] for r in ("delta", "reward", "rate")]
    found = circuits.present(circuit, shown, reads=reads, weights=w, learning=True)
    p = found["output", "rate", "told"][0]
    z = found["output", "delta", "told"]
    np.testing.assert_array_equal(z.sum(axis=1), 1.0)
    frequency = z.mean(axis=0)
    assert (np.abs(frequency - p) < 4 * np.sqrt(p * (1 - p) / count)).all()
    winners = [np.flatnonzero(z[:, c])[0] for c in range(3)]
    told = found["output", "reward", "told"][winners, 0]
    np.testing.assert_allclose(told, [-1.0, (1 - p[1]) / p[1], -1.0], rtol=1e-12)
    exact = circuits.negative_gradient(circuit, w, X, T)
    rates = [shown["input"], *(found[n, "rate", "told"] for n in NAMES[1:])]
    for k, here in enumerate(NAMES[1:]):
        factor = found[here, "reward", "told"] * found[here, "delta", "told"]
        name, below = bottom_up(NAMES[k], here), rates[k]
        mean = (p[:, None] * factor[winners]).T @ below[winners]
        np.testing.assert_allclose(mean, exact[name], rtol=0, atol=1e-13)
        bias = bottom_up("bias", here)
        mean = (p @ factor[winners])[:, None]
        np.testing.assert_allclose(mean, exact[bias], rtol=0, atol=1e-13)
        moved = found.update[name] / 0.1
        np.testing.assert_allclose(moved, factor.T @ below / count, atol=1e-12)


def test_feedback_that_learns_becomes_reciprocal_by_the_decay_alone():
    decay = 0.01
    circuit = algorithms.attention_gated(
        SIZES, feedback="learned", weight_decay=decay, learning_rate=0.2
    )
    x, t = np.random.default_rng(1).normal(size=(5, 4)), np.eye(3)[[0, 1, 2, 0, 1]]
    with circuits.Presenter(circuit, batch=5) as presenter:
        seen = [presenter.weights()]
        for _ in range(200):
            presenter.present({"input": x, "target": t})
        seen.append(presenter.weights())
    for here, above in PAIRS:
        up, down = bottom_up(here, above), f"{above}_to_{here}_apical"
        gaps = [w[up] - w[down].T for w in seen]
        left = (1 - decay) ** 200
        np.testing.assert_allclose(gaps[1], left * gaps[0], rtol=0, atol=1e-13)
        assert np.abs(seen[1][up] - seen[0][up]).max() > 0.1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"feedback": "random"}, "feedback = 'random'"),
        ({"feedback_initial": circuits.Uniform()}, "give feedback='learned'"),
        ({"output_phi": "logistic"}, "no option 'output_phi'"),
    ],
)
def test_attention_that_cannot_be_is_refused(options, text):
    with pytest.raises(ModelError, match=text):
        algorithms.attention_gated(SIZES, **options)
