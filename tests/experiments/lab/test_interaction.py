"""The test of an interaction: exact for few seeds, and right about nothing."""

import itertools
import math

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binom

from experiments.lab import Protocol, lab_models, run_lab
from experiments.lab.labelled import CHANGES
from experiments.lab.statistics import interaction_test

LEVEL = 0.05
RARE = 1e-6  # how often a right test may fail here


def measured(paired, control, unpaired, nothing):
    """As run_lab returns it, of changes (..., n_seeds)."""
    arrays = dict(zip(CHANGES, (paired, control, unpaired, nothing), strict=True))
    found = xr.Dataset(
        {
            name: (("protocol", "seed"), np.atleast_2d(x).astype(float))
            for name, x in arrays.items()
        }
    )
    names = iter(CHANGES)
    paired, control, unpaired, nothing = (found[next(names)] for _ in CHANGES)
    return found.assign(interaction=(paired - control) - (unpaired - nothing))


def of_interaction(values):
    """With nothing but an interaction."""
    return measured(values, *np.zeros((3, *np.shape(values))))


@pytest.mark.nojit
def test_p_is_the_share_of_flips_of_signs_as_far_from_zero():
    seeds = np.array([1.0, 2.0, -0.5, 3.0, 0.25])
    flips = np.array([*itertools.product((1, -1), repeat=len(seeds))])
    wanted = (np.abs(flips @ seeds) >= seeds.sum() - 1e-12).mean()
    assert interaction_test(of_interaction(seeds))["p"] == pytest.approx(wanted)


@pytest.mark.nojit
@pytest.mark.parametrize("n, least", [(2, 0.5), (6, 2 / 64), (40, 2e-4)])
def test_p_is_no_smaller_than_seeds_can_tell(n, least):
    seeds = 1.0 + 1e-9 * np.arange(n)
    assert interaction_test(of_interaction(seeds))["p"] == pytest.approx(least)


@pytest.mark.nojit
def test_the_mean_is_over_protocols_that_were_run_and_the_spread_over_seeds():
    rng = np.random.default_rng(0)
    base, effect = rng.normal(size=(3, 20)), rng.normal(2.0, 0.5, 20)
    changes = measured(2 * base + effect, base, base, np.zeros_like(base))
    changes = xr.concat([changes, changes.isel(protocol=[0]) * np.nan], "protocol")
    found = interaction_test(changes)
    assert found["mean"] == pytest.approx(effect.mean())
    assert found["sd"] == pytest.approx(effect.std(ddof=1))
    assert found["p"] == pytest.approx(2e-4)


@pytest.mark.nojit
def test_rounding_and_one_seed_leave_nothing_to_test():
    base, other = np.random.default_rng(0).normal(size=(2, 3, 20))
    none = measured(base + 0.1, base, other + 0.1, other)
    assert 0 < abs(none.interaction).max() < 1e-15
    assert math.isnan(interaction_test(none)["p"])
    assert math.isnan(interaction_test(of_interaction(np.array([2.0])))["p"])


def false_positives(draw, repeats):
    """How often nothing is found significant, of data that `draw` gives."""
    found = [interaction_test(measured(*draw(k)))["p"] for k in range(repeats)]
    return sum(p < LEVEL for p in found)


@pytest.mark.nojit
def test_nothing_is_found_as_often_as_the_level_says_in_skewed_data():
    # A rate, a share, and noise that all conditions of a seed have in common.
    def draw(k):
        rng = np.random.default_rng(k)
        shared = rng.exponential(5.0, 10)
        own = rng.exponential(1.0, (4, 10))
        return shared + own * np.array([[3.0], [3.0], [1.0], [1.0]])

    repeats = 300
    # Exact p of 10 seeds are multiples of 2 / 2^10: 0.0488 is the largest below 0.05.
    low, high = binom.interval(1 - RARE, repeats, 50 / 1024)
    assert low <= false_positives(draw, repeats) <= high


@pytest.mark.nojit
def test_an_interaction_as_large_as_its_spread_is_found():
    rng = np.random.default_rng(2)
    found = [
        interaction_test(of_interaction(rng.normal(1.0, 1.0, 12)))["p"] < LEVEL
        for _ in range(100)
    ]
    # A t test finds it 88 times of 100.
    assert np.mean(found) > 0.75


def without_apical_effect(seeds):
    """Changes of the burst rule under noise, of seeds, nothing apical differing."""
    burst = lab_models("burst")["burst"]
    return run_lab(
        burst,
        Protocol(frequency=20.0, pairings=3, somatic_current=2500.0),
        seeds=seeds,
        noise_soma=900.0,
        noise_apical=900.0,
    ).isel(model=0)


def test_an_apical_current_of_nothing_has_no_interaction_with_shared_noise():
    found = without_apical_effect(range(8))
    assert (found.weight_change != found.weight_change_unpaired).any()
    assert (found.interaction == 0).all()
    assert math.isnan(interaction_test(found)["p"])


@pytest.mark.slow
def test_the_lab_finds_nothing_as_often_as_the_level_says():
    # Without an apical effect and with noise of its own for every condition: each of
    # the four is measured on other seeds.
    repeats, n = 200, 12
    found = without_apical_effect(range(4 * n * repeats))
    with_pulses = found.weight_change.values.reshape(repeats, 4, n)
    without = found.weight_change_unpaired.values.reshape(repeats, 4, n)

    def draw(k):
        return (*with_pulses[k, :2], *without[k, 2:])

    assert all(np.std(each) > 0 for k in range(repeats) for each in draw(k))
    low, high = binom.interval(1 - RARE, repeats, LEVEL)
    assert low <= false_positives(draw, repeats) <= high
