"""Helmholtz machines of a few cells by enumeration of all their states.

Layers are numbered from below; ``down[l]`` is (weights (n_l, n_(l+1)), bias (n_l,)) of
generation, for the last layer (None, bias); ``up[l]`` that of recognition of layer
l + 1.
"""

from itertools import product

import numpy as np
from systems import logistic

from reference.boltzmann_twin import states


def _log(p, s):
    return np.log(np.where(s > 0, p, 1 - p)).sum(axis=1)


def every_state(sizes):
    """All states of all layers, one array (n_states, n_l) for each."""
    found = list(product(*(states(n) for n in sizes)))
    return [np.array([row[k] for row in found]) for k in range(len(sizes))]


def generated(down, s):
    """Probabilities of every layer given the one above."""
    return [
        logistic((0.0 if w is None else s[k + 1] @ w.T) + b + np.zeros_like(s[k]))
        for k, (w, b) in enumerate(down)
    ]


def recognised(up, s):
    """Probabilities of every layer but the first given the one below."""
    return [logistic(s[k] @ w.T + b) for k, (w, b) in enumerate(up)]


def log_p(down, s):
    return sum(_log(p, x) for p, x in zip(generated(down, s), s, strict=True))


def log_q(up, s):
    return sum(_log(q, x) for q, x in zip(recognised(up, s), s[1:], strict=True))


def free_energy(up, down, x):
    """Bound on -log p(x), with what it is a bound of."""
    sizes = [len(b) for _, b in down]
    s = every_state(sizes)
    s = [part[(s[0] == x).all(axis=1)] for part in s]
    q, p = log_q(up, s), log_p(down, s)
    return (np.exp(q) * (q - p)).sum(), -np.log(np.exp(p).sum())


def divergence_of_dreams(up, down):
    """KL(p(x, h) || q(h | x) p(x)) up to what recognition does not change."""
    s = every_state([len(b) for _, b in down])
    return -(np.exp(log_p(down, s)) * log_q(up, s)).sum()
