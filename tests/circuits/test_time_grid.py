"""Times of a description act as written, or say which time is used instead."""

from dataclasses import replace
from typing import Annotated, NamedTuple

import numpy as np
import pytest

import circuits
from circuits import (
    Circuit,
    Constant,
    Phase,
    Population,
    Projection,
    Record,
    Schedule,
    Tied,
)
from dendrites import models
from dendrites.cell import CellModel
from dendrites.errors import ConfigError, DendritesError

pytestmark = pytest.mark.nojit


class State(NamedTuple):
    value: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    pass


class Inputs(NamedTuple):
    arriving: Annotated[float, "1"] = 0.0


def last_input(cell, inputs, p, dt):
    return State(inputs.arriving)


FOLLOWER = CellModel("follower", State, Params, Inputs, step=last_input)


def follower(delay=None, *, phases=None, carry_state=False, dt=0.1, source=None):
    """A patterned source and a cell that shows what arrived in the last step."""
    return Circuit(
        (
            Population("input", models.source(), 2, **(source or {})),
            Population("cell", FOLLOWER, 2),
        ),
        Projection(
            "input",
            "cell",
            "arriving",
            signal="value",
            initial=Constant(1.0),
            connectivity="one_to_one",
            delay=delay,
        ),
        Schedule(phases or (Phase("on", 1.0, on=("input",)),), carry_state),
        output="cell",
        readout="value",
        dt=dt,
    )


def seen(circuit, patterns=((1.0, 3.0),), **options):
    tree = circuits.simulate(circuit, {"input": patterns}, [Record("cell")], **options)
    return tree["populations/cell"].v.values[..., 0, :]


# --- delays of sources that stand still -----------------------------------------------


@pytest.mark.parametrize(("delay", "first"), [(None, 0), (0, 0), (0.1, 0), (0.4, 3)])
def test_a_patterned_source_with_a_delay_arrives_later(delay, first):
    expected = np.zeros((10, 2))
    expected[first:] = [1.0, 3.0]
    np.testing.assert_array_equal(seen(follower(delay)), expected)


@pytest.mark.parametrize("delay", [None, 0.1, 0.4])
def test_a_pattern_arrives_like_the_same_waveform(delay):
    phases = (Phase("on", 0.5, on=("input",)), Phase("off", 0.6))
    circuit = follower(delay, phases=phases)
    shown = np.tile([1.0, 3.0], (11, 1))
    record = [Record("cell")]
    wave = circuits.simulate(circuit, {}, record, waveforms={"input": shown})
    np.testing.assert_array_equal(
        seen(circuit), wave["populations/cell"].v.values[:, 0]
    )


def test_a_bias_and_a_batch_are_delayed_too():
    bias = follower(0.3, source={"pattern": 2.0})
    tree = circuits.simulate(bias, {}, [Record("cell")])
    assert tree["populations/cell"].v.values[:, 0, 0].tolist() == [0] * 2 + [2.0] * 8
    rows = np.arange(12.0).reshape(6, 2) + 1.0
    np.testing.assert_array_equal(
        seen(follower(0.3), rows),
        np.where(np.arange(10) < 2, 0.0, rows[..., None]).transpose(0, 2, 1),
    )


@pytest.mark.parametrize("carry_state", [False, True])
def test_what_is_on_its_way_at_the_end_arrives_if_states_are_carried(carry_state):
    run = circuits.present_sequence(
        follower(0.3, carry_state=carry_state),
        {"input": [[1.0, 1.0], [5.0, 5.0], [0.0, 0.0]]},
        schedule=[
            Schedule((Phase("on", ms, on=("input",)),), carry_state)
            for ms in (0.3, 0.2, 0.1)
        ],
        keep=[1, 2, 3],
        reads=[("cell", "value")],
    )
    found = run.reads["cell", "value"][:, 0].tolist()
    assert found == ([1.0, 1.0, 5.0] if carry_state else [1.0, 0.0, 0.0])


def test_equilibrium_refuses_a_delay_that_it_would_lose():
    circuit = replace(
        follower(0.4),
        populations=(
            Population("input", models.source(), 2),
            Population("cell", models.three_compartment(), 2),
        ),
        projections=Projection(
            "input", "cell", "basal", signal="value", delay=0.4, initial=Constant(1.0)
        ),
        readout="soma",
    )
    with pytest.raises(ConfigError, match="has a delay of 0.4 ms, and what is on its"):
        seen(circuit, integrator="equilibrium")


# --- times of phases ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "used"),
    [
        ({"lag": 0.25}, "lag: 0.25 ms is not a multiple of dt = 0.1 ms; 2 steps"),
        ({"window": 0.34}, "window: 0.34 ms is not .* 3 steps .0.3 ms. are used"),
        ({"window_start": 0.36}, "window_start: 0.36 ms is not .* 4 steps"),
        ({"duration": 1.04}, "duration: 1.04 ms is not .* 10 steps"),
    ],
)
def test_a_time_that_is_no_multiple_of_the_step_says_what_is_used(times, used):
    with pytest.warns(UserWarning, match=used):
        follower(phases=(Phase("on", **{"duration": 1.0, **times}),))


@pytest.mark.parametrize(
    ("times", "text"),
    [
        ({"window": 0.04}, "window: 0.04 ms is less than half a step of dt = 0.1 ms"),
        ({"duration": 0.04}, "duration: 0.04 ms is less than half a step"),
        ({"window_start": 0.98}, "leaves no room for its window"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*not a multiple")
def test_a_time_of_which_nothing_would_be_left_is_refused(times, text):
    with pytest.raises(DendritesError, match=text):
        follower(phases=(Phase("on", **{"duration": 1.0, **times}),))


def test_every_schedule_of_a_sequence_is_checked():
    schedules = [
        Schedule((Phase("on", 1.0, on=("input",), window=w),)) for w in (0.5, 0.04)
    ]
    with pytest.raises(ConfigError, match="window: 0.04 ms is less than half a step"):
        circuits.present_sequence(
            follower(phases=schedules[0].phases),
            {"input": np.ones((2, 2))},
            schedule=schedules,
        )


# --- clocks ---------------------------------------------------------------------------

BEYOND = 2**24  # what single precision cannot count


@pytest.mark.slow
def test_a_delayed_pattern_arrives_after_so_many_steps():
    late, delay = (BEYOND + 4) * 0.1, 1.0
    phases = (Phase("off", late), Phase("on", 2.0, on=("input",)))
    tree = circuits.simulate(
        follower(delay, phases=phases),
        {"input": [2.0, 2.0]},
        [Record("cell", every=0.8)],
        dtype="float32",
    )
    found = tree["populations/cell"].v.values[:, 0, 0]
    assert found[-4:].tolist() == [0.0, 0.0, 2.0, 2.0]


# --- circuits that need no pattern ----------------------------------------------------


def test_a_circuit_without_a_clamped_source_simply_runs():
    cells = Population("cell", models.three_compartment(), 2)
    loop = Projection("cell", "cell", "basal", signal="soma", initial=Constant(0.1))
    lone = Circuit(
        cells, loop, Schedule(Phase("rest", 1.0)), output="cell", readout="soma"
    )
    tree = circuits.simulate(lone, {}, [Record("cell")])
    assert not tree["populations/cell"].v.values.any()
    run = circuits.present_sequence(lone, {}, reads=[("cell", "soma")])
    assert run.presentations.tolist() == [1]
    (piece,) = circuits.run_in_pieces(
        lone, lambda first, count: circuits.Inputs({}, {}), n_steps=5
    )
    assert piece.weights.keys() == {"cell_to_cell_basal"}


def test_a_circuit_whose_sources_are_off_simply_runs():
    off = follower(phases=(Phase("off", 1.0),))
    tree = circuits.simulate(off, {}, [Record("cell")])
    assert not tree["populations/cell"].v.values.any()


def test_spikes_alone_say_how_many_presentations_there_are():
    circuit = Circuit(
        (
            Population("input", models.spike_source(), 1),
            Population("cell", FOLLOWER, 1),
        ),
        Projection("input", "cell", "arriving", signal="spikes", initial=Constant(1.0)),
        Schedule(Phase("all", 0.5)),
        output="cell",
        readout="value",
    )
    run = circuits.present_sequence(
        circuit,
        {},
        forced_spikes=[{"input": ([t], [0])} for t in (0.1, 0.4, 0.5)],
        keep=[1, 2, 3],
        reads=[("cell", "value")],
    )
    # A spike arrives a step later.
    assert run.reads["cell", "value"][:, 0].tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize("tied", [True, False])
def test_weights_tied_to_those_of_a_waveform_carry_it_once(tied):
    copy = {"tied_to": Tied("first", 2.0)} if tied else {"initial": Constant(2.0)}
    to = {"pre": "input", "field": "arriving", "signal": "value"}
    circuit = Circuit(
        (
            Population("input", models.source(), 1),
            Population("cell", FOLLOWER, 1),
            Population("other", FOLLOWER, 1),
        ),
        (
            Projection(**to, post="cell", initial=Constant(1.0), name="first"),
            Projection(**to, post="other", name="second", **copy),
        ),
        Schedule(Phase("all", 0.5, on=("input",))),
        output="cell",
        readout="value",
    )
    wave = np.arange(1.0, 6.0)[:, None]
    tree = circuits.simulate(circuit, {}, ["cell", "other"], waveforms={"input": wave})
    for name, factor in (("cell", 1.0), ("other", 2.0)):
        found = tree[f"populations/{name}"].v.values[:, 0]
        np.testing.assert_array_equal(found, factor * wave)
