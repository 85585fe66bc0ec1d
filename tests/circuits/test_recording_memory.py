"""Memory of recordings: once the data, and spikes as the events that they are."""

import tracemalloc

import numpy as np
import pytest

import circuits
from circuits import Circuit, Phase, Population, Presenter, Projection, Record, Schedule
from dendrites import dataset
from dendrites.models import presynaptic, source, three_compartment

MIB = 2**20
CELLS = 200
SHOWN = {"input": np.ones((1, CELLS))}


@pytest.fixture
def peak():
    """Peak of the memory taken by a call that has been made before, and its result."""

    def measured(work):
        tracemalloc.start()
        result = work()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found, result

    return measured


def potentials(duration, record, samples=1):
    """A tree of cells that receive constant input."""
    circuit = Circuit(
        populations=(
            Population("input", source(), CELLS),
            Population("cell", three_compartment(), CELLS),
        ),
        projections=(
            Projection(
                "input",
                "cell",
                "basal",
                initial=np.ones(CELLS),
                connectivity="one_to_one",
            ),
        ),
        schedule=Schedule((Phase("all", duration, on=("input",)),)),
        output="cell",
        readout="rate",
    )
    shown = {"input": np.linspace(0.0, 1.0, samples * CELLS).reshape(samples, CELLS)}
    return circuits.simulate(circuit, shown, record)


def spiking(phases):
    """Cells that spike when they are told."""
    return Circuit(
        populations=(
            Population("cell", presynaptic(), CELLS),
            Population("input", source(), CELLS),
            Population("other", three_compartment(), CELLS),
        ),
        projections=(
            Projection("input", "other", "basal", connectivity="dense"),
            Projection(
                "cell",
                "other",
                "basal",
                signal="trace",
                initial=np.zeros(CELLS),
                connectivity="one_to_one",
            ),
        ),
        schedule=Schedule(phases),
        output="cell",
        readout="trace",
    )


@pytest.mark.parametrize("samples", [1, 70])
@pytest.mark.parametrize("reads", [(), ("rate",)])
def test_a_recording_takes_little_more_than_its_data(peak, samples, reads):
    record = [Record("cell", ("soma",), reads, every=1.0)]
    potentials(2.0, record, samples)
    taken, data = [], []
    for duration in (420.0, 4200.0):
        used, tree = peak(lambda t=duration: potentials(t / samples, record, samples))
        taken.append(used)
        data.append(sum(v.nbytes for v in tree["populations/cell"].data_vars.values()))
    more = data[1] - data[0]
    assert more > 5 * MIB
    assert taken[1] - taken[0] < 1.3 * more


def test_recorded_spikes_take_the_memory_of_events(peak, every_engine):
    del every_engine
    circuit = spiking((Phase("all", 500.0),))
    rng = np.random.default_rng(2)
    times = np.sort(rng.choice(np.arange(1, 5000), 3000)) * 0.1
    units = rng.integers(0, CELLS, 3000)
    record = [Record("cell", (), spikes=True)]

    def run():
        return circuits.simulate(
            circuit, SHOWN, record, forced_spikes={"cell": (times, units)}
        )

    run()
    taken, tree = peak(run)
    dense = 8 * CELLS * 5000
    assert taken < 0.75 * dense
    spikes = tree["spikes/cell"]
    order = np.lexsort((units, times))
    np.testing.assert_allclose(spikes.spike_time, times[order])
    np.testing.assert_array_equal(spikes.spike_unit, units[order])


def test_events_of_lanes_are_those_of_their_samples(every_engine):
    del every_engine
    circuit = spiking((Phase("first", 3.0), Phase("second", 2.0)))
    trains = [
        (np.array([0.1, 0.1, 2.9 + 0.1 * k, 5.0]), np.array([1, 4, k, 7]))
        for k in range(5)
    ]
    record = [Record("cell", (), units=[7, 4, 2], spikes=True)]
    tree = circuits.simulate(
        circuit,
        {"input": np.ones((5, CELLS))},
        record,
        forced_spikes={"cell": trains},
    )
    found = tree["spikes/cell"]
    wanted = [
        (k, time, unit)
        for k, (times, units) in enumerate(trains)
        for time, unit in zip(times, units, strict=True)
        if unit in (7, 4, 2)
    ]
    pairs = zip(found.spike_trial, found.spike_time, found.spike_unit, strict=True)
    assert [(int(k), round(float(t), 9), int(u)) for k, t, u in pairs] == wanted
    with Presenter(
        circuit, batch=5, chunk=2, record=record, forced=("cell",)
    ) as presenter:
        presenter.present(
            {"input": np.ones((5, CELLS))},
            forced_spikes={"cell": trains},
            learning=False,
        )
        counts = presenter.recorded()["cell", "spikes"]
    assert counts.shape == (51, 5, 3)
    again = dataset.spike_dataset(
        np.moveaxis(counts[1:], 1, 2), circuit.dt, np.array([7, 4, 2])
    )
    for name in ("spike_time", "spike_unit", "spike_trial"):
        np.testing.assert_array_equal(again[name], found[name])
