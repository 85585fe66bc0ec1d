"""Numbers of many runs: errors, intervals, tests, shared signs; and crossings."""

from typing import NamedTuple

import numpy as np

from dendrites._checks import number, whole_number
from dendrites.errors import ConfigError, choices
from dendrites.random import generator

#: Share of the runs that must have one sign for it to count as that of all. By chance,
#: with a fair coin for every run, one sign reaches it with a probability of 4e-5 in 20
#: runs, of 0.002 in 10 and of 0.06 in 5: fewer are an illustration.
AGREED = 0.95
#: Changes below this share of the largest are rounding.
ROUNDING = 1e-9
LOW = "lower limit of the share, 95 %, Clopper-Pearson"


def crossing(
    x, y, level: float = 0.0, *, rising: bool = True, leaving=False, flat: float = 0.0
) -> float:
    """The first place where a curve crosses a level, by a line between two points.

    Parameters
    ----------
    x, y : array_like (n,)
        Points in the order of x.
    level : float
    rising : bool
        Whether from below to above, or from above to below.
    leaving : bool
        A curve that comes to the level and stays there for some points crosses where it
        gets to it; with `leaving`, where it leaves it for the other side, and not at
        all where it goes back.
    flat : float
        Points no further than this from the level are at it.

    Returns
    -------
    float
        NaN where there is none; of several, the one of smallest x.
    """
    x, y = np.asarray(x, float), np.asarray(y, float) - level
    side = np.where(np.abs(y) <= flat, 0.0, np.sign(y)) * (1 if rising else -1)
    if leaving:
        # Before it left the level, the curve was last on the other side.
        last = np.maximum.accumulate(np.where(side != 0, np.arange(len(side)), -1))
        came_from = np.where(last < 0, 0.0, side[last])
        crosses = (side[1:] > 0) & (came_from[:-1] < 0)
    else:
        crosses = (side[:-1] < 0) & (side[1:] >= 0)
    places = np.flatnonzero(crosses)
    if len(places) == 0:
        return float("nan")
    k = places[0]
    y = np.where(side == 0, 0.0, y)
    return float(x[k] + (x[k + 1] - x[k]) * y[k] / (y[k] - y[k + 1]))


def fitted_crossing(x, y) -> float:
    """Where the least-squares line through all points becomes positive.

    NaN if it does not rise, or with fewer than two points.
    """
    if len(x) < 2:
        return float("nan")
    slope, offset = np.polyfit(x, y, 1)
    return float(-offset / slope) if slope > 0.0 else float("nan")


def standard_error(values, axis: int = -1) -> np.ndarray:
    """Standard error of the mean over an axis; NaN of a single value."""
    return deviation(values, axis) / np.sqrt(np.shape(values)[axis])


def deviation(values, axis: int = -1) -> np.ndarray:
    """Standard deviation over an axis, of n - 1 degrees; NaN of a single value."""
    values = np.asarray(values)
    if values.shape[axis] < 2:
        return np.full(values.mean(axis=axis).shape, np.nan)
    return values.std(axis=axis, ddof=1)


class Interval(NamedTuple):
    """A value and the limits of its confidence interval, floats or arrays."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def bootstrap(
    values, statistic=np.mean, *, level: float = 0.95, draws: int = 10_000, seed=0
) -> Interval:
    """A statistic of independent runs with its percentile bootstrap interval.

    Parameters
    ----------
    values : array_like (..., n_runs)
        Runs are drawn, with replacement; the last axis.
    statistic : callable
        ``statistic(values, axis=) -> array``, such as `numpy.mean` or `numpy.median`.
    level : float
        Of confidence. For means of few runs the interval is too narrow: of 5 normal
        values, 95 % hold the mean 84 times in 100.
    draws : int
    seed : int

    Returns
    -------
    Interval of ndarray (...)

    Raises
    ------
    ConfigError
        With fewer than two runs, or a level that is not between 0 and 1.

    Source: Efron (1979), `scipy.stats.bootstrap`.
    """
    from scipy import stats

    values = np.asarray(values, float)
    _check_level(level)
    whole_number("bootstrap, draws", draws, lowest=1)
    if values.ndim == 0 or values.shape[-1] < 2:
        raise ConfigError(
            f"bootstrap: got values of shape {values.shape}: the last axis must hold "
            "at least two runs"
        )
    found = stats.bootstrap(
        (values,),
        statistic,
        axis=-1,
        n_resamples=draws,
        confidence_level=level,
        method="percentile",
        rng=generator(seed, "bootstrap"),
    ).confidence_interval
    return Interval(statistic(values, axis=-1), found.low, found.high)


def paired_p(one, other, *, test: str = "t") -> float:
    """Two-sided p that two learners measured on the same seeds do not differ.

    Parameters
    ----------
    one, other : array_like (n_seeds,)
    test : {"t", "wilcoxon"}
        Of the mean of their differences, or of signed ranks.

    Returns
    -------
    float
        NaN with fewer than two seeds, or where all differences are equal.

    Raises
    ------
    ConfigError
        If they are not of the same seeds, or there is no such test.
    """
    from scipy import stats

    one, other = np.asarray(one, float), np.asarray(other, float)
    if one.ndim != 1 or one.shape != other.shape:
        raise ConfigError(
            f"paired_p: got shapes {one.shape} and {other.shape}: give one number for "
            "each seed, of the same seeds"
        )
    tests = {"t": stats.ttest_rel, "wilcoxon": stats.wilcoxon}
    if test not in tests:
        raise ConfigError(f"paired_p, test: got {test!r}. {choices(test, tests)}")
    if len(one) < 2 or np.ptp(one - other) == 0:
        return float("nan")
    return float(tests[test](one, other).pvalue)


def share(count, n, *, level: float = 0.95) -> Interval:
    """Share of n runs with the exact interval of Clopper and Pearson (1934).

    Parameters
    ----------
    count : array_like of int
    n : int
    level : float
        Of confidence, at least.
    """
    from scipy.special import betaincinv

    _check_level(level)
    whole_number("share, n", n, lowest=1)
    count, tail = np.asarray(count), (1.0 - level) / 2.0
    low = betaincinv(np.maximum(count, 1), n - count + 1, tail)
    high = betaincinv(count + 1, np.maximum(n - count, 1), 1.0 - tail)
    return Interval(
        count / n, np.where(count > 0, low, 0.0), np.where(count < n, high, 1.0)
    )


class Agreement(NamedTuple):
    """Which sign runs have, and how many of them.

    Parameters
    ----------
    sign : ndarray of int
        1 or -1 where at least `AGREED` of the runs have it, else 0.
    share : Interval
        Of the runs with the sign that more of them have, with its 95 % interval.
    """

    sign: np.ndarray
    share: Interval


def agreement(values, *, nothing: float = 0.0) -> Agreement:
    """The sign that runs agree in: the one definition of "the seeds agree".

    Parameters
    ----------
    values : ndarray (..., n_runs)
    nothing : float
        Values no larger than this have no sign.

    Returns
    -------
    Agreement of ndarray (...)
    """
    values = np.asarray(values)
    n = values.shape[-1]
    up, down = (values > nothing).sum(axis=-1), (values < -nothing).sum(axis=-1)
    sign = (up / n >= AGREED).astype(int) - (down / n >= AGREED).astype(int)
    return Agreement(sign, share(np.maximum(up, down), n))


def _check_level(level):
    if number("level", level, above=0.0, error=ConfigError) >= 1:
        raise ConfigError(f"level = {level:g}: must be below 1, such as 0.95")
