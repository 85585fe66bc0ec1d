"""Options of presenters, integrators and the inputs of pieces."""

import numpy as np

import circuits
from every_option.circuits_rows import (
    CHANGED,
    CIRCUIT,
    FIRST,
    LONG,
    OTHER,
    PATTERNS,
    SHORT,
    SPIKES,
    SPIKING,
    SWEPT,
    WAVE,
    in_pieces,
    simulated,
    trained,
)
from every_option.doors import Door, acts, refused, rounds, same, slow


def watched(circuit=CIRCUIT, **options):
    """Weights and a read after two presentations, and what was recorded."""
    options = {"record": ["hidden1"], "batch": 2, **options}
    given = {"waveforms": {"input": WAVE}} if options.get("driven") else {}
    with circuits.Presenter(circuit, **options) as presenter:
        for _ in range(2):
            presenter.present(PATTERNS, **given)
        recorded = presenter.recorded() if options["record"] else {}
        return presenter.weights(), presenter.read("output", "rate"), recorded


def watched_spikes(circuit=SPIKING, **options):
    given = {"forced_spikes": SPIKES} if options.get("forced") else {}
    with circuits.Presenter(circuit, **options) as presenter:
        presenter.present({"input": np.ones(4)}, **given)
        return presenter.read("output", "soma")


def jumped(**options):
    integrator = circuits.Equilibrium(**options)
    return trained(LONG["circuit"], integrator=integrator)


def in_blocks(steps=10):
    return simulated(integrator=circuits.Blocked(steps), learning=True)


def moved_by(kind, **base):
    def run(**options):
        optimiser = kind(**{**base, **options})
        return watched(SWEPT, record=(), optimiser=optimiser)

    return run


def of_inputs(waveforms=None, spikes=None):
    waveforms = {"input": np.ones((4, 4))} if waveforms is None else waveforms
    given = circuits.Inputs(waveforms, {} if spikes is None else spikes)
    forced = ["input"] if spikes else []
    return in_pieces(forced=forced, given=lambda *_: given)


# Of pieces of 4 steps: 2 groups of 2 cells.
WAVES = np.random.default_rng(3).uniform(0.2, 1.0, (2, 4, 2))
INPUT_ROWS = {
    "waveforms": [acts({"input": np.zeros((4, 4))}), refused({})],
    "spikes": [acts({"input": ([2], [2])}), refused({"input": [1]})],
}


def of_groups(each=WAVES[0], groups=(WAVES[1],)):
    return of_inputs({"input": circuits.GroupedWaveform(each, groups)})


DOORS = [
    Door(
        circuits.Presenter,
        watched,
        {
            "circuit": acts(OTHER),
            "weights": acts(CHANGED),
            "schedule": acts(SHORT),
            "learning_rates": [acts({FIRST: 0.0}), refused({"none": 0.0})],
            "batch": [same(3), refused(1)],
            "optimiser": [
                acts(circuits.Adam(), circuit=SWEPT, record=()),
                refused(circuits.Adam()),
            ],
            "integrator": [
                acts("blocked"),
                acts(circuits.Equilibrium(2)),
                refused("euler"),
            ],
            "dtype": [slow(acts("float32")), refused("float16")],
            "chunk": rounds(1),
            "seed": acts(7),
            "stream": same("other"),
            "threads": same(2),
            "record": acts(["output"]),
            "driven": [acts(["input"]), refused(["hidden1"])],
            "forced": refused(["input"]),
        },
    ),
    Door(
        circuits.Presenter,
        watched_spikes,
        {"stream": acts("other"), "forced": acts(["input"]), "seed": acts(7)},
        name="Presenter-spikes",
    ),
    Door(circuits.Exact, lambda: simulated(integrator=circuits.Exact()), {}),
    Door(circuits.Blocked, in_blocks, {"steps": [acts(4), refused(0)]}),
    Door(
        circuits.Equilibrium,
        jumped,
        {
            "jumps": [acts(1), refused(0)],
            "accuracy": [acts(1.0), refused(0.1, jumps=2), refused(2.0)],
            "onset": [acts(20.0), refused(-1.0)],
        },
    ),
    Door(
        circuits.Sgd,
        moved_by(circuits.Sgd, momentum=0.5),
        {"momentum": [acts(0.9), refused(1.0)], "nesterov": acts(True)},
    ),
    Door(
        circuits.Adam,
        moved_by(circuits.Adam),
        {
            "beta1": [acts(0.5), refused(1.0)],
            "beta2": [acts(0.9), refused(-0.1)],
            "epsilon": [acts(0.1), refused(0.0)],
        },
    ),
    Door(circuits.Inputs, of_inputs, INPUT_ROWS),
    Door(
        circuits.GroupedWaveform,
        of_groups,
        {
            "each": [acts(2 * WAVES[0]), refused(WAVES[0][1:])],
            "groups": [
                acts((WAVES[1], WAVES[0])),
                refused(()),
                refused((WAVES[1], WAVES[0][:, :1])),
            ],
        },
    ),
]
