"""Every choice of stochastic cells, and what samples say of its mean."""

import itertools

import numpy as np


def logistic(u):
    return 1.0 / (1.0 + np.exp(-u))


def patterns(n):
    return np.array(list(itertools.product((0.0, 1.0), repeat=n)))


def probability(s, p):
    return np.where(s > 0, p, 1 - p).prod(axis=-1)


def gradient(f, w, step=1e-5):
    """Of a function of one array, by central differences."""
    found = np.zeros_like(w)
    for k in np.ndindex(w.shape):
        away = np.zeros_like(w)
        away[k] = step
        found[k] = (f(w + away) - f(w - away)) / (2 * step)
    return found


def enumerated(choices, values, chance):
    """Mean of what samples gave, by the probability of each joint choice.

    `choices` (n_samples, n) and `values` (n_samples, ...) come from a circuit, every
    choice has been made, and `chance` gives its probability.
    """
    made, first = np.unique(choices, axis=0, return_index=True)
    assert len(made) == 2 ** choices.shape[1]
    weight = chance(first)
    np.testing.assert_allclose(weight.sum(), 1.0, rtol=1e-12)
    return np.tensordot(weight, values[first], 1)


def outer(post, pre):
    return post[:, :, None] * pre[:, None, :]


def repeated(count, **shown):
    return {name: np.repeat(value, count, 0) for name, value in shown.items()}
