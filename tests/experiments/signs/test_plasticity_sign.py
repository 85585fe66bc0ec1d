"""The plasticity-sign and plasticity-matrix experiments, small."""

import json

import numpy as np
import pytest

from dendrites.errors import ConfigError
from experiments.lab.matrix import SWITCHES, matrix_table, signs, verdict
from experiments.signs.plasticity_matrix import plasticity_matrix
from experiments.signs.plasticity_sign import _flips, flip_current, plasticity_sign

CURRENTS = (-100.0, 0.0, 200.0, 300.0, 400.0)


@pytest.fixture(scope="module")
def small():
    return plasticity_sign(
        models=("burst", "btsp-weak"),
        apical_currents=CURRENTS,
        frequencies=(5.0, 20.0),
        seeds=4,
        seed=2,
        threads=1,
    )


def test_the_apical_current_flips_the_sign_of_the_burst_rule(small):
    found = small["plasticity"].to_dataset().sel(model="burst")
    mean = found.weight_change.mean("seed")
    assert (mean.sel(apical_current=0.0) < -0.5).all()
    assert (mean.sel(apical_current=400.0) > 0.5).all()
    boundary = found.sign_boundary.values
    assert np.all((boundary > 150) & (boundary < 300))


def test_the_control_of_every_current_is_the_change_without_it(small):
    found = small["plasticity"].to_dataset()
    control = found.weight_change_control
    assert (control == found.weight_change.sel(apical_current=0.0)).all()
    nothing = found.weight_change_nothing
    each = (found.weight_change - control) - (found.weight_change_unpaired - nothing)
    assert (found.interaction == each).all()
    assert (nothing == found.weight_change_unpaired.sel(apical_current=0.0)).all()


def test_bursts_are_among_events_and_plateaus_go_with_bursts(small):
    found = small["plasticity"].to_dataset().sel(model="burst")
    assert (found.n_bursts <= found.n_events).all()
    assert (found.n_events <= found.n_spikes).all()
    assert (found.n_bursts.sel(apical_current=0.0) == 0).all()
    assert (found.n_plateaus.sel(apical_current=400.0) > 0).all()
    assert (found.plateau_area.sel(apical_current=400.0) > 100).all()


def test_a_current_that_only_gates_has_no_boundary(small):
    found = small["plasticity"].to_dataset().sel(model="btsp-weak")
    assert (found.weight_change >= 0).all()
    assert found.weight_change.max() > 0.1
    assert np.isnan(found.sign_boundary).all()
    assert np.isnan(found.n_events).all()
    headline = json.loads(small.attrs["headline_json"])
    assert headline["flip_current_pa_btsp-weak"]["value"] == "none"
    assert 150 < headline["flip_current_pa_burst"]["value"] < 300
    assert headline["flip_share_btsp-weak"]["value"] == 0.0


def test_the_flip_of_every_seed_is_stored_and_their_mean_with_its_interval(small):
    found = small["plasticity"].to_dataset().sel(model="burst")
    each = np.apply_along_axis(
        flip_current, 0, found.weight_change.values, np.array(CURRENTS)
    )
    np.testing.assert_array_equal(found.flip, np.median(each, axis=0))
    assert float(found.flip_mean) == found.flip.mean()
    assert found.flip.min() <= found.flip_low < found.flip_mean
    assert found.flip_mean < found.flip_high <= found.flip.max()
    headline = json.loads(small.attrs["headline_json"])
    for key in ("", "_low", "_high"):
        stored = float(found[f"flip{key or '_mean'}"])
        assert headline[f"flip_current_pa_burst{key}"]["value"] == stored
    assert headline["flip_share_burst"]["value"] == 1.0


def test_a_flip_on_a_declared_axis_is_told_in_the_unit_of_the_model():
    tree = plasticity_sign(
        models=("guerguiev",),
        apical_currents=(-150.0, 150.0),
        frequencies=(20.0,),
        seeds=2,
        threads=1,
    )
    headline = json.loads(tree.attrs["headline_json"])
    assert not any("_pa_" in key for key in headline)
    flip = headline["flip_drive_guerguiev"]
    assert flip["unit"] == "1"
    assert abs(flip["value"]) < 1.0
    stored = tree["plasticity"].flip_mean.item()
    assert flip["value"] == pytest.approx(stored / 150.0, rel=1e-12)


@pytest.mark.nojit
def test_a_flip_that_seeds_do_not_share_has_no_mean():
    currents = np.array([0.0, 100.0])
    change = np.ones((2, 2, 3, 4))
    change[0, 0] = -1.0  # all seeds flip, at 50 pA
    change[1, 0, :, 1:] = -1.0  # one does not
    found = {name: values for name, (_, values, *_) in _flips(change, currents).items()}
    assert found["flip_share"].tolist() == [1.0, 0.75]
    assert found["flip_mean"][0] == 50.0
    assert np.isnan(found["flip_mean"][1]) and np.isnan(found["flip_low"][1])
    change[0, 0, :2] = np.nan  # not run: a third of the frequencies are left
    assert np.isnan(_flips(change, currents)["flip"][1][0]).all()


def test_threads_and_other_models_do_not_change_a_result(small):
    alone = plasticity_sign(
        models=("burst",),
        apical_currents=(0.0, 300.0),
        frequencies=(20.0,),
        seeds=3,
        seed=3,
        threads=2,
    )["plasticity"].to_dataset()
    found = small["plasticity"].to_dataset()
    for name in ("weight_change", "weight_change_unpaired", "n_spikes"):
        one = alone[name].sel(model="burst", pairing_frequency=20.0)
        other = found[name].sel(model="burst", pairing_frequency=20.0)
        other = other.sel(seed=[3, 4, 5], apical_current=[0.0, 300.0])
        assert np.array_equal(one.values, other.values)


@pytest.mark.nojit
def test_impossible_arguments_are_refused():
    with pytest.raises(ConfigError, match="no model 'bursts'"):
        plasticity_sign(models=("bursts",))
    with pytest.raises(ConfigError, match="apical_currents: needs at least one value"):
        plasticity_sign(apical_currents=())
    with pytest.raises(ConfigError, match="it can follow at most 100 Hz"):
        plasticity_sign(frequencies=(200.0,))
    with pytest.raises(ConfigError, match="5000 pA lies outside its range"):
        plasticity_sign(models=("burst",), apical_currents=(0.0, 5000.0))


# --- the matrix ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def matrix():
    return plasticity_matrix(
        models=("burst", "guerguiev", "btsp-weak"), seeds=3, threads=1
    )


def test_verdicts_are_those_expected_of_three_models(matrix):
    found = matrix["matrix"].to_dataset().verdict
    wanted = {
        "burst": ("switch", "switch", "switch", "no (LTP)"),
        "guerguiev": ("switch", "switch", "no (none)", "no (LTP)"),
        "btsp-weak": ("gate (LTP)", "no (LTP)", "no (none)", "switch"),
    }
    for name, verdicts in wanted.items():
        assert tuple(found.sel(model=name).values) == verdicts, name


def test_the_matrix_says_how_many_seeds_share_a_sign(matrix):
    found = matrix["apical_current"].to_dataset()
    change = found.weight_change
    scale = 1e-9 * max(
        float(abs(matrix[axis].weight_change.sel(model="burst")).max())
        for axis in (*SWITCHES, "conditions")
    )
    here = change.sel(model="burst")
    count = np.maximum((here > scale).sum("seed"), (here < -scale).sum("seed"))
    np.testing.assert_allclose(found.sign_share.sel(model="burst"), count / 3)
    # Of 3 of 3 the exact lower limit is 0.025^(1/3).
    whole = found.sign_share_low.values[found.sign_share.values == 1.0]
    np.testing.assert_allclose(whole, 0.025 ** (1 / 3))


def test_only_rules_that_need_spikes_stand_still_without_them(matrix):
    found = matrix["matrix"].sign_without_spikes
    assert found.sel(model="burst") == "none"
    assert found.sel(model="guerguiev") == "LTP"


def test_early_late_and_lasting_apical_currents_differ_for_a_rule_of_halves(matrix):
    change = matrix["conditions"].weight_change.sel(model="guerguiev")
    change = change.sel(basal_protocol="causal").mean("seed")
    early, late = (float(change.sel(apical_condition=c)) for c in ("early", "late"))
    for name in ("none", "throughout", "inhibited"):
        assert abs(float(change.sel(apical_condition=name))) < 0.1 * late
    assert early < 0 < late


def test_the_table_has_a_row_for_every_model_and_links_to_its_data(matrix):
    lines = matrix_table(matrix, "run.nc").splitlines()
    assert len(lines) == 5
    assert all(line.count("](run.nc)") == 5 for line in lines[2:])
    verdicts = ("switch", "switch", "switch", "no (LTP)", "no")
    cells = " | ".join(f"[{verdict}](run.nc)" for verdict in verdicts)
    assert lines[2] == f"| burst | {cells} |"


@pytest.mark.nojit
def test_signs_need_the_agreement_of_seeds():
    change = np.array([[1.0, 2.0], [-1.0, -0.1], [3.0, -1.0], [1e-3, -1e-3]])
    assert signs(change, 3.0) == ["LTP", "LTD", "unsure", "none"]
    assert signs(np.array([[1e-12, 1e-12]]), 3.0) == ["none"]


@pytest.mark.nojit
def test_a_verdict_tells_switches_from_gates():
    assert verdict(["LTD", "none", "unsure", "LTP"]) == "switch"
    assert verdict(["none", "LTP", "unsure"]) == "gate (LTP)"
    assert verdict(["LTD", "unsure"]) == "no (LTD)"
    assert verdict(["none", "none"]) == "no (none)"
    assert verdict(["unsure"]) == "unsure"
