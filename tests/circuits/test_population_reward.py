"""Populations that vote and are told a reward, and their decision."""

from math import comb

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
from scipy.special import ndtr

import circuits
from circuits import Constant, algorithms
from circuits.stack import bottom_up
from dendrites.errors import ModelError

X, FIRST = np.array([[0.3, -1.0, 0.8]]), bottom_up("input", "hidden1")
CELLS = ("hidden1", "spikes", "told"), ("hidden1", "p", "told")


def population(n, feedback, **options):
    return algorithms.population_reward((3, n, 1), feedback=feedback, **options)


@pytest.mark.parametrize("feedback", ["reward", "decision"])
def test_a_population_learns_from_its_reward_and_decision(feedback):
    count, right = 4000, np.array([[1.0]])
    circuit = population(5, feedback, bias=False)
    read = "credit" if feedback == "reward" else "corrected"
    reads = [*CELLS, ("hidden1", read, "told")]
    shown = repeated(count, input=X, target=right)
    found = circuits.present(circuit, shown, reads=reads, learning=True)
    s, p, credit = (found[key] for key in reads)
    activity = (2 * s - 1).sum(axis=1, keepdims=True) / np.sqrt(5)
    reward = np.where(activity > 0, 1.0, -1.0)
    wanted = reward * (s - p)
    if feedback == "decision":
        factor = np.where(reward > 0, np.exp(-(activity**2)), 1.0)
        wanted = factor * (1.0 - p)
    np.testing.assert_allclose(credit, wanted, rtol=0, atol=1e-12)
    each = outer(credit, shown["input"])
    moved = found.update[FIRST] / 0.1
    np.testing.assert_allclose(moved, each.mean(axis=0), rtol=0, atol=1e-12)
    if feedback == "decision":
        return

    def expected(w):
        every = patterns(5)
        decided = np.where(every.sum(axis=1) > 2.5, 1.0, -1.0)
        return (probability(every, logistic(X @ w.T)[0]) * decided).sum()

    mean = enumerated(s, each, lambda k: probability(s[k], p[k]))
    exact = gradient(expected, found.before[FIRST])
    np.testing.assert_allclose(mean, exact, rtol=0, atol=1e-9)


def test_a_reward_alone_tells_a_cell_less_the_more_cells_there_are():
    """At p = 1/2 a cell decides the vote with C(N-1, (N-1)/2) / 2^(N-1).

    The mean of R (s - p) is half of this probability, and falls as N^(-1/2).
    """
    count, x, right = 4000, np.array([[1.0, 0.0, 0.0]]), np.array([[1.0]])
    for n in (1, 11, 101):
        means = {}
        for feedback in ("reward", "decision"):
            circuit = population(n, feedback, bias=False, initial=Constant(0.0))
            update = circuits.gradient_estimate(
                circuit, **repeated(count, inputs=x, targets=right)
            )[FIRST][:, 0]
            means[feedback] = update.mean()
        wanted = 0.5 * comb(n - 1, (n - 1) // 2) / 2 ** (n - 1)
        # R (s - p) is 1/2 or -1/2, of different cells without correlation.
        assert abs(means["reward"] - wanted) <= 4 * 0.5 / np.sqrt(count * n)
        assert means["decision"] > 0.25


def learning_time(n, feedback, seed):
    """Presentations until the vote is right in 90 %, of 30 patterns of 40 inputs."""
    rng = np.random.default_rng(seed)
    x = rng.choice([-1.0, 1.0], (30, 40))
    right = (np.arange(30) % 2)[:, None].astype(float)
    circuit = algorithms.population_reward(
        (40, n, 1), feedback=feedback, learning_rate=0.01, seed=seed, bias=False
    )
    with circuits.Presenter(circuit) as presenter:
        for shown in range(100, 20_000, 100):
            order = rng.integers(0, 30, 100)
            presenter.present_many({"input": x[order], "target": right[order]})
            p = logistic(x @ presenter.weights()[FIRST].T)
            votes = (2 * right[:, 0] - 1) * (2 * p - 1).sum(axis=1)
            if ndtr(votes / np.sqrt((4 * p * (1 - p)).sum(axis=1))).mean() > 0.9:
                return shown
    raise AssertionError("never right")


@pytest.mark.slow
def test_populations_learn_faster_with_their_size_only_if_told_their_decision():
    times = {
        feedback: [
            np.median([learning_time(n, feedback, seed) for seed in range(5)])
            for n in (1, 5, 101)
        ]
        for feedback in ("reward", "decision")
    }
    assert times["reward"][0] < times["reward"][1] <= times["reward"][2]
    one, few, many = times["decision"]
    assert one > 2 * few > 4 * many


@pytest.mark.parametrize(
    ("sizes", "options", "text"),
    [
        ((3, 4, 1), {}, "an odd number of cells, and 1 output"),
        ((3, 5, 2), {}, "an odd number of cells, and 1 output"),
        ((3, 5, 1), {"feedback": "both"}, "feedback = 'both'"),
        ((3, 5, 1), {"learning_rate": (0.1, 0.2)}, "learning_rate"),
    ],
)
def test_populations_that_cannot_be_are_refused(sizes, options, text):
    with pytest.raises(ModelError, match=text):
        algorithms.population_reward(sizes, **options)
