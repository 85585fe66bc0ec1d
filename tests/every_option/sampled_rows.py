"""Options of schemes of stochastic binary cells."""

from circuits import Uniform
from circuits.algorithms import boltzmann_machine, harmonium, wake_sleep
from dendrites.models import binary_cell, helmholtz_cell
from every_option.doors import Door, acts, refused
from every_option.layered_rows import built, of_model

SIZES = (4, 3, 2)
COMMON = {
    "sizes": [acts((4, 2, 2)), refused((4,))],
    "learning_rate": acts(0.3),
    "momentum": [acts(0.5), refused(1.0)],
    "bias": [acts(False), refused(1)],
    "initial": acts(Uniform(-0.1, 0.1)),
    "weight_decay": acts(0.1),
    "name": acts("another"),
    "seed": acts(3),
}


def of(make):
    run = built(make)
    return lambda sizes=SIZES, **options: run(sizes, **options)


DOORS = [
    Door(
        boltzmann_machine,
        of(boltzmann_machine),
        COMMON
        | {
            "models": [acts("inputs"), acts("joint"), refused("outputs")],
            "lateral": acts(True),
            "sweeps": [acts(5), refused(0)],
            "annealing": [acts(()), acts(((2.0, 3),)), refused(((0.0, 3),))],
        },
    ),
    Door(
        harmonium,
        of(harmonium),
        COMMON
        | {
            "steps": [acts(3), refused(0)],
            "persistent": acts(True),
            "sweeps": [acts(5), refused(5, sizes=(4, 3))],
        },
    ),
    Door(
        wake_sleep,
        of(wake_sleep),
        COMMON
        | {
            "recognition_rate": acts(0.3),
            "taught": acts(True),
            "sweeps": [acts(5), refused(5, sizes=(4, 3))],
        },
    ),
    Door(helmholtz_cell, of_model(helmholtz_cell), {}),
    Door(
        binary_cell,
        of_model(binary_cell),
        {
            "temperature": [acts(2.0), refused(0.0)],
            "turns": [acts(3), refused(0)],
            "place": [acts(1, turns=2), refused(1), refused(2, turns=2)],
        },
    ),
]
