"""Counting steps: durations and intervals in ms become whole numbers of steps."""

import warnings

from dendrites._checks import number
from dendrites.errors import ConfigError

# Rounding of a product of a step and a count; anything larger was meant by the user.
_TOLERANCE = 1e-6
# Whole numbers up to here are exact as floats.
MOST_STEPS = 2.0**53


def n_steps(duration: float, dt: float, where: str, *, quiet: bool = False) -> int:
    """Number of steps of `dt` in `duration`, with a warning if it had to be rounded.

    Parameters
    ----------
    duration, dt : float
        ms.
    where : str
        What has the duration, for messages.
    quiet : bool
        Round without a warning.

    Raises
    ------
    ConfigError
        If `dt` is not a positive finite number, or `duration` is negative.
    """
    _check_time(f"{where}: dt", dt, positive=True)
    _check_time(f"{where}: duration", duration, positive=False)
    if duration / dt > MOST_STEPS:
        raise ConfigError(
            f"{where}: {duration:g} ms in steps of dt = {dt:g} ms are more than the "
            f"{MOST_STEPS:g} steps that can be counted. Both are in ms."
        )
    steps = round(duration / dt)
    if not quiet and abs(steps * dt - duration) > _TOLERANCE * dt:
        warnings.warn(
            f"{where}: {duration:g} ms is not a multiple of dt = {dt:g} ms; "
            f"{steps} steps ({steps * dt:g} ms) are run",
            stacklevel=3,
        )
    return steps


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
    if abs(every * dt - record_every) > _TOLERANCE * dt:
        warnings.warn(
            f"{where}: record_every = {record_every:g} ms is not a multiple of dt = "
            f"{dt:g} ms; every {every} steps ({every * dt:g} ms) are recorded",
            stacklevel=3,
        )
    return every


def _check_time(what, value, *, positive):
    least, above = (None, 0.0) if positive else (0.0, None)
    number(what, value, unit="ms", least=least, above=above, error=ConfigError)
