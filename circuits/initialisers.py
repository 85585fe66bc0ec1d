"""Initialisers: what initial weights, and parameters of cells, are drawn from."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from dendrites._checks import as_float, flag, number, shown, text
from dendrites.errors import ModelError


def plain_number(part, option, where="", **span):
    """Check one number of a description, and keep it as a plain one."""
    where = where or type(part).__name__
    value = number(f"{where}: {option}", getattr(part, option), **span)
    object.__setattr__(part, option, value)
    return value


class Distribution(ABC):
    """What numbers are drawn from: `Uniform`, `Normal`, `LogNormal`."""

    per_root_fan_in: bool
    share: ClassVar[float] = 1.0

    @abstractmethod
    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Independent numbers, float64, before any division by a fan-in."""


@dataclass(frozen=True)
class Uniform(Distribution):
    """Uniform numbers in (low, high), divided by the root of the fan-in if asked.

    The fan-in of a cell is n_pre, 1 where projections are one-to-one, and the expected
    one, n_pre times the probability, where synapses are drawn. With `share` below 1
    only that share of all synapses, drawn at random, is not zero.
    """

    low: float = -1.0
    high: float = 1.0
    per_root_fan_in: bool = False
    share: float = 1.0

    def __post_init__(self):
        low = plain_number(self, "low")
        plain_number(self, "high", least=low)
        flag("Uniform: per_root_fan_in", self.per_root_fan_in)
        plain_number(self, "share", least=0.0, most=1.0)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Numbers in [low, high)."""
        return rng.uniform(self.low, self.high, shape)


@dataclass(frozen=True)
class Normal(Distribution):
    """Normal numbers of a mean and a standard deviation, within bounds if given.

    Parameters
    ----------
    mean, sd : float
        Of the distribution before it is cut; `sd` >= 0.
    low, high : float
        Values outside have probability 0, and those inside the proportions they have
        without bounds: the truncated normal distribution. Either may be infinite. By
        the inverse of the distribution function, so that each value takes one number.
    per_root_fan_in : bool
        Divide by the root of the fan-in, as in `Uniform`; `low` and `high` are those
        before the division.

    Raises
    ------
    ModelError
        For numbers that are none, and bounds between which next to nothing lies.
    """

    mean: float = 0.0
    sd: float = 1.0
    low: float = -math.inf
    high: float = math.inf
    per_root_fan_in: bool = False

    def __post_init__(self):
        plain_number(self, "mean")
        plain_number(self, "sd", least=0.0)
        _check_bounds(self)
        flag("Normal: per_root_fan_in", self.per_root_fan_in)
        _span(self, self.mean, self.sd, self.low, self.high)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Numbers in [low, high]."""
        span = _span(self, self.mean, self.sd, self.low, self.high)
        return _normal(rng, shape, self.mean, self.sd, span, (self.low, self.high))


@dataclass(frozen=True)
class LogNormal(Distribution):
    """Positive numbers whose natural logarithm is normal, within bounds if given.

    Parameters
    ----------
    mu, sigma : float
        Mean and standard deviation of the logarithm, as in NumPy, NEST and PyNN. The
        values have the median exp(mu), the mean exp(mu + sigma**2 / 2) and the
        coefficient of variation sqrt(exp(sigma**2) - 1).
    low, high : float
        Bounds of the values themselves, as in `Normal`; `low` >= 0.
    per_root_fan_in : bool
        As in `Normal`.

    Raises
    ------
    ModelError
        As `Normal`; also if the numbers would be too large.
    """

    mu: float = 0.0
    sigma: float = 1.0
    low: float = 0.0
    high: float = math.inf
    per_root_fan_in: bool = False

    def __post_init__(self):
        # Six standard deviations further the exponential still is a number.
        mu = plain_number(self, "mu", least=-700.0, most=700.0)
        plain_number(self, "sigma", least=0.0, most=(709.0 - abs(mu)) / 8.6)
        _check_bounds(self)
        if self.low < 0:
            raise ModelError(
                f"LogNormal: low = {self.low:g}: must be >= 0, since all values are"
            )
        flag("LogNormal: per_root_fan_in", self.per_root_fan_in)
        _span(self, mu, self.sigma, _log(self.low), _log(self.high))

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """Numbers in [low, high], above 0."""
        ends = _log(self.low), _log(self.high)
        span = _span(self, self.mu, self.sigma, *ends)
        values = np.exp(_normal(rng, shape, self.mu, self.sigma, span, ends))
        return np.clip(values, self.low, self.high)


@dataclass(frozen=True)
class Constant:
    """Initial weights of one value."""

    value: float = 0.0

    def __post_init__(self):
        plain_number(self, "value")


@dataclass(frozen=True)
class ScaledCopy:
    """Initial weights that are `factor` times those of another projection.

    With `transpose`, those of a projection that runs the other way.
    """

    of: str
    factor: float = 1.0
    transpose: bool = False

    def __post_init__(self):
        text("ScaledCopy: of", self.of)
        plain_number(self, "factor")
        flag("ScaledCopy: transpose", self.transpose)


# What weights can start from besides arrays.
INITIALISERS = (Distribution, Constant, ScaledCopy)


def _check_bounds(part):
    """Keep `low` < `high` as plain numbers, each of which may be infinite."""
    where = type(part).__name__
    for option, wrong in (("low", math.inf), ("high", -math.inf)):
        value = getattr(part, option)
        plain = value if value in (math.inf, -math.inf) else as_float(value)
        if math.isnan(plain) or plain == wrong:
            raise ModelError(
                f"{where}: {option} = {shown(value)}: must be a number, or infinite "
                "for no bound"
            )
        object.__setattr__(part, option, float(plain))
    if not part.low < part.high:
        raise ModelError(
            f"{where}: low = {part.low:g} and high = {part.high:g}: low must be below "
            "high"
        )


def _log(value):
    return math.log(value) if value > 0 else -math.inf


def _span(part, mean, sd, low, high):
    """Values of the distribution function at the bounds; None if there are none.

    Of the mirrored distribution where both bounds lie above the mean: small numbers
    keep their digits there.
    """
    from scipy.special import ndtr

    if math.isinf(low) and math.isinf(high):
        return None
    if sd == 0:
        if not low <= mean <= high:
            raise ModelError(
                f"{type(part).__name__}: a standard deviation of 0 leaves one value, "
                f"outside the bounds ({part.low:g}, {part.high:g})"
            )
        return None
    ends = [(low - mean) / sd, (high - mean) / sd]
    if low > mean:
        ends = [-ends[1], -ends[0]]
    below, above = (float(ndtr(end)) for end in ends)
    if above - below < 1e-100:
        raise ModelError(
            f"{type(part).__name__}: next to none of its values lie between low = "
            f"{part.low:g} and high = {part.high:g}; move the bounds, or mean and "
            "standard deviation"
        )
    return below, above


def _normal(rng, shape, mean, sd, span, bounds):
    from scipy.special import ndtri

    if span is None:
        return rng.normal(mean, sd, shape)
    below, above = span
    z = ndtri(below + (above - below) * rng.random(shape))
    if bounds[0] > mean:
        z = -z
    return np.clip(mean + sd * z, *bounds)
