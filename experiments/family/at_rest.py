"""Exact gradients of losses at a fixed point, by the implicit function theorem."""

from collections.abc import Mapping

import numpy as np

from circuits import Circuit, present
from circuits.stack import bottom_up

_STEP = 1e-5


def fixed_point_gradient(
    circuit: Circuit, weights: Mapping, inputs, targets
) -> dict[str, np.ndarray]:
    """-dL/dW of half the squared error of `almeida_pineda` at its fixed point.

        z = (I - W^T D)^-1 e,   D = diag(phi'(a)),   -dL/dW = mean((D z) r^T)

    Parameters
    ----------
    circuit : Circuit
        Of `circuits.algorithms.almeida_pineda`.
    weights : mapping of str to ndarray (n_post, n_pre)
        Of projections that are not tied.
    inputs, targets : ndarray (n_samples, n)

    Returns
    -------
    dict of ndarray (n_post, n_pre)
        By projection, those of biases too.

    Source: Pineda (1987); our form.
    """
    layers, place, w = _joined(circuit, weights)
    rates = _read(circuit, weights, inputs, layers, "rate")
    slopes = _read(circuit, weights, inputs, layers, "slope")
    output = place["output"]
    deltas = np.zeros_like(rates)
    for r, d, delta, target in zip(rates, slopes, deltas, targets, strict=True):
        error = np.zeros(len(r))
        error[output] = target - r[output]
        delta[:] = d * np.linalg.solve(np.eye(len(r)) - w.T * d, error)
    return _products(circuit, weights, place, inputs, ((deltas, rates),))


def equilibrium_gradient(
    circuit: Circuit, weights: Mapping, inputs, targets
) -> dict[str, np.ndarray]:
    """-dL/dW of |t - s|^2 / 2 at the free state of `equilibrium_propagation`.

    With the second derivative H of the energy, in cells that are not held at an end of
    the range of a hard sigmoid:

        z = H^-1 (t - s on the output),   -dL/dW = mean(d_z of (rho rho^T))

    Parameters
    ----------
    circuit : Circuit
        Of `circuits.algorithms.equilibrium_propagation`, with tied feedback.
    weights, inputs, targets : as in `fixed_point_gradient`

    Returns
    -------
    dict of ndarray (n_post, n_pre)
        By projection, those of biases too.

    Source: Scellier & Bengio (2017), theorem 1; our form.
    """
    layers, place, w = _joined(circuit, weights)
    w = w + w.T
    model = circuit.model("output")
    s, rates = (_read(circuit, weights, inputs, layers, r) for r in ("soma", "rate"))
    drive = rates @ w.T
    first = bottom_up("input", layers[0])
    drive[:, place[layers[0]]] += inputs @ weights[first].T
    for layer in layers:
        if (bias := bottom_up("bias", layer)) in weights:
            drive[:, place[layer]] += weights[bias][:, 0]

    def slope_of_one(u):
        cell = model.state(u, 1.0)
        return model.reads["gated"](cell, model.parameters) / model.parameters.scale

    slope = np.vectorize(slope_of_one, otypes=[float])
    d = slope(s)
    bend = (slope(s + _STEP) - slope(s - _STEP)) / (2.0 * _STEP)
    moving = np.ones(s.shape, bool) if model.step is None else (s > 0.0) & (s < 1.0)
    moved = np.zeros_like(s)
    for k, free in enumerate(moving):
        error = np.zeros(len(free))
        error[place["output"]] = targets[k] - s[k][place["output"]]
        second = np.diag(1.0 - bend[k] * drive[k]) - d[k][:, None] * w * d[k]
        at = np.ix_(free, free)
        moved[k, free] = d[k, free] * np.linalg.solve(second[at], error[free])
    return _products(circuit, weights, place, inputs, ((moved, rates), (rates, moved)))


def _joined(circuit, weights):
    """Layers, where each lies, and the weights of all of them among each other."""
    names = [p.name for p in circuit.populations if p.name.startswith("hidden")]
    layers = [*names, "output"]
    ends = np.cumsum([0, *(circuit.population(n).size for n in layers)])
    place = {n: slice(*ends[k : k + 2]) for k, n in enumerate(layers)}
    w = np.zeros((ends[-1], ends[-1]))
    for post in layers:
        for pre in layers:
            if (name := bottom_up(pre, post)) in weights:
                w[place[post], place[pre]] = weights[name]
    return layers, place, w


def _read(circuit, weights, inputs, layers, read):
    """A read of all layers at rest (n_samples, n_cells)."""
    reads = [(layer, read) for layer in layers]
    found = present(
        circuit, {"input": inputs}, circuit.test_schedule, weights=weights, reads=reads
    )
    return np.concatenate([found[key] for key in reads], axis=1)


def _products(circuit, weights, place, inputs, pairs):
    """Mean of the products of post and pre, summed over the pairs, by projection.

    The input and the bias do not move, so they count where the cells do, in the first.
    """
    n, found = len(inputs), {}
    for name in weights:
        p = circuit.projection(name)
        if p.rule is None or p.post not in place:
            continue
        if p.pre in place:
            products = [b[:, place[p.post]].T @ a[:, place[p.pre]] for b, a in pairs]
            found[name] = sum(products) / n
        else:
            shown = inputs if p.pre == "input" else np.ones((n, 1))
            found[name] = pairs[0][0][:, place[p.post]].T @ shown / n
    return found
