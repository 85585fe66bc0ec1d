"""Drives: what a run's steps receive, and which inputs are refused."""

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from dendrites.drives import (
    Drive,
    as_drive,
    constant,
    noise,
    poisson_train,
    pulse,
    ramp,
    sample,
    spike_train,
    step,
    waveform,
)
from dendrites.errors import ConfigError, ModelError
from dendrites.random import normal, poisson, stream_key

# Statistical limits are in standard errors; seeds are fixed. A correct drive would be
# outside for one stream name in 10,000.
Z_SCORE = 3.9
# Sums over n steps of numbers of order one: n roundings of 1e-16 each, n <= 1e4.
ROUNDING = 1e-12


def test_constant_fills_every_step_exactly():
    np.testing.assert_array_equal(sample(constant(0.1), 7, 0.1), np.full(7, 0.1))


def test_pulse_on_the_grid_is_exactly_its_amplitude_or_zero():
    # 0.3 / 0.1 and 0.7 / 0.1 are not whole numbers in floating point.
    values = sample(pulse(5.7, start=0.3, duration=0.4), 10, 0.1)
    expected = [0, 0, 0, 5.7, 5.7, 5.7, 5.7, 0, 0, 0]
    np.testing.assert_array_equal(values, expected)


def test_pulse_late_in_a_long_run_stays_on_the_grid():
    values = sample(pulse(1.0, start=99_999.9, duration=0.1), 1_000_001, 0.1)
    np.testing.assert_array_equal(np.flatnonzero(values), [999_999])
    assert values[999_999] == 1.0


def test_pulse_off_the_grid_is_averaged_over_its_steps():
    values = sample(pulse(4.0, start=1.25, duration=1.5), 4, 1.0)
    np.testing.assert_allclose(values, [0.0, 3.0, 3.0, 0.0], rtol=ROUNDING)


def test_pulse_shorter_than_a_step_keeps_its_charge():
    values = sample(pulse(4.0, start=1.3, duration=0.1), 3, 1.0)
    np.testing.assert_allclose(values, [0.0, 0.4, 0.0], rtol=ROUNDING)


@pytest.mark.parametrize("dt", [0.1, 0.07, 1 / 3, 0.9, 5.0])
def test_charge_of_a_pulse_does_not_depend_on_the_time_step(dt):
    values = sample(pulse(-3.0, start=2.2, duration=5.13), math.ceil(10 / dt), dt)
    assert values.sum() * dt == pytest.approx(-3.0 * 5.13, rel=ROUNDING)


def test_pulse_of_no_duration_carries_no_charge():
    values = sample(pulse(4.0, start=0.35, duration=0.0), 8, 0.1)
    np.testing.assert_array_equal(values, np.zeros(8))


def test_pulse_is_cut_at_the_end_of_the_run():
    values = sample(pulse(4.0, start=2.0, duration=100.0), 4, 1.0)
    np.testing.assert_array_equal(values, [0.0, 0.0, 4.0, 4.0])


def test_step_lasts_to_the_end_and_averages_its_first_step():
    values = sample(step(2.0, start=1.75), 4, 1.0)
    np.testing.assert_allclose(values, [0.0, 0.5, 2.0, 2.0], rtol=ROUNDING)


def test_ramp_gives_the_mean_of_its_line_and_holds_both_ends():
    values = sample(ramp(1.0, 5.0, start=1.0, duration=2.0), 5, 1.0)
    np.testing.assert_allclose(values, [1.0, 2.0, 4.0, 5.0, 5.0], rtol=ROUNDING)


@pytest.mark.parametrize("dt", [0.1, 0.3, 0.7, 20.0])
def test_charge_of_a_ramp_does_not_depend_on_the_time_step(dt):
    n_steps = math.ceil(20 / dt)
    values = sample(ramp(1.0, 5.0, start=2.2, duration=7.7), n_steps, dt)
    charge = 1.0 * 2.2 + 3.0 * 7.7 + 5.0 * (n_steps * dt - 9.9)
    assert values.sum() * dt == pytest.approx(charge, rel=ROUNDING)


def test_ramp_of_no_duration_is_a_jump():
    values = sample(ramp(1.0, 5.0, start=2.0, duration=0.0), 4, 1.0)
    np.testing.assert_array_equal(values, [1.0, 1.0, 5.0, 5.0])


def test_waveform_on_its_own_grid_is_returned_exactly():
    samples = np.random.default_rng(0).normal(size=1000)
    np.testing.assert_array_equal(sample(waveform(samples, dt=0.1), 1000, 0.1), samples)


def test_waveform_is_held_over_finer_steps():
    values = sample(waveform([0.1, 0.7], dt=0.3), 6, 0.1)
    np.testing.assert_array_equal(values, [0.1, 0.1, 0.1, 0.7, 0.7, 0.7])


def test_waveform_is_averaged_over_coarser_steps():
    values = sample(waveform([1, 2, 3, 4, 5, 6], dt=1.0), 4, 1.5)
    np.testing.assert_allclose(values, [4 / 3, 8 / 3, 13 / 3, 17 / 3], rtol=ROUNDING)


def test_waveform_may_outlast_the_run():
    np.testing.assert_array_equal(sample(waveform([1, 2, 3], dt=1.0), 2, 1.0), [1, 2])


def test_waveform_that_ends_before_the_run_is_refused():
    with pytest.raises(ModelError, match=r"3 samples end at 3 ms.*lasts 4 ms"):
        sample(waveform([1, 2, 3], dt=1.0), 4, 1.0)


def test_waveform_keeps_its_own_copy_of_the_values():
    samples = np.array([1.0, 2.0])
    drive = waveform(samples, dt=1.0)
    samples[0] = 99.0
    np.testing.assert_array_equal(sample(drive, 2, 1.0), [1.0, 2.0])


def test_spikes_count_in_the_step_whose_beginning_is_nearest():
    values = sample(spike_train([0.0, 0.3, 0.4, 0.7, 0.7], weight=2.5), 8, 0.1)
    np.testing.assert_array_equal(values, [2.5, 0, 0, 2.5, 2.5, 0, 0, 5.0])
    with pytest.warns(UserWarning, match="2 of 3 spikes are no multiples .*0.04 ms"):
        values = sample(spike_train([0.04, 0.26, 0.4]), 5, 0.1)
    np.testing.assert_array_equal(values, [1.0, 0, 0, 1.0, 1.0])


def test_spikes_on_the_grid_stay_on_it_in_a_long_run():
    times = np.arange(100_000) * 0.1
    values = sample(spike_train(times), 100_000, 0.1)
    np.testing.assert_array_equal(values, np.ones(100_000))


def test_empty_spike_train_is_silent():
    np.testing.assert_array_equal(sample(spike_train([]), 3, 0.1), np.zeros(3))


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([1.0, 3.0, 2.0, 1.0], r"times_ms\[2\]=2 ms: earlier"),
        ([-0.5, 1.0], r"times_ms\[0\]=-0.5 ms: a run begins at 0 ms"),
        ([1.0, math.nan, math.inf], r"times_ms\[1\]=nan: must be finite \(2 of 3"),
        ([[1.0, 2.0]], r"shape \(1, 2\)"),
        (["1", "2"], "holds no numbers"),
        ([[1.0], [1.0, 2.0]], "holds no numbers"),
        (3.0, r"shape \(\)"),
    ],
)
def test_malformed_spike_train_is_refused(times, message):
    with pytest.raises(ModelError, match=message):
        spike_train(times)


@pytest.mark.parametrize("late", [10.0, 10.5])
def test_spike_at_or_after_the_end_of_the_run_is_refused(late):
    with pytest.raises(ModelError, match=rf"times_ms\[1\]={late:g} ms: not before.*10"):
        sample(spike_train([9.9, late, 20.0]), 100, 0.1)


def test_sum_of_drives_is_the_sum_of_their_samples():
    first = pulse(2.0, start=1.0, duration=2.0)
    second = ramp(0.0, 3.0, start=0.0, duration=3.0)
    expected = sample(first, 5, 1.0) + sample(second, 5, 1.0)
    np.testing.assert_array_equal(sample(first + second, 5, 1.0), expected)


@pytest.mark.parametrize("number", [2, 2.0, np.float64(2.0), np.int32(2)])
def test_number_on_either_side_of_a_sum_is_a_constant(number):
    one = step(1.0, start=1.0)
    for drive in (number + one, one + number):
        np.testing.assert_array_equal(sample(drive, 3, 1.0), [2.0, 3.0, 3.0])


def test_builtin_sum_adds_drives():
    drive = sum([constant(1.0), constant(2.0)])
    np.testing.assert_array_equal(sample(drive, 2, 1.0), [3.0, 3.0])


def test_drive_passes_through_as_drive():
    drive = constant(1.0)
    assert as_drive(drive) is drive


def test_number_becomes_a_constant_drive():
    np.testing.assert_array_equal(sample(as_drive(3), 2, 0.1), [3.0, 3.0])


@pytest.mark.parametrize("values", [np.ones(3), [1.0, 2.0], (1.0,)])
def test_array_in_place_of_a_drive_is_refused_with_the_remedy(values):
    with pytest.raises(ModelError, match=r"(?s)^apical: .*shape.*waveform\("):
        as_drive(values, where="apical")


def test_array_added_to_a_drive_is_refused():
    with pytest.raises(ModelError, match="shape"):
        np.ones(3) + constant(1.0)


@pytest.mark.parametrize("value", ["1", None, True, np.True_, 1j])
def test_other_objects_in_place_of_a_drive_are_refused(value):
    with pytest.raises(ModelError, match="a drive is a number or a Drive"):
        as_drive(value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: constant(math.nan), "constant: amplitude = nan"),
        (lambda: constant(10**400), "constant: amplitude = "),
        (lambda: constant("3"), "constant: amplitude = '3'"),
        (lambda: as_drive(math.inf), "drive: value = inf"),
        (lambda: pulse(math.inf, start=0, duration=1), "pulse: amplitude = inf"),
        (lambda: pulse(1, start=0, duration=-1), "pulse: duration = -1 ms"),
        (lambda: pulse(1, start=-2, duration=1), "pulse: start = -2 ms"),
        (lambda: step(1, start=math.nan), "step: start = nan ms"),
        (lambda: ramp(1, math.nan, start=0, duration=1), "ramp: to = nan"),
        (lambda: ramp(1, 2, start=0, duration=-1), "ramp: duration = -1 ms"),
        (lambda: waveform([], dt=1), "waveform: values is empty"),
        (lambda: waveform([1, math.inf], dt=1), r"values\[1\]=inf"),
        (lambda: waveform([1, 2], dt=0), "waveform: dt = 0 ms: .*> 0"),
        (lambda: noise(-1), "noise: sd = -1: .*>= 0"),
        (lambda: noise(1, tau=0), "noise: tau = 0 ms: .*> 0"),
        (lambda: noise(1, mean=math.nan), "noise: mean = nan"),
        (lambda: poisson_train(-5), "poisson_train: rate_hz = -5 Hz"),
        (lambda: poisson_train(5, weight=math.inf), "poisson_train: weight = inf"),
        (lambda: spike_train([1], weight=math.nan), "spike_train: weight = nan"),
    ],
)
def test_impossible_number_is_refused_by_name(make, message):
    with pytest.raises(ModelError, match=message):
        make()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_steps": 0}, "n_steps: expected .* got 0"),
        ({"n_steps": 2.0}, "n_steps: expected .* got 2.0"),
        ({"dt": 0.0}, "dt = 0.0 ms"),
        ({"dt": math.nan}, "dt = nan ms"),
        ({"dt": "0.1"}, "dt = '0.1'"),
        ({"condition": -1}, "condition: .* got -1"),
        ({"condition": 2**32}, "condition: .* got 4294967296"),
    ],
)
def test_impossible_run_option_is_refused_by_name(options, message):
    with pytest.raises(ConfigError, match=message):
        sample(1.0, **({"n_steps": 2, "dt": 0.1} | options))


def test_drive_is_immutable():
    with pytest.raises(FrozenInstanceError):
        constant(1.0).parts = ()


def test_drive_knows_whether_it_is_random():
    assert (constant(1.0) + noise(1.0)).is_random
    assert not (constant(1.0) + spike_train([1.0])).is_random


def test_drive_without_parts_is_zero():
    np.testing.assert_array_equal(sample(Drive(), 2, 0.1), [0.0, 0.0])


def test_random_drive_without_a_seed_is_refused():
    with pytest.raises(ConfigError, match="seed=None"):
        sample(noise(1.0), 2, 0.1)


@pytest.mark.nojit
def test_white_noise_is_the_addressed_normal_numbers():
    values = sample(
        noise(2.0, mean=1.0), 5, 0.1, seed=3, stream="cell/soma", condition=7
    )
    key = stream_key(3, "drive/cell/soma")
    expected = [1.0 + 2.0 * normal(*key, 7, 0, k, 0) for k in range(5)]
    np.testing.assert_array_equal(values, expected)


@pytest.mark.nojit
def test_poisson_train_is_the_addressed_poisson_counts():
    # Enough spikes per step for a small error of the rate to change every count.
    drive = poisson_train(1e9, weight=0.5)
    values = sample(drive, 20, 0.1, seed=3, stream="cell/soma", condition=7)
    key = stream_key(3, "drive/cell/soma")
    expected = [0.5 * poisson(1e5, *key, 7, 0, k, 0) for k in range(20)]
    np.testing.assert_array_equal(values, expected)


@pytest.mark.nojit
@pytest.mark.parametrize("drive", [noise(1.0), noise(1.0, tau=5.0), poisson_train(5e3)])
def test_longer_run_starts_with_the_shorter_one(drive):
    short = sample(drive, 20, 0.1, seed=0)
    np.testing.assert_array_equal(sample(drive, 50, 0.1, seed=0)[:20], short)


@pytest.mark.parametrize(
    "changed", [{"seed": 1}, {"stream": "other"}, {"condition": 1}]
)
def test_random_drive_depends_on_each_part_of_its_address(changed):
    address = {"seed": 0, "stream": "drive", "condition": 0}
    first = sample(noise(1.0), 20, 0.1, **address)
    assert np.all(sample(noise(1.0), 20, 0.1, **(address | changed)) != first)


def test_adding_a_fixed_drive_leaves_the_random_numbers_alone():
    pure = sample(noise(1.0), 20, 0.1, seed=0)
    np.testing.assert_array_equal(sample(0.0 + noise(1.0), 20, 0.1, seed=0), pure)


def test_random_parts_of_a_sum_are_independent():
    n = 40_000
    variance = sample(noise(1.0) + noise(1.0), n, 0.1, seed=0).var()
    # 2 if independent, 4 if both read the same numbers.
    assert abs(variance - 2.0) < Z_SCORE * 2.0 * math.sqrt(2 / n)


def test_poisson_train_has_its_rate():
    n, dt, rate = 100_000, 0.1, 40.0
    expected = rate * n * dt / 1000.0
    total = sample(poisson_train(rate), n, dt, seed=0).sum()
    assert abs(total - expected) < Z_SCORE * math.sqrt(expected)


def test_poisson_train_too_dense_to_draw_is_refused():
    with pytest.raises(ModelError, match="rate_hz=1e.20.*spikes per step"):
        sample(poisson_train(1e20), 2, 0.1, seed=0)


@pytest.mark.parametrize("dt", [0.1, 2.0])
def test_coloured_noise_has_the_same_moments_at_every_time_step(dt):
    n, tau, sd = 200_000, 3.0, 2.0
    x = sample(noise(sd, tau=tau, mean=-1.0), n, dt, seed=0) + 1.0
    a = math.exp(-dt / tau)
    # Correlation leaves n (1-a)/(1+a) independent values for the mean, and the same
    # with a**2 for the variance.
    mean_error = sd * math.sqrt((1 + a) / (1 - a) / n)
    variance_error = sd**2 * math.sqrt(2 * (1 + a**2) / (1 - a**2) / n)
    assert abs(x.mean()) < Z_SCORE * mean_error
    assert abs(np.mean(x**2) - sd**2) < Z_SCORE * variance_error


def test_coloured_noise_decays_with_its_correlation_time():
    n, dt, tau = 200_000, 0.5, 3.0
    x = sample(noise(1.0, tau=tau), n, dt, seed=0)
    a = math.exp(-dt / tau)
    # The lag-one estimate of a first-order process has variance (1 - a**2) / n.
    estimate = np.sum(x[1:] * x[:-1]) / np.sum(x[:-1] ** 2)
    assert abs(estimate - a) < Z_SCORE * math.sqrt((1 - a**2) / n)


def test_coloured_noise_starts_in_its_stationary_distribution():
    n = 4_000
    drive = noise(2.0, tau=1e6)
    first = [sample(drive, 1, 0.1, seed=0, condition=i)[0] for i in range(n)]
    assert abs(np.var(first) - 4.0) < Z_SCORE * 4.0 * math.sqrt(2 / n)
