"""Crossings, errors, intervals, tests and signs against closed forms."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from dendrites.errors import ConfigError
from experiments.statistics import (
    AGREED,
    agreement,
    bootstrap,
    crossing,
    deviation,
    fitted_crossing,
    paired_p,
    share,
    standard_error,
)

pytestmark = pytest.mark.nojit
X = [0.0, 100.0, 200.0, 300.0]


@pytest.mark.parametrize(
    ("y", "rising", "falling"),
    [
        ([-1.0, -1.0, 3.0, 5.0], 125.0, math.nan),
        ([1.0, 1.0, -3.0, -5.0], math.nan, 125.0),
        ([1.0, -1.0, 3.0, -1.0], 125.0, 50.0),
        ([-1.0, 1.0, -1.0, 5.0], 50.0, 150.0),
        ([-1.0, -2.0, -1.0, -3.0], math.nan, math.nan),
        ([0.0, 0.0, 1.0, 2.0], math.nan, math.nan),
        ([-1.0, 0.0, 0.0, 5.0], 100.0, math.nan),
        ([-1.0, 0.0, 0.0, -5.0], 100.0, math.nan),
        ([2.0, -2.0, 0.0, 0.0], 200.0, 50.0),
        ([-1.0, math.nan, 1.0, 2.0], math.nan, math.nan),
    ],
)
def test_a_crossing_is_the_first_in_its_direction_by_a_line(y, rising, falling):
    assert crossing(X, y) == pytest.approx(rising, nan_ok=True)
    assert crossing(X, y, rising=False) == pytest.approx(falling, nan_ok=True)
    # Mirrored, and moved to another level.
    flipped = 7.0 - np.array(y)
    assert crossing(X, flipped, 7.0, rising=False) == pytest.approx(rising, nan_ok=True)


@pytest.mark.parametrize(
    ("y", "place"),
    [
        ([-1.0, -1.0, 3.0, 5.0], 125.0),
        ([-1.0, 0.0, 0.0, 5.0], 200.0),
        ([-1.0, 0.0, 0.0, -5.0], math.nan),
        ([-1.0, 0.0, -1.0, 1.0], 250.0),
        ([0.0, 0.0, 1.0, 2.0], math.nan),
        ([-1.0, -2.0, -1.0, 0.0], math.nan),
        ([1.0, -1.0, -2.0, 0.0], math.nan),
        ([-1.0, 1.0, -1.0, 5.0], 50.0),
    ],
)
def test_a_curve_that_stays_at_the_level_crosses_where_it_leaves_it(y, place):
    assert crossing(X, y, leaving=True) == pytest.approx(place, nan_ok=True)


def test_points_near_the_level_are_at_it():
    y = [-1.0, 1e-12, -1e-12, 5.0]
    assert crossing(X, y, leaving=True, flat=1e-9) == 200.0
    assert crossing(X, y, flat=1e-9) == 100.0
    assert crossing(X, y) == pytest.approx(100.0, rel=1e-11)


def test_a_fitted_crossing_is_that_of_the_line_through_all_points():
    # By hand: slope 1 and offset -2.9/3 of these three.
    found = fitted_crossing([0.0, 1.0, 2.0], [-1.0, 0.1, 1.0])
    assert found == pytest.approx(2.9 / 3.0, rel=1e-12)
    assert math.isnan(fitted_crossing([0.0, 1.0], [1.0, -1.0]))
    assert math.isnan(fitted_crossing([0.0], [1.0]))


def test_errors_are_those_of_n_minus_one_degrees_and_of_one_run_unknown():
    values = np.array([[1.0, 2.0, 3.0, 6.0], [4.0, 4.0, 4.0, 4.0]])
    assert deviation(values) == pytest.approx([math.sqrt(14 / 3), 0.0])
    assert standard_error(values) == pytest.approx([math.sqrt(14 / 12), 0.0])
    assert standard_error(values.T, axis=0) == pytest.approx(standard_error(values))
    assert np.isnan(standard_error(values[:, :1])).all()


def test_a_bootstrap_interval_is_that_of_all_draws_with_replacement():
    values = np.array([0.0, 1.0, 4.0, 9.0])
    means = [np.mean(some) for some in itertools.product(values, repeat=4)]
    found = bootstrap(values, draws=20_000)
    assert found.value == values.mean()
    # The exact distribution has 256 draws; its quantiles of 2.5 and 97.5 % lie in the
    # middle of long steps, which 20,000 draws do not leave.
    assert found.low == pytest.approx(np.quantile(means, 0.025))
    assert found.high == pytest.approx(np.quantile(means, 0.975))


def test_a_bootstrap_interval_depends_on_its_seed_alone():
    values = np.random.default_rng(0).standard_normal((2, 8))
    first, again, other = (bootstrap(values, draws=200, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first.low != other.low).any()
    median = bootstrap(values, np.median, draws=200)
    np.testing.assert_array_equal(median.value, np.median(values, axis=-1))
    assert (median.low <= median.value).all() and (median.value <= median.high).all()


def test_a_paired_test_sees_a_small_constant_advantage_over_noisy_seeds():
    rng = np.random.default_rng(0)
    seeds, noise = rng.normal(3.0, 1.0, 12), rng.normal(0.0, 0.05, 12)
    one, other = seeds, seeds + 0.1 + noise
    d = other - one
    t = d.mean() / (d.std(ddof=1) / math.sqrt(12))
    assert paired_p(one, other) == pytest.approx(2 * stats.t.sf(t, 11), rel=1e-9)
    assert paired_p(one, other) < 0.01 < stats.ttest_ind(one, other).pvalue
    # All of 5 signed ranks on one side, on both sides: 2 / 2^5.
    assert paired_p([1, 2, 3, 4, 5.5], [0, 0, 0, 0, 0], test="wilcoxon") == 2 / 2**5
    assert math.isnan(paired_p([1.0, 2.0], [0.0, 1.0]))
    assert math.isnan(paired_p([1.0], [0.0]))


@pytest.mark.parametrize("n", [1, 5, 20])
def test_the_interval_of_a_share_has_the_exact_tails_of_the_binomial(n):
    count = np.arange(n + 1)
    found = share(count, n)
    np.testing.assert_array_equal(found.value, count / n)
    assert found.low[0] == 0.0 and found.high[-1] == 1.0
    # As many or more at the lower limit, as few or fewer at the upper: 2.5 % each.
    tail = stats.binom.sf(count[1:] - 1, n, found.low[1:])
    np.testing.assert_allclose(tail, 0.025, rtol=1e-9)
    tail = stats.binom.cdf(count[:-1], n, found.high[:-1])
    np.testing.assert_allclose(tail, 0.025, rtol=1e-9)


def test_the_share_of_all_runs_has_a_closed_interval():
    # (1 - level) / 2 is the chance of n of n: low = 0.025^(1/n).
    assert share(20, 20).low == pytest.approx(0.025 ** (1 / 20), rel=1e-9)


def test_runs_agree_where_19_of_20_have_one_sign():
    change = np.ones((4, 20))
    change[1, 0] = -1.0
    change[2, :2] = -1.0
    change[3] = -1.0
    found = agreement(change)
    assert found.sign.tolist() == [1, 1, 0, -1]
    assert found.share.value.tolist() == [1.0, 0.95, 0.9, 1.0]
    assert found.share.low[1] == pytest.approx(share(19, 20).low)


def test_changes_that_are_nothing_have_no_sign():
    change = np.array([[0.0, 0.0], [1e-12, 2e-12], [1.0, 1e-12]])
    assert agreement(change, nothing=1e-9).sign.tolist() == [0, 0, 0]
    assert agreement(change).sign.tolist() == [0, 1, 1]


@pytest.mark.parametrize(("n", "chance"), [(5, 2 / 2**5), (20, 42 / 2**20)])
def test_a_fair_coin_agrees_as_seldom_as_is_said(n, chance):
    every = np.array(list(itertools.product([-1, 1], repeat=min(n, 5))))
    counts = np.arange(n + 1)
    reach = np.maximum(counts, n - counts) / n >= AGREED
    assert stats.binom.pmf(counts, n, 0.5)[reach].sum() == pytest.approx(chance)
    if n == 5:
        assert (agreement(every).sign != 0).mean() == chance


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: bootstrap([1.0]), r"shape \(1,\): the last axis must hold at least"),
        (lambda: bootstrap([1.0, 2.0], draws=0), "draws: expected a whole number >= 1"),
        (lambda: bootstrap([1.0, 2.0], level=95), "level = 95: must be below 1"),
        (lambda: share(1, 0), "share, n: expected a whole number >= 1"),
        (lambda: share(1, 2, level=0.0), "level = 0.0: must be > 0"),
        (lambda: paired_p([1.0, 2.0], [1.0]), "one number for each seed"),
        (lambda: paired_p([1.0], [1.0], test="u"), "got 'u'. allowed: t, wilcoxon"),
    ],
)
def test_what_has_no_meaning_is_refused(call, text):
    with pytest.raises(ConfigError, match=text):
        call()
