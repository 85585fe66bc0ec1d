"""Options of schemes of stochastic binary cells, and of Dale's law for any."""

import numpy as np

import circuits
from circuits import Uniform
from circuits.algorithms import (
    backprop,
    boltzmann_machine,
    dale,
    dale_mapping,
    harmonium,
    stochastic_feedback_alignment,
    wake_sleep,
)
from circuits.describe import describe
from dendrites.models import (
    bernoulli_source,
    binary_cell,
    helmholtz_cell,
    linear_interneuron,
    stochastic_error_cell,
    stochastic_taught_cell,
)
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


def of(make, **usual):
    run = built(make)
    return lambda sizes=SIZES, **options: run(sizes, **{**usual, **options})


def lawful(make):
    def run(circuit=None, **options):
        found = make(circuit or backprop(SIZES), **options)
        return describe(found), circuits.initial_weights(found)

    return run


DOORS = [
    Door(
        dale,
        lawful(dale),
        {
            "circuit": [acts(backprop((4, 3, 3))), refused("backprop")],
            "inhibitory": [acts(0.4), refused(1.5)],
            "update": [acts("multiplicative"), refused("clipped")],
            "balanced": acts(False, inhibitory=0.4),
            "projections": [acts(("input_to_hidden1_basal",)), refused(("none",))],
        },
    ),
    Door(
        dale_mapping,
        lawful(dale_mapping),
        {
            "circuit": [acts(backprop((4, 3, 3))), refused("backprop")],
            "weights": acts({"input_to_hidden1_basal": np.full((3, 4), -0.5)}),
            "shift": [acts(2.0), refused(0.001)],
            "projections": acts(("input_to_hidden1_basal",)),
        },
    ),
    Door(linear_interneuron, of_model(linear_interneuron), {}),
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
    Door(
        stochastic_feedback_alignment,
        of(stochastic_feedback_alignment, cells_per_class=2),
        {
            "sizes": [acts((4, 2, 2)), refused((4,))],
            "cells_per_class": [acts(1), refused(0)],
            "learning_rate": acts(0.1),
            "weight_decay": acts(0.1),
            "tau": [acts(0.1), refused(1.5)],
            "error": [acts("spikes"), refused("none")],
            "delay": [acts(1.0), refused(-1.0)],
            "most": [acts(0.5), refused(2.0)],
            "steps": [acts(3), refused(0)],
            "test_steps": [acts(3), refused(0)],
            "answer": [acts("rate"), refused("none")],
            "bias": acts(False),
            "initial": acts(Uniform(-0.2, 0.2)),
            "feedback_initial": acts(Uniform(-0.2, 0.2)),
            "name": acts("another"),
            "seed": acts(3),
        },
    ),
    Door(
        bernoulli_source,
        of_model(bernoulli_source),
        {"most": [acts(0.2), refused(2.0)]},
    ),
    Door(
        stochastic_error_cell,
        of_model(stochastic_error_cell),
        {"tau": [acts(0.5), refused(0.0)]},
    ),
    Door(
        stochastic_taught_cell,
        of_model(stochastic_taught_cell),
        {"tau": acts(0.5), "error": [acts("spikes"), refused("none")]},
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
