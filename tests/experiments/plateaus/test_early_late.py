"""early-late: exact changes, the course over onsets, spikes, picture."""

import json

import numpy as np
import pytest

from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from experiments.plateaus.early_late import CONDITIONS, early_late, pulses
from experiments.statistics import crossing
from tests.reference import guerguiev_twin as twin


@pytest.fixture(scope="module")
def tree():
    return early_late(repeats=20, onset_step=5)


def test_the_tree_is_valid_and_reopens_as_it_was(tree, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)


def test_changes_are_those_of_the_closed_form(tree):
    found = dict(zip(CONDITIONS, tree["settled"].dw.values, strict=True))
    assert found["early"] == pytest.approx(-0.342717, abs=1e-6)
    assert found["late"] == pytest.approx(0.342717, abs=1e-6)
    # The closed form itself: 0.21 * 20 * 0.6 / 0.7 * (1/2 - sigma(2)) / 4; the kernel's
    # slower exponential is at 1e-16 after 380 ms.
    exact = 0.21 * 20 * twin.share_hidden() * (0.5 - twin.sigma(2.0)) / 4
    assert found["early"] == pytest.approx(exact, rel=1e-12)
    assert found["both"] == pytest.approx(0.0, abs=1e-15)
    assert found["none"] == 0
    headline = json.loads(tree.attrs["headline_json"])
    for name in ("early", "late", "both"):
        assert headline[f"dw_{name}"]["value"] == found[name]
        assert headline[f"dw_{name}"]["reference"]


def test_other_amplitudes_saturate():
    found = early_late(amplitude=30.0, repeats=2, onset_step=50)["settled"].dw
    largest = 0.21 * 20 * twin.share_hidden() * 0.5 / 4
    assert float(found.sel(condition="late")) == pytest.approx(largest, rel=1e-9)


def test_the_course_over_onsets_equals_the_twin(tree):
    # The apical potential of a constant input of 1 for 50 steps, by the sum over ages.
    found = tree["onset"].to_dataset()
    for onset, dw in zip(found.onset.values.astype(int), found.dw.values, strict=True):
        given = np.zeros((100, 1))
        given[onset : onset + 50] = 1.0
        apical = [
            2.0 / twin.kernel_sum() * twin.filtered(given[: k + 1], None)[0]
            for k in range(100)
        ]
        forward, target = np.mean(apical[30:50]), np.mean(apical[80:])
        expected = 3.6 * (twin.sigma(target) - twin.sigma(forward)) / 4
        assert dw == pytest.approx(expected, rel=1e-10, abs=1e-14)


def test_the_sign_turns_between_early_and_late(tree):
    found = tree["onset"].dw
    assert float(found.sel(onset=0)) < 0 < float(found.sel(onset=50))
    onset = json.loads(tree.attrs["headline_json"])["onset_of_sign_change_ms"]["value"]
    assert 0 < onset < 50
    # Earlier for longer input: the border of the map runs down a diagonal.
    dw = tree["map"].dw
    borders = [crossing(dw.onset.values, dw.sel(duration=d).values) for d in (20, 50)]
    assert borders[1] < borders[0]
    np.testing.assert_array_equal(dw.sel(duration=50), found)


def test_spikes_give_the_same_signs_and_controls_stay_put(tree):
    dw = tree["conditions"].dw
    assert (dw.sel(condition="none") == 0).all()
    for condition, sign in (("early", -1), ("late", 1)):
        values = sign * dw.sel(condition=condition).values
        error = values.std(ddof=1) / np.sqrt(len(values))
        assert values.mean() > 10 * error
    both = dw.sel(condition="both").values
    assert abs(both.mean()) < 3 * both.std(ddof=1) / np.sqrt(len(both))
    assert both.std() > 0
    # Synapses that were not paired do not change; the others have the sign of dw.
    assert (tree["conditions"].dw_unpaired == 0).all()
    paired = tree["conditions"].dw_paired.values
    assert (np.sign(paired) == np.sign(dw.values)).all()
    assert len(np.unique(tree["conditions"].rate)) == 1


def test_changes_follow_from_the_plateaus(tree):
    found = tree["conditions"].to_dataset()
    difference = found.plateau.sel(half="target") - found.plateau.sel(half="forward")
    ratio = (found.dw / difference).sel(condition=["early", "late", "both"]).values
    # One slope for all, since basal spikes are the same; 1/4 at most.
    np.testing.assert_allclose(ratio, ratio.flat[0], rtol=1e-9)
    assert 0 < ratio.flat[0] < 3.6 / 4


def test_impossible_times_are_refused():
    with pytest.raises(ConfigError, match="longer than a half"):
        early_late(onset_step=51)
    with pytest.raises(ConfigError, match="phase: got 10, must be >= 20 ms"):
        early_late(phase=10, onset_step=5)


def test_pulses_last_from_onset_on():
    found = pulses([(0, 2), (3, 1), (3, 100)], 3)
    np.testing.assert_array_equal(
        found.T, [[1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0], [0, 0, 0, 1, 1, 1]]
    )
