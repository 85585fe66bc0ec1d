"""Options of algorithms whose only feedback is a scalar, and of their cells."""

from circuits.algorithms import node_perturbation, weight_perturbation
from dendrites.models import comparing_critic, rewarded_cell, rewarded_output
from dendrites.transfer import TANH
from every_option.doors import Door, acts, refused
from every_option.layered_rows import LAYERS, RATES, built, of_model

DOORS = [
    Door(
        weight_perturbation,
        built(weight_perturbation),
        LAYERS
        | RATES
        | {
            "sigma": [acts(0.1), refused(0.0)],
            "kind": [acts("sign"), refused("uniform")],
            "form": [acts("symmetric"), acts("accept"), refused("spsa")],
        },
    ),
    Door(
        node_perturbation,
        built(node_perturbation),
        LAYERS | RATES | {"sigma": [acts(0.1), refused(0.0)]},
    ),
    Door(
        rewarded_cell,
        of_model(rewarded_cell),
        {"phi": [acts(TANH), refused("tanh")], "sigma": [acts(0.5), refused(-1.0)]},
    ),
    Door(
        rewarded_output,
        of_model(rewarded_output),
        {
            "phi": [acts(TANH), acts("softmax"), refused("tanh")],
            "loss": [acts("cross_entropy"), refused("cross_entropy", phi=TANH)],
            "sigma": acts(0.5),
        },
    ),
    Door(
        comparing_critic,
        of_model(comparing_critic),
        {"scale": [acts(2.0), refused(0.0)]},
    ),
]
