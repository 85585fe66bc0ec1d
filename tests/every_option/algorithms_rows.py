"""Options of what builds circuits: they act on the description, which acts in a run."""

from tiny_training import tiny_task, tiny_train

import circuits
from circuits import Split, Task, Uniform
from circuits.algorithms import guerguiev, sacramento, urbanczik_senn
from circuits.describe import describe
from circuits.microcircuit import microcircuit
from dendrites.transfer import LOGISTIC
from every_option.doors import Door, acts, refused, shown

EXAMPLES = tiny_task(20, 10).splits
LAYERS = [4, 3, 3, 2]


def doubled(u):
    return 2.0 * LOGISTIC[0](u)


def described(make, *base, **usual):
    """What a builder makes: the description and the initial weights."""

    def run(sizes=None, **options):
        given = base if sizes is None else (sizes, *base[1:])
        circuit = make(*given, **{**usual, **options})
        return (
            describe(circuit),
            circuits.initial_weights(circuit),
            circuit.network and circuit.network.layers,
        )

    return run


def of_cells(n_inputs=4, n_cells=1, **options):
    circuit = urbanczik_senn(n_inputs, n_cells, **options)
    return describe(circuit), circuits.initial_weights(circuit)


def on_task(name="tiny", splits=EXAMPLES, sources=()):
    return tiny_train(task=Task(name, splits, sources), epochs=1, controls={})


def of_split(**columns):
    train = EXAMPLES["train"]._replace(**columns)
    return on_task(splits={**EXAMPLES, "test": train})


MICROCIRCUIT = {
    "sizes": acts([4, 2, 2, 2]),
    "phi": acts((doubled, *LOGISTIC[1:])),
    "g_leak": acts(0.2),
    "g_basal": acts(0.9),
    "g_apical": acts(0.7),
    "g_dendrite": [acts(0.9), acts("matched")],
    "g_interneuron_nudge": acts(0.7),
    "g_output_nudge": acts(0.7),
    "basal_rates": acts(0.1),
    "interneuron_rates": [acts(0.1), refused(0.1, tie_interneurons=True)],
    "apical_rates": [acts(0.1), refused(0.1, tie_inhibition=True)],
    "top_down_rates": acts(0.1),
    "filter_tau": [acts(20.0), acts(None), refused(20.0, form="two_sweep")],
    "basal_initial": acts(Uniform(-0.5, 0.5)),
    "top_down_initial": acts(Uniform(-0.5, 0.5)),
    "self_predicting": acts(False),
    "tie_interneurons": acts(True),
    "tie_inhibition": acts(True),
    "bias": acts(True),
    "form": acts("two_sweep"),
    "noise": [acts("white"), refused("white", form="two_sweep")],
    "sigma": [acts(0.2, noise="white"), refused(0.2)],
    "input_tau": [acts(3.0), refused(3.0, form="two_sweep")],
    "presentation": [acts(50.0), refused(50.0, form="two_sweep")],
    "learning_lag": [acts(10.0), refused(10.0, form="two_sweep")],
    "test_presentation": [acts(50.0), refused(50.0, form="two_sweep")],
    "carry_state": acts(True),
    "dt": acts(0.05),
    "stepper": acts("heun"),
    "seed": acts(3),
    "name": acts("another"),
}

DOORS = [
    Door(microcircuit, described(microcircuit, LAYERS), MICROCIRCUIT),
    Door(
        sacramento,
        described(sacramento, LAYERS),
        {
            "sizes": acts([4, 2, 2, 2]),
            "learning_rate": acts(0.1),
            "learning_rates": [acts((0.1, 0.2, 0.3)), refused("equal")],
            "hidden_rate": [acts(2.0), acts((2.0, 1.0))],
            "interneuron_rate": [acts(0.2), acts("matched"), refused("other")],
            "apical_rate": acts(0.2),
            "top_down_rate": acts(0.2),
            "seed": acts(3),
        },
    ),
    Door(
        guerguiev,
        described(guerguiev, [4, 3, 2]),
        {
            "sizes": acts([4, 2, 2]),
            "learning_rate": [acts(0.1), acts((0.1, 0.2)), refused((0.1,))],
            "feedback": [
                *map(acts, ("sparse", "symmetric", "noisy", "zero")),
                refused("transposed"),
                refused("sparse", sizes=[4, 2]),
            ],
            "fed_back": [
                acts("rate"),
                refused("rate", feedback="symmetric"),
                refused("rate", feedback="zero"),
                refused("rate", sizes=[4, 2]),
            ],
            "feedback_rate": [
                acts(0.1),
                refused(0.1, feedback="sparse"),
                refused(0.1, fed_back="rate"),
                refused(0.1, sizes=[4, 2]),
            ],
            "g_apical": [acts(0.05), refused(0.05, sizes=[4, 2])],
            "plateau_leads": [acts(3.0), refused(3.0, sizes=[4, 2])],
            "memory": acts(5),
            "window": [acts("settled"), refused("first")],
            "phase": acts(60.0),
            "drawn": acts(False),
            "test_duration": acts(300.0),
            "seed": acts(3),
        },
    ),
    Door(
        urbanczik_senn,
        of_cells,
        {
            "n_inputs": acts(5),
            "n_cells": acts(2),
            "learning_rate": acts(1.0),
            "tau_filter": [acts(50.0), acts(None)],
            "initial": acts(50.0),
            "bounds": [acts((0.0, 100.0)), acts(None)],
            "clip": acts("readout"),
            "delay": acts(1.0),
            "teacher": [acts("jumps"), refused("none")],
            "lateral": [acts([[2.0]]), refused([[2.0, 1.0]])],
            "reward": [acts(True), refused(True, tau_filter=None)],
            "duration": acts(100.0),
            "dt": acts(0.2),
            "seed": acts(3),
        },
    ),
    Door(
        Task,
        on_task,
        {
            "name": shown("another"),
            "splits": acts(tiny_task(20, 10, seed=1).splits),
            "sources": shown(({"name": "a", "licence": "b", "sha256": "c"},)),
        },
    ),
    Door(
        Split,
        of_split,
        {
            "inputs": acts(EXAMPLES["train"].inputs * 0.5),
            "targets": acts(EXAMPLES["train"].targets * 0.9),
            "labels": refused(None),
            "index": acts(EXAMPLES["train"].index + 100),
        },
    ),
]
