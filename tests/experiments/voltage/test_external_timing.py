"""The external-timing experiment: exact changes, what separates the models, picture."""

import json

import numpy as np
import pytest
from reference import stdp_twin

from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from experiments.voltage.external_timing import external_delays, external_timing
from experiments.voltage.external_timing_circuit import (
    A_MINUS,
    A_PLUS,
    DENDRITES,
    EXPECTED_BURSTS,
    SOMATIC,
    TAU_EVENT,
    TAU_MINUS,
    TAU_PLUS,
    control_spike,
    paired,
)

SMALL = {
    "amplitudes": (300.0, 500.0),
    "pairing_dt": (-5.0, 5.0, 20.0),
    "interval": 6.0,
    "repeats": 2,
}
WINDOW = {
    "a_plus": A_PLUS,
    "a_minus": A_MINUS,
    "tau_plus": TAU_PLUS,
    "tau_minus": TAU_MINUS,
}


@pytest.fixture(scope="module")
def tree():
    return external_timing(**SMALL)


@pytest.fixture(scope="module")
def timing(tree):
    return tree["timing"].to_dataset()


@pytest.fixture(scope="module")
def separating(timing):
    """At the amplitude and pairing of the headline."""
    return timing.sel(amplitude=500.0, pairing_dt=5.0)


def strict_groups(train):
    """First spikes of events, and second spikes of bursts, for intervals < 16 ms."""
    events, bursts = [], []
    for k, t in enumerate(train):
        joined = k > 0 and t - train[k - 1] < 16.0 - 1e-6
        if not joined:
            events.append(t)
        elif train[k - 1] in events:
            bursts.append(t)
    return events, bursts


@pytest.mark.parametrize("dendrite", DENDRITES)
@pytest.mark.parametrize("somatic", SOMATIC)
def test_changes_are_sums_over_the_spikes_of_the_cell(somatic, dendrite):
    delays = np.array([-60.0, -36.0, -30.0, -20.0, -6.0, 3.0, 4.0, 15.0])
    pairing = np.array([-12.0, -5.0, 2.0, 5.0, 20.0])
    control = control_spike(dendrite, 0.1)
    found = paired(
        somatic,
        dendrite,
        np.full(8, 500.0),
        delays,
        pairing,
        duration=20.0,
        control=control,
        dt=0.1,
    )
    for cell in range(8):
        train = found.times[found.units == cell].round(1).tolist()
        events, bursts = strict_groups(train)
        assert found.first_spike[cell].round(1) == train[0]
        counts = (found.n_spikes, found.n_events, found.n_bursts)
        wanted = len(train), len(events), len(bursts)
        assert tuple(n[cell] for n in counts) == wanted
        for k, pre in enumerate((control - pairing).round(1)):
            by_events = stdp_twin.pair_change([pre], events, **WINDOW)
            by_spikes = stdp_twin.pair_change([pre], train, **WINDOW)
            by_bursts = sum(
                (1.0 if t in bursts else -EXPECTED_BURSTS)
                * np.exp(-(t - pre) / TAU_EVENT)
                for t in events + bursts
                # A presynaptic event of the same step is in its trace.
                if t > pre - 1e-6
            )
            # Traces are products of up to 1000 rounded factors.
            wanted = [by_events, by_spikes, by_bursts]
            np.testing.assert_allclose(found.dW[:, cell, k], wanted, rtol=0, atol=1e-12)


def test_without_external_input_every_setting_is_the_control(tree):
    control = tree["control"].to_dataset()
    assert (control.n_spikes == 1).all() and (abs(control["shift"]) < 1e-9).all()
    for pairing in (5.0, 20.0):
        at = control.sel(pairing_dt=pairing)
        np.testing.assert_allclose(at.dW_A, np.exp(-pairing / TAU_PLUS), rtol=1e-12)
        np.testing.assert_allclose(
            at.dW_B, -EXPECTED_BURSTS * np.exp(-pairing / TAU_EVENT), rtol=1e-12
        )
    late = control.sel(pairing_dt=-5.0)
    np.testing.assert_allclose(late.dW_A, -np.exp(-5.0 / TAU_MINUS), rtol=1e-12)
    assert (late.dW_B == 0.0).all()


def test_external_pulses_after_the_spike_do_not_move_it(timing):
    after = timing["shift"].sel(external_delay=slice(0.0, None))
    assert after.sizes["external_delay"] == 4
    assert (abs(after) < 1e-9).all()


def test_the_strong_pulse_holds_the_time_of_the_spike(timing):
    free, clamped = (timing["shift"].sel(somatic=name) for name in SOMATIC)
    # Up to two steps.
    assert (abs(clamped) < 0.2 + 1e-9).all()
    assert float(free.sel(dendrite="blocked", amplitude=500.0).min()) < -5.0


def test_the_blocked_dendrite_never_bursts(timing):
    assert (timing.n_bursts.sel(dendrite="blocked") == 0).all()
    assert (timing.n_bursts.sel(dendrite="intact", amplitude=500.0) == 1).any()


def test_at_a_fixed_spike_time_bursts_move_model_b_alone(separating):
    at = separating.sel(somatic="clamped", dendrite="intact")
    single = at.where(at.n_events == 1, drop=True)
    assert 0 < float((single.n_bursts == 1).mean()) < 1
    # Two steps of the spike time: exp(0.2 / tau_+).
    spread = float(single.dW_A.max() / single.dW_A.min())
    assert spread < np.exp(0.2 / TAU_PLUS) * (1 + 1e-9)
    burst = at.n_bursts == 1
    assert (at.dW_B.where(burst, drop=True) > 0).all()
    assert (at.dW_B.where(~burst, drop=True) < 0).all()


def test_with_all_spikes_counted_pairs_feel_bursts_too(separating):
    at = separating.sel(somatic="clamped", dendrite="intact")
    extra = at.dW_A_every_spike - at.dW_A
    assert (extra.where(at.n_spikes > 1, drop=True) > 0.2).all()
    assert (abs(extra.where(at.n_spikes == 1, drop=True)) < 1e-12).all()


def test_without_bursts_only_model_a_changes_its_sign(separating):
    at = separating.sel(somatic="free", dendrite="blocked")
    assert float(at.dW_A.min()) < -0.5 and float(at.dW_A.max()) > 0.5
    # The sign follows the order of the spikes: 5 ms are left to the shift.
    np.testing.assert_array_equal(at.dW_A < 0, at["shift"] < -5.0 - 1e-9)
    assert (at.dW_B <= 0).all()


def test_with_both_controls_nothing_moves(separating):
    at = separating.sel(somatic="clamped", dendrite="blocked")
    for name in ("dW_A", "dW_B"):
        assert float(at[name].max() - at[name].min()) < 0.02


def test_headline_figures_are_those_of_the_tree(tree, separating):
    headline = json.loads(tree.attrs["headline_json"])
    blocked = separating.sel(somatic="free", dendrite="blocked")
    clamped = separating.sel(somatic="clamped", dendrite="intact")
    wanted = {
        "lowest_A_free_blocked": blocked.dW_A.min(),
        "highest_B_free_blocked": blocked.dW_B.max(),
        "highest_B_clamped_intact": clamped.dW_B.max(),
    }
    for name, value in wanted.items():
        assert headline[name]["value"] == float(value)
    assert headline["range_A_clamped_intact"]["value"] < 0.02
    assert headline["most_bursts_blocked"]["value"] == 0


def test_noise_is_shared_by_pulses_of_all_times(tree):
    noisy = tree["noise"].to_dataset()
    assert noisy.pairing_dt.values.tolist() == [5.0]
    # Long after its pulse every cell of one draw is where the others are: pulses after
    # the spike leave its time alone.
    late = noisy["shift"].sel(somatic="free", external_delay=slice(2.0, None))
    assert late.sizes["external_delay"] > 1
    assert (late.max("external_delay") == late.min("external_delay")).all()


def test_the_seed_decides_the_noise_and_repeats_have_their_own():
    control = control_spike("intact", 0.1)
    first, again, other = (
        paired(
            "free",
            "intact",
            np.full(4, 500.0),
            np.full(4, -10.0),
            np.array([5.0]),
            duration=20.0,
            control=control,
            dt=0.1,
            noise=50.0,
            streams=[0, 1, 2, 0],
            seed=seed,
        ).first_spike
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert len(set(first)) == 3 and first[0] == first[3]
    assert (first != other).any()


def test_delays_run_from_the_first_to_at_most_the_last():
    assert external_delays(-4.0, 3.0, 2.0, 0.1).tolist() == [-4.0, -2.0, 0.0, 2.0]


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        ({"interval": 0.25}, "interval = 0.25 ms is no whole number of steps"),
        ({"first": -100.0}, "external pulses can come from -100 to 60 ms"),
        ({"last": 61.0}, "external pulses can come from -100 to 60 ms"),
        ({"first": 19.0}, "need at least two times"),
    ],
)
def test_impossible_delays_are_refused(bad, text):
    with pytest.raises(ConfigError, match=text):
        external_timing(**{**SMALL, **bad})


def test_the_tree_is_valid_and_reopens_as_it_was(tree, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)
