"""The generic pyramidal cell against closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm

import dendrites as dn
from dendrites.models.three_compartment import steady_state
from dendrites.steppers import STEPPERS

KINDS = ("dynamic", "instantaneous")
CELL = dn.models.three_compartment()
P = CELL.parameters
TOTAL = 1.0 + P.basal_coupling + P.apical_coupling
INPUTS = {"basal": 7.0, "apical": -4.0, "soma": 2.5}


def end_of(tree):
    return tree["populations/cell"].v.values[0, -1, :, 0]


def system():
    """Matrix and offset of dx/dt = A x + b, for x = (soma, basal, apical)."""
    leak = -1.0 / P.tau_dendrite
    coupling = np.array([-TOTAL, P.basal_coupling, P.apical_coupling]) / P.tau_soma
    matrix = np.array([coupling, [0.0, leak, 0.0], [0.0, 0.0, leak]])
    drive = [INPUTS["soma"] / P.tau_soma]
    drive += [INPUTS[name] / P.tau_dendrite for name in ("basal", "apical")]
    return matrix, np.array(drive)


@pytest.mark.nojit
@pytest.mark.parametrize("stepper", STEPPERS)
def test_a_somatic_potential_relaxes_by_the_same_factor_in_every_step(stepper):
    dt = 0.5
    tree = dn.simulate(
        CELL, duration=50.0, dt=dt, stepper=stepper, initial={"soma": 10.0}
    )
    decay = dt * TOTAL / P.tau_soma
    factor = {
        "euler": 1.0 - decay,
        "exponential_euler": np.exp(-decay),
        "heun": 1.0 - decay + 0.5 * decay**2,
    }[stepper]
    soma = tree["populations/cell"].v.sel(compartment="soma").squeeze()
    expected = 10.0 * factor**soma.step.values
    # A hundred steps; each rounds the rate, a difference of potentials of order 10.
    np.testing.assert_allclose(soma, expected, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stepper", STEPPERS)
def test_constant_current_leads_to_the_steady_state(stepper, kind):
    cell = dn.models.three_compartment(dendrites=kind)
    # The slowest time constant is 20 / 2.8 ms: exp(-300 * 2.8 / 20) = 6e-19.
    tree = dn.simulate(cell, duration=300.0, dt=0.5, stepper=stepper, **INPUTS)
    expected = steady_state(cell.parameters, **INPUTS)
    np.testing.assert_allclose(end_of(tree), expected, rtol=1e-10)


def test_steady_state_has_no_derivative():
    state = steady_state(P, **INPUTS)
    slopes = CELL.derivative(state, CELL.inputs(**INPUTS), P)
    np.testing.assert_allclose(slopes, 0.0, atol=1e-15)


@pytest.mark.parametrize(("stepper", "order"), [("euler", 1), ("heun", 2)])
def test_driven_cell_follows_the_matrix_exponential(stepper, order):
    matrix, offset = system()
    duration, dt = 20.0, 0.01
    rest = np.linalg.solve(matrix, -offset)
    start = np.array([1.0, -2.0, 3.0])
    exact = rest + expm(matrix * duration) @ (start - rest)
    tree = dn.simulate(
        CELL,
        duration=duration,
        dt=dt,
        stepper=stepper,
        initial=dict(zip(CELL.state._fields, start, strict=True)),
        **INPUTS,
    )
    # Each step leaves out (A dt)**(order + 1) / (order + 1)!; no mode grows.
    norm = np.linalg.norm(matrix, 2)
    per_step = (norm * dt) ** (order + 1) / (order + 1)
    bound = duration / dt * per_step * np.linalg.norm(start - rest)
    distance = np.linalg.norm(end_of(tree) - exact)
    assert distance < bound
    # The solution of the stepper itself, to rounding.
    step = np.eye(3) + matrix * dt
    if order == 2:
        step += matrix @ matrix * dt**2 / 2
    steps = round(duration / dt)
    discrete = rest + np.linalg.matrix_power(step, steps) @ (start - rest)
    np.testing.assert_allclose(end_of(tree), discrete, rtol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
@given(
    tau_soma=st.floats(5.0, 100.0),
    tau_dendrite=st.floats(1.0, 50.0),
    apical_coupling=st.floats(0.0, 3.0),
)
@settings(max_examples=15, deadline=None)
def test_no_drive_leaves_the_cell_at_rest(kind, tau_dendrite, **parameters):
    if kind == "dynamic":
        parameters["tau_dendrite"] = tau_dendrite
    cell = dn.models.three_compartment(dendrites=kind, **parameters)
    tree = dn.simulate(cell, duration=2.0, dt=0.1)
    assert not tree["populations/cell"].v.values.any()


amplitudes = st.floats(-100.0, 100.0)


@given(a=amplitudes, b=amplitudes, scale=st.floats(-5.0, 5.0))
@settings(max_examples=15, deadline=None)
def test_the_passive_cell_adds_its_responses(a, b, scale):
    pulse = dn.pulse(a, start=2.0, duration=4.0)
    ramp = dn.ramp(0.0, b, start=1.0, duration=9.0)
    scaled = dn.pulse(scale * a, start=2.0, duration=4.0)
    tree = dn.simulate(
        CELL,
        duration=15.0,
        apical=[pulse, 0.0, pulse, scaled],
        basal=[0.0, ramp, ramp, 0.0],
    )
    first, second, both, larger = tree["populations/cell"].v.values
    # 150 steps of a contraction: each adds some roundings of the largest potential.
    atol = 150 * 8 * np.finfo(float).eps * (abs(a) * max(1.0, abs(scale)) + abs(b))
    np.testing.assert_allclose(first + second, both, rtol=0, atol=atol)
    np.testing.assert_allclose(scale * first, larger, rtol=0, atol=atol)


@pytest.mark.nojit
def test_apical_drive_raises_the_soma_above_what_the_basal_dendrite_predicts():
    tree = dn.simulate(CELL, duration=30.0, basal=5.0, apical=[0.0, 5.0, -5.0])
    silent, raised, lowered = (
        tree["populations/cell"].v.sel(compartment="soma").values[:, -1, 0]
    )
    assert lowered < silent < raised


@pytest.mark.nojit
def test_another_kind_of_dendrite_is_refused():
    with pytest.raises(dn.ModelError, match="'frozen': allowed: dynamic, instantan"):
        dn.models.three_compartment(dendrites="frozen")


@pytest.mark.nojit
def test_rate_is_the_transfer_function_of_the_soma():
    rate = CELL.read("rate")
    assert rate(CELL.state(soma=0.7), P) == dn.transfer.logistic(0.7)
