"""Options of the algorithms that relax, and of their cells."""

from circuits import Uniform
from circuits.algorithms import (
    almeida_pineda,
    contrastive_hebbian,
    equilibrium_propagation,
    generec,
    predictive_coding,
)
from dendrites.models import coin, energy_cell, predictive_cell, relaxing_cell
from dendrites.transfer import TANH
from every_option.doors import Door, acts, refused
from every_option.layered_rows import LAYERS, RATES, built, of_model


def moved(make):
    """What a cell shows, and where its equations bring it."""

    def run(**options):
        model = make(**options)
        p, cell = model.parameters, model.state(*[0.3] * len(model.state._fields))
        inputs = model.inputs(0.2)
        if model.instantaneous:
            cell = model.instantaneous(cell, inputs, p)
        reads = {name: read(cell, p) for name, read in model.reads.items()}
        return model.name, reads, p, model.derivative(cell, inputs, p)

    return run


RELAXATION = {
    "sweeps": [acts(50), refused(0)],
    "step": [acts(0.3), refused(0.0)],
    "tolerance": [acts(1e-3), acts(None), refused(-1.0)],
}
USUAL = LAYERS | RATES | RELAXATION
FEEDBACK = {
    "feedback": [acts("learned"), refused("random")],
    "feedback_initial": [
        acts(Uniform(-0.1, 0.1), feedback="learned"),
        refused(Uniform(-0.1, 0.1)),
    ],
}
CELL = {"phi": [acts(TANH), refused("tanh")], "scale": [acts(2.0), refused(0.0)]}

DOORS = [
    Door(
        contrastive_hebbian,
        built(contrastive_hebbian),
        USUAL | {"gain": [acts(0.3), refused(0.0)]},
    ),
    Door(
        generec,
        built(generec),
        USUAL
        | FEEDBACK
        | {
            "midpoint": [acts(True), refused("yes")],
            "symmetric": acts(True),
            "gain": [acts(0.3), refused(0.3, feedback="learned")],
        },
    ),
    Door(
        almeida_pineda,
        built(almeida_pineda),
        USUAL
        | {
            "lateral": acts(False),
            "top_down": [acts(False), refused("no")],
            "recurrent_initial": [
                acts(Uniform(-0.1, 0.1)),
                refused(Uniform(-0.1, 0.1), lateral=False, top_down=False),
            ],
        },
    ),
    Door(
        equilibrium_propagation,
        built(equilibrium_propagation),
        USUAL
        | FEEDBACK
        | {
            "beta": [acts(0.3), refused(0.0)],
            "nudging": [acts("one_sided"), acts("random_sign"), refused("away")],
            "nudged_sweeps": acts(20),
        },
    ),
    Door(
        predictive_coding,
        built(predictive_coding),
        USUAL
        | FEEDBACK
        | {
            "form": [
                acts("fixed_prediction"),
                acts("zero_divergence"),
                refused("fixed"),
            ],
            "output_precision": [acts(0.1), refused(0.0)],
            "weight_decay": acts(0.1),
            "sweeps": [acts(50), refused(50, form="zero_divergence")],
        },
    ),
    Door(relaxing_cell, moved(relaxing_cell), CELL),
    Door(
        energy_cell, moved(energy_cell), CELL | {"signed": [acts(True), refused("yes")]}
    ),
    Door(
        predictive_cell,
        moved(predictive_cell),
        CELL | {"precision": [acts(2.0), refused(-1.0)]},
    ),
    Door(coin, of_model(coin), {}),
]
