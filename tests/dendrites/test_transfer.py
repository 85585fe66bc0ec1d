"""Transfer functions: accuracy, bounds, inverses and slopes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from dendrites import transfer
from dendrites.compile.jit import OPTIONS, jit_disabled

EPS = np.finfo(float).eps


@njit(**OPTIONS)
def exp_of_all(x, out):
    for i in range(len(x)):
        out[i] = transfer.exp(x[i])


@njit(**OPTIONS)
def tanh_of_all(x, out):
    for i in range(len(x)):
        out[i] = transfer.tanh(x[i])


def compiled_tanh(x):
    x = np.asarray(x)
    out = np.empty_like(x)
    tanh_of_all(x, out)
    return out


def compiled_exp(x):
    x = np.asarray(x)
    out = np.empty_like(x)
    exp_of_all(x, out)
    return out


@pytest.mark.nojit
def test_exp_in_double_precision_is_accurate_to_two_roundings():
    assert np.finfo(np.longdouble).eps < EPS / 100, "needs a wider float as reference"
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.uniform(-708, 709, 20_000), rng.uniform(-1, 1, 20_000)])
    exact = np.exp(x.astype(np.longdouble))
    assert np.abs(compiled_exp(x) / exact - 1).max() < 4e-16


@pytest.mark.skipif(jit_disabled(), reason="plain Python has no single precision")
def test_exp_in_single_precision_is_accurate_to_two_roundings():
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.uniform(-87, 88, 20_000), rng.uniform(-1, 1, 20_000)])
    x = x.astype(np.float32)
    found = compiled_exp(x)
    assert found.dtype == np.float32
    exact = np.exp(x.astype(np.float64))
    assert np.abs(found / exact - 1).max() < 2e-7


def some_of_all_sizes(rng):
    """Both sides of 0 and of where the form changes, tiny and large."""
    sizes = 10.0 ** rng.uniform(-30, 3, 20_000)
    x = np.concatenate([sizes, rng.uniform(0.0, 1.0, 20_000), [0.0, 0.625, 1e300]])
    return np.concatenate([x, -x, [np.inf, -np.inf]])


@pytest.mark.nojit
def test_tanh_in_double_precision_is_accurate_to_three_roundings():
    x = some_of_all_sizes(np.random.default_rng(3))
    found, exact = compiled_tanh(x), np.tanh(x.astype(np.longdouble))
    assert np.abs(found - exact).max() < 4e-16
    near = x != 0.0
    assert np.abs(found[near] / exact[near] - 1).max() < 7e-16
    assert np.array_equal(np.sign(found), np.sign(x))
    assert np.abs(found).max() == 1.0
    assert np.isnan(compiled_tanh([math.nan, 0.0])).tolist() == [True, False]


@pytest.mark.skipif(jit_disabled(), reason="plain Python has no single precision")
def test_tanh_in_single_precision_is_accurate_to_three_roundings():
    with np.errstate(over="ignore", under="ignore"):
        x = some_of_all_sizes(np.random.default_rng(4)).astype(np.float32)
        found, exact = compiled_tanh(x), np.tanh(x.astype(np.float64))
    assert found.dtype == np.float32
    near = x != 0.0
    assert np.abs(found[near] / exact[near] - 1).max() < 4e-7
    assert np.array_equal(np.sign(found), np.sign(x))
    assert np.isnan(compiled_tanh(np.array([math.nan], np.float32))[0])


@pytest.mark.nojit
def test_exp_of_nan_is_nan():
    assert np.isnan(compiled_exp([math.nan, 0.0])).tolist() == [True, False]


@pytest.mark.skipif(jit_disabled(), reason="plain Python has no single precision")
def test_exp_of_nan_is_nan_in_single_precision():
    assert np.isnan(compiled_exp(np.array([math.nan], np.float32))[0])


@pytest.mark.nojit
def test_exp_saturates_at_its_bounds_and_stays_finite():
    low, least, high, most = compiled_exp([-1e9, -708.0, 1e9, 709.0])
    assert low == least > 0.0
    assert high == most < math.inf
    assert compiled_exp([-math.inf, math.inf]).tolist() == [least, most]


@pytest.mark.nojit
@given(st.floats(-15.0, 15.0))
def test_inverse_logistic_undoes_the_logistic(u):
    r = transfer.logistic(u)
    # A rounding of r or of 1 - r moves u by eps / (r (1 - r)).
    atol = 8 * EPS / (r * (1 - r)) + 4 * EPS * abs(u)
    assert transfer.inverse_logistic(r) == pytest.approx(u, rel=0, abs=atol)


@pytest.mark.nojit
def test_logistic_is_half_at_zero_and_symmetric():
    assert transfer.logistic(0.0) == 0.5
    assert transfer.logistic(3.0) + transfer.logistic(-3.0) == pytest.approx(
        1.0, rel=2 * EPS
    )
    assert transfer.logistic(800.0) == 1.0
    assert 0.0 < transfer.logistic(-800.0) < 1e-300


def central_difference(function, u):
    # Truncation h**2 |f'''| / 6 < 2e-11 and rounding eps |f| / h < 5e-11, for f < 2.
    h = 1e-5
    return (function(u + h) - function(u - h)) / (2 * h)


@pytest.mark.nojit
@given(st.floats(-20.0, 20.0))
def test_logistic_derivative_is_its_slope(u):
    expected = central_difference(transfer.logistic, u)
    assert transfer.logistic_derivative(u) == pytest.approx(expected, rel=0, abs=1e-10)


rectifiers = st.builds(
    lambda gamma, beta, theta: (gamma, beta, theta),
    st.floats(0.05, 0.2),
    st.floats(0.5, 2.0),
    st.floats(-3.0, 3.0),
)


@pytest.mark.nojit
@given(rectifiers, st.floats(-10.0, 10.0))
def test_slope_of_the_soft_rectifier_is_its_derivative(shape, v):
    gamma, beta, theta = shape
    phi, slope, _ = transfer.soft_rectifier(gamma=gamma, beta=beta, theta=theta)
    expected = central_difference(phi, theta + v)
    assert slope(theta + v) == pytest.approx(expected, rel=0, abs=1e-9)


@pytest.mark.nojit
@given(rectifiers, st.floats(-10.0, 10.0))
def test_inverse_of_the_soft_rectifier_undoes_it(shape, v):
    gamma, beta, theta = shape
    phi, slope, inverse = transfer.soft_rectifier(gamma=gamma, beta=beta, theta=theta)
    u = theta + v
    r = phi(u)
    # Some roundings of r, seen through the slope, and of u and theta themselves.
    atol = 16 * EPS * (r / slope(u) + abs(u) + abs(theta) + 1 / beta)
    assert inverse(r) == pytest.approx(u, rel=0, abs=atol)


@pytest.mark.nojit
def test_soft_rectifier_is_a_line_far_above_threshold_and_zero_far_below():
    phi, _, _ = transfer.soft_rectifier(gamma=0.1, beta=1.0, theta=3.0)
    assert phi(1003.0) == pytest.approx(100.0, rel=2 * EPS)
    assert 0.0 <= phi(-1000.0) < 1e-300
