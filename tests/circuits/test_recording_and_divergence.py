"""What is recorded, where a run that diverges is stopped, what is too large to run."""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from systems import (
    LEARNING,
    logistic,
    patterns,
    plastic_microcircuit,
    run,
    twin_of,
    two_populations,
)

from circuits.population import Population
from circuits.projection import Projection
from circuits.run.presenter import Presenter
from circuits.run.recording import Record
from circuits.weights import initial_weights
from dendrites.activity_difference import ActivityDifference, LowPass
from dendrites.cell import CellModel
from dendrites.errors import ConfigError, NumericalError
from dendrites.models import source, three_compartment
from dendrites.synaptic_rule import SynapticRule

SIZES = [4, 3, 2]


def recording_run(record, *, steps, batch=1, circuit=None, **options):
    """One microcircuit presentation; returns its presenter."""
    circuit = circuit or plastic_microcircuit(SIZES, steps=steps)
    weights = initial_weights(circuit, seed=3)
    inputs, targets, _ = patterns(SIZES, batch=batch)
    shown = {"input": inputs, "target": targets}
    return run(circuit, shown, weights=weights, record=record, **options)


def twin_trajectory(steps, batch):
    """Output somata, apical potentials and hidden rates of the twin after each step."""
    circuit = plastic_microcircuit(SIZES, steps=steps)
    weights = initial_weights(circuit, seed=3)
    inputs, _, potentials = patterns(SIZES, batch=batch)
    twin = twin_of(circuit, weights, LEARNING, batch=batch)
    states = [(twin.u[-1].copy(), twin.vA[0].copy(), logistic(twin.u[0]))]
    for _ in range(steps):
        twin.step(inputs, potentials)
        states.append((twin.u[-1].copy(), twin.vA[0].copy(), logistic(twin.u[0])))
    return [np.array(each) for each in zip(*states, strict=True)]


@pytest.mark.nojit
@pytest.mark.parametrize("options", [{}, {"chunk": 2}])
def test_records_are_the_trajectory_of_the_twin(options):
    records = [
        Record("output", ("soma",)),
        Record("hidden1", ("apical",), ["rate"], units=[2, 0], every=0.3),
    ]
    recorded = recording_run(records, steps=13, batch=3, **options).recorded()
    soma, apical = recorded["output", "soma"], recorded["hidden1", "apical"]
    rate = recorded["hidden1", "rate"]
    wanted_soma, wanted_apical, wanted_rate = twin_trajectory(13, 3)
    assert soma.shape == (14, 3, 2)
    assert rate.shape == apical.shape == (5, 3, 2)
    assert np.abs(soma - wanted_soma).max() < 1e-14
    assert np.abs(rate - wanted_rate[::3][:, :, [2, 0]]).max() < 1e-14
    assert np.abs(apical - wanted_apical[::3][:, :, [2, 0]]).max() < 1e-14


@pytest.mark.nojit
def test_record_zero_is_the_initial_state_with_its_input_on():
    records = [
        Record("input", (), ["rate"], every=0.5),
        Record("output", ("soma",), every=0.5),
    ]
    recorded = recording_run(records, steps=5).recorded()
    shown, soma = recorded["input", "rate"], recorded["output", "soma"]
    inputs, _, _ = patterns(SIZES)
    np.testing.assert_array_equal(shown, np.repeat(inputs[None], 2, axis=0))
    np.testing.assert_array_equal(soma[0], np.zeros((1, 2)))
    assert np.abs(soma[1]).min() > 0.0


def test_records_do_not_notice_the_borders_of_spans():
    records = [Record("output", ("soma",), every=0.7)]
    circuit = plastic_microcircuit(SIZES, steps=40, rates=dict.fromkeys(LEARNING, 0.0))
    plain = recording_run(records, steps=40, circuit=circuit).recorded()
    (phase,) = circuit.schedule.phases
    cut = replace(circuit.schedule, phases=(replace(phase, lag=1.7, window=0.9),))
    lagged = recording_run(
        records, steps=40, circuit=circuit.with_schedule(cut)
    ).recorded()
    np.testing.assert_array_equal(plain["output", "soma"], lagged["output", "soma"])


@pytest.mark.parametrize("block", [1, 8])
@pytest.mark.parametrize("batch", [1, 5])
def test_recording_changes_no_bit(block, batch):
    options = {"steps": 50, "batch": batch, "block": block, "chunk": 2}
    silent = recording_run([], **options)
    for every in (0.1, 0.7):
        records = [
            Record("hidden1", (), ["rate"], every=every),
            Record("output", ("soma",), units=[0], every=2 * every),
        ]
        presenter = recording_run(records, **options)
        for name, value in silent.weights().items():
            np.testing.assert_array_equal(presenter.weights(name)[name], value)
        for p in silent.circuit.populations:
            for field in p.model.state._fields:
                mine, theirs = (x.read(p.name, field) for x in (presenter, silent))
                np.testing.assert_array_equal(mine, theirs)


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
    # dv/dt = e^v + i blows up at t = 1 without current: holding all others at
    # -10 mV/ms leaves unit 1 of the third sample alone with that fate.
    shown = {"input": np.full((3, 3), -10.0)}
    shown["input"][2, 1] = 0.0
    text = diverging(circuit, shown, "compartment 'v', unit 1 .sample 2.", chunk=2)
    assert "population 'output'" in text
    assert "between t = 0 and 5 ms" in text  # 100 steps
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
    with Presenter(circuit, weights=weights) as presenter:
        with pytest.raises(NumericalError):
            presenter.present({"input": np.zeros((1, 3))})
        presenter.present({"input": np.full((1, 3), -10.0)})
    # From rest on v' = e^v - 10 is negative: the potential only falls.
    assert np.isfinite(presenter.read("output", "v")).all()


# --- memory ---------------------------------------------------------------------------


def test_a_population_too_large_for_memory_is_refused_before_it_is_made():
    circuit = two_populations(
        2,
        2,
        more=(Population("huge", source(), 10**9),),
        extra=(Projection("huge", "output", "apical"),),
    )
    with pytest.raises(ConfigError, match=r"too large: needs .*iB of memory, and"):
        Presenter(circuit)


def test_recordings_too_large_for_memory_are_refused():
    circuit = two_populations(2, 1000, steps=10**6)
    with pytest.raises(ConfigError, match="too large: needs .*longer interval"):
        Presenter(circuit, batch=64, record=[Record("output", ("soma",))])


def test_more_samples_than_planned_are_refused_and_not_dropped():
    circuit = two_populations(2, 2, steps=2)
    presenter = Presenter(circuit, batch=2)
    with pytest.raises(ConfigError, match="3 samples .* batches of 2"):
        presenter.present({"input": np.ones((3, 2))})
