"""The two-sweep microcircuit in plain NumPy, as a named speed baseline.

What a good NumPy user would write to train the circuit on labelled images: float32,
small batches, preallocated products for the weight changes, and nothing computed that
the tied weights make redundant. Attenuations are left out (a = 1 everywhere), so that

    up        u_k = W_k r_{k-1} + b_k,  r_k = phi(u_k)
    output    u_N <- (1 - share) u_N + share t
    down      uI_k = (1 - share) vI_k + share u_{k+1}
              u_k <- u_k + share B_k (phi(u_{k+1}) - phi(uI_k))
    learning  W_k += rate_k mean(phi(u_k) - r_k) r_{k-1}^T,  b_k alike with r = 1

where vI_k is the upward drive of the layer above (W_IP tied to W_{k+1}) and W_PI = -B.
Presynaptic rates are those of the upward sweep. Lists start at the first hidden layer.

Source: Sacramento, Costa, Bengio, Senn (2018), section 3.4 and eqs. 7-9.
"""

from collections.abc import Sequence

import numpy as np

SIZES = (784, 500, 500, 10)
SHARE = 0.1


def build(seed: int, *, sizes: Sequence[int] = SIZES, dtype=np.float32) -> dict:
    """Weights at the start, one array per layer.

    Returns
    -------
    dict
        ``W`` uniform(-1, 1) / sqrt(n_pre) and ``b`` zero, (n_post, n_pre) and
        (n_post,); ``B`` uniform(-1, 1), (n_k, n_above), one per hidden layer.
    """
    draw = np.random.default_rng(seed).uniform
    pairs = list(zip(sizes[1:], sizes[:-1], strict=True))
    return {
        "W": [(draw(-1, 1, pair) / np.sqrt(pair[1])).astype(dtype) for pair in pairs],
        "b": [np.zeros(post, dtype) for post, _ in pairs],
        "B": [draw(-1, 1, pair[::-1]).astype(dtype) for pair in pairs[1:]],
    }


def matched_rates(
    output: float, hidden: float, *, n_layers: int = 3, share: float = SHARE
) -> list[float]:
    """Rates with which an update is a step of `output` or `hidden` down the loss.

    A layer's update over the error it is handed is the output nudge times one
    dilution share (1 - share) per hidden layer on the way: rate = step / that.
    """
    steps = [hidden] * (n_layers - 1) + [output]
    dilutions = [
        share * (share * (1.0 - share)) ** (n_layers - k)
        for k in range(1, n_layers + 1)
    ]
    return [step / size for step, size in zip(steps, dilutions, strict=True)]


def run_epoch(
    weights: dict,
    inputs: np.ndarray,
    targets: np.ndarray,
    order: np.ndarray,
    rates: Sequence[float],
    *,
    batch: int = 10,
    share: float = SHARE,
) -> None:
    """One pass over the examples; moves ``W`` and ``b`` in place.

    Parameters
    ----------
    weights : dict, from `build`
    inputs : (n_examples, n_0) rates
    targets : (n_examples, n_N) target potentials
    order : (n_examples,) int
        Order of the examples.
    rates : one per layer, per presentation of a batch
    batch : int
        Examples whose changes are averaged; the last batch may be smaller.
    share : float
        Of the target in an output cell, of the layer above in an interneuron, and of
        the apical dendrite in a soma.
    """
    W, b, B = weights["W"], weights["b"], weights["B"]
    n, own = len(W), 1.0 - share
    changes = [np.empty_like(w) for w in W]
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        r, drives = [inputs[rows]], []
        for w, bias in zip(W, b, strict=True):
            drive = r[-1] @ w.T
            drive += bias
            drives.append(drive)
            r.append(logistic(drive))

        errors = [None] * n
        u = share * targets[rows]
        u += own * drives[-1]
        rate = logistic(u)
        errors[-1] = rate - r[-1]
        for k in range(n - 2, -1, -1):
            u *= share  # of interneurons, whose own drive is that of the layer above
            u += own * drives[k + 1]
            rate -= logistic(u)
            u = rate @ B[k].T
            u *= share
            u += drives[k]
            rate = logistic(u)
            errors[k] = rate - r[k + 1]

        for k in range(n):
            errors[k] *= rates[k] / len(rows)
            np.matmul(errors[k].T, r[k], out=changes[k])
            W[k] += changes[k]
            b[k] += errors[k].sum(axis=0)


def output_rates(weights: dict, inputs: np.ndarray) -> np.ndarray:
    """Answers (n_examples, n_N) of the settled circuit, its feedforward network."""
    r = inputs
    for w, bias in zip(weights["W"], weights["b"], strict=True):
        r = logistic(r @ w.T + bias)
    return r


def logistic(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), as a hyperbolic tangent because that cannot overflow."""
    out = 0.5 * x
    np.tanh(out, out=out)
    out *= 0.5
    out += 0.5
    return out
