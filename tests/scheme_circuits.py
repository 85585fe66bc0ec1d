"""Cells and stacks in which the tests say learning schemes, and plain references.

Errors are ``target - rate``, every update is added and rates are per presentation.
"""

from typing import NamedTuple

import numpy as np
from systems import logistic

from circuits import (
    Circuit,
    Constant,
    Phase,
    Population,
    Presenter,
    Projection,
    Schedule,
    Uniform,
)
from dendrites import CellModel, transfer
from dendrites.models import source

EXACT = 1e-12
ONE = {"connectivity": "one_to_one", "initial": Constant(1.0)}
ALL = {"initial": Constant(1.0)}
DRAWN = {"initial": Uniform(-1.0, 1.0)}


class State(NamedTuple):
    soma: float = 0.0
    apical: float = 0.0
    target: float = 0.0


class Inputs(NamedTuple):
    basal: float = 0.0
    apical: float = 0.0
    target: float = 0.0


class NoParams(NamedTuple):
    pass


def follow(cell, inputs, p):
    """Every compartment goes to what it receives."""
    return State(
        inputs.basal - cell.soma,
        inputs.apical - cell.apical,
        inputs.target - cell.target,
    )


def rate(cell, p):
    return transfer.logistic(cell.soma)


def slope(cell, p):
    r = transfer.logistic(cell.soma)
    return r * (1.0 - r)


def hidden_delta(cell, p):
    r = transfer.logistic(cell.soma)
    return cell.apical * r * (1.0 - r)


def output_error(cell, p):
    return cell.target - transfer.logistic(cell.soma)


def output_delta(cell, p):
    r = transfer.logistic(cell.soma)
    return (cell.target - r) * r * (1.0 - r)


def hidden_cell():
    """Its apical compartment holds the error, and `delta` is that times the slope."""
    reads = {"rate": rate, "delta": hidden_delta, "error": lambda cell, p: cell.apical}
    return CellModel("hidden", State, NoParams, Inputs, derivative=follow, reads=reads)


def output_cell():
    """Its error is what a teacher shows minus its rate."""
    reads = {"rate": rate, "delta": output_delta, "error": output_error}
    return CellModel("output", State, NoParams, Inputs, derivative=follow, reads=reads)


def names_of(sizes):
    return ["input", *(f"hidden{k}" for k in range(1, len(sizes) - 1)), "output"]


def stack(
    sizes,
    *,
    rule,
    feedback,
    phases,
    hidden=None,
    output=None,
    more=(),
    weight_decay=0.0,
    **rest,
):
    """Layers with biases, a teacher at the output and any feedback.

    `feedback` and `more` are projections, `phases` those of a presentation.
    """
    names = names_of(sizes)
    cells = {name: hidden or hidden_cell() for name in names[1:-1]}
    cells["output"] = output or output_cell()
    populations = [
        Population("input", source(), sizes[0], pattern="inputs"),
        Population("bias", source(), 1, pattern=1.0),
        Population("teacher", source(), sizes[-1], pattern="targets"),
        *(
            Population(name, cells[name], n)
            for name, n in zip(names[1:], sizes[1:], strict=True)
        ),
    ]
    learned = {"rule": rule, "weight_decay": weight_decay}
    forward = [
        Projection(pre, post, "basal", **learned)
        for pre, post in zip(names[:-1], names[1:], strict=True)
    ]
    forward += [
        Projection(
            "bias",
            name,
            "basal",
            rule=rule,
            name=f"bias_to_{name}",
            weight_decay=weight_decay,
        )
        for name in names[1:]
    ]
    teacher = Projection("teacher", "output", "target", **ONE)
    return Circuit(
        tuple(populations),
        (*forward, teacher, *feedback, *more),
        Schedule(tuple(phases)),
        **rest,
    )


def forward_and_backward(sizes, feedback):
    """One sweep up without feedback, one down with a teacher."""
    names, silent = names_of(sizes), tuple(p.name for p in feedback)
    on = ("input", "bias")
    return (
        Phase("forward", settle=tuple(names[1:]), silent=silent, on=on),
        Phase("backward", settle=tuple(names[:0:-1]), on=(*on, "teacher")),
    )


def random_weights(circuit, seed=0, size=0.7):
    """Weights of every projection that is not tied or one-to-one."""
    rng = np.random.default_rng(seed)
    return {
        p.name: rng.uniform(-size, size, circuit.weights_shape(p.name))
        for p in circuit.projections
        if p.tied_to is None and len(circuit.weights_shape(p.name)) > 1
    }


def after_presentations(circuit, weights, patterns, times, **options):
    """Weights after so many presentations of one batch."""
    batch = len(next(iter(patterns.values())))
    with Presenter(circuit, weights=weights, batch=batch, **options) as presenter:
        for _ in range(times):
            presenter.present(patterns, learning=True)
        return presenter.weights()


def close(found, expected, tolerance=EXACT):
    """Whether arrays agree, relative to the largest number."""
    for name, value in expected.items():
        size = np.abs(value).max()
        np.testing.assert_allclose(
            found[name], value, rtol=0, atol=tolerance * max(size, 1.0), err_msg=name
        )


def pictures(n_samples, n, seed=1):
    return np.random.default_rng(seed).uniform(size=(n_samples, n))


def patterns_of(sizes, n_samples, seed=1):
    """What the input and the teacher of a `stack` show."""
    rng = np.random.default_rng(seed)
    return {
        "input": rng.uniform(-1.0, 1.0, (n_samples, sizes[0])),
        "teacher": rng.uniform(0.1, 0.9, (n_samples, sizes[-1])),
    }


def mean_product(post, pre):
    return post.T @ pre / len(post)


class Net:
    """Layers of logistic cells in plain NumPy: row vectors, (n_post, n_pre) weights."""

    def __init__(self, sizes, weights):
        self.names = names_of(sizes)
        pairs = zip(self.names[:-1], self.names[1:], strict=True)
        self.keys = [f"{a}_to_{b}_basal" for a, b in pairs]
        self.w = [weights[key] for key in self.keys]
        self.b = [weights[f"bias_to_{name}"][:, 0] for name in self.names[1:]]

    def rates(self, x):
        found = [x]
        for w, b in zip(self.w, self.b, strict=True):
            found.append(logistic(found[-1] @ w.T + b))
        return found

    def update(self, rates, deltas):
        """Mean of delta times rate below, and of delta for biases."""
        found = {}
        for k, delta in enumerate(deltas):
            found[self.keys[k]] = mean_product(delta, rates[k])
            found[f"bias_to_{self.names[k + 1]}"] = delta.mean(axis=0)[:, None]
        return found

    def deltas(self, rates, target, back, *, gated=True):
        """Deltas of all layers; ``back[k]`` carries the errors of layer k + 2 down."""
        slopes = [r * (1 - r) for r in rates]
        error = target - rates[-1]
        delta = error * slopes[-1]
        found = [delta]
        sent = delta if gated else error
        for k in range(len(self.w) - 2, -1, -1):
            error = sent @ back[k].T
            delta = error * slopes[k + 1]
            sent = delta if gated else error
            found.insert(0, delta)
        return found
