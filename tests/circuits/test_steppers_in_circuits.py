"""Convergence of every stepper in a recurrent circuit with dynamic dendrites."""

from typing import NamedTuple

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from systems import logistic, run, two_populations

from circuits.circuit import Circuit
from circuits.population import Population
from circuits.projection import Projection
from circuits.schedule import Phase, Schedule
from dendrites.activity_difference import ActivityDifference
from dendrites.cell import CellModel
from dendrites.errors import ModelError
from dendrites.models import sacramento_pyramidal, three_compartment

CELLS = three_compartment(tau_soma=10.0, tau_dendrite=4.0)
RNG = np.random.default_rng(2)
FEEDFORWARD = RNG.normal(0.0, 2.0, (3, 2))
RECURRENT = RNG.normal(0.0, 2.0, (3, 3))
INPUTS = np.array([[0.7, 0.4]])
DURATION = 16.0


def recurrent(dt, stepper):
    extra = Projection(
        "output", "output", "apical", name="recurrent", initial=RECURRENT
    )
    return two_populations(
        2,
        3,
        dt=dt,
        post=CELLS,
        stepper=stepper,
        initial=FEEDFORWARD,
        extra=(extra,),
        phases=(Phase("forward", DURATION, on=("input",)),),
    )


def reference():
    p = CELLS.parameters
    basal_drive = FEEDFORWARD @ INPUTS[0]

    def slope(_, y):
        soma, basal, apical = y.reshape(3, 3)
        pull = p.basal_coupling * (basal - soma) + p.apical_coupling * (apical - soma)
        return np.concatenate(
            [
                (pull - soma) / p.tau_soma,
                (basal_drive - basal) / p.tau_dendrite,
                (RECURRENT @ logistic(soma) - apical) / p.tau_dendrite,
            ]
        )

    solution = solve_ivp(slope, (0, DURATION), np.zeros(9), rtol=1e-12, atol=1e-13)
    return solution.y[:3, -1]


@pytest.mark.parametrize(
    ("stepper", "order"), [("euler", 1), ("exponential_euler", 1), ("heun", 2)]
)
def test_the_error_of_a_recurrent_circuit_falls_with_the_stated_order(stepper, order):
    wanted = reference()
    steps = [0.25, 0.125, 0.0625, 0.03125, 0.015625]
    errors = []
    for dt in steps:
        presenter = run(recurrent(dt, stepper), {"input": INPUTS})
        soma = presenter.read("output", "soma")[0]
        errors.append(np.abs(soma - wanted).max())
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert abs(slope - order) < 0.1


def test_exponential_euler_is_exact_for_an_uncoupled_compartment():
    circuit = two_populations(
        2,
        3,
        steps=8,
        dt=2.0,
        post=CELLS,
        initial=FEEDFORWARD,
        stepper="exponential_euler",
    )
    presenter = run(circuit, {"input": INPUTS})
    basal = presenter.read("output", "basal")[0]
    tau = CELLS.parameters.tau_dendrite
    wanted = (FEEDFORWARD @ INPUTS[0]) * -np.expm1(-16.0 / tau)
    np.testing.assert_allclose(basal, wanted, rtol=1e-14)


@pytest.mark.nojit
def test_heun_keeps_algebraic_dendrites_of_one_step_only():
    # The dendrite follows its input at once; what is left of it after a step must not
    # depend on the steps before.
    circuit = two_populations(
        2,
        3,
        steps=6,
        dt=0.1,
        post=sacramento_pyramidal(),
        initial=FEEDFORWARD,
        stepper="heun",
    )
    presenter = run(circuit, {"input": INPUTS})
    basal = presenter.read("output", "basal")[0]
    np.testing.assert_allclose(basal, FEEDFORWARD @ INPUTS[0], rtol=1e-15)


def test_heun_learns_from_the_state_at_the_start_of_a_step():
    rule = ActivityDifference("rate", "soma", learning_rate=0.1)
    results = []
    for stepper in ("euler", "heun"):
        circuit = two_populations(2, 3, steps=1, dt=0.5, rule=rule, stepper=stepper)
        start = {"feedforward": FEEDFORWARD}
        presenter = run(circuit, {"input": INPUTS}, weights=start)
        results.append(presenter.weights()["feedforward"])
    np.testing.assert_array_equal(*results)
    # From rest the factor is rate(0) - 0 = 1/2.
    wanted = FEEDFORWARD + 0.1 * 0.5 * 0.5 * INPUTS
    np.testing.assert_allclose(results[0], wanted, rtol=1e-14)


class Counter(NamedTuple):
    count: float = 0.0


class Nothing(NamedTuple):
    pass


class Drive(NamedTuple):
    drive: float = 0.0


def count_up(cell, inputs, p, dt):
    return Counter(cell.count + 1.0)


COUNTERS = CellModel(
    "counter",
    Counter,
    Nothing,
    Drive,
    step=count_up,
    reads={"rate": lambda c, p: c.count},
)


def counting(stepper):
    return Circuit(
        (Population("output", COUNTERS, 2),),
        (Projection("output", "output", "drive"),),
        Schedule((Phase("forward", 5.0),)),
        dt=0.5,
        stepper=stepper,
    )


def test_heun_refuses_cells_with_a_step_of_their_own():
    counting("euler")
    with pytest.raises(ModelError, match="'output'.*counter.*heun.*Use euler"):
        counting("heun")


@pytest.mark.nojit
def test_steps_of_their_own_are_taken_once_per_step():
    presenter = run(counting("euler"), {})
    np.testing.assert_array_equal(presenter.read("output", "count"), [[10.0] * 2])
