"""The gain-control experiment: drivers and gains in closed form, tree."""

import json

import numpy as np
import pytest

from dendrites import transfer
from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from dendrites.models import adex_dendrite, three_compartment
from experiments.systems.gain_attention import CONDITIONS, attended, response
from experiments.systems.gain_cells import (
    CELL_MODELS,
    Cell,
    gain_and_offset,
    shift_of,
    steady_rates,
)
from experiments.systems.gain_control import biases, gain_control

SMALL = {
    "soma_currents": (200.0, 400.0, 600.0, 800.0, 1000.0),
    "apical_currents": (0.0, 300.0),
    "cells": 4,
    "duration": 500.0,
}
SOMA = np.linspace(0.0, 400.0, 5)
STEADY = {"cells": 1, "duration": 10.0, "noise": 0.0, "seed": 0}


@pytest.fixture(scope="module")
def tree():
    return gain_control(**SMALL)


@pytest.fixture(scope="module")
def rates(tree):
    return tree["rates"].to_dataset()


def _exponential(v):
    return transfer.exp(0.5 * v)


def _linear(v):
    return 3.0 * v


def curves(phi):
    """Rates of a rate cell without apical current and with 100 pA."""
    cell = Cell(
        lambda noise: three_compartment(phi=phi), "soma", "apical", 0.01, 0.01, "rate"
    )
    soma, apical = np.tile(SOMA, 2), np.repeat([0.0, 100.0], len(SOMA))
    found = steady_rates(cell, soma, apical, **STEADY)
    return found.reshape(2, -1), three_compartment(phi=phi).parameters


def test_of_a_linear_cell_an_apical_current_is_an_offset():
    (before, after), p = curves(_linear)
    gain, offset, explained = gain_and_offset(before, after)
    share = 1.0 / (1.0 + p.basal_coupling + p.apical_coupling)
    np.testing.assert_allclose(before, 3.0 * share * 0.01 * SOMA, atol=1e-9)
    assert gain == pytest.approx(1.0, rel=1e-9)
    assert offset == pytest.approx(3.0 * share * p.apical_coupling, rel=1e-9)
    assert explained == pytest.approx(1.0)


def test_of_an_exponential_cell_it_is_a_gain():
    (before, after), p = curves(_exponential)
    share = p.apical_coupling / (1.0 + p.basal_coupling + p.apical_coupling)
    gain, offset, explained = gain_and_offset(before, after)
    assert gain == pytest.approx(np.exp(0.5 * share), rel=1e-9)
    assert offset == pytest.approx(0.0, abs=1e-9)
    assert explained == pytest.approx(1.0)


def test_a_passive_dendrite_is_a_somatic_current():
    # What reaches the soma is the share g_coupling / (g_coupling + g_leak_apical).
    p = adex_dendrite().parameters
    apical = 200.0 * (1.0 + p.g_leak_apical / p.g_coupling)
    soma, into = np.array([700.0, 900.0]), np.array([apical, 0.0])
    one, other = steady_rates(
        CELL_MODELS["adex_dendrite"],
        soma,
        into,
        cells=4,
        duration=500.0,
        noise=200.0,
        seed=0,
    )
    # One spike of each cell, at an edge of the window, is 2 Hz.
    np.testing.assert_allclose(one, other, atol=2.0)
    assert one.mean() > 5.0


def test_shifts_are_found_and_flat_curves_have_none():
    curve = np.array([0.0, 1.0, 4.0, 9.0, 16.0, 25.0])
    soma = np.arange(6.0) * 100.0
    shift, explained = shift_of(soma, curve, np.append(curve[1:], 36.0))
    assert shift == pytest.approx(100.0, abs=0.01)
    assert explained == pytest.approx(1.0, abs=1e-6)
    assert np.isnan(shift_of(soma, curve, np.ones(6))).all()
    assert np.isnan(gain_and_offset(np.ones(4), curve[:4])).all()


def test_bursts_make_it_a_gain_and_silent_dendrites_nothing(rates):
    found = rates.isel(apical=0)
    assert float(found.gain.sel(model="naud_sprekeler")) > 1.2
    assert float(found.gain.sel(model="guerguiev")) == pytest.approx(1.0, abs=1e-9)
    assert float(found.gain.sel(model="three_compartment")) < 1.0
    assert float(found.explained_by_shift.sel(model="adex_dendrite")) > 0.98
    assert rates.current.values.tolist() == [0.0, 300.0]


def test_attention_brings_the_response_to_that_of_the_attended_stimulus(tree):
    attention = tree["attention"].to_dataset()
    assert min(biases(attention).values()) > 0.05
    # Responses to rates that fluctuate, 4 cells: a tenth.
    np.testing.assert_allclose(attention.response, attention.expected, atol=0.1)
    y = attention.response
    assert float(y.sel(condition="B")) < float(y.sel(condition="A and B"))
    assert float(y.sel(condition="A and B")) < float(y.sel(condition="A"))


def test_without_a_current_attention_changes_nothing_but_the_noise():
    found = attended(
        soma=700.0, apical=0.0, cells=20, duration=500.0, noise=200.0, seed=0
    )
    both = [k for k, name in enumerate(CONDITIONS) if name not in "AB"]
    assert np.ptp(found["response"][both]) < 0.05
    assert response(10.0, 5.0, 5.0) == 0.5


def test_the_tree_is_valid_and_its_headline_is_the_strongest_current(
    tree, rates, tmp_path
):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")) is not None
    figures = json.loads(tree.attrs["headline_json"])
    found = float(rates.gain.sel(model="naud_sprekeler", apical=300.0))
    assert figures["gain_naud_sprekeler"]["value"] == found
    assert figures["attention_bias_A"]["value"] > 0


@pytest.mark.parametrize(
    "bad",
    [
        {"soma_currents": (1.0, 2.0) * 3},
        {"apical_currents": (0.0,)},
        {"noise": -1.0},
        {"stimulus": 0.0},
    ],
)
def test_impossible_currents_are_refused(bad):
    with pytest.raises(ConfigError, match=next(iter(bad))):
        gain_control(**bad)
