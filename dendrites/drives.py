"""What is injected into a compartment over time, described without arrays.

A drive is made by one of the functions below and added to others with ``+``; numbers
count as constants. `sample` turns it into one value per step of a run, in the unit of
the input field it feeds (pA for a current). A run begins at 0 ms.
"""

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from dendrites._streams import check_seed, stream_key
from dendrites.errors import ConfigError, ModelError

# Times this close to a grid point, in steps, lie on it: 0.3 / 0.1 is 2.9999999999999996
# in floating point. Covers rounding of runs up to 1e8 steps.
_GRID_TOLERANCE = 1e-7
_LARGEST = np.finfo(float).max.item()


@dataclass(frozen=True, eq=False)
class Drive:
    """A sum of parts. Make one with the functions of this module, not directly."""

    parts: tuple[Any, ...] = ()

    # numpy numbers and arrays on the left of + leave the sum to this class.
    __array_ufunc__ = None

    @property
    def is_random(self) -> bool:
        """Whether sampling needs a seed."""
        return any(part.is_random for part in self.parts)

    def __add__(self, other: "Drive | float") -> "Drive":
        return Drive(self.parts + as_drive(other).parts)

    def __radd__(self, other: float) -> "Drive":
        return as_drive(other) + self


def constant(amplitude: float) -> Drive:
    """The same value throughout the run.

    Raises ModelError if the amplitude is not a finite number.
    """
    amplitude = _number("constant", "amplitude", amplitude)
    return _piecewise("constant", [0.0, math.inf], [amplitude])


def pulse(amplitude: float, *, start: float, duration: float) -> Drive:
    """`amplitude` on [start, start + duration), zero elsewhere.

    Edges off the grid of steps are averaged over their step, so that the total charge,
    amplitude * duration, does not depend on the time step.

    Parameters
    ----------
    amplitude : float
    start, duration : float
        ms, not negative. A duration of zero carries no charge.

    Raises
    ------
    ModelError
        If a number is not finite, or a time is negative.
    """
    amplitude = _number("pulse", "amplitude", amplitude)
    start = _number("pulse", "start", start, unit=" ms", least=0.0)
    duration = _number("pulse", "duration", duration, unit=" ms", least=0.0)
    return _piecewise("pulse", [start, start + duration], [amplitude])


def step(amplitude: float, *, start: float) -> Drive:
    """Zero before `start` (ms, not negative), `amplitude` from then on.

    Raises ModelError if a number is not finite, or the start is negative.
    """
    amplitude = _number("step", "amplitude", amplitude)
    start = _number("step", "start", start, unit=" ms", least=0.0)
    return _piecewise("step", [start, math.inf], [amplitude])


def ramp(from_: float, to: float, *, start: float, duration: float) -> Drive:
    """A straight line from `from_` to `to`; both values are held outside it.

    Each step receives the time average of the line over that step.

    Parameters
    ----------
    from_, to : float
        Value until `start`, and from `start + duration` on.
    start, duration : float
        ms, not negative. A duration of zero is a jump.

    Raises
    ------
    ModelError
        If a number is not finite, or a time is negative.
    """
    from_ = _number("ramp", "from_", from_)
    to = _number("ramp", "to", to)
    start = _number("ramp", "start", start, unit=" ms", least=0.0)
    duration = _number("ramp", "duration", duration, unit=" ms", least=0.0)
    knots = [0.0, start, start + duration, math.inf]
    return _piecewise("ramp", knots, [from_, from_, to], [from_, to, to])


def waveform(values: ArrayLike, *, dt: float) -> Drive:
    """A sampled waveform: values[i] on [i dt, (i+1) dt).

    A run may use another time step: each of its steps receives the time average. The
    run may end before the waveform does, not after.

    Parameters
    ----------
    values : array-like, (n_samples,)
        Finite, at least one.
    dt : float
        Sampling interval in ms, positive.

    Raises
    ------
    ModelError
        If the values are not a finite, non-empty, one-dimensional array or `dt` is not
        positive; from `sample`, if the run is longer than the waveform.
    """
    values = _vector("waveform", "values", values)
    dt = _number("waveform", "dt", dt, unit=" ms", least=0.0, strict=True)
    if values.size == 0:
        raise ModelError(
            "waveform: values is empty, but it must cover the run.\n"
            "For no drive at all pass 0.0."
        )
    return _piecewise("waveform", np.arange(values.size + 1) * dt, values, cover=True)


def spike_train(times_ms: ArrayLike, *, weight: float = 1.0) -> Drive:
    """Explicit spikes: each adds `weight` to the step in which it falls.

    A spike at time t counts in step k if k dt <= t < (k+1) dt; times within 1e-7 of a
    step of a grid point are taken to lie on it. Equal times count separately.

    Parameters
    ----------
    times_ms : array-like, (n_spikes,)
        ms, ascending, not negative. May be empty.
    weight : float

    Raises
    ------
    ModelError
        If a time is not finite, negative or smaller than the one before it; from
        `sample`, if a time is not before the end of the run.
    """
    times = _vector("spike_train", "times_ms", times_ms)
    _refuse_spike(times, times < 0.0, "a run begins at 0 ms", "Shift the train.")
    descends = np.zeros(times.shape, dtype=bool)
    descends[1:] = np.diff(times) < 0.0
    _refuse_spike(
        times, descends, "earlier than the time before it", "Sort the train first."
    )
    return Drive((_Spikes(times, _number("spike_train", "weight", weight)),))


def poisson_train(rate_hz: float, *, weight: float = 1.0) -> Drive:
    """Spikes of a Poisson process: `weight` times the number of spikes in each step.

    Parameters
    ----------
    rate_hz : float
        Hz, not negative. The counts of a step have mean rate_hz * dt / 1000.
    weight : float

    Raises
    ------
    ModelError
        If a number is not finite, or the rate is negative; from `sample`, if a step
        expects more than 1e9 spikes.
    """
    rate = _number("poisson_train", "rate_hz", rate_hz, unit=" Hz", least=0.0)
    return Drive((_PoissonTrain(rate, _number("poisson_train", "weight", weight)),))


def noise(sd: float, *, tau: float | None = None, mean: float = 0.0) -> Drive:
    """Gaussian noise around `mean`, white or with a correlation time.

    With `tau` an Ornstein-Uhlenbeck process, started in its stationary distribution and
    advanced exactly: with a = exp(-dt/tau) and z standard normal,

        x[n+1] - mean = a (x[n] - mean) + sd sqrt(1 - a**2) z[n+1];

    step n holds the value at its beginning. `sd` is then the standard deviation for
    every time step. Without `tau` each step draws independently with standard deviation
    `sd`; as that noise has power sd**2 dt, scale `sd` by 1/sqrt(dt) to keep its effect
    on a membrane when the time step changes.

    Parameters
    ----------
    sd : float
        Standard deviation, not negative.
    tau : float or None
        Correlation time in ms, positive.
    mean : float

    Raises
    ------
    ModelError
        If a number is not finite, `sd` is negative or `tau` is not positive.

    Source: our derivation; the update is the process's exact transition over dt.
    """
    sd = _number("noise", "sd", sd, least=0.0)
    mean = _number("noise", "mean", mean)
    if tau is not None:
        tau = _number("noise", "tau", tau, unit=" ms", least=0.0, strict=True)
    return Drive((_Noise(sd, tau, mean),))


def as_drive(x: Drive | float, *, where: str = "drive") -> Drive:
    """`x` if it is a drive, a constant drive if it is a number.

    `where` names the argument in messages. Raises ModelError for anything else, such as
    an array, and for numbers that are not finite.
    """
    if isinstance(x, Drive):
        return x
    if _is_number(x):
        return _piecewise("constant", [0.0, math.inf], [_number(where, "value", x)])
    if isinstance(x, (list, tuple, np.ndarray)):
        raise ModelError(
            f"{where}: received a {type(x).__name__} of shape {np.shape(x)}, "
            "but one drive is a number or a Drive.\n"
            "For a sampled waveform pass waveform(values, dt=...); "
            "for spike times spike_train(times_ms)."
        )
    raise ModelError(
        f"{where}: received {x!r} ({type(x).__name__}), "
        "but a drive is a number or a Drive.\n"
        "Make one with pulse(...), noise(...) or another function of drives."
    )


def sample(
    drive: Drive | float,
    n_steps: int,
    dt: float,
    *,
    seed: int | None = None,
    stream: str = "drive",
    condition: int = 0,
) -> np.ndarray:
    """The drive's value during each step k of a run, that is on [k dt, (k+1) dt).

    Random parts are drawn from the counter-based generator: part number i among the
    random ones (in the order of the sum) at step k depends only on the seed, the
    stream, the condition, i and k. A longer run therefore starts with the shorter one.

    Parameters
    ----------
    drive : Drive or float
    n_steps : int
        Steps of the run, at least 1.
    dt : float
        Time step in ms, positive.
    seed : int, optional
        Non-negative; needed by random drives only.
    stream : str
        Name of the random stream: one name for each input field of each population.
    condition : int
        Index of the experimental condition, in [0, 2**32).

    Returns
    -------
    float64 array, (n_steps,)
        In the unit of the amplitudes.

    Raises
    ------
    ConfigError
        If `n_steps`, `dt`, `condition` or, for a random drive, `seed` is not possible.
    ModelError
        If the drive does not fit the run: a waveform that ends before it, a spike
        after it, or more than 1e9 Poisson spikes per step.
    """
    drive = as_drive(drive)
    n_steps = _index("n_steps", n_steps, least=1)
    condition = _index("condition", condition, least=0)
    if not _is_number(dt) or not (0.0 < dt < math.inf):
        raise ConfigError(f"sample: dt={dt!r} ms: must be a positive, finite number.")
    dt = float(dt)
    if drive.is_random:
        if seed is None:
            raise ConfigError(
                "sample: the drive has random parts, but seed=None.\n"
                "Pass seed=0 or another non-negative integer."
            )
        key = stream_key(check_seed(seed), stream)
    values = np.zeros(n_steps)
    n_random = 0
    for part in drive.parts:
        if part.is_random:
            values += part.sample(n_steps, dt, (*key, condition, 0, n_random))
            n_random += 1
        else:
            values += part.sample(n_steps, dt)
    return values


@dataclass(frozen=True, eq=False)
class _Piecewise:
    """Straight lines between knots (ms); zero before the first and after the last."""

    name: str
    knots: np.ndarray
    left: np.ndarray
    right: np.ndarray
    cover: bool
    is_random: ClassVar[bool] = False

    def sample(self, n_steps, dt):
        knots = _snap(self.knots / dt)
        if self.cover and knots[-1] < n_steps:
            raise ModelError(
                f"{self.name}: its {self.left.size} samples end at "
                f"{self.knots[-1]:g} ms, but the run lasts {n_steps * dt:g} ms.\n"
                "Shorten the run, or append values (zeros for no drive)."
            )
        # Between two neighbouring edges nothing changes but the height of one line.
        inner = knots[(knots > 0.0) & (knots < n_steps)]
        edges = np.union1d(np.arange(n_steps + 1.0), inner)
        width = np.diff(edges)
        middle = edges[:-1] + 0.5 * width
        piece = np.searchsorted(knots, middle, side="right") - 1
        inside = (piece >= 0) & (piece < self.left.size)
        piece, middle, width = piece[inside], middle[inside], width[inside]
        left, right = self.left[piece], self.right[piece]
        along = (middle - knots[piece]) / (knots[piece + 1] - knots[piece])
        mean = (1.0 - along) * left + along * right
        mean = np.where(left == right, left, mean)
        return np.bincount(middle.astype(np.intp), width * mean, minlength=n_steps)


@dataclass(frozen=True, eq=False)
class _Spikes:
    """Weighted spikes at given times (ms)."""

    times: np.ndarray
    weight: float
    is_random: ClassVar[bool] = False

    def sample(self, n_steps, dt):
        steps = np.floor(_snap(self.times / dt))
        _refuse_spike(
            self.times,
            steps >= n_steps,
            f"not before the end of the run, {n_steps * dt:g} ms",
            "Lengthen the run or drop the spike; times are in ms.",
        )
        return self.weight * np.bincount(steps.astype(np.intp), minlength=n_steps)


@dataclass(frozen=True, eq=False)
class _PoissonTrain:
    """Weighted counts of a Poisson process of constant rate (Hz)."""

    rate: float
    weight: float
    is_random: ClassVar[bool] = True

    def sample(self, n_steps, dt, address):
        # Imported when needed: the compiler takes longer to load than the rest.
        from dendrites.random import POISSON_MEAN_LIMIT, fill_poisson_kernel

        mean = self.rate * dt / 1000.0
        if mean > POISSON_MEAN_LIMIT:
            raise ModelError(
                f"poisson_train: rate_hz={self.rate:g} gives {mean:g} spikes per step "
                f"of {dt:g} ms; at most {POISSON_MEAN_LIMIT:g} can be drawn.\n"
                "Lower the rate (it is in Hz) or shorten the step."
            )
        counts = np.empty(n_steps)
        fill_poisson_kernel(counts, mean, *address)
        return self.weight * counts


@dataclass(frozen=True, eq=False)
class _Noise:
    """White noise, or an Ornstein-Uhlenbeck process of correlation time tau (ms)."""

    sd: float
    tau: float | None
    mean: float
    is_random: ClassVar[bool] = True

    def sample(self, n_steps, dt, address):
        from dendrites.random import fill_noise_kernel

        decay, jump = 0.0, 1.0
        if self.tau is not None:
            decay = math.exp(-dt / self.tau)
            jump = math.sqrt(-math.expm1(-2.0 * dt / self.tau))
        values = np.empty(n_steps)
        fill_noise_kernel(values, decay, jump, *address)
        return self.mean + self.sd * values


def _piecewise(name, knots, left, right=None, *, cover=False):
    right = left if right is None else right
    arrays = (_frozen(knots), _frozen(left), _frozen(right))
    return Drive((_Piecewise(name, *arrays, cover),))


def _frozen(values):
    copy = np.array(values, dtype=float)
    copy.setflags(write=False)
    return copy


def _snap(steps):
    nearest = np.rint(steps)
    # An infinite knot gives NaN, which is near nothing.
    with np.errstate(invalid="ignore"):
        near = np.abs(steps - nearest) <= _GRID_TOLERANCE
    return np.where(near, nearest, steps)


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, bool)


def _number(where, name, value, *, unit="", least=-math.inf, strict=False):
    if _is_number(value):
        # The comparison also refuses integers too large for a float.
        finite = -_LARGEST <= value <= _LARGEST
        if finite and (value > least if strict else value >= least):
            return float(value)
    else:
        unit = ""
    allowed = "a finite number" if least == -math.inf else "finite and not negative"
    raise ModelError(
        f"{where}: {name}={value!r}{unit}: "
        f"must be {'finite and positive' if strict else allowed}."
    )


def _index(name, value, *, least):
    is_whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_whole or not (least <= value < 2**32):
        raise ConfigError(
            f"sample: {name}={value!r}: must be a whole number, "
            f"at least {least} and below 2**32."
        )
    return int(value)


def _vector(where, name, values):
    try:
        array = np.asarray(values)
    except ValueError:
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "iuf":
        raise ModelError(
            f"{where}: {name} must be a one-dimensional list or array of real numbers, "
            f"not {type(values).__name__} of {array.dtype}."
        )
    array = _frozen(array)
    if array.ndim != 1:
        raise ModelError(
            f"{where}: {name} has shape {array.shape}, but must have one dimension.\n"
            "Pass one drive per condition or unit."
        )
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise ModelError(
            f"{where}: {name}[{bad[0]}]={array[bad[0]]}: must be finite "
            f"({bad.size} of {array.size} are not)."
        )
    return array


def _refuse_spike(times, is_bad, reason, remedy):
    bad = np.flatnonzero(is_bad)
    if bad.size:
        i = bad[0]
        raise ModelError(
            f"spike_train: times_ms[{i}]={times[i]:g} ms: {reason}.\n{remedy}"
        )
