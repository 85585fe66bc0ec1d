"""Boltzmann machines of a few cells by enumeration of all their states."""

from itertools import product

import numpy as np
from systems import logistic


def states(n):
    """All binary states (2^n, n)."""
    return np.array(list(product((0.0, 1.0), repeat=n))).reshape(-1, n)


def log_weights(s, w, b):
    """Minus the energies of states (n_states, n), symmetric weights, no self."""
    return 0.5 * np.einsum("ki,ij,kj->k", s, w, s) + s @ b


def conditional(w, b, clamped):
    """States that agree with ``clamped`` (index to value), and their shares."""
    s = states(len(b))
    for index, value in clamped.items():
        s = s[s[:, index] == value]
    x = log_weights(s, w, b)
    share = np.exp(x - x.max())
    return s, share / share.sum()


def log_probability(w, b, clamped, given=()):
    """Of what is clamped, given some of it."""
    parts = []
    for kept in (clamped, {i: clamped[i] for i in given}):
        s = states(len(b))
        for index, value in kept.items():
            s = s[s[:, index] == value]
        parts.append(np.log(np.exp(log_weights(s, w, b)).sum()))
    return parts[0] - parts[1]


def correlations(w, b, clamped):
    """Mean s_i s_j (n, n), the means of s on its diagonal."""
    s, share = conditional(w, b, clamped)
    return np.einsum("k,ki,kj->ij", share, s, s)


def chain(w, bv, bh):
    """One step of a harmonium's chain: p(v' | v) over all visible states.

    Weights (n_hidden, n_visible).
    """
    v, h = states(len(bv)), states(len(bh))
    up, down = logistic(v @ w.T + bh), logistic(h @ w + bv)

    def shares(p, s):
        return np.prod(np.where(s[None] > 0, p[:, None], 1 - p[:, None]), axis=2)

    return shares(up, h) @ shares(down, v)
