"""Initial weights drawn from normal and lognormal distributions, and cut ones."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from systems import two_populations

from circuits import LogNormal, Normal, Uniform, initial_weights
from dendrites._streams import generator
from dendrites.errors import ModelError

SIZES = 120, 80
# 9,600 numbers: the largest distance of a sample's distribution function from the true
# one is below this with a probability of 1 - 1e-6.
DISTANCE = 2.7 / math.sqrt(SIZES[0] * SIZES[1])


def drawn(initial, **options):
    n_post, n_pre = SIZES
    circuit = two_populations(n_pre, n_post, initial=initial, **options)
    return initial_weights(circuit, seed=3)["feedforward"]


def distance(values, distribution):
    return stats.kstest(values.ravel(), distribution.cdf).statistic


def test_normal_weights_are_those_of_their_stream():
    wanted = generator(3, "weights/feedforward").normal(0.2, 0.5, SIZES)
    np.testing.assert_array_equal(drawn(Normal(0.2, 0.5)), wanted)


@pytest.mark.parametrize(
    "low, high", [(0.0, math.inf), (-math.inf, 0.3), (0.0, 0.4), (2.0, 3.0), (-9, -3)]
)
def test_a_cut_normal_distribution_is_the_truncated_one(low, high):
    values = drawn(Normal(0.2, 0.5, low, high))
    ends = (np.array([low, high]) - 0.2) / 0.5
    assert values.min() >= low and values.max() <= high
    assert distance(values, stats.truncnorm(*ends, 0.2, 0.5)) < DISTANCE


def test_the_logarithm_of_lognormal_weights_is_normal():
    values = drawn(LogNormal(-0.5, 0.7))
    assert distance(np.log(values), stats.norm(-0.5, 0.7)) < DISTANCE
    assert np.median(values) == pytest.approx(math.exp(-0.5), rel=0.03)


def test_a_cut_lognormal_distribution_keeps_its_proportions():
    values = drawn(LogNormal(0.0, 1.0, low=0.5, high=2.0))
    ends = np.log([0.5, 2.0])
    assert values.min() >= 0.5 and values.max() <= 2.0
    assert distance(np.log(values), stats.truncnorm(*ends)) < DISTANCE


@pytest.mark.parametrize("kind", [Normal(1.0, 0.2, 0.5), LogNormal(0.0, 0.3, high=2.0)])
def test_a_root_of_the_fan_in_divides_what_is_drawn(kind):
    divided = drawn(replace(kind, per_root_fan_in=True))
    np.testing.assert_allclose(divided * math.sqrt(80), drawn(kind), rtol=1e-14)


def test_each_value_of_a_cut_distribution_takes_one_number():
    """So that bounds which hardly cut anything hardly move anything."""
    wide, wider = (drawn(Normal(0.0, 1.0, -b, b)) for b in (7.0, 8.0))
    assert np.abs(wide - wider).max() < 1e-6


def test_far_tails_keep_their_digits():
    values = drawn(Normal(0.0, 1.0, low=20.0))
    assert values.min() >= 20.0
    # Beyond 20 standard deviations the tail is nearly exponential of the mean 1/20.
    assert np.mean(values - 20.0) == pytest.approx(1 / 20, rel=0.05)
    assert np.unique(values).size > 9500


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Normal(0.0, -1.0), r"sd = -1.0: must be >= 0"),
        (lambda: Normal(math.nan), r"mean = nan: must be a finite number"),
        (lambda: Normal(low=1.0, high=1.0), "low must be below high"),
        (lambda: Normal(low=math.nan), "low = nan: must be a number, or infinite"),
        (lambda: Normal(high="1"), "high = '1': must be a number, or infinite"),
        (lambda: Normal(low=math.inf), "low = inf: must be a number"),
        (lambda: Normal(0.0, 1.0, low=60.0), "next to none of its values lie between"),
        (lambda: Normal(2.0, 0.0, high=1.0), "a standard deviation of 0 leaves one"),
        (lambda: LogNormal(low=-1.0), "low = -1: must be >= 0"),
        (lambda: LogNormal(mu=800.0), "mu = 800.0: must be >= -700 and <= 700"),
        (lambda: LogNormal(sigma=500.0), "sigma = 500.0: must be"),
        (lambda: Normal(per_root_fan_in=1), "per_root_fan_in = 1: must be True"),
    ],
)
def test_impossible_distributions_are_refused(make, message):
    with pytest.raises(ModelError, match=message):
        make()


def test_a_standard_deviation_of_zero_gives_the_mean():
    assert (drawn(Normal(0.5, 0.0, 0.0, 1.0)) == 0.5).all()
    assert (drawn(LogNormal(0.0, 0.0)) == 1.0).all()
    assert (drawn(Uniform(0.5, 0.5)) == 0.5).all()
