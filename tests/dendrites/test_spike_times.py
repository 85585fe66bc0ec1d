"""Times of spikes become steps: the nearest, and aloud where that moves them."""

import warnings

import numpy as np
import pytest

import dendrites as dn
from dendrites.drives import sample, spike_train
from dendrites.errors import ConfigError
from dendrites.spike_trains import spikes_in_steps

DT, N_STEPS = 0.1, 50_000
STEPS = np.sort(np.random.default_rng(0).choice(N_STEPS, 4000, replace=False))


def forced(times, units=None, **options):
    options = {"n_units": 1, "n_steps": N_STEPS, "dt": DT, **options}
    return spikes_in_steps(times, units, where="here", **options)[0]


def driven(times, n_steps=N_STEPS, **options):
    return np.flatnonzero(sample(spike_train(times, **options), n_steps, DT))


# The same times as they come out of recordings and scripts.
DETOURS = {
    "single precision": lambda steps: (steps * DT).astype(np.float32),
    "seconds times 1000": lambda steps: (steps * DT / 1000) * 1000,
    "summed up": lambda steps: np.cumsum(np.full(N_STEPS + 1, DT))[steps] - DT,
    "arange": lambda steps: np.arange(0.0, (N_STEPS + 1) * DT, DT)[steps],
}


@pytest.mark.parametrize("name", DETOURS)
def test_times_that_took_a_detour_keep_their_steps(name):
    with warnings.catch_warnings():
        # Single precision leaves up to 0.0025 steps: one warning, the same steps.
        warnings.filterwarnings("ignore", ".*no multiples of dt")
        np.testing.assert_array_equal(forced(DETOURS[name](STEPS + 1)), STEPS)
        np.testing.assert_array_equal(driven(DETOURS[name](STEPS)), STEPS)


def test_small_errors_are_silent_and_large_ones_told_once():
    forced(STEPS * DT + DT + 9e-5)
    times = STEPS * DT + DT
    times[[5, 70, 800]] += [0.01, -0.02, 0.03]
    with pytest.warns(UserWarning, match="3 of 4000 spikes are no.*up to 0.03 ms") as w:
        forced(np.sort(times))
    assert len(w) == 1


def test_spikes_close_to_the_ends_of_a_run_stay_in_it():
    with pytest.warns(UserWarning, match="2 of 2 spikes"):
        assert forced([0.03, 0.97], n_steps=10).tolist() == [0, 9]
    with pytest.warns(UserWarning, match="2 of 2 spikes"):
        assert driven([0.03, 0.97], n_steps=10).tolist() == [0, 9]


def test_seconds_are_told_with_their_number_and_the_way_out():
    times = np.arange(1, 44) / 22.0  # 43 spikes in 2 s
    with pytest.warns(UserWarning, match="all 43 spikes lie in the first 1.95 ms of 2"):
        forced(times, n_steps=20_000)
    with pytest.warns(UserWarning, match="in seconds: say that with the unit 's'"):
        driven(times, n_steps=20_000)


def test_seconds_can_be_said():
    seconds = STEPS * DT / 1000
    assert forced(seconds + DT / 1000, unit="s").tolist() == STEPS.tolist()
    assert driven(seconds, unit="s").tolist() == STEPS.tolist()
    with pytest.raises(ConfigError, match="unit = 'min'.*'ms', 's'|ms, s"):
        spike_train([1.0], unit="min")


def test_a_few_early_spikes_are_no_seconds():
    forced([0.1, 0.2, 0.3])
    forced(np.full(30, 0.1), np.arange(30), n_units=30)


def test_a_step_with_several_spikes_is_told_with_its_unit():
    times, units = [1.0, 7.00, 7.00004, 7.00008, 9.0], [0, 2, 2, 2, 1]
    with pytest.warns(UserWarning, match="3 spikes of unit 2 at .* at 7 ms"):
        forced(times, np.array(units), n_units=3)


def test_equal_times_are_counts():
    assert forced([1.0, 1.0, 1.0]).tolist() == [9, 9, 9]


def test_a_cell_can_be_forced_in_seconds():
    cell = dn.models.urbanczik_senn()
    given = {"duration": 5.0, "dt": 0.1, "i_soma": 0.0}
    trees = [
        dn.simulate(cell, forced_spikes=[2.0, 4.0], **given),
        dn.simulate(cell, forced_spikes=[0.002, 0.004], spike_unit="s", **given),
    ]
    times = [tree["spikes/cell"].spike_time.values for tree in trees]
    np.testing.assert_array_equal(*times)
    assert times[0].tolist() == [2.0, 4.0]
