"""The plateau cell: currents that make plateaus, traces, exact potentials."""

import math

import numpy as np
import pytest

from dendrites.errors import ModelError
from dendrites.models import plateau_cell

CELL = plateau_cell()
P = CELL.parameters
pytestmark = pytest.mark.nojit


def run(current, *, dt=1.0, model=CELL, soma=0.0, spikes=()):
    """States after every step of an apical current, pA per step."""
    cell, cells = model.state(), []
    for step, apical in enumerate(current):
        given = model.inputs(
            soma=soma, apical=float(apical), synapse=float(step in spikes)
        )
        cell = model.step(cell, given, model.parameters, dt)
        cells.append(cell)
    return cells


def series(cells, name):
    return np.array([getattr(cell, name) for cell in cells])


def pulse(amplitude, *, duration=300.0, dt=1.0, rest=600.0):
    return amplitude * (np.arange(round((duration + rest) / dt)) < duration / dt)


def test_the_usual_current_makes_one_plateau_of_its_own_length():
    plateau = series(run(pulse(700.0)), "plateau")
    changes = np.flatnonzero(np.diff(plateau, prepend=0.0))
    # The dendrite is half way after tau_apical ln 2 = 6.93 ms, up and down; state k is
    # that at (k + 1) ms.
    assert (changes + 1).tolist() == [7, 307]
    assert set(plateau) == {0.0, 1.0}


@pytest.mark.parametrize("amplitude", [-700.0, 0.0, 200.0, 350.0])
def test_weak_currents_make_no_plateau(amplitude):
    cells = run(pulse(amplitude))
    assert not series(cells, "plateau").any()
    assert not series(cells, "instructive").any()


@pytest.mark.parametrize("amplitude", [400.0, 500.0, 1000.0])
@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_the_length_of_a_plateau_follows_from_the_membrane(amplitude, dt):
    plateau = series(run(pulse(amplitude, dt=dt), dt=dt), "plateau")
    height = amplitude * P.tau_apical / P.c_apical
    threshold = P.plateau_threshold - P.e_leak
    expected = 300.0 + P.tau_apical * math.log((height - threshold) / threshold)
    # Both ends wait for the next step.
    assert abs(plateau.sum() * dt - expected) <= dt


def test_potentials_are_exact_whatever_the_step():
    coarse = run(pulse(420.0), soma=80.0)
    fine = run(pulse(420.0, dt=0.1), soma=80.0, dt=0.1)[9::10]
    age = np.arange(1.0, 901.0)
    soma = P.e_leak + 80.0 * P.tau_soma / P.c_soma * (1.0 - np.exp(-age / P.tau_soma))
    peak = 420.0 * P.tau_apical / P.c_apical
    apical = P.e_leak + peak * (
        (1.0 - np.exp(-age / P.tau_apical))
        - (age > 300.0) * (1.0 - np.exp((300.0 - age) / P.tau_apical))
    )
    for cells in (coarse, fine):
        np.testing.assert_allclose(series(cells, "soma"), soma, rtol=1e-12)
        np.testing.assert_allclose(series(cells, "apical"), apical, rtol=1e-12)


@pytest.mark.parametrize("tau", [1500.0, 543.0, 50.0])
def test_the_instructive_signal_is_one_after_the_reference_plateau(tau):
    cells = run(pulse(700.0, rest=900.0), model=plateau_cell(tau_instructive=tau))
    # The plateau of states 7 to 306 ms drives the signal from 7 to 307 ms.
    age = np.arange(1.0, 1201.0) - 7.0
    peak = 1.0 - math.exp(-300.0 / tau)
    rise = (1.0 - np.exp(-np.clip(age, 0.0, 300.0) / tau)) / peak
    expected = rise * np.exp(-np.maximum(age - 300.0, 0.0) / tau)
    found = series(cells, "instructive")
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert found.argmax() == 306 and found.max() == pytest.approx(1.0, abs=1e-12)


def test_longer_plateaus_make_stronger_signals():
    found = [
        series(run(pulse(700.0, duration=duration)), "instructive").max()
        for duration in (100.0, 300.0, 600.0)
    ]
    tau = P.tau_instructive
    expected = [
        math.expm1(-duration / tau) / math.expm1(-300.0 / tau)
        for duration in (100.0, 300.0, 600.0)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_spike_through_a_synapse_depolarises_the_soma_alone():
    model = plateau_cell(synaptic_current=50.0)
    cells = run(np.zeros(200), model=model, spikes=(9,))
    age = np.arange(1.0, 201.0) - 10.0
    tau, syn = P.tau_soma, P.tau_syn
    shape = (np.exp(-age / tau) - np.exp(-age / syn)) / (tau - syn)
    expected = 50.0 * syn * tau / P.c_soma * np.where(age > 0.0, shape, 0.0)
    np.testing.assert_allclose(series(cells, "soma") - P.e_leak, expected, atol=1e-12)
    assert (series(cells, "apical") == P.e_leak).all()


def test_by_default_a_synapse_is_not_heard():
    cells = run(np.zeros(50), spikes=(9,))
    assert (series(cells, "soma") == P.e_leak).all()


def test_somatic_current_neither_makes_nor_stops_plateaus():
    for soma in (-1000.0, 1000.0):
        assert not series(run(pulse(0.0), soma=soma), "plateau").any()
        assert series(run(pulse(700.0), soma=soma), "plateau").sum() == 300.0


def test_impossible_parameters_are_refused():
    with pytest.raises(ModelError, match="plateau_cell.tau_instructive = 0"):
        plateau_cell(tau_instructive=0)
    with pytest.raises(ModelError, match="no parameter 'tau_apica'"):
        plateau_cell(tau_apica=3.0)
