"""Options of algorithms that send targets down, and of their cells."""

from circuits import Uniform
from circuits.algorithms import (
    autoencoder,
    difference_target_propagation,
    direct_difference_target_propagation,
    recirculation,
    target_propagation,
)
from dendrites.models import (
    code_hidden,
    code_source,
    noise_cell,
    target_hidden,
    target_output,
)
from dendrites.transfer import IDENTITY, TANH
from every_option.doors import Door, acts, refused
from every_option.layered_rows import LAYERS, RATES, built, of_model

STEP = [acts(0.5), refused(0.0)]
INVERSES = {
    "sizes": [*LAYERS.values(), refused((4, 2))],
    "inverse_rate": [acts(0.3), refused(-1.0)],
    "sigma": [acts(0.3), refused(-1.0)],
    "target_step": STEP,
    "inverse_phi": [acts("identity"), refused("sine")],
    "inverse_of": [acts("potentials"), refused("spikes")],
    "inverse_initial": acts(Uniform(-0.1, 0.1)),
}
KEPT = [acts(0.5), refused(1.0)]
CODES = {
    "sizes": INVERSES["sizes"],
    "input_phi": [acts("tanh"), refused("sine")],
    "decoder_initial": acts(Uniform(-0.1, 0.1)),
}

DOORS = [
    Door(target_propagation, built(target_propagation), LAYERS | RATES | INVERSES),
    Door(
        difference_target_propagation,
        built(difference_target_propagation),
        LAYERS | RATES | INVERSES | {"top": [acts("gradient"), refused("direct")]},
    ),
    Door(
        direct_difference_target_propagation,
        built(direct_difference_target_propagation),
        LAYERS
        | RATES
        | {
            "sizes": INVERSES["sizes"],
            "inverse_rate": INVERSES["inverse_rate"],
            "sigma": [acts(0.3), refused(0.0)],
            "damping": [acts(0.1), refused(-1.0), refused(20.0)],
            "target_step": STEP,
            "inverse_phi": [acts("tanh"), refused("sine")],
            "inverse_initial": INVERSES["inverse_initial"],
        },
    ),
    Door(
        target_hidden,
        of_model(target_hidden),
        {
            "phi": [acts(TANH), refused("tanh")],
            "inverse_phi": [acts(IDENTITY), refused("tanh")],
            "difference": acts(False),
            "inverse_of": [acts("potentials"), refused("spikes")],
            "target_step": STEP,
        },
    ),
    Door(
        target_output,
        of_model(target_output),
        {
            "phi": acts(TANH),
            "loss": [acts("cross_entropy"), refused("absolute")],
            "inverse_of": [acts("potentials"), refused("spikes")],
            "target_step": STEP,
        },
    ),
    Door(
        autoencoder,
        built(autoencoder),
        LAYERS | RATES | CODES | {"encoder": [acts("fixed"), refused("tied")]},
    ),
    Door(
        recirculation,
        built(recirculation),
        LAYERS | RATES | CODES | {"regression": KEPT},
    ),
    Door(
        code_hidden,
        of_model(code_hidden),
        {"phi": [acts(TANH), refused("tanh")], "regression": KEPT},
    ),
    Door(
        code_source,
        of_model(code_source),
        {"phi": [acts(TANH), refused("tanh")], "regression": KEPT},
    ),
    Door(noise_cell, of_model(noise_cell), {"sigma": [acts(0.5), refused(-1.0)]}),
]
