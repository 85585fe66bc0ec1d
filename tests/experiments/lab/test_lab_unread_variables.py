"""Variables that nothing reads are not computed, and the others are as ever."""

import numpy as np
import pytest

import circuits
from circuits.run.pieces import Inputs
from experiments.lab import Protocol, lab_models

STEPS = 400
CELLS = 3


def run(model, reads):
    """Weights, spikes and reads of some cells under noise and presynaptic spikes."""
    circuit = model.circuit(CELLS, Protocol())
    rng = np.random.default_rng(4)
    waves = {name: rng.normal(600.0, 900.0, (STEPS, CELLS)) for name in model.currents}
    times = np.sort(rng.choice(STEPS, 60))
    spikes = {"pre": (times, rng.integers(0, CELLS, 60))}
    spiking = model.cell.spiking
    record = circuits.Record("cell", (), reads, spikes=spiking)
    (piece,) = circuits.run_in_pieces(
        circuit,
        lambda first, count: Inputs(waves, spikes),
        n_steps=STEPS,
        record=[record] if reads or spiking else (),
        driven=model.currents,
        forced=("pre",),
    )
    return piece.weights["pre_to_cell"], piece.spikes.get("cell", ()), piece.reads


ALL = [name for name, model in lab_models().items() if not model.halves]
MODELS = [
    pytest.param(name, marks=() if name == "burst" else pytest.mark.slow)
    for name in ALL
]


@pytest.mark.parametrize("name", MODELS)
def test_what_is_read_does_not_depend_on_what_else_is(name):
    model = lab_models(name)[name]
    few, every = run(model, ()), run(model, model.cell.state._fields)
    assert (every[0] != model.weight).any()
    np.testing.assert_array_equal(few[0], every[0])
    np.testing.assert_array_equal(few[1], every[1])
