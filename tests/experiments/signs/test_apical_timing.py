"""apical-timing: known changes, windows of delay, the border of the map, picture."""

import json

import numpy as np
import pytest
from reference import apical_pairings

from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from experiments.lab import Protocol, run_lab
from experiments.plateaus.early_late import early_late
from experiments.signs import apical_timing as module
from experiments.signs.apical_timing import KNOWN, KNOWN_DELAYS, apical_timing

CURRENTS = (300.0, 400.0)
DELAYS = (-30.0, -10.0, -5.0, 10.0)


@pytest.fixture(scope="module")
def tree():
    return apical_timing(
        models=("burst", "stdp-pair", "gating"),
        apical_currents=CURRENTS,
        delays=DELAYS,
        fine_step=0.5,
        seeds=20,
        potentials=(1.0, 2.0),
        onset_step=2,
        threads=1,
    )


def headline(tree, name):
    return json.loads(tree.attrs["headline_json"])[name]["value"]


def test_the_tree_is_valid_and_reopens_as_it_was(tree, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)


# --- delays in ms -------------------------------------------------------------------


def test_the_burst_rule_gives_the_known_changes(tree):
    known = tree["known"].to_dataset()
    assert known.apical_delay.values.tolist() == [*KNOWN_DELAYS]
    assert known.independent.values.tolist() == [list(row) for row in KNOWN.values()]
    # Four digits.
    assert float(np.abs(known.weight_change - known.independent).max()) < 0.5001e-4


def test_the_known_changes_are_those_of_the_plain_program():
    for current, row in KNOWN.items():
        for delay, change in zip(KNOWN_DELAYS, row, strict=True):
            found, *_ = apical_pairings.pairings(current, delay=delay)
            assert round(found, 4) == change


def test_the_burst_rule_flips_its_sign_around_the_somatic_pulse_alone(tree):
    quiet = tree["quiet"].to_dataset().sel(model="burst")
    assert (quiet.weight_change_control < 0).all()
    assert (quiet.flipped_throughout == 1).all()
    for current in CURRENTS:
        here = quiet.sel(apical_current=current)
        assert -15 < float(here.flipped_from) < -10
        assert 0 <= float(here.flipped_to) < 5
        up = here.weight_change > 0
        inside = (quiet.apical_delay >= here.flipped_from) & (
            quiet.apical_delay <= here.flipped_to
        )
        assert (up == inside).all()
    # The window of the strongest current holds that of the others.
    assert headline(tree, "first_delay_ltp_ms") == quiet.flipped_from.min()
    assert headline(tree, "last_delay_ltp_ms") == quiet.flipped_to.max()


def test_pairs_of_spikes_and_a_weak_pulse_of_the_gate_never_flip(tree):
    flips = tree["quiet"].flipped_throughout
    assert (flips.sel(model="stdp-pair") == 0).all()
    assert np.isnan(tree["quiet"].flipped_from.sel(model="stdp-pair")).all()
    assert flips.sel(model="gating").values.tolist() == [0, 1]


def test_with_noise_the_sign_flips_in_nearly_every_seed(tree):
    share = tree["delay"].share_flipped.sel(model="burst", apical_current=400.0)
    assert float(share.sel(apical_delay=-5.0)) == 1.0
    assert (share.sel(apical_delay=[-30.0, 10.0]) == 0.0).all()


def test_changes_are_those_of_the_lab_per_pairing(tree):
    protocol = Protocol(apical_current=400.0, apical_delay=-10.0)
    noise = {"noise_soma": 100.0, "noise_apical": 100.0, "seeds": (2, 7)}
    found = run_lab("gating", protocol, **noise).sel(model="gating")
    here = (
        tree["delay"]
        .to_dataset()
        .sel(model="gating", apical_current=400.0, apical_delay=-10.0, seed=[2, 7])
    )
    for name in module.CHANGES:
        np.testing.assert_array_equal(here[name], found[name] / 5)
    np.testing.assert_array_equal(here.n_bursts, found.n_bursts)


def test_means_shares_and_differences_are_those_of_the_stored_changes(tree):
    found = tree["delay"].to_dataset()
    change, control = found.weight_change, found.weight_change_control
    np.testing.assert_allclose(found.weight_change_mean, change.mean("seed"))
    np.testing.assert_allclose(found.weight_change_sd, change.std("seed", ddof=1))
    without = found.weight_change_unpaired - found.weight_change_nothing
    each = (change - control) - without
    np.testing.assert_allclose(found.interaction, each, atol=1e-12)
    flipped = np.sign(change) == -np.sign(control)
    np.testing.assert_array_equal(found.share_flipped, flipped.mean("seed"))


def test_the_control_does_not_depend_on_delay_or_current(tree):
    control = tree["delay"].weight_change_control
    assert (control == control.isel(apical_current=0, apical_delay=0)).all()


@pytest.mark.nojit
def test_finer_delays_run_from_the_first_to_the_last():
    assert module._finer([-1.0, 5.0, 0.2], 0.4) == [-1.0, -0.6, -0.2, 0.2]
    assert module._finer([0.0, 1.0], 0.3) == [0.0, 0.3, 0.6, 0.9]
    assert module._finer([3.0], 0.2) == [3.0]
    assert module._finer([], 0.2) == []


@pytest.mark.nojit
def test_a_window_with_a_hole_is_none():
    assert module._without_holes(np.array([0, 1, 1, 0]) > 0)
    assert not module._without_holes(np.array([1, 0, 1]) > 0)
    assert not module._without_holes(np.zeros(3, bool))


# --- halves of an epoch -------------------------------------------------------------


def test_early_depresses_late_potentiates_both_and_neither_do_nothing(tree):
    # 0.21 * 20 * 0.6 / 0.7 * (1/2 - sigma(2)) / 4
    exact = 3.6 / 4 * (0.5 - 1 / (1 + np.exp(-2.0)))
    assert headline(tree, "dw_early") == pytest.approx(exact, rel=1e-12)
    assert headline(tree, "dw_early") == pytest.approx(-0.342717, abs=1e-6)
    assert headline(tree, "dw_late") == pytest.approx(0.342717, abs=1e-6)
    assert headline(tree, "dw_both") == pytest.approx(0.0, abs=1e-6)
    assert float(tree["conditions"].dw.sel(condition="none")) == 0.0


def test_the_border_of_the_map_is_a_falling_diagonal(tree):
    border = tree["map"].border.sel(apical_potential=2.0)
    found = border.where(np.isfinite(border), drop=True)
    assert found.sizes["duration"] > 40
    slopes = np.diff(found) / np.diff(found.duration)
    assert (slopes < 0).all()
    # Inputs whose centre is midway between the windows, less the lag of the kernel,
    # reach both alike: onset + duration / 2 is constant, but for the kernel's tail.
    assert np.polyfit(found.duration, found, 1)[0] == pytest.approx(-0.5, abs=0.05)


def test_the_map_is_that_of_early_late(tree):
    other = early_late(repeats=2, onset_step=2)["map"].dw
    here = tree["map"].dw.sel(apical_potential=2.0)
    np.testing.assert_array_equal(here, other)


def test_changes_follow_from_the_plateaus_of_the_halves(tree):
    found = tree["map"].to_dataset()
    difference = found.plateau.sel(half="target") - found.plateau.sel(half="forward")
    np.testing.assert_allclose(found.dw, 3.6 / 4 * difference, rtol=1e-9, atol=1e-14)


# --- bad input ----------------------------------------------------------------------


@pytest.mark.nojit
def test_impossible_sweeps_are_refused():
    with pytest.raises(ConfigError, match="longer than a half of 50 ms"):
        apical_timing(onset_step=51)
    with pytest.raises(ConfigError, match="no model 'bursts'"):
        apical_timing(models=("bursts",))
    with pytest.raises(ConfigError, match="delays: needs at least one value"):
        apical_timing(delays=())
    with pytest.raises(ConfigError, match="single pulses have no place"):
        apical_timing(models=("guerguiev",))
