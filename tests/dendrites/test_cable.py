"""The passive cable: ladder and cable in closed form, charge, time constants."""

import numpy as np
import pytest

import dendrites as dn
from dendrites.errors import ModelError
from dendrites.models.cable import axial_conductance, cable, time_constants

REST = -70.6
PARAMETERS = {
    "g_leak": 12.0,
    "g_leak_cable": 8.0,
    "capacitance": 150.0,
    "capacitance_cable": 90.0,
    "distance": 400.0,
    "length_constant": 250.0,
}


def derivative(model, potentials, **currents):
    """Derivatives (n + 1,) in plain Python."""
    cell = model.state(*(float(v) for v in potentials))
    inputs = model.inputs(**currents)
    return np.array(model.derivative(cell, inputs, model.parameters))


def matrix(model):
    """The linear system, one column for each compartment's unit potential."""
    n = len(model.state._fields)
    rest = np.full(n, REST)
    still = derivative(model, rest)
    columns = [derivative(model, rest + np.eye(n)[k]) - still for k in range(n)]
    return np.column_stack(columns)


def steady(model, **currents):
    """Potentials above rest that constant currents lead to."""
    n = len(model.state._fields)
    return -np.linalg.solve(
        matrix(model), derivative(model, np.full(n, REST), **currents)
    )


def ladder(n, length=400.0 / 250.0):
    """Attenuation of a sealed ladder, compartments 1 to n over the soma."""
    q = np.arccosh(1.0 + 0.5 * (length / n) ** 2)
    k = np.arange(1, n + 1)
    return np.cosh((n - k + 0.5) * q) / (np.cosh(n * q) * np.cosh(0.5 * q))


@pytest.mark.nojit
@pytest.mark.parametrize("n", [1, 2, 5, 16])
def test_the_steady_state_is_that_of_the_discrete_ladder(n):
    v = steady(cable(n=n, **PARAMETERS), soma=50.0)
    # Conductances 8 to 300 nS: the system's condition is below 1e4.
    np.testing.assert_allclose(v[1:] / v[0], ladder(n), rtol=1e-11)


@pytest.mark.nojit
def test_the_error_of_the_ladder_falls_with_the_square_of_its_number():
    length = 400.0 / 250.0
    errors = []
    for n in (8, 16, 32, 64):
        v = steady(cable(n=n, **PARAMETERS), soma=50.0)
        x = (np.arange(n) + 0.5) / n * length
        exact = np.cosh(length - x) / np.cosh(length)
        errors.append(abs(v[1:] / v[0] - exact).max())
    assert errors[-1] < 1e-4
    ratios = np.array(errors[:-1]) / errors[1:]
    assert (ratios > 3.5).all() and (ratios < 4.5).all()


@pytest.mark.nojit
def test_a_long_cable_attenuates_exponentially():
    # 6 length constants: the sealed end adds exp(-2 (6 - x)), below 4e-4 for x < 2.
    n = 64
    model = cable(n=n, distance=1800.0, length_constant=300.0)
    v = steady(model, soma=100.0)
    x = (np.arange(n) + 0.5) / n * 6.0
    near = x < 2.0
    # The ladder's q differs from dx by dx^3/24: x dx^2/24 = 7e-4 at x = 2.
    np.testing.assert_allclose((v[1:] / v[0])[near], np.exp(-x[near]), rtol=1.5e-3)


@pytest.mark.nojit
def test_the_cable_loads_the_soma_with_its_input_conductance():
    # Sealed: g_cable / length * tanh(length), with length in length constants.
    length = 1.6
    v = steady(cable(n=64, **PARAMETERS), soma=50.0)
    load = 8.0 / length * np.tanh(length)
    # Half a compartment of 0.025: relative error of order 0.025^2.
    assert 50.0 / v[0] == pytest.approx(12.0 + load, rel=1e-3)


@pytest.mark.nojit
@pytest.mark.parametrize("n", [1, 3, 9])
def test_no_charge_is_lost_between_compartments(n):
    rng = np.random.default_rng(n)
    model = cable(n=n, **PARAMETERS)
    v = REST + rng.normal(0.0, 20.0, n + 1)
    currents = rng.normal(0.0, 100.0, n + 1)
    given = dict(zip(model.inputs._fields, currents.tolist(), strict=True))
    capacitance = np.r_[150.0, np.full(n, 90.0 / n)]
    leak = np.r_[12.0, np.full(n, 8.0 / n)]
    charged = capacitance @ derivative(model, v, **given)
    # Axial currents of 1e4 pA cancel in pairs.
    assert charged == pytest.approx(leak @ (REST - v) + currents.sum(), abs=1e-9)


@pytest.mark.nojit
@pytest.mark.parametrize("n", [1, 2, 7])
def test_time_constants_are_the_eigenvalues_of_the_derivative(n):
    model = cable(n=n, **PARAMETERS)
    expected = np.sort(-1.0 / np.linalg.eigvals(matrix(model)).real)
    found = time_constants(n, model.parameters)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert model.time_constant(model.parameters) == found[0]


@pytest.mark.nojit
def test_equal_membranes_relax_most_slowly_with_the_time_constant_of_the_membrane():
    # C / g = 10 ms everywhere: a uniform displacement moves no charge along the cable.
    model = cable(n=6, capacitance=200.0, g_leak=20.0)
    assert time_constants(6, model.parameters)[-1] == pytest.approx(10.0, rel=1e-12)
    uniform = derivative(model, np.full(7, REST + 5.0))
    np.testing.assert_allclose(uniform, -0.5, rtol=1e-12)


def test_a_compiled_cable_relaxes_as_its_matrix_says():
    model = cable(n=5, **PARAMETERS)
    dt, steps = 0.01, 300
    tree = dn.simulate(
        model, duration=steps * dt, dt=dt, initial={"apical5": -50.0}, apical2=30.0
    )
    found = tree["populations/cell"].v.values[0, :, :, 0]
    still = np.array([150.0, *[90.0 / 5] * 5])
    push = np.array([0.0, 0.0, 30.0, 0.0, 0.0, 0.0]) / still
    move, v = matrix(model), np.array([0.0, 0.0, 0.0, 0.0, 0.0, 20.6])
    for k in range(steps):
        v = v + dt * (move @ v + push)
        np.testing.assert_allclose(found[k] - REST, v, rtol=0, atol=1e-10)


def test_cables_of_two_lengths_are_compiled_from_their_text():
    # Functions without source would be compiled anew in every process.
    from dendrites.compile.loops import step_loop
    from dendrites.compile.source import ModuleText

    texts = []
    for n in (3, 4):
        text = ModuleText(False)
        text.function(cable(n=n).derivative)
        assert not text.objects
        texts.append("\n".join(text.lines))
        step_loop(cable(n=n), np.float64, "euler")
    assert texts[0] != texts[1]


@pytest.mark.nojit
def test_the_axial_conductance_makes_the_length_constant():
    p = cable(n=10, **PARAMETERS).parameters
    # lambda^2 = dx^2 g_axial / (leak of one compartment).
    lambda_squared = (400.0 / 10) ** 2 * axial_conductance(10, p) / (8.0 / 10)
    assert lambda_squared == pytest.approx(250.0**2, rel=1e-14)


@pytest.mark.nojit
@pytest.mark.parametrize("n", [0, 65, 2.0, True])
def test_impossible_numbers_of_compartments_are_refused(n):
    with pytest.raises(ModelError, match="must be a whole number of compartments"):
        cable(n=n)


@pytest.mark.nojit
def test_a_step_that_would_diverge_is_refused():
    with pytest.raises(ModelError, match="explicit steps above"):
        dn.simulate(cable(n=64), duration=1.0, dt=0.1)
