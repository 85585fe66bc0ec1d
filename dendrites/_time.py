"""Counting steps: every time of a description becomes a whole number of steps here."""

import warnings

import numpy as np

from dendrites._checks import choice, number
from dendrites.errors import ConfigError

# Rounding of a product of a step and a count; anything larger was meant by the user.
_TOLERANCE = 1e-6
# A spike this close to a grid point, in steps, was meant to lie on it: times that
# passed through single precision or were summed up step by step do not hit it.
_ON_GRID = 1e-3
# Fewer spikes of one unit in the first thousandth of a run may well be meant.
_FEWEST_IN_SECONDS = 5
# Whole numbers up to here are exact as floats.
MOST_STEPS = 2.0**53


def n_steps(
    duration: float, dt: float, where: str, *, quiet: bool = False, least: int = 0
) -> int:
    """Number of steps of `dt` in `duration`, with a warning if it had to be rounded.

    Parameters
    ----------
    duration, dt : float
        ms.
    where : str
        What has the duration, for messages.
    quiet : bool
        Round without a warning.
    least : int
        Fewer steps are refused.

    Raises
    ------
    ConfigError
        If `dt` is not a positive finite number, or `duration` is negative or rounded
        to fewer than `least` steps.
    """
    _check_time(f"{where}: dt", dt, positive=True)
    _check_time(f"{where}: duration", duration, positive=False)
    if duration / dt > MOST_STEPS:
        raise ConfigError(
            f"{where}: {duration:g} ms in steps of dt = {dt:g} ms are more than the "
            f"{MOST_STEPS:g} steps that can be counted. Both are in ms."
        )
    steps = round(duration / dt)
    if steps < least:
        raise ConfigError(
            f"{where}: {duration:g} ms is less than half a step of dt = {dt:g} ms, so "
            f"nothing would be left of it. Use at least {least * dt:g} ms, or a "
            "smaller dt"
        )
    if not quiet and not is_multiple(duration, dt):
        warnings.warn(
            f"{where}: {duration:g} ms is not a multiple of dt = {dt:g} ms; "
            f"{steps} steps ({steps * dt:g} ms) are used",
            stacklevel=3,
        )
    return steps


def is_multiple(time: float, dt: float) -> bool:
    """Whether a time is a whole number of steps, but for rounding."""
    return abs(round(time / dt) * dt - time) <= _TOLERANCE * dt


def recording_steps(record_every: float | None, dt: float, steps: int, where: str):
    """Recording interval in steps, with a warning if it had to be rounded.

    Parameters
    ----------
    record_every : float or None
        ms; None records every step.
    dt : float
        ms, already checked.
    steps : int
        Length of the run.

    Raises
    ------
    ConfigError
        If the interval is not a positive number or longer than the run.
    """
    if record_every is None:
        return 1
    _check_time(f"{where}: record_every", record_every, positive=True)
    # The ratio may be too large for an integer; then it is too long as well.
    every = max(1, round(min(record_every / dt, steps + 1)))
    if every > steps:
        raise ConfigError(
            f"{where}: record_every = {record_every:g} ms is longer than the run of "
            f"{steps * dt:g} ms, so nothing would be recorded. Use a shorter interval."
        )
    if not is_multiple(record_every, dt):
        warnings.warn(
            f"{where}: record_every = {record_every:g} ms is not a multiple of dt = "
            f"{dt:g} ms; every {every} steps ({every * dt:g} ms) are recorded",
            stacklevel=3,
        )
    return every


def check_time_unit(where: str, unit) -> None:
    """Refuse what is no unit of times."""
    choice(where, unit, ("ms", "s"), error=ConfigError)


def in_ms(times: np.ndarray, unit: str, where: str) -> np.ndarray:
    """Times in ms, given in ``"ms"`` or ``"s"``."""
    check_time_unit(f"{where}: unit", unit)
    return times * 1000.0 if unit == "s" else times


def nearest_points(
    times: np.ndarray,
    units: np.ndarray,
    *,
    dt: float,
    end: int,
    where: str,
    stacklevel: int = 4,
) -> np.ndarray:
    """Grid point k next to every spike time: the one that k dt is closest to.

    One warning says what looks unintended: times off the grid (how many, how far),
    times in seconds, and spikes of a unit at different times that share a step. Equal
    times are spikes that were counted in one step, and share it in silence.

    Parameters
    ----------
    times : ndarray (n_spikes,)
        ms, ascending and finite.
    units : ndarray of int (n_spikes,)
        Which of several units fires.
    dt : float
        ms.
    end : int
        Steps of the run.
    where : str
        For the warning.
    stacklevel : int
        Of the warning.

    Returns
    -------
    ndarray of int64 (n_spikes,)
        Those far outside the run are moved closer to it, still outside.
    """
    if not times.size:
        return np.zeros(0, np.int64)
    places = np.clip(times / dt, -10.0, end + 10.0)
    points = np.rint(places).astype(np.int64)
    if points.min() < 0 or points.max() > end:
        return points  # to be refused
    remarks = [
        *_off_grid(places - points, dt),
        *_in_seconds(times, units, end * dt),
        *_crowded(times, units, points, dt, end),
    ]
    if remarks:
        warnings.warn(f"{where}: " + "; ".join(remarks), stacklevel=stacklevel)
    return points


def _off_grid(distances, dt):
    far = np.abs(distances) > _ON_GRID
    if far.any():
        largest = float(np.abs(distances).max()) * dt
        yield (
            f"{np.count_nonzero(far)} of {far.size} spikes are no multiples of dt = "
            f"{dt:g} ms and are moved to the nearest, by up to {largest:.3g} ms"
        )


def _in_seconds(times, units, duration):
    if times[-1] * 1000.0 > duration * (1.0 + 1e-9):
        return
    counts = np.unique(units, return_counts=True)[1]
    if counts.max() >= _FEWEST_IN_SECONDS:
        yield (
            f"all {times.size} spikes lie in the first {times[-1]:.3g} ms of "
            f"{duration:g} ms, as if they were in seconds: say that with the unit 's'"
        )


def _crowded(times, units, points, dt, end):
    width = end + 21
    steps = units * width + points + 10
    order = np.argsort(steps, kind="stable")
    steps, times = steps[order], times[order]
    again = (steps[1:] == steps[:-1]) & (times[1:] != times[:-1])
    if again.any():
        shared, counts = np.unique(steps[1:][again], return_counts=True)
        most = int(np.argmax(counts))
        unit, point = divmod(int(shared[most]), width)
        yield (
            f"{counts[most] + 1} spikes of unit {unit} at different times share the "
            f"step at {(point - 10) * dt:g} ms ({shared.size} such steps in all); is "
            "dt too long, or is the unit of the times not ms?"
        )


def _check_time(what, value, *, positive):
    least, above = (None, 0.0) if positive else (0.0, None)
    number(what, value, unit="ms", least=least, above=above, error=ConfigError)
