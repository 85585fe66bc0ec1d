"""Steppers: their order, where they are exact, and what lowers the order."""

import math
from typing import Annotated, NamedTuple

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import dendrites as dn
from dendrites.steppers import STEPPERS, check_stepper, is_explicit

DURATION = 8.0
# Five halvings, begun where terms of the next order no longer show in the slope.
STEPS_PER_RUN = [256, 512, 1024, 2048, 4096, 8192]


class State(NamedTuple):
    soma: Annotated[float, "1"] = 0.0
    recovery: Annotated[float, "1"] = 0.0


class Params(NamedTuple):
    period: Annotated[float, "ms"] = 5.0


class Inputs(NamedTuple):
    clock: Annotated[float, "ms"] = 0.0
    current: Annotated[float, "1"] = 0.0
    gate: Annotated[float, "1"] = 0.0


def derivative(cell, inputs, p):
    oscillation = math.sin(2.0 * math.pi * inputs.clock / p.period)
    soma = cell.soma - cell.soma**3 - cell.recovery + oscillation
    soma += inputs.current + inputs.gate**2
    return State(soma, 0.3 * (cell.soma + 0.5 - 0.8 * cell.recovery))


CELL = dn.CellModel(
    name="driven", state=State, params=Params, inputs=Inputs, derivative=derivative
)
# The mean of this ramp over a step is the time in its middle.
CLOCK = dn.ramp(0.0, DURATION, start=0.0, duration=DURATION)


def reference(jumps=(), height=None):
    """State at the end by an adaptive method, restarted at every jump."""
    y, edges = np.zeros(2), [0.0, *jumps, DURATION]
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        extra = height(0.5 * (start + stop)) if height else 0.0

        def slope(t, y, extra=extra):
            inputs = Inputs(clock=t, current=extra)
            return derivative(State(*y), inputs, Params())

        options = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-14}
        y = solve_ivp(slope, (start, stop), y, **options).y[:, -1]
    return y


def errors(stepper, expected, **drives):
    found = []
    for steps in STEPS_PER_RUN:
        dt = DURATION / steps
        tree = dn.simulate(
            CELL,
            duration=DURATION,
            dt=dt,
            stepper=stepper,
            record_every=DURATION,
            clock=CLOCK,
            **drives,
        )
        end = tree["populations/cell"].v.values[0, -1, :, 0]
        found.append(np.abs(end - expected).max())
    return np.array(found)


def fitted_order(found):
    return -np.polyfit(np.log2(STEPS_PER_RUN), np.log2(found), 1)[0]


@pytest.mark.parametrize(
    ("stepper", "order"), [("euler", 1), ("exponential_euler", 1), ("heun", 2)]
)
def test_error_falls_with_the_stated_order_on_a_smooth_nonlinear_cell(stepper, order):
    assert fitted_order(errors(stepper, reference())) == pytest.approx(order, abs=0.1)


def test_heun_keeps_order_two_across_a_jump_on_the_grid():
    expected = reference([3.0], lambda t: 0.7 * (t > 3.0))
    found = errors("heun", expected, current=dn.step(0.7, start=3.0))
    assert fitted_order(found) == pytest.approx(2, abs=0.1)


def test_a_jump_off_the_grid_keeps_order_two_where_the_input_enters_linearly():
    # The drive's mean over the step of the jump carries its exact charge. At t = 8/3
    # the part of the step before the jump is 1/3 or 2/3 for every power of two steps.
    edge = DURATION / 3
    expected = reference([edge], lambda t: 0.7 * (t > edge))
    found = errors("heun", expected, current=dn.step(0.7, start=edge))
    assert fitted_order(found) == pytest.approx(2, abs=0.1)


def test_a_jump_off_the_grid_drops_to_order_one_where_the_input_enters_nonlinearly():
    # The square of the mean is not the mean of the square: an error of one step's size.
    edge = DURATION / 3
    expected = reference([edge], lambda t: 0.49 * (t > edge))
    found = errors("heun", expected, gate=dn.step(0.7, start=edge))
    assert fitted_order(found) == pytest.approx(1, abs=0.1)


class LinearState(NamedTuple):
    soma: Annotated[float, "mV"] = 0.0


class LinearParams(NamedTuple):
    tau: Annotated[float, "ms"] = 7.0


class LinearInputs(NamedTuple):
    soma: Annotated[float, "mV"] = 0.0


def linear_derivative(cell, inputs, p):
    return LinearState((inputs.soma - cell.soma) / p.tau)


LINEAR = dn.CellModel(
    name="linear",
    state=LinearState,
    params=LinearParams,
    inputs=LinearInputs,
    derivative=linear_derivative,
    time_constant=lambda p: p.tau,
)


@pytest.mark.nojit
@pytest.mark.parametrize("dt", [0.1, 1.0, 25.0])
def test_exponential_euler_is_exact_on_an_uncoupled_linear_compartment(dt):
    tree = dn.simulate(
        LINEAR,
        duration=100.0,
        dt=dt,
        stepper="exponential_euler",
        initial={"soma": -3.0},
        soma=12.0,
    )
    found = tree["populations/cell"].v.squeeze()
    expected = 12.0 - 15.0 * np.exp(-found.time.values / 7.0)
    # The decay rate is a difference of two slopes of order 1: an absolute error of
    # eps * 2 in a rate of 1/7, over at most 1000 steps of rounding.
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.nojit
def test_exponential_euler_is_stable_where_explicit_steps_are_refused():
    arguments = {"duration": 300.0, "dt": 30.0, "soma": 12.0}
    with pytest.raises(dn.ModelError, match="explicit steps above 14 ms diverge"):
        dn.simulate(LINEAR, **arguments)
    tree = dn.simulate(LINEAR, stepper="exponential_euler", **arguments)
    end = tree["populations/cell"].v.values[0, -1, 0, 0]
    assert end == pytest.approx(12.0, rel=1e-11)


def _no_decay(cell, inputs, p):
    return LinearState(inputs.soma)


@pytest.mark.nojit
def test_exponential_euler_integrates_a_compartment_without_decay():
    integrator = dn.CellModel(
        name="integrator",
        state=LinearState,
        params=LinearParams,
        inputs=LinearInputs,
        derivative=_no_decay,
    )
    tree = dn.simulate(
        integrator, duration=10.0, dt=0.5, stepper="exponential_euler", soma=2.0
    )
    # 20 additions of 1.0 are exact.
    assert tree["populations/cell"].v.values[0, -1, 0, 0] == 20.0


@pytest.mark.nojit
@pytest.mark.parametrize("stepper", STEPPERS)
def test_an_algebraic_compartment_shows_the_input_of_its_own_step(stepper):
    cell = dn.models.three_compartment(dendrites="instantaneous")
    drive = dn.pulse(30.0, start=1.0, duration=0.5)
    tree = dn.simulate(cell, duration=3.0, dt=0.1, stepper=stepper, apical=drive)
    found = tree["populations/cell"]
    apical = found.v.sel(compartment="apical", unit=0).values
    np.testing.assert_array_equal(apical, found.input_apical.values)
    assert apical.max() == 30.0


@pytest.mark.nojit
def test_an_unknown_stepper_is_refused_with_all_names():
    with pytest.raises(dn.ConfigError, match="heum.*did you mean 'heun'.*euler"):
        check_stepper("heum")
    assert [check_stepper(name) for name in STEPPERS] == list(STEPPERS)


@pytest.mark.nojit
def test_only_exponential_euler_has_no_largest_step():
    assert [is_explicit(name) for name in STEPPERS] == [True, False, True]
