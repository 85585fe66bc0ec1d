"""How far jumps drift, how many are needed, and cells that have no fixed point."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from equilibrium_runs import (
    LAG,
    after,
    distance,
    plastic,
    prepared,
    shown,
    start_of,
)
from systems import patterns, run, two_populations

from circuits.circuit import Circuit
from circuits.initialisers import Constant, Uniform
from circuits.microcircuit import microcircuit
from circuits.population import Population
from circuits.projection import Projection
from circuits.run.simulate import simulate
from circuits.schedule import Phase, Schedule
from dendrites import transfer
from dendrites.cell import CellModel
from dendrites.errors import ConfigError, NumericalError
from dendrites.models import sacramento_pyramidal, source

# --- drift, and how many jumps --------------------------------------------------------


@pytest.mark.parametrize("rate", [1e-4, 1e-3])
@pytest.mark.parametrize("tau", [None, 30.0])
def test_drift_falls_with_the_square_of_the_number_of_jumps(tau, rate):
    circuit = plastic(rate, filter_tau=tau, learning_lag=LAG)
    counts = [1, 2, 4, 8, 16]
    drifts = [prepared(circuit, jumps=k).drift(shown()) for k in counts]
    assert -2.2 <= np.polyfit(np.log(counts), np.log(drifts), 1)[0] <= -1.8


def test_drift_is_the_distance_from_twice_the_jumps():
    circuit = plastic(1e-2, learning_lag=LAG)
    found = prepared(circuit, jumps=3).drift(shown())
    start = start_of(circuit)
    three, six = (after(circuit, jumps=jumps) for jumps in (3, 6))
    assert found == pytest.approx(distance(three, six, start), rel=1e-12)
    assert found > 1e-4


@pytest.mark.parametrize("carry", [False, True])
def test_drift_leaves_weights_and_states_as_they_were(carry):
    circuit = plastic(1e-2, steps=200, learning_lag=5.0)
    schedule = replace(circuit.schedule, carry_state=carry)
    results = []
    for looks in (True, False):
        presenter = prepared(circuit, jumps=3, batch=3, schedule=schedule)
        presenter.present(shown(3))
        before = everything(presenter)
        if looks:
            # a smaller batch, laid out differently
            assert presenter.drift(shown(2, seed=1), number=1) > 0.0
        assert_equal(everything(presenter), before)
        presenter.present(shown(3, seed=2))
        results.append(everything(presenter))
    assert_equal(*results)


def everything(presenter):
    """Weights and states after the last presentation, by name."""
    populations = presenter.circuit.populations
    fields = [(p.name, field) for p in populations for field in p.model.state._fields]
    return presenter.weights() | {names: presenter.read(*names) for names in fields}


def assert_equal(mine, wanted):
    for name, value in wanted.items():
        np.testing.assert_array_equal(mine[name], value, err_msg=str(name))


def test_without_plastic_weights_nothing_drifts():
    assert prepared(plastic(0.0)).drift(shown()) == 0.0


# --- what has no fixed point ----------------------------------------------------------


def feeding_back(weight, phi):
    """Two cells, each with its own rate on its apical dendrite."""
    cells = sacramento_pyramidal(phi=phi)
    own = Projection(
        "output",
        "output",
        "apical",
        connectivity="one_to_one",
        initial=Constant(weight),
    )
    drive = Projection("input", "output", "basal", initial=Constant(1.0))
    phase = Phase("forward", 20.0, on=("input",))
    return Circuit(
        (Population("input", source(), 1), Population("output", cells, 2)),
        (drive, own),
        Schedule((phase,)),
    )


def test_sweeps_that_swing_for_ever_are_reported():
    # The slope of a sweep at the fixed point is 0.42 x weight x phi': beyond -1 the
    # sweeps swing, while the cells themselves would settle.
    pattern = {"input": np.ones((1, 1))}
    tame, wild = (feeding_back(w, transfer.logistic) for w in (-5.0, -50.0))
    simulate(tame, pattern, ["output"], integrator="equilibrium")
    simulate(wild, pattern, ["output"])
    with pytest.raises(NumericalError, match="found no fixed point within 500 sweeps"):
        simulate(wild, pattern, ["output"], integrator="equilibrium")


@pytest.mark.parametrize("learning", [False, True])
def test_cells_that_run_away_are_reported(learning):
    softplus = transfer.soft_rectifier(gamma=1.0, beta=1.0, theta=0.0)
    sizes, draw = [30, 20, 10], Uniform(-4.0, 4.0)
    circuit = microcircuit(
        sizes,
        phi=softplus,
        basal_initial=draw,
        top_down_initial=draw,
        basal_rates=1e-4,
        learning_lag=LAG,
    )
    rng = np.random.default_rng(0)
    inputs = rng.uniform(0.0, 1.0, (2, 30))
    patterns = {"input": inputs, "target": rng.uniform(0.5, 3.0, (2, 10))}
    with pytest.raises(NumericalError, match="left the finite range"):
        run(circuit, patterns, jumps=2, learning=learning)


class Count(NamedTuple):
    soma: float = 0.0


class Nothing(NamedTuple):
    pass


class Drive(NamedTuple):
    basal: float = 0.0


def count_up(cell, inputs, p, dt):
    return Count(cell.soma + 1.0)


COUNTER = CellModel("counter", Count, Nothing, Drive, step=count_up)


def test_cells_without_a_derivative_are_refused():
    circuit = two_populations(
        post=replace(COUNTER, reads={"rate": lambda c, p: c.soma})
    )
    with pytest.raises(
        ConfigError, match="counter cells of 'output' spike or advance by a step"
    ):
        simulate(circuit, {"input": np.ones(4)}, ["output"], integrator="equilibrium")


def test_noisy_cells_are_refused():
    circuit = microcircuit([3, 2, 2], noise="white")
    inputs, targets, _ = patterns([3, 2, 2])
    shown = {"input": inputs, "target": targets}
    with pytest.raises(ConfigError, match=r"'hidden1' has random inputs \(noise\)"):
        simulate(circuit, shown, ["output"], integrator="equilibrium")


@pytest.mark.parametrize("integrator", ["exact", "blocked"])
def test_other_integrators_make_no_jumps(integrator):
    circuit = plastic(1e-3, steps=10)
    with pytest.raises(ConfigError, match=f"jumps = 3: only.*not '{integrator}'"):
        simulate(circuit, shown(), ["output"], integrator=integrator, jumps=3)


@pytest.mark.parametrize("jumps", [0, -1, 2.5, True])
def test_jumps_are_a_whole_number(jumps):
    circuit = plastic(1e-3, steps=10)
    options = {"integrator": "equilibrium", "jumps": jumps}
    with pytest.raises(ConfigError, match="jumps: expected a whole number"):
        simulate(circuit, shown(), ["output"], **options)
