"""The distance-switch experiment: signs, twin, held potentials, tree and picture."""

import json

import numpy as np
import pytest
from reference import clopath_twin as twin

from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from dendrites.models.adex_dendrite import adex_dendrite
from experiments.voltage import paired_bursts
from experiments.voltage.distance_switch import (
    distance_switch,
    holding_current,
    potentiation_ends,
)

SMALL = {
    "distances": (50.0, 400.0),
    "depolarisations": (0.0, 10.0, 20.0),
    "frequencies": (20.0, 50.0),
}


@pytest.fixture(scope="module")
def tree():
    return distance_switch(**SMALL)


@pytest.fixture(scope="module")
def synapses(tree):
    return tree["synapses"].to_dataset()


def test_the_tree_is_valid_and_reopens_as_it_was(tree, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)


def test_near_synapses_potentiate_and_far_ones_depress(synapses):
    rest = synapses.change.sel(dendrite="passive", depolarisation=0.0, frequency=50.0)
    assert rest.values[0] > 105.0 and rest.values[1] < 95.0


def test_depolarisation_or_a_boost_potentiates_far_synapses(synapses):
    far = synapses.change.sel(distance_um=400.0, frequency=50.0)
    assert float(far.sel(dendrite="passive", depolarisation=20.0)) > 105.0
    held = far.sel(depolarisation=10.0)
    assert float(held.sel(dendrite="passive")) < 100.0
    assert float(held.sel(dendrite="active")) > 105.0


def test_headlines_are_the_changes_at_the_two_places(tree, synapses):
    figures = json.loads(tree.attrs["headline_json"])
    for name, dendrite, where, held in (
        ("dw_proximal", "passive", 50.0, 0.0),
        ("dw_distal", "passive", 400.0, 0.0),
        ("dw_distal_depolarised", "passive", 400.0, 20.0),
        ("dw_distal_active", "active", 400.0, 0.0),
        ("dw_distal_active_depolarised", "active", 400.0, 20.0),
    ):
        found = synapses.change.sel(
            dendrite=dendrite, distance_um=where, depolarisation=held, frequency=50.0
        )
        assert figures[name]["value"] == pytest.approx(float(found) - 100.0, abs=1e-12)


@pytest.mark.parametrize("dendrite", ["passive", "active"])
def test_changes_and_peaks_are_those_of_the_twin(synapses, dendrite):
    model = adex_dendrite()
    pre, post = paired_bursts.pairing_times(50.0, 10.0, pairings=15, gap=50.0, dt=0.1)
    n = round((post[-1] + 60.0) / 0.1)
    counts = np.zeros((2, n))
    for row, times in zip(counts, (pre, post), strict=True):
        row[np.round(times / 0.1).astype(int) - 1] = 1.0
    past = twin.run_cell(
        n,
        0.1,
        forced=counts[1],
        apical=holding_current(20.0, model.parameters),
        x=400.0,
        b=0.0805,
        boost=2.0 if dendrite == "active" else 0.0,
    )
    change = twin.weight_change(past, counts[0], 0.1).sum()
    one = synapses.sel(
        dendrite=dendrite, distance_um=400.0, depolarisation=20.0, frequency=50.0
    )
    # 1000 % per unit of weight.
    assert float(one.change) == pytest.approx(100.0 + 1000.0 * change, abs=1e-8)
    assert float(one.peak_potential) == pytest.approx(past["shown"].max(), abs=1e-9)


def test_the_current_holds_the_depolarisation_asked_for(synapses):
    above = synapses.held_potential + 70.6
    # Adaptation of 144 ms has moved the soma for 150 ms only: the soma, of 13 % of the
    # depolarisation at most, moves by 4 nS of 39 nS of it, and the dendrite by a third
    # of that. The exponential adds less.
    for held in (0.0, 10.0, 20.0):
        found = above.sel(depolarisation=held)
        np.testing.assert_allclose(found, held, rtol=5e-3, atol=1e-3)


def test_the_holding_current_is_that_of_the_linear_steady_state():
    p = adex_dendrite(g_coupling=8.0).parameters
    soma = np.linalg.solve(
        [[p.g_leak + p.a + 8.0, 0.0], [8.0, 1.0]],
        [8.0 * 12.0, 8.0 * 12.0 + p.g_leak_apical * 12.0],
    )
    assert holding_current(12.0, p) == pytest.approx(soma[1], rel=1e-12)


def test_potentiation_ends_where_a_straight_line_crosses():
    x = [0.0, 100.0, 200.0]
    assert potentiation_ends([130.0, 110.0, 90.0], x) == pytest.approx(150.0)
    assert potentiation_ends([130.0, 100.0, 100.0], x) == 100.0
    assert np.isnan(potentiation_ends([130.0, 120.0, 110.0], x))
    assert np.isnan(potentiation_ends([90.0, 95.0, 99.0], x))


def test_places_of_the_headlines_are_always_among_the_distances():
    found = distance_switch(
        distances=(100.0,), depolarisations=(0.0,), frequencies=(50.0,), pairings=2
    )["synapses"]
    assert found.distance_um.values.tolist() == [50.0, 100.0, 400.0]
    assert found.depolarisation.values.tolist() == [0.0]


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        ({"pairings": 0}, "pairings: got 0, must be >= 1"),
        ({"frequencies": (120.0,)}, "frequencies, item 1: got 120.0, must be < 100"),
        ({"frequencies": ()}, "frequencies: needs at least one value"),
        ({"distances": (-5.0,)}, "distances, item 1: got -5.0, must be >= 0 um"),
    ],
)
def test_impossible_arguments_are_refused(bad, text):
    with pytest.raises(ConfigError, match=text):
        distance_switch(**bad)
