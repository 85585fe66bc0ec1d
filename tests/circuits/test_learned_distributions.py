"""Machines of binary cells learn a distribution that can be enumerated."""

import numpy as np
import pytest
from reference.boltzmann_twin import log_weights, states
from reference.helmholtz_twin import every_state, log_p

from circuits import Normal, Presenter, algorithms

pytestmark = pytest.mark.slow

# Rows or columns of 2 x 2 pixels, never both.
PATTERNS = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 1, 0, 1]], float)
WANTED = (states(4)[:, None] == PATTERNS).all(axis=2).any(axis=1) / 4.0


def divergence(p):
    """KL of the patterns from what a machine shows, in nats."""
    seen = WANTED > 0
    return (WANTED[seen] * np.log(WANTED[seen] / p[seen])).sum()


def of_machine(weights):
    """p(v) of two layers whose weights are one both ways."""
    w = weights["visible_to_hidden1_basal"]
    v, n = states(4), len(w)
    both = np.block([[np.zeros((4, 4)), w.T], [w, np.zeros((n, n))]])
    bias = [weights[f"bias_to_{k}_basal"][:, 0] for k in ("visible", "hidden1")]
    h = states(n)
    pairs = np.hstack([np.repeat(v, len(h), axis=0), np.tile(h, (len(v), 1))])
    p = np.exp(log_weights(pairs, both, np.concatenate(bias)))
    return p.reshape(len(v), len(h)).sum(axis=1) / p.sum()


def of_helmholtz(weights):
    b, bias = (weights[f"{k}_to_visible_apical"] for k in ("hidden1", "bias"))
    prior = weights["bias_to_hidden1_apical"][:, 0]
    s = every_state((4, b.shape[1]))
    p = np.exp(log_p([(b, bias[:, 0]), (None, prior)], s))
    return p.reshape(16, -1).sum(axis=1)


WIDE = {"initial": Normal(0.0, 0.5), "seed": 1}
MACHINES = {
    "boltzmann": (
        of_machine,
        lambda: algorithms.boltzmann_machine(
            (4, 6), models="inputs", learning_rate=0.3, sweeps=10, **WIDE
        ),
    ),
    "cd": (
        of_machine,
        lambda: algorithms.harmonium((4, 6), steps=5, learning_rate=0.3, **WIDE),
    ),
    "persistent": (
        of_machine,
        lambda: algorithms.harmonium(
            (4, 6), persistent=True, learning_rate=0.1, **WIDE
        ),
    ),
    "wake_sleep": (
        of_helmholtz,
        lambda: algorithms.wake_sleep((4, 6), learning_rate=0.3, **WIDE),
    ),
}


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_learns_which_patterns_there_are(name):
    shows, make = MACHINES[name]
    with Presenter(make(), batch=40) as presenter:
        before = divergence(shows(presenter.weights()))
        presenter.present_many({"input": np.tile(PATTERNS, (10 * 2000, 1))})
        after = divergence(shows(presenter.weights()))
    # Independent cells, the best that biases alone can do, are at log 4.
    assert before > 1.2 and after < 0.35
