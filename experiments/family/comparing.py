"""Updates of a learning scheme beside the exact gradient of its own loss."""

from itertools import pairwise

import numpy as np

import circuits
from circuits.stack import bottom_up
from experiments import tasks


def batch_of(scheme, examples: int, seed: int):
    """The digits task of a scheme, and inputs and targets of the batch."""
    task = tasks.digits(seed=seed, target_rates=scheme.target_rates)
    split = task.splits["train"]
    return task, split.inputs[:examples], split.targets[:examples]


def compare(scheme, circuit, weights, inputs, targets, *, samples=1, seed=0):
    """Angle and size ratio of an update to the exact gradient, (layer, 2).

    Parameters
    ----------
    samples : int
        Presentations that the update is the mean of.
    """
    found = circuits.gradient_estimate(
        circuit, inputs, targets, weights=weights, samples=samples, seed=seed
    )
    exact = scheme.gradient(circuit, weights, inputs, targets)
    rows = []
    for name in forward_projections(circuit):
        update = found.get(name, np.zeros(np.shape(exact[name])))
        one = circuits.measure_alignment(update, exact[name])
        rows.append((one.angle, one.size_ratio))
    return np.array(rows)


def relative_error(scheme, circuit, inputs, targets, *, seed) -> float:
    """Of the update of the first hidden layer, from the start weights."""
    weights = start_weights(circuit, seed)
    name = forward_projections(circuit)[0]
    found = circuits.gradient_estimate(circuit, inputs, targets, seed=seed)[name]
    exact = scheme.gradient(circuit, weights, inputs, targets)[name]
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


def start_weights(circuit, seed: int) -> dict:
    """Initial weights but for those that are tied to others."""
    found = circuits.initial_weights(circuit, seed=seed)
    tied = {p.name for p in circuit.projections if p.tied_to is not None}
    return {name: w for name, w in found.items() if name not in tied}


def forward_projections(circuit) -> list[str]:
    """Bottom-up projections, first hidden layer to output."""
    if circuit.network is not None:
        return [layer.projection for layer in circuit.network.layers]
    known = [p.name for p in circuit.populations]
    hidden = [n for n in known if n.startswith("hidden") and n[6:].isdigit()]
    return [bottom_up(*pair) for pair in pairwise(["input", *hidden, "output"])]
