"""The counter-based generator: known answers, addresses, distributions."""

import hashlib
import math
import os
import subprocess
import sys
from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np
import pytest
from numba import config, njit
from scipy import stats

import dendrites
from dendrites.errors import ConfigError
from dendrites.random import (
    POISSON_MEAN_LIMIT,
    _count_from_mode,
    bernoulli,
    check_seed,
    draw_seed,
    fill_noise_kernel,
    fill_poisson_kernel,
    generator,
    normal,
    philox,
    poisson,
    stream_key,
    uniform,
)

# Seeds are fixed, so a statistical test passes or fails for good. Limits are set where
# a correct generator would fail for one stream name in 10,000.
P_VALUE = 1e-4
Z_SCORE = 3.9

# Published test vectors of philox4x32-10 (counter and key, words out).
KNOWN_ANSWERS = [
    (
        (0, 0, 0, 0, 0, 0),
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ),
    (
        (0xFFFFFFFF,) * 6,
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


def philox_twin(counter, key):
    """Philox 4x32-10 with integers of any size."""
    c, k = list(counter), list(key)
    for _ in range(10):
        first, second = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [
            (second >> 32) ^ c[1] ^ k[0],
            second % 2**32,
            (first >> 32) ^ c[3] ^ k[1],
            first % 2**32,
        ]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return tuple(c)


def counter_of(words, key):
    """The counter for which Philox gives these words: its rounds undone."""
    c = list(words)
    inverse = [pow(m, -1, 2**32) for m in (0xD2511F53, 0xCD9E8D57)]
    for i in reversed(range(10)):
        k = [(key[0] + i * 0x9E3779B9) % 2**32, (key[1] + i * 0xBB67AE85) % 2**32]
        x0, x2 = c[3] * inverse[0] % 2**32, c[1] * inverse[1] % 2**32
        x1 = c[0] ^ k[0] ^ (0xCD9E8D57 * x2 >> 32)
        x3 = c[2] ^ k[1] ^ (0xD2511F53 * x0 >> 32)
        c = [x0, x1, x2, x3]
    return tuple(c)


@njit
def fill_uniform_elsewhere(out, k0, k1, axis):
    """A caller in another file, running along one axis of the address."""
    address = np.zeros(4, dtype=np.int64)
    for i in range(out.size):
        address[axis] = i
        out[i] = uniform(k0, k1, address[0], address[1], address[2], address[3])


def uniforms(n, name="uniform", axis=2):
    out = np.empty(n)
    fill_uniform_elsewhere(out, *stream_key(0, name), axis)
    return out


def normals(n, name="normal"):
    out = np.empty(n)
    fill_noise_kernel(out, 0.0, 1.0, 0, 0.0, *stream_key(0, name), 0, 0, 0)
    return out


def counts(n, mean, name="poisson"):
    out = np.empty(n)
    fill_poisson_kernel(out, mean, 0, *stream_key(0, name), 0, 0, 0)
    return out


@pytest.mark.nojit
@pytest.mark.parametrize(("inputs", "words"), KNOWN_ANSWERS)
def test_philox_gives_the_published_words(inputs, words):
    assert tuple(int(word) for word in philox(*inputs)) == words


@pytest.mark.nojit
def test_philox_agrees_with_its_twin_on_random_inputs():
    inputs = np.random.default_rng(0).integers(0, 2**32, (200, 6)).tolist()
    for row in inputs:
        words = tuple(int(word) for word in philox(*row))
        assert words == philox_twin(row[:4], row[4:])


@pytest.mark.nojit
@pytest.mark.parametrize("kind", [int, np.int64, np.uint64, np.uint32])
def test_integer_type_of_the_address_does_not_matter(kind):
    inputs = [kind(value) for value in (2**32 - 1, 7, 2**31, 1, 5, 2**32 - 2)]
    expected = philox_twin((2**32 - 1, 7, 2**31, 1), (5, 2**32 - 2))
    assert tuple(int(word) for word in philox(*inputs)) == expected


@pytest.mark.nojit
def test_address_is_reduced_modulo_two_to_the_32():
    assert uniform(1, 2, 3, 4, 5, 2**32 + 6) == uniform(1, 2, 3, 4, 5, 6)


@pytest.mark.nojit
def test_uniform_takes_its_bits_from_the_documented_words():
    replica, presentation, step, unit = 11, 22, 33, 44
    w0, w1, _, _ = philox_twin((unit, step, presentation, replica), (5, 6))
    expected = ((w0 >> 5) * 2**26 + (w1 >> 6)) / 2**53
    assert uniform(5, 6, replica, presentation, step, unit) == expected


@pytest.mark.nojit
def test_normal_is_box_muller_of_the_four_words():
    w0, w1, w2, w3 = philox_twin((4, 3, 2, 1), (5, 6))
    a = ((w0 >> 5) * 2**26 + (w1 >> 6) + 1) / 2**53
    b = ((w2 >> 5) * 2**26 + (w3 >> 6)) / 2**53
    expected = math.sqrt(-2 * math.log(a)) * math.cos(2 * math.pi * b)
    # A handful of roundings; the value is of order one.
    assert normal(5, 6, 1, 2, 3, 4) == pytest.approx(expected, rel=1e-14)


@pytest.mark.nojit
def test_normal_is_finite_where_its_first_uniform_number_is_zero():
    unit, step, presentation, replica = counter_of((0, 0, 1, 2), (5, 6))
    address = (5, 6, replica, presentation, step, unit)
    assert uniform(*address) == 0.0
    # Words 1 and 2 lose all their bits to the 53 kept, so the angle is zero.
    largest = math.sqrt(2 * 53 * math.log(2))
    assert normal(*address) == pytest.approx(largest, rel=1e-14)


@pytest.mark.skipif(config.DISABLE_JIT, reason="compares compiled with plain Python")
def test_bits_are_the_same_without_the_compiler():
    child = subprocess.run(
        [sys.executable, "-W", "error", __file__],
        env=os.environ
        | {
            "NUMBA_DISABLE_JIT": "1",
            "PYTHONPATH": str(Path(dendrites.__file__).parents[1]),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.stderr == ""
    assert child.stdout.split() == draws_as_hex()


def draws_as_hex():
    """Every kernel at many addresses, exactly."""
    k0, k1 = stream_key(2**130 + 1, "bits")
    means = np.geomspace(1e-3, 1e5, 60).tolist()
    lines = []
    for i, mean in enumerate(means):
        address = (k0, k1, i, 2**32 - 1 - i, 3 * i, i * i)
        lines.append(uniform(*address).hex())
        lines.append(normal(*address).hex())
        lines.append(float(poisson(mean, *address)).hex())
        lines.append(str(bernoulli(0.5, *address)))
    noise = np.empty(300)
    fill_noise_kernel(noise, 0.9, math.sqrt(1 - 0.9**2), 0, 0.0, k0, k1, 1, 2, 3)
    return lines + [value.hex() for value in noise.tolist()]


def test_uniform_is_uniform():
    assert stats.kstest(uniforms(100_000), "uniform").pvalue > P_VALUE


@pytest.mark.nojit
def test_uniform_stays_in_the_half_open_interval():
    u = uniforms(2_000)
    assert u.min() >= 0.0
    assert u.max() < 1.0


def test_uniform_uses_all_53_bits():
    whole = (uniforms(10_000) * 2**53).astype(np.int64)
    share = np.array([np.mean(whole >> bit & 1) for bit in range(53)])
    # Binomial standard error; 53 bits are looked at together.
    limit = stats.norm.isf(P_VALUE / 53 / 2) * 0.5 / math.sqrt(whole.size)
    assert np.abs(share - 0.5).max() < limit


def test_normal_is_standard_normal():
    assert stats.kstest(normals(100_000), "norm").pvalue > P_VALUE


def test_normal_has_the_right_first_four_moments():
    z = normals(100_000)
    # Variances of z, z**2, z**3, z**4 of a standard normal are 1, 2, 15, 96.
    for power, mean, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
        error = abs(np.mean(z**power) - mean)
        assert error < Z_SCORE * math.sqrt(variance / z.size)


@pytest.mark.parametrize("mean", [0.01, 0.7, 5.0, 29.9, 30.5, 200.0, 3e4])
def test_poisson_has_its_mean_and_variance(mean):
    n = 40_000
    c = counts(n, mean)
    assert abs(c.mean() - mean) < Z_SCORE * math.sqrt(mean / n)
    # The fourth central moment of a Poisson count is mean + 3 mean**2.
    assert abs(c.var() - mean) < Z_SCORE * math.sqrt((mean + 2 * mean**2) / n)


@pytest.mark.parametrize("mean", [0.7, 12.0, 30.0, 30.5, 95.5])
def test_poisson_counts_follow_the_poisson_law(mean):
    n = 40_000
    c = counts(n, mean).astype(int)
    law = stats.poisson(mean)
    low, high = int(law.ppf(5 / n * 4)), int(law.isf(5 / n * 4))
    inner = np.arange(low, high + 1)
    expected = n * np.array([law.cdf(low - 1), *law.pmf(inner), law.sf(high)])
    observed = np.array([np.sum(c < low), *[np.sum(c == k) for k in inner], 0])
    observed[-1] = n - observed.sum()
    keep = expected > 0
    result = stats.chisquare(observed[keep], expected[keep])
    assert observed[~keep].sum() == 0
    assert result.pvalue > P_VALUE


@pytest.mark.nojit
def test_poisson_of_a_small_mean_inverts_the_cumulative_law():
    address = [(9, 8, 0, 0, step, 0) for step in range(300)]
    u = np.array([uniform(*a) for a in address])
    c = np.array([poisson(4.5, *a) for a in address])
    np.testing.assert_array_equal(c, stats.poisson(4.5).ppf(u))


def poisson_law(mean, k):
    """Probability of k, with 60 digits."""
    with localcontext(prec=60):
        mean = Decimal(mean)
        return float(mean**k * (-mean).exp() / math.factorial(k))


@pytest.mark.nojit
@pytest.mark.parametrize("mean", [30.25, 31.0, 100.999, 4321.6])
@pytest.mark.parametrize("place", [0, 1, 2, 3, 4])
def test_search_from_the_mode_switches_outcome_at_the_exact_sums(mean, place):
    mode = math.floor(mean)
    order = [mode, mode + 1, mode - 1, mode + 2, mode - 2, mode + 3]
    edge = math.fsum(poisson_law(mean, k) for k in order[: place + 1])
    # The series of the factorial is cut at 5e-17; some twenty roundings remain.
    assert _count_from_mode(edge * (1 - 1e-14), mean) == order[place]
    assert _count_from_mode(edge * (1 + 1e-14), mean) == order[place + 1]


@pytest.mark.nojit
def test_poisson_of_mean_zero_is_zero():
    assert all(poisson(0.0, 1, 2, 0, 0, step, 0) == 0.0 for step in range(50))


@pytest.mark.nojit
@pytest.mark.parametrize("mean", [-1.0, math.nan, math.inf, 2 * POISSON_MEAN_LIMIT])
def test_poisson_of_an_impossible_mean_is_nan(mean):
    assert math.isnan(poisson(mean, 1, 2, 0, 0, 0, 0))


def test_poisson_works_at_the_largest_mean():
    c = counts(200, POISSON_MEAN_LIMIT)
    z = (c - POISSON_MEAN_LIMIT) / math.sqrt(POISSON_MEAN_LIMIT)
    assert stats.kstest(z, "norm").pvalue > P_VALUE


@pytest.mark.nojit
def test_bernoulli_is_certain_at_zero_and_one():
    address = [(1, 2, 0, 0, step, 0) for step in range(100)]
    assert not any(bernoulli(0.0, *a) for a in address)
    assert all(bernoulli(1.0, *a) for a in address)


@pytest.mark.nojit
def test_bernoulli_of_nan_never_fires():
    assert not bernoulli(math.nan, 1, 2, 0, 0, 0, 0)


@pytest.mark.nojit
def test_bernoulli_has_its_frequency():
    n, p = 2_000, 0.3
    hits = sum(bernoulli(p, 1, 2, 0, 0, step, 0) for step in range(n))
    assert abs(hits - n * p) < Z_SCORE * math.sqrt(n * p * (1 - p))


@pytest.mark.parametrize("axis", range(4), ids=["replica", "presentation", "step", "u"])
def test_neighbours_along_each_axis_of_the_address_are_uncorrelated(axis):
    u = uniforms(40_000, axis=axis) - 0.5
    for lag in (1, 2, 64):
        correlation = np.mean(u[:-lag] * u[lag:]) * 12
        assert abs(correlation) < Z_SCORE / math.sqrt(u.size - lag)


def test_axes_of_the_address_are_uncorrelated():
    n = 40_000
    axes = np.array([uniforms(n, axis=axis)[1:] for axis in range(4)])
    correlation = np.corrcoef(axes)[np.triu_indices(4, 1)]
    assert np.abs(correlation).max() < Z_SCORE / math.sqrt(n)


def test_streams_of_neighbouring_seeds_and_names_are_uncorrelated():
    n = 40_000
    rows = []
    for seed, name in [(0, "a"), (1, "a"), (0, "b"), (0, "aa")]:
        out = np.empty(n)
        fill_uniform_elsewhere(out, *stream_key(seed, name), 2)
        rows.append(out)
    correlation = np.corrcoef(rows)[np.triu_indices(4, 1)]
    assert np.abs(correlation).max() < Z_SCORE / math.sqrt(n)


@pytest.mark.nojit
def test_noise_kernel_obeys_its_recurrence():
    out = np.empty(50)
    fill_noise_kernel(out, 0.5, 0.25, 0, 0.0, 1, 2, 3, 4, 5)
    z = [normal(1, 2, 3, 4, step, 5) for step in range(50)]
    expected = [z[0]]
    for value in z[1:]:
        expected.append(0.5 * expected[-1] + 0.25 * value)
    np.testing.assert_array_equal(out, expected)


def test_stream_key_hashes_seed_and_name():
    digest = hashlib.blake2b(b"12:soma", digest_size=8, person=b"dendrites").digest()
    assert stream_key(12, "soma") == tuple(np.frombuffer(digest, "<u4").tolist())


def test_stream_key_tells_seed_digits_from_name_digits():
    assert stream_key(1, "2:x") != stream_key(12, ":x")


def test_stream_key_sees_every_bit_of_a_large_seed():
    assert stream_key(2**200, "x") != stream_key(2**200 + 1, "x")


def test_numpy_seed_gives_the_key_of_the_same_integer():
    assert stream_key(np.uint8(7), "x") == stream_key(7, "x")


def test_generator_does_not_depend_on_what_was_created_before():
    alone = generator(3, "weights").random(5)
    generator(3, "other").random(5)
    np.testing.assert_array_equal(generator(3, "weights").random(5), alone)


@pytest.mark.parametrize(("seed", "name"), [(4, "weights"), (3, "weight")])
def test_generator_depends_on_seed_and_name(seed, name):
    assert generator(seed, name).random() != generator(3, "weights").random()


@pytest.mark.parametrize("seed", [-1, 1.0, True, np.True_, "0", None, np.float64(2)])
def test_impossible_seed_is_explained(seed):
    with pytest.raises(ConfigError, match="seed=.*non-negative integer"):
        check_seed(seed)


@pytest.mark.parametrize("seed", [0, 2**130, np.int32(5)])
def test_possible_seed_is_returned_as_a_python_integer(seed):
    assert type(check_seed(seed)) is int
    assert check_seed(seed) == seed


@pytest.mark.parametrize("name", ["", 3, None])
def test_impossible_stream_name_is_explained(name):
    with pytest.raises(ConfigError, match="stream name"):
        stream_key(0, name)


def test_drawn_seeds_are_valid_and_differ():
    seeds = {check_seed(draw_seed()) for _ in range(20)}
    assert len(seeds) == 20


def test_streams_are_available_without_loading_the_compiler():
    code = (
        "import sys, dendrites._streams as s; s.generator(0, 'x'); "
        "print('numba' in sys.modules)"
    )
    child = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(Path(dendrites.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert child.stdout.strip() == "False"


if __name__ == "__main__":
    print("\n".join(draws_as_hex()))
