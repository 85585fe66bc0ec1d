"""Spike draws and the synaptic kernel, as scalar functions for cell models.

Every draw turns one uniform number u in [0, 1) into a count; the same u gives the same
count. The kernel comes as a function of age and as two state variables, ``fast`` and
``psp``, that hold a whole spike train's response. One step without spikes is

    psp  <- decay psp + gain fast
    fast <- rise fast

with (rise, decay, gain) = `trace_factors` of dt; S spikes of some age are added, and
taken out again, by

    psp  <- psp + gain S
    fast <- fast + rise S

with the factors of that age. All is linear: a postsynaptic pair that receives
sum_j w_j S_j holds sum_j w_j psp_j.

Source: our derivation; the kernel is that of Urbanczik and Senn (2014) and of
Guerguiev, Lillicrap and Richards (2017).
"""

import math

_LARGEST_MEAN = 80.0
_NEGLIGIBLE = 1e-22
# Above it the bounds below are farther from what they bound than rounding in float32.
_BOUNDED = 0.02
_NOT_A_NUMBER = math.nan


def escape_probability(rate, dt):
    """Probability of a spike within a step at a constant hazard: 1 - exp(-rate dt).

    Parameters
    ----------
    rate : float
        1/ms, >= 0.
    dt : float
        ms.
    """
    return -math.expm1(-rate * dt)


def escape_spike(u, rate, dt):
    """1.0 if a cell with hazard `rate` spikes in the step, else 0.0.

    Parameters
    ----------
    u : float
        Uniform in [0, 1).
    rate : float
        1/ms, >= 0.
    dt : float
        ms.
    """
    # The probability never exceeds rate dt: most steps need no exponential.
    if u >= rate * dt:
        return 0.0
    return 1.0 if u < -math.expm1(-rate * dt) else 0.0


def bernoulli_spike(u, p):
    """1.0 with probability `p`, else 0.0: never for p <= 0, always for p >= 1."""
    return 1.0 if u < p else 0.0


def poisson_count(u, mean):
    """Poisson number of spikes as a whole-number float, by inversion of `u`.

    The smallest n with u < P(0) + ... + P(n), P(n) = exp(-mean) mean^n / n!. Its time
    grows with the count: made for a step, where the mean is small.

    Parameters
    ----------
    u : float
        Uniform in [0, 1). Counts less likely than its resolution do not occur.
    mean : float
        Expected count, at most 80; 0 spikes for a mean <= 0. Above 80, where
        exp(-mean) comes near the smallest float32, and for NaN the count is NaN, which
        stops a run as divergence does.
    """
    # exp(-mean) >= 1 - mean: most steps need no exponential.
    if u < 1.0 - mean:
        return 0.0
    return _count_of_few(u, mean)


def _count_of_few(u, mean):
    """The same where the first look did not decide; rarely called, so a call."""
    # exp(-mean) < above, and exp(-mean) (1 + mean) > (1 + mean) (above - mean^3 / 4):
    # most others have one spike.
    above = 1.0 - mean + 0.5 * mean * mean
    below = (1.0 + mean) * (above - 0.25 * mean * mean * mean)
    if mean > _BOUNDED and above < u < below:
        return 1.0
    if not mean <= _LARGEST_MEAN:
        return _NOT_A_NUMBER
    count = 0.0
    probability = math.exp(-mean)
    # Rounding can leave a rest of u that no outcome uses up; the probabilities beyond
    # the mean end that.
    while u >= probability and (count < mean or probability > _NEGLIGIBLE):
        u -= probability
        count += 1.0
        probability *= mean / count
    return count


def psp_kernel(t, tau_rise, tau_decay):
    """Response to one spike of age `t`, unit area, 1/ms; 0 for t <= 0.

    kappa(t) = (exp(-t/tau_decay) - exp(-t/tau_rise)) / (tau_decay - tau_rise),
    which is t/tau^2 exp(-t/tau) for equal time constants. Accurate for nearly equal
    ones too, and the same when the two are exchanged.

    Parameters
    ----------
    t, tau_rise, tau_decay : float
        ms; the time constants > 0.
    """
    if t <= 0.0:
        return 0.0
    slow = max(tau_rise, tau_decay)
    quick = min(tau_rise, tau_decay)
    # kappa = exp(-t/slow) t / (slow quick) (1 - exp(-x)) / x has no difference of two
    # almost equal numbers but the last, whose rounding cancels in Kahan's quotient. It
    # needs no expm1, a call that compiled loops were measured to make for every cell.
    x = t * (slow - quick) / (slow * quick)
    y = math.exp(-x)
    share = 1.0
    if x > 1.0:
        share = (1.0 - y) / x
    elif y < 1.0:
        share = (y - 1.0) / math.log(y)
    return math.exp(-t / slow) * t / (slow * quick) * share


def faded(x):
    """x, or 0 once a trace has faded below 1e-30.

    Without it a silent cell's traces end as denormal numbers, and its steps take up to
    a hundred times as long.
    """
    return x if abs(x) > 1e-30 else 0.0


def trace_factors(age, tau_rise, tau_decay):
    """What a time `age`, ms, does to the traces: (rise, decay, gain).

    rise = exp(-age/tau_rise), decay = exp(-age/tau_decay), gain = kappa(age). All
    traces of a cell share them: call it once per step and age.
    """
    return (
        math.exp(-age / tau_rise),
        math.exp(-age / tau_decay),
        psp_kernel(age, tau_rise, tau_decay),
    )
