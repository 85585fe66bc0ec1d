"""The bac-firing experiment: the measured table, thresholds, gains, tree."""

import json

import numpy as np
import pytest
from reference import naud_sprekeler_twin as twin

from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from dendrites.models import naud_sprekeler
from experiments.bursts.bac_firing import Pulses, bac_firing, slope
from experiments.plots.bursts import bac_firing as plot_bac_firing

DT = 0.1
SMALL = {
    "delays": (5.0, 0.0, -5.0, -10.0, -20.0, 2.0),
    "apical_currents": (0.0, 200.0, 300.0, 400.0, 600.0, 700.0, 800.0),
    "constant_soma": (300.0, 500.0, 600.0, 800.0, 1000.0),
    "constant_apical": (0.0, 200.0, 300.0),
    "counted": 1000.0,
}


@pytest.fixture(scope="module")
def tree():
    return bac_firing(**SMALL)


@pytest.fixture(scope="module")
def found(tree):
    return tree["coincidence"].to_dataset()


@pytest.fixture(scope="module")
def rates(tree):
    return tree["gain"].to_dataset()


def headline(tree):
    return json.loads(tree.attrs["headline_json"])


def test_the_tree_is_valid_and_reopens_as_it_was(tree, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)
    assert tree["coincidence"].apical_current.units == "pA"
    assert tree["coincidence"].delay.units == "ms"


def test_only_both_pulses_together_make_a_burst(tree):
    spikes = tree["spikes/cell"]
    trains = [spikes.spike_time.values[spikes.spike_trial.values == k] for k in (0, 1)]
    both = spikes.spike_time.values[spikes.spike_trial.values == 2]
    # The table stamps steps where they begin: 0.1 ms earlier.
    assert trains[0] == pytest.approx([104.2]) and len(trains[1]) == 0
    np.testing.assert_allclose(both, [104.2, 115.1, 128.2], rtol=0, atol=1e-9)
    assert [headline(tree)[f"spikes_{x}"]["value"] for x in ("soma", "apical")] == [
        1,
        0,
    ]
    assert headline(tree)["spikes_both"]["value"] == 3
    v = tree["populations/cell"].v.sel(compartment="apical").max("time")
    assert v.condition.values.tolist() == ["soma", "apical", "both"]
    np.testing.assert_allclose(v.values[:, 0], [-42.1, -54.1, 10.7], rtol=0, atol=0.05)


def test_spikes_over_delay_are_those_of_the_table(found):
    here = found.n_spikes.sel(apical_current=300.0)
    assert here.delay.values.tolist() == [-20.0, -10.0, -5.0, 0.0, 2.0, 5.0]
    assert here.values.tolist() == [1, 2, 3, 3, 3, 1]


def test_the_dendrite_alone_needs_more_current(found):
    alone = found.n_spikes_alone.sel(apical_current=[400.0, 600.0, 800.0])
    assert alone.values.tolist() == [0, 0, 2]
    peaks = found.apical_peak_alone.sel(apical_current=[400.0, 600.0, 800.0])
    np.testing.assert_allclose(peaks, [-54.1, -35.9, 17.8], rtol=0, atol=0.05)
    assert 600.0 < float(found.threshold_alone) < 800.0
    assert 200.0 < float(found.threshold.sel(delay=0.0)) < 300.0
    assert int(found.n_spikes_soma) == 1


def test_a_current_adds_spikes_where_it_is_above_the_threshold(found):
    adds = found.n_spikes > found.n_spikes_soma
    above = found.threshold <= found.apical_current
    np.testing.assert_array_equal(adds, above.transpose(*adds.dims))


def test_a_threshold_is_a_border_to_half_a_picoampere():
    pulses = Pulses(2000.0, 5.0, 20.0, 0.0, DT, naud_sprekeler())
    for paired, base in ((True, 1), (False, 0)):
        (border,) = pulses.thresholds(paired, np.zeros(1), 1000.0)
        found = pulses.look([(paired, 0.0, border - 0.5), (paired, 0.0, border)])
        assert found["n_spikes"][0] == base < found["n_spikes"][1]


def test_a_threshold_beyond_the_largest_current_is_not_made_up():
    tree = bac_firing(**{**SMALL, "apical_currents": (0.0, 150.0), "delays": (0.0,)})
    assert np.isnan(tree["coincidence"].threshold).all()
    assert np.isnan(tree["coincidence"].threshold_alone)
    assert "threshold_alone" not in headline(tree)
    assert "window_first" not in headline(tree)
    plot_bac_firing.plot(tree)


def test_plateau_area_and_peak_are_those_of_plain_numpy(found):
    n = round((100.0 + 5.0 + 20.0 + 150.0) / DT)
    step = np.arange(n) * DT + 0.5 * DT
    soma = np.where((step > 100.0) & (step < 105.0), 2000.0, 0.0)
    for delay, current in ((-5.0, 300.0), (2.0, 800.0)):
        inside = (step > 100.0 + delay) & (step < 120.0 + delay)
        cell = twin.run(soma, np.where(inside, current, 0.0))
        at = found.sel(delay=delay, apical_current=current)
        area = np.maximum(cell["apical"] + 20.0, 0.0).sum() * DT
        assert area > 100.0
        # Rounding grows along an up-stroke by e^6; 1e-12 is left in a potential.
        assert float(at.plateau_area) == pytest.approx(area, rel=1e-9)
        assert float(at.apical_peak) == pytest.approx(cell["apical"].max(), abs=1e-9)
        assert int(at.n_spikes) == cell["spikes"].sum()


def test_rates_under_constant_current_count_after_settling():
    # Table: 600 pA alone fires 26 single spikes in 2.5 s, then every 98.4 ms.
    tree = bac_firing(
        **{**SMALL, "constant_soma": (600.0,), "constant_apical": (0.0,)},
    )
    rates = tree["gain"]
    # One spike more or less in the second that counts.
    assert abs(float(rates.rate.squeeze()) - 1000.0 / 98.4) <= 1.0
    assert float(rates.event_rate.squeeze()) == float(rates.rate.squeeze())
    assert float(rates.burst_rate.squeeze()) == 0.0
    assert np.isnan(rates.spike_gain).all()


def test_apical_current_makes_more_spikes_in_fewer_events(rates):
    fires = rates.sel(soma_current=slice(500.0, None))
    quiet, driven = (fires.sel(apical_current=x) for x in (0.0, 200.0))
    assert (driven.rate > quiet.rate).all()
    assert (driven.event_rate.sel(soma_current=slice(600.0, None)) < 8.0).all()
    assert float(driven.event_gain) < 0.5 * float(quiet.event_gain)
    assert (rates.rheobase.values > 300.0).all()


def test_a_slope_is_that_of_the_line_above_the_rheobase():
    current = np.array([0.0, 100.0, 200.0, 300.0, 400.0])
    rate = np.array([0.0, 0.0, 5.0, 9.0, 13.0])
    assert slope(current, rate, 200.0) == pytest.approx(4.0)
    assert np.isnan(slope(current, rate, 300.0))
    assert np.isnan(slope(current, rate, np.nan))


# What cannot be asked


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"delays": (-120.0,)}, "delays must be >= -100 ms"),
        ({"delays": ()}, "at least one"),
        ({"apical_currents": (100.0, 100.0)}, "none twice"),
        ({"apical_currents": (-100.0, 0.0)}, "the largest must be > 0 pA"),
        ({"constant_soma": (np.nan,)}, "finite"),
        (
            {"soma_current": np.inf},
            "soma_current: got inf, must be a finite number in pA",
        ),
        ({"counted": 0.0}, "counted: got 0.0, must be > 0 ms"),
    ],
)
def test_impossible_questions_are_refused(given, words):
    with pytest.raises(ConfigError, match=words):
        bac_firing(**given)
