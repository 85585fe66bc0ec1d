"""Layers and patterns in which algorithms of bursts and dendrites are tested."""

from dataclasses import replace

import numpy as np
from systems import logistic

import circuits
from circuits.stack import bottom_up

SIZES = (5, 4, 4, 3)
LAYERS = ("input", "hidden1", "hidden2", "output")
PAIRS = list(zip(LAYERS[:-1], LAYERS[1:], strict=True))
HIDDEN = ((1, "hidden1", "hidden2"), (2, "hidden2", "output"))
RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 5))
T = RNG.uniform(0.1, 0.9, size=(6, 3))
SHOWN = {"input": X, "target": T}


def weights_of(circuit, seed=0):
    """Initial weights, and biases that are not 0."""
    rng = np.random.default_rng(seed)
    return {
        name: w + rng.normal(size=w.shape) if name.startswith("bias") else w
        for name, w in circuits.initial_weights(circuit).items()
        if circuit.projection(name).tied_to is None
    }


def logistic_rates(w, x=X):
    """Rates of all layers, the input first."""
    rates = [x]
    for below, here in PAIRS:
        u = rates[-1] @ w[bottom_up(below, here)].T
        rates.append(logistic(u + w[bottom_up("bias", here)][:, 0]))
    return rates


def without_teacher(circuit):
    """The same phases, in none of which the teacher is on."""
    phases = tuple(replace(phase, on=()) for phase in circuit.schedule.phases)
    return replace(circuit.schedule, phases=phases)


def mean_product(post, pre):
    return post.T @ pre / len(post)
