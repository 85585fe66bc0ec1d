"""The spike-pair-window experiment: the closed form, tree and picture."""

import numpy as np
import pytest

from dendrites.dataset import open_run, save_run, validate
from dendrites.errors import ConfigError
from experiments.prediction.spike_pair_window import lag_steps, peak, spike_pair_window

SMALL = {"potentials": (-64.0, -56.0), "interval": 2.0, "tau_filter": 20.0}


@pytest.fixture(scope="module")
def tree():
    return spike_pair_window(**SMALL)


@pytest.fixture(scope="module")
def window(tree):
    return tree["window"].to_dataset()


def test_the_tree_is_valid_and_reopens_as_it_was(tree, tmp_path):
    validate(tree)
    assert open_run(save_run(tree, tmp_path / "a.nc")).identical(tree)


def test_the_window_is_the_closed_form(window):
    # The area of kappa, a sum over steps, is short of 1 by dt^2 / (12 tau_L tau_s) =
    # 2.8e-5; what is left in the filter is e^-25.
    scale = abs(window.expected).max("lag")
    assert float((abs(window.change - window.expected) / scale).max()) < 3e-5
    deepest = window.change.isel(lag=0) / window.expected.isel(lag=0)
    np.testing.assert_allclose(1.0 - deepest, 0.1**2 / 12 / 30, rtol=1e-3)


def test_lags_up_to_zero_depress_by_the_predicted_rate(window):
    # eta h phi: 15 mV h = 5 (1 - phi / phi_max), 150 pA per paper weight.
    early = window.change.sel(lag=slice(None, 0.0))
    phi = window.rate / 1000.0
    expected = -3 * 0.17 * 150.0 * window.importance * phi
    np.testing.assert_allclose(early, np.tile(expected, (21, 1)).T, rtol=3e-5)


def test_a_high_predicted_rate_leaves_no_potentiation(window):
    # The largest kappa is 0.0597 / ms.
    largest = window.change.max("lag")
    assert (window.rate.values > 59.7).tolist() == [False, True]
    assert (largest.values > 0).tolist() == [True, False]


def test_the_peak_is_that_of_the_kernel_whatever_the_potential():
    found = spike_pair_window(**{**SMALL, "interval": 0.2, "first": 0.0, "last": 12.0})
    # A parabola through points 0.2 ms apart errs by 0.003 ms.
    np.testing.assert_allclose(found["window"].peak_lag, 5.1599, atol=4e-3)


def test_a_parabola_finds_its_own_peak_and_a_border_stays():
    lag = np.arange(6.0)
    assert peak(lag, 3.0 - (lag - 2.3) ** 2) == pytest.approx(2.3)
    assert peak(lag, lag) == 4.0


def test_lags_are_whole_steps_around_the_input_spike():
    assert lag_steps(-0.4, 0.6, 0.2, 0.1).tolist() == [-4, -2, 0, 2, 4, 6]
    assert lag_steps(0.3, 1.0, 0.3, 0.1).tolist() == [3, 6, 9]


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        ({"interval": 0.25}, "interval = 0.25 ms is no whole number of steps"),
        ({"first": -0.05}, "first = -0.05 ms is no whole number of steps"),
        ({"last": 1e12}, "too large: .* lags, at most"),
        ({"last": -1.0}, "last: got -1.0, must be > 0 ms"),
        ({"first": 59.0, "interval": 1.0}, "need at least three lags"),
    ],
)
def test_impossible_lags_are_refused(bad, text):
    with pytest.raises(ConfigError, match=text):
        spike_pair_window(**bad)
