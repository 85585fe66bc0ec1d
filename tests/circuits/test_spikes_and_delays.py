"""Spikes between cells: when they arrive, what they cost nothing, what is refused."""

from dataclasses import replace
from typing import Annotated, NamedTuple

import numpy as np
import pytest

import circuits
from circuits import Circuit, Constant, Phase, Population, Projection, Record, Schedule
from dendrites import models
from dendrites.cell import CellModel
from dendrites.errors import ConfigError, ModelError
from dendrites.spikes import poisson_count

pytestmark = pytest.mark.nojit


class State(NamedTuple):
    total: Annotated[float, "1"] = 0.0
    spikes: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    rate: Annotated[float, "1/ms"] = 0.1


class Inputs(NamedTuple):
    arriving: Annotated[float, "1"] = 0.0


def collecting_cell():
    """Adds up what arrives, and spikes at a constant rate."""

    def step(cell, inputs, p, dt):
        return State(cell.total + inputs.arriving, 0.0)

    def spike(cell, u, p, dt):
        return poisson_count(u, p.rate * dt)

    def fired(cell, count, p, dt):
        return State(cell.total, count)

    def twice(cell, p):
        return 2.0 * cell.spikes

    return CellModel(
        "collector",
        State,
        Params,
        Inputs,
        step=step,
        spike=spike,
        fired=fired,
        reads={"twice": twice},
    )


def chain(delay=None, signal="spikes", n=3, duration=20.0, **options):
    """Sources that fire onto collecting cells, one to one."""
    return Circuit(
        (
            Population("input", models.spike_source(), n, pattern="inputs"),
            Population("output", collecting_cell(), n),
        ),
        (
            Projection(
                "input",
                "output",
                "arriving",
                signal=signal,
                delay=delay,
                initial=Constant(1.0),
                connectivity=options.pop("connectivity", "one_to_one"),
                **options,
            ),
        ),
        Schedule((Phase("shown", duration, on=("input",)),), carry_state=True),
        readout="total",
        dt=1.0,
    )


def total(circuit, trains, **options):
    tree = circuits.simulate(
        circuit,
        {},
        [Record("output", ("total",))],
        forced_spikes=trains,
        **options,
    )
    return tree["populations/output"].v.values[:, 0]


@pytest.mark.parametrize(("delay", "arrives"), [(0.0, 4), (None, 5), (1.0, 5), (7, 11)])
def test_a_spike_arrives_after_its_delay(delay, arrives):
    # A spike at 5 ms is a count of step 5, row 4.
    seen = total(chain(delay), {"input": ([5.0], [1]), "output": ([], [])})
    expected = np.zeros((20, 3))
    expected[arrives:, 1] = 1.0
    np.testing.assert_array_equal(seen, expected)


def test_a_source_that_shows_a_waveform_can_be_forced_to_spike():
    trains = {"input": ([5.0, 9.0], [1, 2]), "output": ([], [])}
    wave = np.random.default_rng(4).uniform(0.0, 1.0, (20, 3))
    shown = total(chain(0.0), trains, waveforms={"input": wave})
    np.testing.assert_array_equal(shown, total(chain(0.0), trains))


def test_two_spikes_of_one_step_count_twice():
    seen = total(chain(), {"input": ([5.0, 5.0], [1, 1]), "output": ([], [])})
    assert seen[-1].tolist() == [0.0, 2.0, 0.0]


def test_a_time_between_grid_points_is_moved_to_the_nearest_aloud():
    on_grid = total(chain(0.0), {"input": ([5.0], [1]), "output": ([], [])})
    with pytest.warns(UserWarning, match="1 of 1 spikes are no multiples of dt = 1 ms"):
        between = total(chain(0.0), {"input": ([5.2], [1]), "output": ([], [])})
    np.testing.assert_array_equal(on_grid, between)


def test_an_empty_train_forces_silence():
    loud = total(chain(), {"input": ([], [])})
    assert (loud == 0.0).all()
    tree = circuits.simulate(
        chain(),
        {"input": np.zeros(3)},
        [Record("output", (), spikes=True)],
        forced_spikes={"output": ([], [])},
    )
    assert tree["spikes/output"].sizes["spike"] == 0


def test_spikes_sent_as_events_bring_what_a_dense_product_brings():
    rng = np.random.default_rng(0)
    steps, units = np.nonzero(rng.random((20, 30)) < 0.2)
    trains = {"input": (steps + 1.0, units), "output": ([], [])}
    options = {"n": 30, "connectivity": "dense"}
    weights = {"input_to_output_arriving": rng.normal(size=(30, 30))}

    def count(cell, p):
        return 1.0 * cell.spikes

    events = chain(**options)
    source = replace(
        models.spike_source(), reads={**models.spike_source().reads, "count": count}
    )
    dense = replace(
        events,
        populations=(
            replace(events.populations[0], model=source),
            events.populations[1],
        ),
        projections=(replace(events.projections[0], signal="count", name=""),),
    )
    assert events.is_event_driven("input_to_output_arriving")
    assert not dense.is_event_driven("input_to_output_arriving")
    ours = total(events, trains, weights=weights)
    theirs = total(dense, trains, weights=weights)
    np.testing.assert_allclose(ours, theirs, rtol=1e-13, atol=1e-13)


def test_delay_lines_and_states_carry_over_to_the_next_presentation():
    rng = np.random.default_rng(1)
    steps, units = np.nonzero(rng.random((20, 3)) < 0.3)
    whole = total(chain(7.0), {"input": (steps + 1.0, units), "output": ([], [])})
    half = chain(7.0, duration=10.0)
    first = steps < 10
    shown = circuits.present_sequence(
        half,
        {"input": np.zeros((2, 3))},
        keep=(1, 2),
        reads=[("output", "total")],
        forced_spikes=[
            {"input": (steps[first] + 1.0, units[first]), "output": ([], [])},
            {"input": (steps[~first] - 9.0, units[~first]), "output": ([], [])},
        ],
    )
    np.testing.assert_array_equal(shown.reads["output", "total"], [whole[9], whole[19]])


def drawn(chunk, threads, samples=6):
    circuit = chain(3.0, n=4)
    presenter = circuits.Presenter(
        circuit,
        batch=samples,
        chunk=chunk,
        threads=threads,
        seed=5,
    )
    patterns = {"input": np.linspace(50.0, 200.0, samples * 4).reshape(samples, 4)}
    presenter.present(patterns, circuit.schedule, learning=False)
    return presenter.read("output", "total")


def test_drawn_spikes_do_not_depend_on_chunks_and_threads():
    whole = drawn(64, 1)
    assert whole.sum() > 20
    np.testing.assert_array_equal(whole, drawn(2, 2))
    np.testing.assert_array_equal(whole, drawn(4, 1))


def test_each_sample_has_its_own_forced_train():
    circuit = chain(0.0)
    tree = circuits.simulate(
        circuit,
        {"input": np.zeros((2, 3))},
        [Record("output", ("total",), spikes=True)],
        forced_spikes={
            "input": [([2.0], [0]), ([3.0, 4.0], [1, 2])],
            "output": ([6.0], [1]),
        },
    )
    last = tree["populations/output"].v.values[:, -1, 0]
    np.testing.assert_array_equal(last, [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    spikes = tree["spikes/output"]
    assert spikes.spike_trial.values.tolist() == [0, 1]
    assert spikes.spike_time.values.tolist() == [6.0, 6.0]


def sources_and_collectors(*phases):
    return Circuit(
        (
            Population("input", models.source(), 2),
            Population("output", collecting_cell(), 2),
        ),
        (
            Projection(
                "input",
                "output",
                "arriving",
                initial=Constant(1.0),
                connectivity="one_to_one",
            ),
        ),
        Schedule(phases),
        readout="total",
        dt=1.0,
    )


def test_a_waveform_is_shown_only_while_its_source_is_on():
    circuit = sources_and_collectors(
        Phase("dark", 2.0), Phase("shown", 3.0, on=("input",))
    )
    tree = circuits.simulate(
        circuit,
        {},
        [Record("output", ("total",))],
        waveforms={"input": np.ones((5, 2))},
    )
    seen = tree["populations/output"].v.values[:, 0, 0]
    assert seen.tolist() == [0.0, 0.0, 1.0, 2.0, 3.0]


def test_a_waveform_is_shown_step_by_step():
    circuit = sources_and_collectors(Phase("shown", 5.0, on=("input",)))
    wave = np.arange(10.0).reshape(5, 2)
    tree = circuits.simulate(
        circuit, {}, [Record("output", ("total",))], waveforms={"input": wave}
    )
    np.testing.assert_array_equal(
        tree["populations/output"].v.values[:, 0], np.cumsum(wave, axis=0)
    )


def test_a_read_that_nothing_else_needs_can_be_looked_at():
    circuit = chain()
    presenter = circuits.Presenter(circuit)
    presenter.present({"input": np.zeros((1, 3))}, circuit.schedule)
    spikes = presenter.read("output", "spikes")
    np.testing.assert_array_equal(presenter.read("output", "twice"), 2.0 * spikes)


REFUSED_TRAINS = {
    "unsorted": (([5.0, 4.0], [0, 0]), r"times\[1\] = 4 ms is earlier"),
    "beyond the run": (([21.0], [0]), r"times\[0\] = 21 ms is beyond the run, 20 ms"),
    "before the run": (([0.0], [0]), r"times\[0\] = 0 ms is before the first step"),
    "not finite": (([np.nan], [0]), "is not finite"),
    "unknown channel": (([5.0], [3]), r"channels\[0\] = 3 is out of range 0..2"),
    "channels missing": (([5.0], [0, 1]), "must be 1 whole numbers"),
    "no channels": ([5.0], r"3 units need a pair \(times, channels\)"),
    "text": ((["a"], [0]), "holds no numbers"),
}


@pytest.mark.parametrize("case", REFUSED_TRAINS)
def test_impossible_trains_are_refused(case):
    train, message = REFUSED_TRAINS[case]
    with pytest.raises(ConfigError, match=message):
        total(chain(), {"input": train})


def test_forced_spikes_of_cells_without_spikes_are_refused():
    with pytest.raises(ConfigError, match="'inptu' is no population with spikes"):
        total(chain(), {"inptu": ([], [])})
    with pytest.raises(ConfigError, match="3 trains for 1 samples"):
        total(chain(), {"input": [([], [])] * 3})


def test_waveforms_of_another_length_are_refused():
    with pytest.raises(ConfigError, match=r"shape \(1, 7, 3\), must be \(20, 3\)"):
        total(chain(), {}, waveforms={"input": np.zeros((7, 3))})


def test_projections_without_delay_must_not_form_a_loop():
    circuit = chain(0.0)
    back = Projection(
        "output",
        "output",
        "arriving",
        signal="spikes",
        delay=0.0,
        connectivity="one_to_one",
    )
    with pytest.raises(ModelError, match="without delay form a loop through output"):
        replace(circuit, projections=(*circuit.projections, back))


REFUSED_DELAYS = {
    "no whole steps": ({"delay": 2.5}, "no whole number of steps of dt = 1 ms"),
    "negative": ({"delay": -1.0}, "delay = -1.0 ms: must be >= 0"),
    "clip": ({"clip": "never"}, "allowed: weights, readout"),
}


@pytest.mark.parametrize("case", REFUSED_DELAYS)
def test_impossible_projections_are_refused(case):
    options, message = REFUSED_DELAYS[case]
    with pytest.raises(ModelError, match=message):
        chain(**options)


def test_spiking_cells_have_no_heun_and_no_equilibrium():
    with pytest.raises(ModelError, match="or spike, which heun cannot use"):
        replace(chain(), stepper="heun")
    with pytest.raises(ConfigError, match="cells of 'input' spike or advance"):
        total(chain(), {"input": ([], [])}, integrator="equilibrium")


def test_delays_and_settled_phases_exclude_each_other():
    def circuit(delay):
        return Circuit(
            (
                Population("input", models.source(), 2, pattern="inputs"),
                Population("output", models.three_compartment(), 2),
            ),
            (Projection("input", "output", "basal", delay=delay),),
            Phase("free", settle=("output",), on=("input",)),
        )

    circuit(None)
    with pytest.raises(ModelError, match="takes no time"):
        circuit(3.0)
