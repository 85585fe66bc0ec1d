"""Cells on an energy, as in equilibrium propagation, and where they relax to."""

from typing import Annotated, NamedTuple

import numpy as np
from scheme_circuits import ONE
from systems import logistic

from circuits import (
    Circuit,
    Phase,
    Population,
    Projection,
    Schedule,
    Tied,
    Uniform,
)
from dendrites import ActivityDifference, CellModel, transfer
from dendrites.models import source

SIZES = (4, 6, 3)
STEP = 0.5


class State(NamedTuple):
    s: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    tau: Annotated[float, "ms"] = 1.0


class Inputs(NamedTuple):
    drive: Annotated[float, "1"] = 0.0
    target: Annotated[float, "1"] = 0.0
    beta: Annotated[float, "1"] = 0.0


def rate(cell, p):
    return transfer.logistic(cell.s)


def derivative(cell, inputs, p):
    """Energy-based: the drive is multiplied by the slope of the rate."""
    r = transfer.logistic(cell.s)
    nudge = inputs.target - inputs.beta * cell.s
    return State((r * (1.0 - r) * inputs.drive - cell.s + nudge) / p.tau)


def time_constant(p):
    return p.tau


CELL = CellModel(
    "leaky",
    State,
    Params,
    Inputs,
    derivative=derivative,
    reads={"rate": rate},
    time_constant=time_constant,
)
RULE = ActivityDifference(
    "rate", "rate", moments=("nudged", "free"), presynaptic="rate", learning_rate=0.5
)
MOVING = ("hidden", "output")


def energy_based(phases, rule=None, sizes=SIZES, **options):
    """Input, hidden and output cells with symmetric weights, and a teacher."""
    learned = {"initial": Uniform(-1.0, 1.0), "rule": rule}
    return Circuit(
        (
            Population("input", source(), sizes[0], pattern="inputs"),
            Population("hidden", CELL, sizes[1]),
            Population("output", CELL, sizes[2]),
            Population("target", source(), sizes[2], pattern="targets"),
        ),
        (
            Projection("input", "hidden", "drive", name="in", **learned),
            Projection("hidden", "output", "drive", name="out", **learned),
            Projection(
                "output", "hidden", "drive", tied_to=Tied("out", transpose=True)
            ),
            Projection("target", "output", "target", **ONE),
            Projection("target", "output", "beta", signal="active", **ONE),
        ),
        Schedule(phases, always_on=("input",)),
        **options,
    )


def relaxing(name="free", **options):
    return Phase(name, relax=MOVING, **{"sweeps": 12, "step": STEP, **options})


def free_and_nudged(beta=0.3, **options):
    nudged = relaxing("nudged", sweeps=5, on={"target": beta})
    return energy_based((relaxing(), nudged), rule=RULE, **options)


def shown(batch=3, seed=0, sizes=SIZES):
    rng = np.random.default_rng(seed)
    return {
        "input": rng.uniform(size=(batch, sizes[0])),
        "target": rng.uniform(size=(batch, sizes[-1])),
    }


def swept(weights, x, sweeps, state=None, target=0.0, beta=0.0, step=STEP):
    """(hidden, output) after so many damped sweeps."""
    w, v = weights["in"], weights["out"]
    h, o = state or (np.zeros((len(x), len(w))), np.zeros((len(x), len(v))))
    for _ in range(sweeps):
        rh, ro = logistic(h), logistic(o)
        dh = rh * (1.0 - rh) * (x @ w.T + ro @ v) - h
        do = ro * (1.0 - ro) * (rh @ v.T) - o + beta * (target - o)
        h, o = h + step * dh, o + step * do
    return h, o
