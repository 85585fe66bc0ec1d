"""A circuit of two sweeps whose rules across phases are exactly backpropagation."""

from typing import NamedTuple

import circuits
from circuits.microcircuit import LOGISTIC
from dendrites import ActivityDifference, CellModel
from dendrites.models import source

PHI, SLOPE, _ = LOGISTIC


class State(NamedTuple):
    soma: float = 0.0
    apical: float = 0.0


class Params(NamedTuple):
    pass


class Inputs(NamedTuple):
    basal: float = 0.0
    apical: float = 0.0


def _derivative(cell, inputs, p):
    return State(inputs.basal - cell.soma, inputs.apical - cell.apical)


def _rate(cell, p):
    return PHI(cell.soma)


def _hidden_delta(cell, p):
    return cell.apical * SLOPE(cell.soma)


def _output_delta(cell, p):
    return (cell.apical - PHI(cell.soma)) * SLOPE(cell.soma)


def _cell(name, delta):
    reads = {"rate": _rate, "delta": delta}
    return CellModel(name, State, Params, Inputs, derivative=_derivative, reads=reads)


RULE = ActivityDifference(
    "delta",
    None,
    learning_rate=1.0,
    moments=("backward", "backward"),
    presynaptic="rate",
)


def backprop(sizes, connectivity=(), *, rule=RULE, phi=LOGISTIC, **options):
    """Layers of these sizes, of projections dense unless `connectivity` says else.

    The loss is the squared one, of logistic outputs. Errors go back through the
    weights of the forward projections.
    """
    names = ["input", *(f"hidden{k}" for k in range(1, len(sizes) - 1)), "output"]
    kinds = [_cell("hidden_cell", _hidden_delta)] * (len(sizes) - 2)
    kinds.append(_cell("output_cell", _output_delta))
    populations = [
        circuits.Population("input", source(), sizes[0], pattern="inputs"),
        circuits.Population("target", source(), sizes[-1], pattern="targets"),
        *map(circuits.Population, names[1:], kinds, sizes[1:]),
    ]
    forward, back, layers = [], [], []
    for k, name in enumerate(names[1:]):
        kind = connectivity[k] if connectivity else circuits.Dense()
        up = circuits.Projection(
            names[k],
            name,
            "basal",
            rule=rule,
            connectivity=kind,
            initial=circuits.Uniform(),
        )
        forward.append(up)
        layers.append(circuits.Layer(name, up.name, 1.0, 1.0))
        if k:
            tie = circuits.Tied(up.name, transpose=True)
            options_of = {"signal": "delta", "tied_to": tie}
            options_of["connectivity"] = getattr(kind, "transposed", kind)
            back.append(circuits.Projection(name, names[k], "apical", **options_of))
    one = {"connectivity": "one_to_one", "initial": circuits.Constant(1.0)}
    target = circuits.Projection("target", "output", "apical", **one)
    silent = tuple(p.name for p in (*back, target))
    up = circuits.Phase("forward", settle=names[1:], silent=silent, on=("input",))
    down = circuits.Phase("backward", settle=names[:0:-1], on=("input", "target"))
    return circuits.Circuit(
        populations,
        (*forward, *back, target),
        circuits.Schedule((up, down)),
        circuits.Schedule((up,)),
        network=circuits.Feedforward(layers, phi, loss="squared"),
        **options,
    )
