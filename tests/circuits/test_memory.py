"""Memory is checked before it is taken, against an estimate that is close."""

import time
import tracemalloc

import numpy as np
import pytest
from systems import two_populations
from tiny_training import tiny_circuit, tiny_task

import circuits
import dendrites.dataset  # noqa: F401, loads what a run needs
from circuits.microcircuit import microcircuit
from dendrites import _memory
from dendrites.compile import loops
from dendrites.errors import ConfigError, ModelError
from dendrites.models import presynaptic, source

MIB = 2**20


@pytest.fixture
def asked(monkeypatch):
    """Every figure that the memory was compared with."""
    found, check = [], _memory.check_memory

    def spy(needed, what, **options):
        found.append(needed)
        check(needed, what, **options)

    for module in (circuits.run.simulate, circuits.run.session, circuits.run.sequence):
        monkeypatch.setattr(module, "check_memory", spy)
    return found


@pytest.fixture
def nothing_is_taken(monkeypatch):
    """Fails a test that compiles, takes 50 MiB, or three seconds."""

    def refuse(*_):
        raise AssertionError("a loop was compiled")

    monkeypatch.setattr(loops, "compile_loop", refuse)
    start = time.process_time()
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50 * MIB
    assert time.process_time() - start < 3.0


def big(n):
    """A circuit with a population of n cells beside small ones."""
    return two_populations(
        2,
        2,
        more=(circuits.Population("huge", source(), n, pattern=1.0),),
        extra=(circuits.Projection("huge", "output", "apical", connectivity="dense"),),
    )


@pytest.mark.parametrize("n", [10**9, 10**12, 10**15])
@pytest.mark.parametrize("record", ["output", "huge"])
def test_a_huge_population_is_refused_before_anything_is_taken(
    nothing_is_taken, n, record
):
    with pytest.raises(ConfigError, match="too large: needs .* of memory, and"):
        circuits.simulate(big(n), {"input": np.ones((1, 2))}, [record])


def test_a_number_of_cells_that_cannot_be_counted_is_refused():
    with pytest.raises(ModelError, match="size = 1000.*too large"):
        circuits.Population("huge", source(), 10**30)


def test_huge_layers_are_refused_before_anything_is_taken(nothing_is_taken):
    circuit = tiny_circuit([8, 10**12, 3])
    with pytest.raises(ConfigError, match="too large: needs .* of memory, and"):
        circuits.train(circuit, tiny_task(), epochs=1, threads=1)
    with pytest.raises(ConfigError, match="too large: needs .* of memory, and"):
        circuits.evaluate(circuit, tiny_task(), {})
    with pytest.raises(ConfigError, match="too large: needs .* of memory, and"):
        circuits.present_sequence(big(10**10), {"input": np.ones((1, 2))})
    with pytest.raises(ConfigError, match="too large: needs .* of memory, and"):
        circuits.train(tiny_circuit(), tiny_task(), batch=10**12, threads=1)


def test_delays_and_times_that_no_memory_holds_are_refused(nothing_is_taken):
    spikes = {"pre": presynaptic(), "signal": "spike_rate"}
    circuit = two_populations(4, 3, delay=5e13, **spikes)
    with pytest.raises(ConfigError, match="too large: needs"):
        circuits.simulate(circuit, {"input": np.ones((1, 4))}, ["output"])
    with pytest.raises(ModelError, match="steps .* can be counted"):
        two_populations(delay=1e300)
    circuit = two_populations(phases=(circuits.Phase("long", 1e12, on=("input",)),))
    with pytest.raises(ConfigError, match="too large: needs"):
        circuits.simulate(circuit, {"input": np.ones((1, 4))}, ["output"])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("samples", [1, 75])
def test_the_estimate_of_a_recording_is_what_it_takes(asked, dtype, samples):
    circuit = microcircuit([4, 20, 5], presentation=900.0 / samples)
    shown = {"input": np.ones((samples, 4)), "target": np.full((samples, 5), 0.5)}
    short = circuit.with_schedule(
        circuits.Schedule((circuits.Phase("nudged", 3.0, on=("input", "target")),))
    )
    circuits.simulate(short, shown, ["hidden1"], dtype=dtype)
    asked.clear()
    tracemalloc.start()
    circuits.simulate(circuit, shown, ["hidden1"], dtype=dtype)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak > 2 * MIB
    assert peak / 1.3 < max(asked) < 1.3 * peak


def test_the_estimate_of_weights_is_what_they_take(asked):
    circuit = microcircuit([300, 400, 3], presentation=1.0, basal_rates=0.1)
    shown = {"input": np.ones((1, 300)), "target": np.full((1, 3), 0.5)}
    # Once before: compiling takes memory too.
    circuits.simulate(circuit, shown, ["output"], learning=True)
    asked.clear()
    tracemalloc.start()
    circuits.simulate(circuit, shown, ["output"], learning=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak / 1.3 < max(asked) < 1.3 * peak
