"""Random numbers that depend on their address only, for use inside compiled loops.

The generator is Philox 4x32-10, a keyed bijection of 128-bit counters. A number is
addressed by its stream (a key of two words, from `stream_key`) and by four integers in
[0, 2**32), which are the counter words:

    ======  ============
    word    address
    ======  ============
    c0      unit
    c1      step
    c2      presentation
    c3      replica
    ======  ============

Address integers outside that range are reduced modulo 2**32. There is no state, so a
number never depends on what else runs, in which order or on how many threads.

`uniform`, `normal`, `poisson` and `bernoulli` read the same four words: at one address
they are functions of each other. Give each quantity a stream name of its own.

The kernels give the same bits compiled and as plain Python (NUMBA_DISABLE_JIT=1).
Words, `uniform` and `bernoulli` are the same on every machine; `normal` and `poisson`
use the C library's exp, log and cos, whose last digit may differ between platforms.

Source: Salmon, Moraes, Dror and Shaw (2011), Parallel random numbers: as easy as
1, 2, 3 (generator and constants).
"""

import math

import numpy as np

from dendrites._streams import check_seed, draw_seed, generator, stream_key
from dendrites.compile.jit import inlined_kernel, inner_kernel, kernel

__all__ = [
    "POISSON_MEAN_LIMIT",
    "bernoulli",
    "check_seed",
    "draw_seed",
    "fill_noise_kernel",
    "fill_poisson_kernel",
    "fill_signs",
    "fill_uniform",
    "fill_uniform_of",
    "generator",
    "normal",
    "philox",
    "poisson",
    "stream_key",
    "uniform",
]

#: Largest mean `poisson` accepts; its time grows as the square root of the mean.
POISSON_MEAN_LIMIT = 1e9

# Words are held in 64 bits. A product of two words then cannot overflow, which plain
# numpy scalars would report, and no operand is signed, which numba would turn to float.
_MASK = np.uint64(0xFFFFFFFF)
_SIGNED_MASK = np.int64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_HALF_OF_WORDS = np.uint64(1 << 31)
_HIGH_DROP = np.uint64(5)
_LOW_DROP = np.uint64(6)
_LOW_BITS = np.uint64(26)
_ULP = 2.0**-53
# The lowest bits of 2**52 + k are k: no conversion, which is not vectorised.
_BITS_OF_2_52 = np.uint64(0x4330000000000000)
_2_52 = 2.0**52
_HIGH_UNIT = 2.0**-27
_SEARCH_FROM_MODE = 30.0
_NEGLIGIBLE = 1e-22


@inner_kernel
def _word(x):
    return np.uint64(np.int64(x) & _SIGNED_MASK)


@inlined_kernel
def _rounds(x0, x1, x2, x3, key0, key1):
    """Ten rounds over words that are in range."""
    for _ in range(10):
        product0 = _MULTIPLIER_0 * x0
        product1 = _MULTIPLIER_1 * x2
        x0 = (product1 >> _HALF) ^ x1 ^ key0
        x1 = product1 & _MASK
        x2 = (product0 >> _HALF) ^ x3 ^ key1
        x3 = product0 & _MASK
        key0 = (key0 + _WEYL_0) & _MASK
        key1 = (key1 + _WEYL_1) & _MASK
    return x0, x1, x2, x3


@kernel
def philox(c0, c1, c2, c3, k0, k1):
    """Four random words for a counter of four words and a key of two.

    Parameters
    ----------
    c0, c1, c2, c3 : int
        Counter words, reduced modulo 2**32.
    k0, k1 : int
        Key words, reduced modulo 2**32.

    Returns
    -------
    tuple of 4 uint64
        Words below 2**32.
    """
    x0, x1, x2, x3 = _word(c0), _word(c1), _word(c2), _word(c3)
    return _rounds(x0, x1, x2, x3, _word(k0), _word(k1))


@inner_kernel
def _whole(high, low):
    """The upper 27 and 26 bits of two words as a whole number below 2**53."""
    return float(np.int64(((high >> _HIGH_DROP) << _LOW_BITS) | (low >> _LOW_DROP)))


@inlined_kernel
def _fraction(high, low):
    """The same times 2**-53, for loops that are vectorised."""
    upper = np.uint64((high >> _HIGH_DROP) | _BITS_OF_2_52).view(np.float64)
    lower = np.uint64((low >> _LOW_DROP) | _BITS_OF_2_52).view(np.float64)
    return (upper - _2_52) * _HIGH_UNIT + (lower - _2_52) * _ULP


@kernel
def uniform(k0, k1, replica, presentation, step, unit):
    """A uniform number in [0, 1), a multiple of 2**-53, from words 0 and 1.

    Parameters
    ----------
    k0, k1 : int
        Key of the stream, from `stream_key`.
    replica, presentation, step, unit : int
        Address, each in [0, 2**32).
    """
    w0, w1, _, _ = philox(unit, step, presentation, replica, k0, k1)
    return _whole(w0, w1) * _ULP


@kernel
def normal(k0, k1, replica, presentation, step, unit):
    """A standard normal number, by the cosine half of Box and Muller's transform.

    sqrt(-2 log a) cos(2 pi b), with a in (0, 1] from words 0 and 1 and b in [0, 1)
    from words 2 and 3. `a` is at least 2**-53, so values stay below 8.58 in size;
    the normal tail beyond that holds 1e-17.

    Parameters
    ----------
    k0, k1 : int
        Key of the stream, from `stream_key`.
    replica, presentation, step, unit : int
        Address, each in [0, 2**32).
    """
    w0, w1, w2, w3 = philox(unit, step, presentation, replica, k0, k1)
    radius = math.sqrt(-2.0 * math.log((_whole(w0, w1) + 1.0) * _ULP))
    return radius * math.cos(2.0 * math.pi * (_whole(w2, w3) * _ULP))


@kernel
def bernoulli(p, k0, k1, replica, presentation, step, unit):
    """True with probability p: never for p <= 0 or NaN, always for p >= 1.

    Parameters
    ----------
    p : float
        Probability, resolved to 2**-53.
    k0, k1 : int
        Key of the stream, from `stream_key`.
    replica, presentation, step, unit : int
        Address, each in [0, 2**32).
    """
    return uniform(k0, k1, replica, presentation, step, unit) < p


@kernel
def poisson(mean, k0, k1, replica, presentation, step, unit):
    """A Poisson count as a whole float, by inversion of one uniform number.

    The probabilities are subtracted from the uniform number one outcome at a time
    until it is used up: from zero upwards for means up to 30, from the mode outwards
    above, where exp(-mean) would underflow and the walk from zero would be long.
    Outcomes less likely than 2**-53 (1e-16) are out of the number's resolution; in
    particular a mean below that never gives an event.

    Parameters
    ----------
    mean : float
        Expected count, in [0, `POISSON_MEAN_LIMIT`]. NaN is returned for any other.
    k0, k1 : int
        Key of the stream, from `stream_key`.
    replica, presentation, step, unit : int
        Address, each in [0, 2**32).
    """
    if not (0.0 <= mean <= POISSON_MEAN_LIMIT):
        return math.nan
    u = uniform(k0, k1, replica, presentation, step, unit)
    if mean > _SEARCH_FROM_MODE:
        return _count_from_mode(u, mean)
    return _count_from_zero(u, mean)


@inner_kernel
def _count_from_zero(u, mean):
    count = 0.0
    probability = math.exp(-mean)
    # Rounding can leave a rest of u that no outcome uses up; the second test ends that.
    while u >= probability and probability > _NEGLIGIBLE:
        u -= probability
        count += 1.0
        probability *= mean / count
    return count


@kernel
def _count_from_mode(u, mean):
    """Our derivation: with mode k, excess d = mean - k in [0, 1) and Stirling's
    k! = sqrt(2 pi k) (k/e)**k exp(s),

        P(k) = exp(k log(1 + d/k) - d - s) / sqrt(2 pi k),

    which has no cancelling large terms. s is cut after its fourth term: the fifth is
    below 5e-17 for k >= 30. Neighbours follow from P(j+1) = P(j) mean / (j+1).
    """
    mode = float(math.floor(mean))
    excess = mean - mode
    q = 1.0 / (mode * mode)
    s = (1 / 12 - q * (1 / 360 - q * (1 / 1260 - q / 1680))) / mode
    exponent = mode * math.log1p(excess / mode) - excess - s
    above = math.exp(exponent) / math.sqrt(2.0 * math.pi * mode)
    below = above
    upper = mode
    lower = mode
    u -= above
    if u < 0.0:
        return mode
    while True:
        upper += 1.0
        above *= mean / upper
        u -= above
        # The upper tail is the heavier one: once it is negligible, both are.
        if u < 0.0 or above < _NEGLIGIBLE:
            return upper
        below *= lower / mean
        lower -= 1.0
        u -= below
        if u < 0.0:
            return lower


@inner_kernel
def fill_uniform(out, n, largest, k0, k1, replica, presentation, step, first):
    """Uniform numbers of the units first, first + 1, ... of one step.

    As `uniform`; in one loop the rounds are vectorised (7 times faster, measured).

    Parameters
    ----------
    out : pointer or array of float, (n,)
    n : int
    largest : float
        The largest number below 1 that `out` can hold: what lies above becomes this.
    k0, k1 : int
        Key of the stream, from `stream_key`.
    replica, presentation, step, first : int
        Address, each in [0, 2**32).
    """
    c1, c2, c3 = _word(step), _word(presentation), _word(replica)
    key0, key1 = _word(k0), _word(k1)
    for i in range(n):
        x0, x1, _, _ = _rounds(_word(first + i), c1, c2, c3, key0, key1)
        out[i] = min(_fraction(x0, x1), largest)


@inner_kernel
def fill_uniform_of(out, units, n, largest, k0, k1, replica, presentation, step, first):
    """The same of the units first + units[i], whole numbers kept as floats."""
    c1, c2, c3 = _word(step), _word(presentation), _word(replica)
    key0, key1, begin = _word(k0), _word(k1), np.uint64(first)
    for i in range(n):
        unit = np.float64(np.float64(units[i]) + _2_52).view(np.uint64) - _BITS_OF_2_52
        x0, x1, _, _ = _rounds((unit + begin) & _MASK, c1, c2, c3, key0, key1)
        out[i] = min(_fraction(x0, x1), largest)


@inner_kernel
def fill_signs(out, n, size, k0, k1, replica, presentation, step):
    """`size` with a random sign, of the units 0, 1, ... of one step.

    Negative where `uniform` at the same address is below one half. Arguments as those
    of `fill_uniform`; one loop that is vectorised like it.
    """
    c1, c2, c3 = _word(step), _word(presentation), _word(replica)
    key0, key1 = _word(k0), _word(k1)
    for i in range(n):
        x0, _, _, _ = _rounds(_word(i), c1, c2, c3, key0, key1)
        out[i] = size if x0 >= _HALF_OF_WORDS else -size


@kernel
def fill_noise_kernel(
    out, decay, jump, first, before, k0, k1, replica, presentation, unit
):
    """Fill `out` with first-order autoregressive noise, one value per step.

    x[0] = z[0] and x[n] = decay x[n-1] + jump z[n], z standard normal at step n.
    With jump**2 = 1 - decay**2 the variance is 1 throughout; decay 0, jump 1 is white.

    Parameters
    ----------
    out : float64 array, (n_steps,)
    decay, jump : float
    first : int
        Step of out[0].
    before : float
        x[first - 1]; without meaning at step 0.
    k0, k1, replica, presentation, unit : int
        Key and address, as for `normal`.
    """
    value = before
    for k in range(out.size):
        z = normal(k0, k1, replica, presentation, first + k, unit)
        value = decay * value + jump * z if first + k > 0 else z
        out[k] = value


@kernel
def fill_poisson_kernel(out, mean, first, k0, k1, replica, presentation, unit):
    """Fill `out` with independent Poisson counts of one mean, one per step.

    Parameters
    ----------
    out : float64 array, (n_steps,)
    mean : float
        Expected count per step, as for `poisson`.
    first : int
        Step of out[0].
    k0, k1, replica, presentation, unit : int
        Key and address, as for `poisson`.
    """
    for k in range(out.size):
        out[k] = poisson(mean, k0, k1, replica, presentation, first + k, unit)
