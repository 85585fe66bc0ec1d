"""What is injected into a compartment over time, described without arrays.

A drive is made by one of the functions below and added to others with ``+``; numbers
count as constants. `sample` turns it into one value per step of a run, in the unit of
the input field it feeds (pA for a current). A run begins at 0 ms.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from dendrites._checks import is_number, number, shown, whole_number
from dendrites._drive_checks import frozen, refuse_spike, vector
from dendrites._drive_parts import (
    Noise,
    PoissonTrain,
    Spikes,
    in_stretches,
    piecewise,
)
from dendrites._memory import check_memory
from dendrites._time import in_ms
from dendrites.errors import ConfigError, ModelError

# Of a word of the address of a random number.
LARGEST_WORD = 2**32 - 1


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
    amplitude = float(number("constant: amplitude", amplitude))
    return Drive((piecewise("constant", [0.0, math.inf], [amplitude]),))


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
    amplitude = float(number("pulse: amplitude", amplitude))
    start = float(number("pulse: start", start, unit="ms", least=0.0))
    duration = float(number("pulse: duration", duration, unit="ms", least=0.0))
    return Drive((piecewise("pulse", [start, start + duration], [amplitude]),))


def step(amplitude: float, *, start: float) -> Drive:
    """Zero before `start` (ms, not negative), `amplitude` from then on.

    Raises ModelError if a number is not finite, or the start is negative.
    """
    amplitude = float(number("step: amplitude", amplitude))
    start = float(number("step: start", start, unit="ms", least=0.0))
    return Drive((piecewise("step", [start, math.inf], [amplitude]),))


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
    from_ = float(number("ramp: from_", from_))
    to = float(number("ramp: to", to))
    start = float(number("ramp: start", start, unit="ms", least=0.0))
    duration = float(number("ramp: duration", duration, unit="ms", least=0.0))
    knots = [0.0, start, start + duration, math.inf]
    return Drive((piecewise("ramp", knots, [from_, from_, to], [from_, to, to]),))


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
    values = vector("waveform", "values", values)
    dt = float(number("waveform: dt", dt, unit="ms", above=0.0))
    if values.size == 0:
        raise ModelError(
            "waveform: values is empty, but it must cover the run.\n"
            "For no drive at all pass 0.0."
        )
    return Drive(
        (piecewise("waveform", np.arange(values.size + 1) * dt, values, cover=True),)
    )


def spike_train(times_ms: ArrayLike, *, weight: float = 1.0, unit: str = "ms") -> Drive:
    """Explicit spikes: each adds `weight` to the step whose beginning is closest.

    Step k begins at k dt. Times more than a thousandth of a step away from such a point
    are warned about when the drive is sampled, and so are different times that share
    a step. Equal times count separately.

    Parameters
    ----------
    times_ms : array-like, (n_spikes,)
        Ascending, not negative. May be empty.
    weight : float
    unit : {"ms", "s"}
        Of the times.

    Raises
    ------
    ConfigError
        If the unit is another.
    ModelError
        If a time is not finite, negative or smaller than the one before it; from
        `sample`, if a time is not before the end of the run.
    """
    times = vector("spike_train", "times_ms", times_ms)
    times = frozen(in_ms(times, unit, "spike_train"))
    refuse_spike(times, times < 0.0, "a run begins at 0 ms", "Shift the train.")
    descends = np.zeros(times.shape, dtype=bool)
    descends[1:] = np.diff(times) < 0.0
    refuse_spike(
        times, descends, "earlier than the time before it", "Sort the train first."
    )
    return Drive((Spikes(times, float(number("spike_train: weight", weight))),))


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
    rate = float(number("poisson_train: rate_hz", rate_hz, unit="Hz", least=0.0))
    return Drive((PoissonTrain(rate, float(number("poisson_train: weight", weight))),))


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
    sd = float(number("noise: sd", sd, least=0.0))
    mean = float(number("noise: mean", mean))
    if tau is not None:
        tau = float(number("noise: tau", tau, unit="ms", above=0.0))
    return Drive((Noise(sd, tau, mean),))


def as_drive(x: Drive | float, *, where: str = "drive") -> Drive:
    """`x` if it is a drive, a constant drive if it is a number.

    `where` names the argument in messages. Raises ModelError for anything else, such as
    an array, and for numbers that are not finite.
    """
    if isinstance(x, Drive):
        return x
    if is_number(x):
        return Drive(
            (piecewise("constant", [0.0, math.inf], [number(f"{where}: value", x)]),)
        )
    if isinstance(x, (list, tuple, np.ndarray)):
        raise ModelError(
            f"{where}: received a {type(x).__name__} of shape {np.shape(x)}, "
            "but one drive is a number or a Drive.\n"
            "For a sampled waveform pass waveform(values, dt=...); "
            "for spike times spike_train(times_ms)."
        )
    raise ModelError(
        f"{where}: received {shown(x)} ({type(x).__name__}), "
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
    n_steps = whole_number("sample: n_steps", n_steps, lowest=1)
    # Edges, means and counts of a part, side by side.
    check_memory(8 * 8 * n_steps, f"sample: {n_steps} steps", advice="Use fewer.")
    condition = whole_number(
        "sample: condition", condition, lowest=0, highest=LARGEST_WORD
    )
    dt = float(number("sample: dt", dt, unit="ms", above=0.0, error=ConfigError))
    if drive.is_random and seed is None:
        raise ConfigError(
            "sample: the drive has random parts, but seed=None.\n"
            "Pass seed=0 or another non-negative integer."
        )
    whole = in_stretches(drive.parts, n_steps, dt, seed, stream, condition)
    return whole(0, n_steps)
