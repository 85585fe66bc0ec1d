"""Rate units of the disinhibitory circuit: relaxation, plateau, noise."""

import numpy as np
import pytest

import dendrites as dn
from dendrites.errors import ModelError
from dendrites.models.disinhibition import gated_pyramidal, plateau, threshold_unit


def courses(cell, duration, **options):
    return dn.simulate(cell, duration=duration, dt=0.5, **options)["populations/cell"]


def test_units_relax_to_their_drive_and_are_silent_below_zero():
    found = courses(threshold_unit(tau=10.0), 100.0, drive=[2.0, -2.0])
    steps = np.arange(1, 201)
    wanted = 2.0 * (1.0 - (1.0 - 0.5 / 10.0) ** steps)
    # 200 rounded steps of Euler.
    np.testing.assert_allclose(found.v.values[0, :, 0, 0], wanted, rtol=1e-13)
    np.testing.assert_array_equal(found.rate.values[0, :, 0], found.v[0, :, 0, 0])
    assert (found.rate.values[1] == 0.0).all()


def test_soma_and_apical_dendrite_follow_their_own_input_alone():
    cell = gated_pyramidal(tau_soma=20.0, tau_apical=5.0)
    found = courses(cell, 400.0, basal=[1.5, 0.0], apical=[0.0, -2.0])
    last = found.v.isel(time=-1, unit=0).values
    np.testing.assert_allclose(last, [[1.5, 0.0], [0.0, -2.0]], atol=1e-8)


def test_the_plateau_is_a_half_at_its_threshold_and_has_its_width():
    cell = gated_pyramidal(plateau_threshold=-1.0, plateau_width=0.25)
    p = cell.parameters
    assert plateau(cell.state(0.0, -1.0), p) == 0.5
    assert plateau(cell.state(0.0, -0.75), p) == pytest.approx(1 / (1 + np.exp(-1)))


@pytest.mark.parametrize(
    ("cell", "compartment"),
    [
        (threshold_unit(tau=10.0, noise=0.3), "potential"),
        (gated_pyramidal(tau_apical=10.0, noise=0.3), "apical"),
    ],
)
def test_noise_has_the_standard_deviation_asked_for(cell, compartment):
    found = courses(cell, 20000.0)
    v = found.v.sel(compartment=compartment).values[0, 400:, 0]
    # Euler's stationary variance is noise^2 / (1 - dt / 2 tau). 20 s hold about 1000
    # independent values (two time constants each): 2.2 % error of the deviation.
    assert v.std() == pytest.approx(0.3 / np.sqrt(1 - 0.025), rel=4 * 0.022)
    assert abs(v.mean()) < 4 * 0.3 / np.sqrt(1000)


def test_the_soma_of_a_pyramidal_cell_has_no_noise():
    found = courses(gated_pyramidal(noise=0.3), 50.0)
    assert (found.v.sel(compartment="soma") == 0.0).all()


def test_a_cell_without_noise_has_no_such_parameter():
    for cell in (threshold_unit(), gated_pyramidal()):
        assert not cell.random and "white" not in cell.inputs._fields
        with pytest.raises(ModelError, match="no parameter 'noise'"):
            cell.with_parameters(noise=1.0)


@pytest.mark.parametrize("factory", [threshold_unit, gated_pyramidal])
def test_negative_noise_is_refused(factory):
    with pytest.raises(ModelError, match=f"{factory.__name__}: noise = -0.1"):
        factory(noise=-0.1)
