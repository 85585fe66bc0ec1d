"""The btsp experiment: exact solutions, laps against plain NumPy, tree and picture."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from reference import btsp_twin

from dendrites.btsp import FIT, ONE_CELL, SINGLE_SPIKE, btsp_change
from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from dendrites.models import plateau_cell
from experiments.plateaus.btsp import TABLE, TABLE_WEIGHTS, btsp
from experiments.plateaus.plateau_laps import RAMP_WIDTH, Track, run_laps
from experiments.plateaus.plateau_pairing import pairings, run_pairings

SMALL = {
    "first": -2000.0,
    "last": 3000.0,
    "interval": 1000.0,
    "currents": (200.0, 340.0, 400.0, 700.0, 1000.0),
    "durations": (20.0, 100.0, 300.0),
    "gate_spike_times": (-1000.0, 0.0),
    "field_peaks": (-1500.0, 1500.0),
    "inputs": 40,
    "laps": 2,
    "dt": 4.0,
}


@pytest.fixture(scope="module")
def tree():
    return btsp(**SMALL)


def test_the_tree_is_valid_and_reopens_as_it_was(tree, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)


def test_pairings_are_the_exact_solution_and_the_table(tree):
    pairing, table = tree["pairing"].to_dataset(), tree["table"].to_dataset()
    expected = [
        btsp_change(pairing.w0.values, [time], [(0.0, 300.0)], SINGLE_SPIKE)
        for time in pairing.spike_time.values
    ]
    np.testing.assert_allclose(pairing.expected, np.array(expected).T, atol=1e-12)
    # 5.4e-6 at 4 ms, of second order.
    np.testing.assert_allclose(pairing.change, pairing.expected, atol=1e-5)
    shared = [t for t in pairing.spike_time.values if t in TABLE]
    assert shared == [-2000.0, -1000.0, 0.0, 1000.0, 2000.0]
    gap = (pairing.change - table.change).sel(spike_time=shared)
    # Three digits, and Euler steps good to 0.001.
    assert gap.shape == (4, 5) and float(abs(gap).max()) < 1.5e-3


def test_the_table_is_that_of_the_twin():
    for time, row in TABLE.items():
        start = min(time, 0.0)
        offset, factor = btsp_twin.trial(
            [time], [(0.0, 300.0)], asdict(SINGLE_SPIKE), 0.5, start + 40_000.0
        )
        change = offset + (factor - 1.0) * np.array(TABLE_WEIGHTS)
        # Three digits, and Euler steps good to 0.001.
        np.testing.assert_allclose(change, row, atol=1.5e-3)


def test_the_current_switches_plasticity_on_and_leaves_its_sign(tree):
    found = tree["amplitude"].to_dataset()
    weak, strong = (found.sel(apical_current=[*c]) for c in ((200, 340), (400, 1000)))
    assert (weak.change == 0.0).all() and (weak.plateau_duration == 0.0).all()
    signs = np.sign(strong.change)
    assert (signs.isel(apical_current=0) == signs.isel(apical_current=1)).all()
    assert set(signs.values.ravel()) == {-1.0, 1.0}


def test_changes_are_those_of_the_plateaus_that_currents_make(tree):
    amplitude, duration = (tree[g].to_dataset() for g in ("amplitude", "duration"))
    for found, over in ((amplitude, "apical_current"), (duration, "duration")):
        for value in found[over].values[2:]:
            one = found.sel({over: value})
            plateau = [(0.0, float(one.plateau_duration))]
            for time in one.spike_time.values:
                expected = btsp_change(one.w0.values, [time], plateau, SINGLE_SPIKE)
                change = one.change.sel(spike_time=time)
                np.testing.assert_allclose(change, expected, atol=1e-5)
    np.testing.assert_allclose(
        amplitude.plateau_duration.sel(apical_current=[700.0, 1000.0]),
        [300.0, 300.0 + 10.0 * np.log(50.0 / 17.5 - 1.0)],
        atol=4.0,
    )


def test_longer_plateaus_raise_the_border_between_depression_and_potentiation(tree):
    found = tree["duration"].to_dataset()
    assert (found.border.diff("duration") > 0.3).all()
    # The line goes through changes that err by 1e-5 and is 0.3 steep at least.
    np.testing.assert_allclose(found.border, found.fixed_point, atol=4e-5)
    middle = found.change.sel(w0=2.0, spike_time=0.0).values
    assert np.sign(middle).tolist() == [-1.0, -1.0, 1.0]


def test_the_plateau_begins_where_spikes_are_timed_from():
    currents = np.array([400.0, 700.0, 1000.0, 100.0])
    found = run_pairings(pairings(0.0, 1.0, currents), SINGLE_SPIKE, 1.0)
    assert found["plateau_start"][:3].tolist() == [0.0, 0.0, 0.0]
    assert np.isnan(found["plateau_start"][3]) and np.isnan(found["plateau_stop"][3])
    assert found["plateau_stop"][1] == 300.0


@pytest.mark.parametrize("p", [FIT, ONE_CELL])
def test_laps_agree_with_a_plain_loop(p):
    track, peaks = Track(inputs=4, speed=60.0, laps=1, dt=20.0), [-300.0, 600.0]
    found = run_laps(track, peaks, p)
    times = track.dt * (np.arange(track.steps) + 0.5) - 0.5 * track.lap
    rates = np.tile(track.rates(times), (2, 1))
    trace, left = np.zeros_like(rates), np.exp(-track.dt / p.tau_eligibility)
    for step in range(1, len(trace)):
        trace[step] = rates[step - 1] + (trace[step - 1] - rates[step - 1]) * left
    after = trace[-1] * left + (1.0 - left) * rates[-1]
    largest = max(trace[track.steps + 1 :].max(), after.max())
    cell = plateau_cell(tau_instructive=p.tau_instructive).parameters._asdict()
    # The dendrite crosses the threshold when the animal is at the place, to a step.
    lead = 10.0 * np.log(2.0)
    on = (times > -lead) & (times < 300.0 - lead)
    current = np.zeros((len(rates), 2))
    current[track.steps :][on] = 700.0
    expected = btsp_twin.run(
        np.zeros_like(rates),
        current,
        track.field(peaks),
        asdict(p),
        cell,
        track.dt,
        trace=trace / largest,
    )
    assert found.shape == (2, 2, 4)
    np.testing.assert_array_equal(found[0], track.field(peaks))
    np.testing.assert_allclose(found[1], expected, atol=1e-11)
    assert np.abs(found[1] - found[0]).max() > 0.1


@pytest.mark.nojit
def test_a_field_of_weights_to_2_and_a_half_makes_a_ramp_of_6_mv():
    track = Track(inputs=200, speed=25.0, laps=1, dt=1.0)
    times = np.linspace(-3000.0, 3000.0, 25)
    weights = track.field([400.0, -3600.0])
    assert weights.max() == pytest.approx(2.5, abs=2e-3)
    # A sum over inputs in place of an integral, of bumps far wider than their spacing.
    for row, peak in zip(track.ramp(weights, times), (400.0, -3600.0), strict=True):
        expected = 6.0 * track.bump(times, peak, RAMP_WIDTH)
        np.testing.assert_allclose(row, expected, atol=1e-5)


def test_rise_and_fall_are_the_extremes_of_the_change_of_ramps(tree):
    laps = tree["laps"].to_dataset()
    assert laps.lap.values.tolist() == [0, 1, 2]
    change = (laps.ramp.sel(lap=2) - laps.ramp.sel(lap=0)).values
    np.testing.assert_array_equal(laps.rise, change.max(axis=-1))
    np.testing.assert_array_equal(laps.fall, change.min(axis=-1))


def test_an_old_field_after_the_plateau_moves_to_it(tree):
    # 1.5 s away: depressed there by the fit to one cell, but not by the mean of fits.
    laps = tree["laps"].to_dataset().sel(field_peak=1500.0)
    before = laps.ramp.sel(lap=0).idxmax("position")
    after = laps.ramp.sel(lap=2).idxmax("position")
    assert (abs(before - 1500.0) < 75.0).all() and (after < 0.0).all()
    assert float(laps.fall.sel(parameters="one-cell")) < -4.0
    assert float(laps.fall.sel(parameters="fit")) > -1.0
    fallen = laps.ramp.sel(parameters="one-cell", lap=2) - laps.ramp.sel(
        parameters="one-cell", lap=0
    )
    assert 1500.0 < float(fallen.idxmin("position")) < 2500.0


def test_headline_figures_are_those_of_the_tree(tree):
    headline = json.loads(tree.attrs["headline_json"])
    assert headline["max_deviation_from_table"]["value"] < 1.5e-3
    assert headline["max_deviation_from_closed_form"]["value"] < 1e-5
    assert headline["pairings_whose_sign_depends_on_the_current"]["value"] == 0
    rise = tree["laps"].rise.sel(parameters="fit")
    assert headline["mean_rise_mV_fit"]["value"] == pytest.approx(float(rise.mean()))
    assert all(f["reference"] and f["source"] for f in headline.values())


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (pairings([-3.0, 0.0], 1.0), "spike_time = -3 to 0 ms: must be whole"),
        (pairings(0.0, 1.0, 700.0, 50.5), "duration = 50.5 to 50.5 ms: must be whole"),
    ],
)
def test_times_between_steps_are_refused(given, text):
    with pytest.raises(ConfigError, match=text):
        run_pairings(given, SINGLE_SPIKE, 2.0)


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        ({"weights": ()}, "weights: needs at least one value"),
        ({"interval": 1.0}, "too large: at most 10000 spike times"),
        ({"first": 10.0, "last": 0.0}, "last = 0 ms: must not be before first = 10"),
        ({"first": -0.5}, "spike_time = -0.5 .* must be whole numbers of steps"),
    ],
)
def test_impossible_arguments_are_refused(bad, text):
    with pytest.raises(ConfigError, match=text):
        btsp(**bad)
