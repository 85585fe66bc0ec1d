"""A circuit of two sweeps whose rules across phases are exactly backpropagation."""

from scheme_circuits import ONE, hidden_cell, names_of, output_cell

import circuits
from dendrites import ActivityDifference
from dendrites.models import source
from dendrites.transfer import LOGISTIC

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
    names = names_of(sizes)
    cells = [*[hidden_cell()] * (len(sizes) - 2), output_cell()]
    populations = [
        circuits.Population("input", source(), sizes[0], pattern="inputs"),
        circuits.Population("target", source(), sizes[-1], pattern="targets"),
        *map(circuits.Population, names[1:], cells, sizes[1:]),
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
    target = circuits.Projection("target", "output", "target", **ONE)
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
