"""What is recorded, where a run that diverges is stopped, what is too large to run."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from systems import (
    LEARNING,
    patterns,
    plastic_microcircuit,
    run,
    serial_blas,
    twin_of,
    two_populations,
)

from circuits.engine.plan import Plan, Recording
from circuits.engine.runner import CHECK_EVERY, Runner
from circuits.population import Population
from circuits.projection import Projection
from circuits.weights import initial_weights
from dendrites.activity_difference import ActivityDifference, LowPass
from dendrites.cell import CellModel
from dendrites.errors import ConfigError, NumericalError
from dendrites.models import source, three_compartment
from dendrites.synaptic_rule import SynapticRule

SIZES = [4, 3, 2]


def recording_run(recordings, *, steps, batch=1, circuit=None, **options):
    """Recorded arrays (records, samples, units) of one microcircuit presentation."""
    circuit = circuit or plastic_microcircuit(SIZES, steps=steps)
    weights = initial_weights(circuit, seed=3)
    inputs, targets, _ = patterns(SIZES, batch=batch)
    with serial_blas():
        runner = Runner(
            circuit,
            [weights],
            batch=batch,
            recordings=recordings,
            steps=steps,
            **options,
        )
        lanes = runner.present(
            0,
            {"input": inputs, "target": targets},
            circuit.schedule,
            recording=bool(recordings),
        )
    parts = [list(runner.plan.recorded(lane, m)) for lane, m in lanes]
    return [np.concatenate(part, axis=1) for part in zip(*parts, strict=True)], runner


def twin_trajectory(steps, batch):
    """Output somata, hidden rates and apical potentials of the twin after each step."""
    circuit = plastic_microcircuit(SIZES, steps=steps)
    weights = initial_weights(circuit, seed=3)
    inputs, _, potentials = patterns(SIZES, batch=batch)
    twin = twin_of(circuit, weights, LEARNING, batch=batch)
    somata, apical = [twin.u[-1].copy()], [twin.vA[0].copy()]
    for _ in range(steps):
        twin.step(inputs, potentials)
        somata.append(twin.u[-1].copy())
        apical.append(twin.vA[0].copy())
    return np.array(somata), np.array(apical)


@pytest.mark.nojit
@pytest.mark.parametrize("options", [{}, {"chunk": 2}])
def test_records_are_the_trajectory_of_the_twin(options):
    recordings = [
        Recording("output", "soma", np.arange(2), 1),
        Recording("output", "rate", np.array([1]), 4),
        Recording("hidden1", "apical", np.array([2, 0]), 3),
    ]
    (soma, rate, apical), _ = recording_run(recordings, steps=13, batch=3, **options)
    wanted_soma, wanted_apical = twin_trajectory(13, 3)
    assert soma.shape == (14, 3, 2)
    assert rate.shape == (4, 3, 1)
    assert apical.shape == (5, 3, 2)
    assert np.abs(soma - wanted_soma).max() < 1e-14
    wanted_rate = 1.0 / (1.0 + np.exp(-wanted_soma[::4, :, 1:]))
    assert np.abs(rate - wanted_rate).max() < 1e-14
    assert np.abs(apical - wanted_apical[::3][:, :, [2, 0]]).max() < 1e-14


@pytest.mark.nojit
def test_record_zero_is_the_initial_state_with_its_input_on():
    recordings = [
        Recording("input", "rate", np.arange(4), 5),
        Recording("output", "soma", np.arange(2), 5),
    ]
    (shown, soma), _ = recording_run(recordings, steps=5)
    inputs, _, _ = patterns(SIZES)
    np.testing.assert_array_equal(shown, np.repeat(inputs[None], 2, axis=0))
    np.testing.assert_array_equal(soma[0], np.zeros((1, 2)))
    assert np.abs(soma[1]).min() > 0.0


def test_records_do_not_notice_the_borders_of_spans():
    recordings = [Recording("output", "soma", np.arange(2), 7)]
    circuit = plastic_microcircuit(SIZES, steps=40, rates=dict.fromkeys(LEARNING, 0.0))
    (plain,), _ = recording_run(recordings, steps=40, circuit=circuit)
    (phase,) = circuit.schedule.phases
    cut = replace(circuit.schedule, phases=(replace(phase, lag=1.7, window=0.9),))
    (lagged,), _ = recording_run(
        recordings, steps=40, circuit=circuit.with_schedule(cut)
    )
    np.testing.assert_array_equal(plain, lagged)


@pytest.mark.parametrize("block", [1, 8])
@pytest.mark.parametrize("batch", [1, 5])
def test_recording_changes_no_bit(block, batch):
    options = {"steps": 50, "batch": batch, "block": block, "chunk": 2}
    _, silent = recording_run([], **options)
    for every in (1, 7):
        recordings = [
            Recording("hidden1", "rate", np.arange(3), every),
            Recording("output", "soma", np.array([0]), 2 * every),
        ]
        _, runner = recording_run(recordings, **options)
        for name, value in silent.arrays().items():
            np.testing.assert_array_equal(runner.arrays()[name], value)


# --- divergence -----------------------------------------------------------------------


class Potential(NamedTuple):
    v: float = 0.0
    slow: float = 0.0


class NoParams(NamedTuple):
    pass


class Current(NamedTuple):
    i: float = 0.0


def explosive(cell, inputs, p):
    return Potential(math.exp(cell.v) + inputs.i, 0.0)


def diverging(circuit, shown, match, **options):
    with pytest.raises(NumericalError, match=match) as caught:
        run(circuit, shown, **options)
    return str(caught.value)


def test_an_input_that_is_not_a_number_is_found_within_one_check():
    circuit = two_populations(3, 2, steps=1000, initial=np.ones((2, 3)))
    shown = np.ones((3, 3))
    shown[2, 1] = np.nan
    text = diverging(circuit, {"input": shown}, "between t = 0 and 50 ms", chunk=2)
    assert "'input'" in text and "'value'" in text and "unit 1 (sample 2)" in text


def explosive_circuit(steps=500):
    """Cells whose drive grows exponentially; unit 1 gets a current and runs away."""
    cells = CellModel(
        "explosive",
        Potential,
        NoParams,
        Current,
        derivative=explosive,
        reads={"rate": lambda cell, p: cell.v},
        time_constant=lambda p: 1.0,
    )
    return two_populations(
        3, 3, field="i", post=cells, steps=steps, dt=0.05, initial=np.eye(3)
    )


def test_an_exponential_drive_that_runs_away_is_located():
    circuit = explosive_circuit()
    # dv/dt = e^v + i blows up at t = 1 without current: holding units 0 and 2 at
    # -10 mV/ms leaves unit 1 alone with that fate.
    shown = {"input": np.array([[-10.0, 0.0, -10.0]])}
    text = diverging(circuit, shown, "compartment 'v', unit 1 .sample 0.")
    assert "population 'output'" in text
    assert f"between t = 0 and {CHECK_EVERY * 0.05:g} ms" in text
    assert "dt = 0.05 ms is 0.05 x the fastest time constant" in text


def test_feedback_too_strong_for_the_step_is_found_late_too():
    # du = -(1 + g) u / tau with g = 16 and dt = tau / 8: every Euler step multiplies
    # the potential by 1 - 17 / 8 = -1.125, from about 1e-12 on. It leaves the range
    # after log(1e18) / log(1.125) = 352 steps.
    cells = three_compartment(tau_soma=4.0, basal_coupling=0.0, apical_coupling=0.0)
    circuit = two_populations(
        2,
        2,
        steps=1000,
        post=cells,
        dt=0.5,
        field="soma",
        initial=1e-11 * np.eye(2),
        extra=(
            Projection(
                "output",
                "output",
                "soma",
                signal="soma",
                name="loop",
                initial=np.diag([0.0, -16.0]),
            ),
        ),
    )
    text = diverging(circuit, {"input": np.ones((1, 2))}, "compartment 'soma', unit 1")
    assert "between t = 150 and 200 ms" in text  # steps 301 to 400


@pytest.mark.parametrize("block", [1, 3])
@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("kind", ["filtered", "difference", "synaptic"])
def test_weights_that_run_away_are_named(kind, batch, block):
    # Signals of 1e-5 keep the potentials small while a weight grows by 5e6 per step.
    rule = {
        "difference": ActivityDifference("one", None, learning_rate=1e12),
        "filtered": ActivityDifference(
            "one", None, learning_rate=1e12, low_pass=LowPass(5.0)
        ),
        "synaptic": SynapticRule(lambda w, cell, pre, p: pre, learning_rate=1e12),
    }[kind]
    cells = three_compartment()
    post = replace(cells, reads={**cells.reads, "one": lambda cell, p: 1.0})
    circuit = two_populations(2, 3, steps=9, post=post, rule=rule)
    shown = {"input": np.repeat([[0.0, 1e-5]], batch, axis=0)}
    text = diverging(circuit, shown, "projection 'feedforward'", block=block)
    assert "weight (post, pre) = (0, 1)" in text and "learning rate (1e+12)" in text
    assert "between t = 0 and 4.5 ms" in text


def test_a_runner_can_go_on_after_a_divergence():
    circuit = explosive_circuit()
    weights = {"feedforward": np.eye(3)}
    with serial_blas():
        runner = Runner(circuit, [weights])
        with pytest.raises(NumericalError):
            runner.present(0, {"input": np.zeros((1, 3))}, circuit.schedule)
        lanes = runner.present(0, {"input": np.full((1, 3), -10.0)}, circuit.schedule)
    # From rest on v' = e^v - 10 is negative: the potential only falls.
    assert np.isfinite(runner.read_out(lanes, "output", "v")).all()


# --- memory ---------------------------------------------------------------------------


def test_a_population_too_large_for_memory_is_refused_before_it_is_made():
    circuit = two_populations(
        2,
        2,
        more=(Population("huge", source(), 10**9),),
        extra=(Projection("huge", "output", "apical"),),
    )
    with pytest.raises(ConfigError, match=r"too large: needs .*iB of memory, and"):
        Plan(circuit, dtype=np.float64, capacity=1)


def test_recordings_too_large_for_memory_are_refused():
    circuit = two_populations(2, 1000)
    recordings = [Recording("output", "soma", np.arange(1000), 1)]
    weights = {"feedforward": np.zeros((1000, 2))}
    with pytest.raises(ConfigError, match="too large: needs .*longer interval"):
        Runner(circuit, [weights], batch=64, recordings=recordings, steps=10**6)


def test_many_replicas_are_counted_before_they_are_made():
    circuit = two_populations(2000, 2000)
    weights = [{"feedforward": np.zeros((2000, 2000))}] * 400
    with pytest.raises(ConfigError, match="too large: needs"):
        Runner(circuit, weights)


def test_more_samples_than_planned_are_refused_and_not_dropped():
    circuit = two_populations(2, 2, steps=2)
    with serial_blas():
        runner = Runner(circuit, [initial_weights(circuit)], batch=2)
        with pytest.raises(ConfigError, match="3 samples .* batches of 2"):
            runner.present(0, {"input": np.ones((3, 2))}, circuit.schedule)
