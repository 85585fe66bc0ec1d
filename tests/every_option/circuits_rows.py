"""Options of what runs circuits: presentations, training, answers, gradients."""

from dataclasses import replace
from functools import cache

import numpy as np
from systems import two_populations
from tiny_training import HIDDEN, tiny_circuit, tiny_task

import circuits
from circuits import Phase, Record, Schedule
from circuits.describe import describe
from dendrites.models import spike_source
from every_option.doors import Door, acts, refused, rounds, same, shown, slow

CIRCUIT, TASK = tiny_circuit(), tiny_task(20, 10)
OTHER = tiny_circuit(seed=4)
SWEPT = tiny_circuit(form="two_sweep")  # its rules act at the end of presentations
RNG = np.random.default_rng(0)
INPUTS, TARGETS = RNG.uniform(0, 1, (2, 8)), RNG.uniform(0.2, 0.7, (2, 3))
PATTERNS = {"input": INPUTS, "target": TARGETS}
FEWER = {"input": INPUTS[:1], "target": TARGETS[:1]}
WEIGHTS = circuits.initial_weights(CIRCUIT)
CHANGED = {name: 0.5 * w for name, w in WEIGHTS.items()}
FIRST = "input_to_hidden1_basal"
INPUTS_OF_TASK, LABELS = RNG.uniform(0, 1, (30, 8)), np.arange(30) % 3
SHORT = Schedule((Phase("nudged", 2.4, on=("input", "target")),))


# A circuit of spikes, for what is given in time.
def of_rate(rate):
    """Poisson cells at that rate, Hz, that excite others; their pattern has no name."""
    circuit = two_populations(
        pre=spike_source(rate_scale=rate),
        steps=8,
        signal="spikes",
        initial=circuits.Constant(1.0),
    )
    source, cells = circuit.populations
    return replace(circuit, populations=(replace(source, pattern=None), cells))


SPIKING = of_rate(2000.0)
# Long enough for jumps: the first 10 time constants are stepped.
LONG = {"circuit": tiny_circuit(presentation=27.0, learning_lag=12.0)}
LONG["integrator"] = "equilibrium"
WAVE = np.random.default_rng(1).uniform(0, 1, (32, 8))
SPIKES = {"input": ([1.0, 2.0], [0, 1])}
OF_A_SECOND = {
    "schedule": Schedule((Phase("long", 1200.0, on=("input",)),)),
    "forced_spikes": {"input": ([1.0], [0])},
}
JUST_OVER_A_SECOND = OF_A_SECOND | {
    "schedule": Schedule((Phase("long", 1010.0, on=("input",)),))
}


def simulated(circuit=CIRCUIT, patterns=PATTERNS, record=("hidden1",), **options):
    tree = circuits.simulate(circuit, patterns, record, **options)
    return tree


def of_spikes(**options):
    options = {
        "circuit": SPIKING,
        "patterns": {"input": np.ones(4)},
        "record": ["output"],
        **options,
    }
    return circuits.simulate(**options)


def trained(circuit=CIRCUIT, task=TASK, **options):
    options = {"epochs": 1, "threads": 1, "probe": 4, **options}
    return circuits.train(circuit, task, **options)


def evaluated(circuit=CIRCUIT, task=TASK, run=WEIGHTS, **options):
    run = RUN() if run == "a run" else run
    found = circuits.evaluate(circuit, task, run, **{"threads": 1, **options})
    return {name: found[name].values for name in found.variables}


@cache
def RUN():
    return circuits.train(CIRCUIT, TASK, epochs=1, threads=1, probe=0)


def of_arrays(X=INPUTS_OF_TASK, y=LABELS, **options):
    return circuits.Task.from_arrays(X, y, **options)


def presented(circuit=CIRCUIT, patterns=PATTERNS, **options):
    return circuits.present_sequence(circuit, patterns, **options)


def presented_once(circuit=CIRCUIT, patterns=PATTERNS, **options):
    return circuits.present(circuit, patterns, **options)


def spikes_once(circuit=SPIKING, **options):
    shown, reads = {"input": np.ones(4)}, [("output", "soma")]
    return circuits.present(circuit, shown, reads=reads, **options)


def in_pieces(circuit=SPIKING, given=None, n_steps=8, **options):
    options = {"record": ["output"], "driven": ["input"], "piece": 4, **options}

    def nothing(first, count):
        waves = {name: np.ones((count, 4)) for name in options["driven"]}
        spikes = {
            name: (np.array([1]), np.array([2])) for name in options.get("forced", ())
        }
        return circuits.Inputs(waves, spikes)

    return list(
        circuits.run_in_pieces(circuit, given or nothing, n_steps=n_steps, **options)
    )


def half(first, count):
    return circuits.Inputs({"input": np.full((count, 4), 0.2)}, {})


def staged(**options):
    options = {"learning": HIDDEN, **options}
    if not {"presentations", "epochs"} & options.keys():
        options["presentations"] = 1
    return trained(stages=[circuits.Stage(**options), circuits.Stage()], epochs=2)


def recorded(population="hidden1", **options):
    record = Record(population, **options)
    if population == "input":
        return of_spikes(record=[record])
    return simulated(record=[record])


def explained(circuit=CIRCUIT, **options):
    return circuits.explain(circuit, **options)


def of_a_run(circuit, run):
    """The tree that a run of a circuit gives; anything else as it is."""
    return run(circuit) if isinstance(circuit, circuits.Circuit) else circuit


def rebuilt(tree=CIRCUIT, **options):
    return describe(circuits.from_run(of_a_run(tree, simulated), **options))


def gradient(circuit=CIRCUIT, weights=WEIGHTS, inputs=INPUTS, target_rates=TARGETS):
    return circuits.negative_gradient(circuit, weights, inputs, target_rates)


def loss(circuit=CIRCUIT, weights=WEIGHTS, inputs=INPUTS, target_rates=TARGETS):
    return circuits.network_loss(circuit, weights, inputs, target_rates)


def estimated(circuit=CIRCUIT, inputs=INPUTS, targets=TARGETS, **options):
    return circuits.gradient_estimate(circuit, inputs, targets, **options)


GRADIENT = {
    "circuit": acts(tiny_circuit(g_leak=0.2)),
    "weights": acts(CHANGED),
    "inputs": acts(0.5 * INPUTS),
    "target_rates": acts(TARGETS[::-1]),
}
INTEGRATED = {
    "integrator": [
        acts("blocked", learning=True),
        acts("equilibrium", learning=True),
        refused("euler"),
        refused(circuits.Exact),
        same(circuits.Exact()),
        acts(circuits.Blocked(4), learning=True),
        acts(circuits.Equilibrium(2), learning=True),
        refused(circuits.Equilibrium(accuracy=0.1)),
    ],
    "block": [
        refused(2, integrator=circuits.Blocked()),
        acts(2, integrator="blocked", learning=True),
        refused(2),
        refused(2, integrator="equilibrium"),
    ],
    "jumps": [
        acts(1, **LONG, learning=True),
        refused(4),
        refused(4, integrator=circuits.Equilibrium()),
    ],
    "dtype": [slow(acts("float32")), refused("float16")],
}

DOORS = [
    Door(
        circuits.simulate,
        simulated,
        INTEGRATED
        | {
            "circuit": acts(OTHER),
            "patterns": acts(FEWER),
            "record": acts(("output",)),
            "weights": acts(CHANGED),
            "schedule": acts(SHORT),
            "learning": acts(True),
            "seed": acts(7),
            "threads": same(2),
            "forced_spikes": refused(SPIKES),
            "spike_unit": refused("s"),
            "waveforms": acts({"input": WAVE}),
        },
    ),
    Door(
        circuits.simulate,
        of_spikes,
        {
            "seed": acts(7),
            "forced_spikes": acts(SPIKES),
            "spike_unit": acts("s", **OF_A_SECOND),
        },
        name="simulate-spikes",
    ),
    Door(
        circuits.present,
        presented_once,
        INTEGRATED
        | {
            "circuit": acts(OTHER),
            "patterns": acts(FEWER),
            "schedule": [acts(SHORT), refused("test")],
            "reads": [
                acts([("hidden1", "soma")]),
                refused([("hidden1", "axon")]),
                refused([("hidden1", "soma", "nudged")]),
            ],
            "learning": [acts(True), refused(1)],
            "weights": acts(CHANGED),
            "learning_rates": [
                acts({FIRST: 0.0}, learning=True),
                refused({FIRST: 1.0}),
            ],
            "chunk": rounds(1, learning=True),
            "seed": acts(7),
            "number": [same(1), refused(-1)],
            "threads": same(2),
            "forced_spikes": refused(SPIKES),
            "spike_unit": refused("s"),
            "waveforms": acts({"input": WAVE}),
        },
    ),
    Door(
        circuits.present,
        spikes_once,
        {
            "seed": acts(7),
            "number": acts(1),
            "forced_spikes": acts(SPIKES),
            "spike_unit": acts("s", **JUST_OVER_A_SECOND),
        },
        name="present-spikes",
    ),
    Door(
        circuits.present_sequence,
        presented,
        INTEGRATED
        | {
            "circuit": acts(OTHER),
            "patterns": acts(FEWER),
            "keep": acts([0, 1]),
            "reads": acts([("output", "rate")]),
            "weights": acts(CHANGED),
            "schedule": acts(SHORT),
            "learning": acts(False),
            "optimiser": [
                acts(circuits.Adam(), circuit=SWEPT),
                refused(circuits.Sgd()),
            ],
            "seed": acts(7),
            "forced_spikes": refused([SPIKES, SPIKES]),
            "spike_unit": refused("s"),
            "tick": same(lambda: None),
        },
    ),
    Door(
        circuits.train,
        trained,
        {
            "circuit": acts(OTHER),
            "task": acts(tiny_task(20, 10, seed=1)),
            "epochs": acts(2),
            "batch": acts(5),
            "integrator": [
                acts("exact"),
                acts(circuits.Exact()),
                acts("equilibrium"),
                same(circuits.Blocked()),
                refused("euler"),
            ],
            "block": [acts(2), refused(2, integrator="exact")],
            "jumps": [acts(1, **LONG), refused(4)],
            "accuracy": [
                acts(1.0, **LONG),
                refused(0.1),
                refused(0.1, integrator="equilibrium", jumps=2),
                refused(0.1, integrator=circuits.Equilibrium()),
            ],
            "seed": acts(7),
            "weights": acts(CHANGED),
            "learning_rates": acts({FIRST: 0.0}),
            "rate_decay": acts(0.5, epochs=2),
            "optimiser": [
                acts(circuits.Sgd(0.9), circuit=SWEPT),
                shown(circuits.Sgd(), circuit=SWEPT),
                acts(circuits.Adam(), circuit=SWEPT),
                refused(circuits.Adam()),
                refused("adam", circuit=SWEPT),
            ],
            "stages": [
                acts([circuits.Stage(learning=HIDDEN)]),
                refused([circuits.Stage(learning="none")]),
                refused([]),
            ],
            "controls": [acts({"frozen": HIDDEN}), refused({"frozen": ("none",)})],
            "dtype": slow(acts("float32")),
            "chunk": rounds(3),
            "threads": shown(2),
            "probe": [acts(5), acts(0)],
            "probes": [acts((circuits.probes.Silence(),)), refused("apical")],
            "progress": same(True),
            "checkpoint": refused("/missing/folder/file"),
            "resume": refused(True),
            "on_epoch": [
                same(lambda epoch: None),
                acts(lambda epoch: True, epochs=2),
                refused(lambda epoch: "stop"),
            ],
            "config": shown({"note": 1}),
            "title": shown("another"),
            "citation": shown("somebody"),
        },
    ),
    Door(
        circuits.Stage,
        staged,
        {
            "schedule": [acts(SHORT), refused("free")],
            "learning": [acts(HIDDEN[0]), acts(None), refused(())],
            "presentations": [acts(2), refused(1, epochs=1), refused(99)],
            "epochs": [acts(1), refused(0)],
        },
    ),
    Door(
        circuits.evaluate,
        evaluated,
        {
            "circuit": acts(tiny_circuit(g_leak=0.2)),
            "task": acts(tiny_task(20, 10, seed=1)),
            "run": [acts(CHANGED), acts("a run"), refused("no such file.nc")],
            "split": [acts("train"), refused("validation")],
            "snapshot": [
                acts(0, run="a run"),
                same(-1, run="a run"),
                refused(2, run="a run"),
                refused(-1),
            ],
            "dtype": slow(acts("float32")),
            "chunk": rounds(3),
            "threads": same(2),
        },
    ),
    Door(
        circuits.Task.from_arrays,
        of_arrays,
        {
            "X": acts(0.5 * INPUTS_OF_TASK),
            "y": [acts(LABELS[::-1].copy()), acts(np.eye(3)[LABELS])],
            "X_test": [
                acts(0.5 * INPUTS_OF_TASK, y_test=LABELS),
                refused(INPUTS_OF_TASK),
            ],
            "y_test": [
                acts(LABELS[::-1].copy(), X_test=INPUTS_OF_TASK),
                refused(LABELS),
            ],
            "test_fraction": [
                acts(0.5),
                same(0.2),
                refused(1.0),
                refused(0.5, X_test=INPUTS_OF_TASK, y_test=LABELS),
            ],
            "target_rates": [
                acts((0.2, 0.7)),
                same((0.1, 0.8)),
                refused((0.8, 0.1)),
                refused((0.1, 0.8), y=np.eye(3)[LABELS]),
            ],
            "seed": [
                acts(1),
                same(0),
                refused(-1),
                refused(1, X_test=INPUTS_OF_TASK, y_test=LABELS),
            ],
            "name": [acts("mine"), refused(3)],
            "sources": [
                acts(({"name": "a", "licence": "b", "sha256": "c"},)),
                refused(("a",)),
            ],
        },
        name="Task.from_arrays",
    ),
    Door(
        circuits.run_in_pieces,
        in_pieces,
        {
            "circuit": acts(of_rate(1000.0)),
            "given": acts(half),
            "n_steps": acts(6),
            "record": acts([Record("output", every=1.0)]),
            "driven": acts([]),
            "forced": acts(["input"]),
            "weights": acts({"feedforward": np.full((3, 4), 2.0)}),
            "learning": same(False),
            "piece": acts(2),
            "seed": acts(7, given=half),
            "dtype": slow(acts("float32")),
        },
    ),
    Door(
        Record,
        recorded,
        {
            "population": acts("output"),
            "compartments": [acts(("soma",)), refused(("axon",))],
            "reads": [acts(("rate",)), refused(("speed",))],
            "units": [acts((0, 1)), refused((99,))],
            "every": acts(0.3),
            "spikes": [acts(True, population="input"), refused(True)],
        },
    ),
    Door(
        circuits.explain,
        explained,
        {
            "circuit": acts(tiny_circuit(bias=True)),
            "schedule": [acts(CIRCUIT.test_schedule), refused("test")],
            "learning": [acts(False), refused("no")],
            "block": [acts(4), refused(0)],
            "batch": [acts(2), same(3, batch=2), refused(0)],
            "optimise": [acts(False), refused("no")],
        },
    ),
    Door(
        circuits.from_run,
        rebuilt,
        {
            "tree": [acts(OTHER), refused("run.nc")],
            "functions": [same({}), refused({"none": len})],
            "arrays": [same({}), refused({"none": INPUTS})],
        },
    ),
    Door(
        circuits.final_weights,
        lambda tree=CIRCUIT: circuits.final_weights(of_a_run(tree, trained)),
        {"tree": [acts(OTHER), refused("run.nc")]},
    ),
    Door(circuits.negative_gradient, gradient, GRADIENT),
    Door(circuits.network_loss, loss, GRADIENT),
    Door(
        circuits.gradient_estimate,
        estimated,
        {
            "circuit": acts(tiny_circuit(g_leak=0.2)),
            "inputs": acts(0.5 * INPUTS),
            "targets": [acts(TARGETS[::-1]), refused(None)],
            "weights": acts(CHANGED),
            "samples": [
                acts(2, circuit=tiny_circuit(noise="per_step")),
                refused(0),
                refused(1.5),
            ],
            "seed": acts(7),
            "schedule": [acts(SHORT), refused("short")],
            "learning_rates": [acts({FIRST: 0.0}), refused({FIRST: -1.0})],
            "integrator": [acts("blocked"), refused("euler")],
        },
    ),
    Door(
        circuits.measure_alignment,
        lambda change=(1.0, 2.0), reference=(1.0, 0.0): circuits.measure_alignment(
            change, reference
        ),
        {"change": acts((0.0, 1.0)), "reference": acts((0.0, 1.0))},
    ),
    Door(
        circuits.initial_weights,
        lambda circuit=CIRCUIT, **options: circuits.initial_weights(circuit, **options),
        {
            "circuit": acts(OTHER),
            "seed": acts(7),
            "given": acts({FIRST: circuits.Constant(1.0)}),
        },
    ),
]
