"""Names that users give never lead to the random numbers of something else."""

from typing import Annotated, NamedTuple

import numpy as np
import pytest

import circuits
import dendrites as dn
from circuits import Circuit, Constant, Phase, Population, Projection, Schedule, Tied
from dendrites import models
from dendrites.cell import CellModel
from dendrites.drives import noise
from dendrites.spikes import bernoulli_spike

pytestmark = pytest.mark.nojit


class State(NamedTuple):
    seen: Annotated[float, "1"] = 0.0
    spikes: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    probability: Annotated[float, "1"] = 0.5


class Inputs(NamedTuple):
    spikes: Annotated[float, "1"] = 0.0
    other: Annotated[float, "1"] = 0.0


def coin(probability=0.5):
    """Spikes with one probability in every step, and keeps what reaches it."""

    def step(cell, inputs, p, dt):
        return State(inputs.spikes + inputs.other, 0.0)

    def spike(cell, u, p, dt):
        return bernoulli_spike(u, p.probability)

    def fired(cell, count, p, dt):
        return State(cell.seen, count)

    return CellModel(
        "coin",
        State,
        Params,
        Inputs,
        step=step,
        spike=spike,
        fired=fired,
        parameters={"probability": probability},
    )


@pytest.mark.parametrize("name", ["spikes", "other"])
def test_noise_of_an_input_field_is_independent_of_the_spikes(name):
    n = 2000
    tree = dn.simulate(coin(), duration=float(n), dt=1.0, **{name: noise(1.0)})
    values = tree["populations/cell"][f"input_{name}"].values[0]
    fired = np.zeros(n)
    fired[np.rint(tree["spikes/cell"].spike_time.values).astype(int) - 1] = 1.0
    assert 0.45 < fired.mean() < 0.55
    # Five standard errors, of the numbers and of their sizes.
    for numbers in (values, np.abs(values)):
        assert abs(np.corrcoef(numbers, fired)[0, 1]) < 5 / np.sqrt(n)


def noisy_ties(unrelated):
    """A source and a cell with learning weights, and weights tied to them by noise."""
    rule = dn.ActivityDifference("soma", None, 0.1, presynaptic="value")
    first = [Projection("bias", "cell", "apical", signal="value")] * unrelated
    return Circuit(
        (
            Population("bias", models.source(), 1, pattern=1.0),
            Population("input", models.source(), 2),
            Population("cell", models.three_compartment(), 2),
            Population("back", models.three_compartment(), 2),
        ),
        (
            *first,
            Projection("input", "cell", "basal", signal="value", rule=rule, name="w"),
            Projection(
                "back",
                "cell",
                "basal",
                signal="soma",
                tied_to=Tied("w", transpose=True, noise=1.0),
                name="tied",
            ),
        ),
        Schedule(Phase("on", 0.1, on=("input", "bias"))),
        output="cell",
        readout="soma",
    )


@pytest.mark.filterwarnings("ignore:.*no input and no output")
def test_noise_of_tied_weights_does_not_move_when_something_else_is_added():
    found = [
        circuits.present_sequence(
            noisy_ties(unrelated), {"input": np.zeros((1, 2))}, keep=[0]
        ).weights[0]["tied"]
        for unrelated in (0, 1)
    ]
    assert np.abs(found[0]).min() > 0
    np.testing.assert_array_equal(*found)


# A place at which 53 bits of the spikes' stream are above 1 - 2^-25, so that single
# precision rounds them to 1.
SEED, STEP, UNIT = 9817, 18, 182


@pytest.mark.parametrize("noise", [None, range(500)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_certain_always_happens(dtype, noise):
    circuit = Circuit(
        (
            Population("input", models.source(), 1),
            Population("cell", coin(1.0), 500, noise=noise),
        ),
        Projection("input", "cell", "other", signal="value", initial=Constant(0.0)),
        Schedule(Phase("all", STEP + 2.0)),
        output="cell",
        readout="seen",
        dt=1.0,
    )
    record = circuits.Record("cell", (), spikes=True, units=[UNIT, 0])
    tree = circuits.simulate(circuit, {}, [record], dtype=dtype, seed=SEED)
    assert tree["spikes/cell"].sizes["spike"] == 2 * (STEP + 2)
