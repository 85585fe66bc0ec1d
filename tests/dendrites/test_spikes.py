"""Spike draws, the synaptic kernel, its traces, and the spike source."""

import math

import numpy as np
import pytest
from scipy.stats import poisson

import dendrites as dn
from dendrites import spikes
from dendrites.errors import ModelError
from dendrites.models import spike_source

CONSTANTS = [(3.0, 10.0), (10.0, 3.0), (4.0, 4.0), (4.0, 4.0 * (1.0 + 1e-9))]
EPS = 2.0**-52


def direct_kernel(t, rise, decay):
    """The convolution of two unit-area exponentials, by Gauss and Legendre's rule.

    No difference of the two exponentials occurs. With 40 nodes the rule is exact to
    rounding for the smooth integrands here, whose exponents span less than 10.
    """
    nodes, weights = np.polynomial.legendre.leggauss(40)
    s = 0.5 * t * (nodes + 1.0)
    values = np.exp(-(t - s) / decay - s / rise) / (rise * decay)
    return 0.5 * t * np.sum(weights * values)


def direct_trace(counts, dt, rise, decay, *, first, memory=None):
    """sum_n kappa((n + first) dt) S(k - n) for every step k, with n < `memory`."""
    kept = len(counts) if memory is None else memory
    weights = [
        spikes.psp_kernel((n + first) * dt, rise, decay) if n < kept else 0.0
        for n in range(len(counts))
    ]
    return np.convolve(counts, weights)[: len(counts)]


# Draws


@pytest.mark.parametrize("mean", [1e-6, 0.02, 0.2, 0.9, 1.0, 3.7, 30.0, 60.0, 80.0])
def test_a_poisson_count_inverts_the_distribution_function(mean):
    u = np.random.default_rng(1).random(3000)
    u = np.concatenate([u, np.linspace(0.0, 1.0 - 1e-9, 1000)])
    counts = np.array([spikes.poisson_count(value, mean) for value in u])
    expected = poisson.ppf(u, mean)
    expected[u < math.exp(-mean)] = 0.0
    # Two ways to sum a hundred probabilities may round apart: 100 ulp of the sum.
    edge = np.abs(poisson.cdf(counts, mean) - u) < 100 * EPS
    edge |= np.abs(poisson.cdf(counts - 1, mean) - u) < 100 * EPS
    assert edge.sum() < 5
    np.testing.assert_array_equal(counts[~edge], expected[~edge])


def test_a_poisson_count_changes_from_none_to_one_at_exp_of_minus_the_mean():
    mean = 0.3
    edge = math.exp(-mean)
    assert 1.0 - mean < edge
    assert spikes.poisson_count(0.5 * (1.0 - mean + edge), mean) == 0.0
    assert spikes.poisson_count(edge - EPS, mean) == 0.0
    assert spikes.poisson_count(edge, mean) == 1.0


@pytest.mark.parametrize("mean", [0.0, -1.0])
def test_a_mean_that_is_not_positive_gives_no_spike(mean):
    assert spikes.poisson_count(1.0 - 2.0**-53, mean) == 0.0


@pytest.mark.parametrize("mean", [80.1, 1e300, math.inf, math.nan])
def test_a_mean_out_of_range_gives_no_number(mean):
    assert math.isnan(spikes.poisson_count(0.5, mean))


def test_the_largest_uniform_number_ends_the_count():
    # 1 - 2^-53 is the 17-sigma end of a Poisson number of mean 1, not a long loop.
    assert spikes.poisson_count(1.0 - 2.0**-53, 1.0) < 25.0


def test_the_escape_probability_is_that_of_a_constant_hazard():
    np.testing.assert_allclose(
        spikes.escape_probability(0.15, 0.1), 1.0 - math.exp(-0.015), rtol=1e-14
    )


def test_the_escape_probability_of_a_faint_hazard_keeps_its_digits():
    # 1 - exp(-x) = x - x^2/2; the next term is 1e-22 of it.
    x = 1e-11
    expected = x - 0.5 * x * x
    assert abs(spikes.escape_probability(1e-10, 0.1) - expected) <= 2 * EPS * x


@pytest.mark.parametrize("rate", [1e-4, 0.1, 2.0, 50.0])
def test_an_escape_spike_falls_below_its_probability_only(rate):
    p = spikes.escape_probability(rate, 0.1)
    assert spikes.escape_spike(p * (1.0 - EPS), rate, 0.1) == 1.0
    assert spikes.escape_spike(p, rate, 0.1) == 0.0
    assert spikes.escape_spike(0.5 * (p + min(rate * 0.1, 1.0)), rate, 0.1) == 0.0


def test_a_bernoulli_spike_falls_below_its_probability_only():
    draws = [spikes.bernoulli_spike(u, 0.25) for u in (0.0, 0.25 - EPS, 0.25, 0.9)]
    assert draws == [1.0, 1.0, 0.0, 0.0]


# The kernel


def test_the_kernel_has_the_published_values():
    values = [spikes.psp_kernel(float(t), 3.0, 10.0) for t in range(1, 11)]
    published = [0.026901, 0.043616, 0.053277, 0.058103, 0.059665]
    published += [0.059068, 0.057088, 0.054264, 0.050969, 0.047458]
    # Printed with six decimals.
    np.testing.assert_allclose(values, published, rtol=0, atol=5e-7)
    assert abs(sum(values) - 0.510409) < 5e-7


def test_the_kernel_peaks_where_its_derivative_vanishes():
    peak = math.log(10.0 / 3.0) * 30.0 / 7.0
    assert abs(spikes.psp_kernel(peak, 3.0, 10.0) - 0.0596910) < 5e-8
    for away in (-0.01, 0.01):
        assert spikes.psp_kernel(peak + away, 3.0, 10.0) < 0.0596910


@pytest.mark.parametrize(("rise", "decay"), CONSTANTS)
@pytest.mark.parametrize("t", [1e-3, 0.1, 1.0, 7.0, 13.0])
def test_the_kernel_is_the_convolution_of_two_exponentials(rise, decay, t):
    # Either side rounds a few products and one or 40 exponentials.
    np.testing.assert_allclose(
        spikes.psp_kernel(t, rise, decay), direct_kernel(t, rise, decay), rtol=2e-14
    )


@pytest.mark.parametrize("t", [0.0, -1.0, -1e9])
def test_a_spike_has_no_effect_before_its_time(t):
    assert spikes.psp_kernel(t, 3.0, 10.0) == 0.0


def test_an_old_spike_fades_without_overflow():
    assert spikes.psp_kernel(1e6, 3.0, 10.0) == 0.0
    assert spikes.psp_kernel(1e6, 10.0, 3.0) == 0.0


@pytest.mark.parametrize(("rise", "decay"), CONSTANTS)
@pytest.mark.parametrize("first", [0, 1])
def test_the_two_traces_hold_the_response_to_a_whole_train(rise, decay, first):
    dt = 0.5
    counts = np.random.default_rng(2).poisson(0.3, 300).astype(float)
    fast = psp = 0.0
    seen = []
    for count in counts:
        r, d, g = spikes.trace_factors(dt, rise, decay)
        fast, psp = r * fast, d * psp + g * fast
        r, _, g = spikes.trace_factors(first * dt, rise, decay)
        fast, psp = fast + r * count, psp + g * count
        seen.append(psp)
    expected = direct_trace(counts, dt, rise, decay, first=first)
    # Values below 1; every step multiplies by exp(-dt/tau) and adds: 1/(1 - 0.88)
    # roundings of 1e-16 pile up at most, in both ways of summing.
    np.testing.assert_allclose(seen, expected, rtol=0, atol=1e-14)


# The source


def fire(source, counts, *, dt=1.0):
    """States of a source that fires the given counts, one per step."""
    cell = source.state(value=0.7, active=1.0)
    cells = []
    for count in counts:
        cell = source.step(cell, source.inputs(), source.parameters, dt)
        cell = source.fired(cell, count, source.parameters, dt)
        cells.append(cell)
    return cells


def psp_of(source, counts, *, dt=1.0):
    """What `psp` holds after every step of a run in which the source so fires."""
    counts = np.asarray(counts, int)
    tree = dn.simulate(
        source, duration=len(counts) * dt, dt=dt, reads="psp",
        forced_spikes=np.repeat((np.arange(len(counts)) + 1.0) * dt, counts),
    )  # fmt: skip
    return tree["populations/cell"].psp.values[0, :, 0]


COUNTS = np.random.default_rng(3).poisson(0.4, 200).astype(float)


@pytest.mark.parametrize(("newest", "first"), [("zero", 0), ("kernel", 1)])
def test_the_newest_spike_of_a_source_has_the_age_asked_for(newest, first):
    psp = psp_of(spike_source(newest=newest), COUNTS)
    expected = direct_trace(COUNTS, 1.0, 3.0, 10.0, first=first)
    np.testing.assert_allclose(psp, expected, atol=1e-14)


@pytest.mark.parametrize("memory", [1, 10, 37])
@pytest.mark.parametrize(("rise", "decay"), [(3.0, 10.0), (4.0, 4.0)])
def test_a_spike_of_a_source_with_a_memory_is_gone_after_it(memory, rise, decay):
    source = spike_source(
        newest="kernel", memory=memory, tau_rise=rise, tau_decay=decay
    )
    expected = direct_trace(COUNTS, 1.0, rise, decay, first=1, memory=memory)
    np.testing.assert_allclose(psp_of(source, COUNTS), expected, atol=1e-14)


def test_ten_steps_of_memory_keep_half_of_the_kernel():
    psp = psp_of(spike_source(newest="kernel", memory=10), np.ones(100))
    assert abs(psp[-1] - 0.510409) < 5e-7
    full = psp_of(spike_source(newest="kernel"), np.ones(500))
    assert abs(full[-1] - 0.997229) < 5e-7


def test_a_source_keeps_its_pattern_and_shows_its_count():
    for newest in ("zero", "kernel"):
        cells = fire(spike_source(newest=newest), COUNTS)
        assert {(cell.value, cell.active) for cell in cells} == {(0.7, 1.0)}
        np.testing.assert_array_equal([cell.spikes for cell in cells], COUNTS)


def test_a_source_counts_at_the_rate_of_its_pattern():
    source = spike_source(rate_scale=200.0)
    cell = source.state(value=0.5, active=1.0)
    assert source.read("rate")(cell, source.parameters) == 100.0
    u = np.random.default_rng(4).random(500)
    counts = [source.spike(cell, value, source.parameters, 2.0) for value in u]
    # 100 Hz in steps of 2 ms.
    np.testing.assert_array_equal(counts, poisson.ppf(u, 0.2))


def test_a_source_that_is_off_or_negative_does_not_fire():
    source = spike_source(rate_scale=200.0)
    for value in (0.0, -0.5):
        cell = source.state(value=value)
        assert source.spike(cell, 1.0 - 2.0**-53, source.parameters, 1.0) == 0.0


@pytest.mark.parametrize("memory", [-1, "10", True, math.nan])
def test_a_memory_is_a_time(memory):
    with pytest.raises(ModelError, match=r"spike_source: memory = .*must be .*finite"):
        spike_source(newest="kernel", memory=memory)


def test_only_a_spike_of_age_dt_can_be_forgotten():
    with pytest.raises(ModelError, match="memory = 10 needs newest='kernel'"):
        spike_source(memory=10)


def test_a_misspelt_age_is_named_with_the_ages_there_are():
    with pytest.raises(ModelError, match=r"newest = 'kernal'.*mean 'kernel'"):
        spike_source(newest="kernal")
