"""Explicit spike trains: checked, and counted in the steps of a run.

Step number k (1, 2, ...) leads from (k - 1) dt to k dt. A spike at time t belongs to
the step whose end is closest to t. So a train that was recorded (times k dt) and is
forced again falls into the same steps, also after it passed through single precision.
"""

from collections.abc import Mapping

import numpy as np

from dendrites._checks import mapping, numbers
from dendrites._time import check_time_unit, in_ms, nearest_points
from dendrites.errors import ConfigError, choices


def spikes_in_steps(
    times,
    channels,
    *,
    n_units: int,
    n_steps: int,
    dt: float,
    where: str,
    unit: str = "ms",
) -> tuple[np.ndarray, np.ndarray]:
    """Step index (from 0) and unit of every spike.

    Parameters
    ----------
    times : array_like (n_spikes,)
        Ascending, > 0 and at most n_steps * dt. Empty: no spike at all.
    channels : array_like of int (n_spikes,) or None
        Unit that fires; None where there is one unit.
    n_units, n_steps : int
    dt : float
        ms.
    where : str
        For messages.
    unit : {"ms", "s"}
        Of the times.

    Returns
    -------
    steps, units : ndarray of int64 (n_spikes,)

    Raises
    ------
    ConfigError
        For trains that are not ascending, not finite, outside the run, or whose
        channels are no units; the message names the first such spike.
    """
    times = numbers(f"{where}: times", times, finite=False)
    if times.ndim != 1:
        raise ConfigError(
            f"{where}: times have shape {times.shape}, must be one list of ms"
        )
    if channels is None:
        if n_units > 1:
            raise ConfigError(
                f"{where}: {n_units} units need a pair (times, channels), with the "
                "unit of every spike"
            )
        channels = np.zeros(times.size, np.int64)
    try:
        channels = np.asarray(channels)
    except ValueError:
        channels = np.empty(0, object)
    if channels.size == 0 and times.size == 0:
        channels = channels.astype(np.int64)
    if channels.shape != times.shape or channels.dtype.kind not in "iu":
        raise ConfigError(
            f"{where}: channels are {channels.dtype} of shape {channels.shape}, must "
            f"be {times.size} whole numbers, one for each time"
        )
    _refuse(where, times, ~np.isfinite(times), "is not finite")
    descends = np.zeros(times.shape, bool)
    descends[1:] = np.diff(times) < 0
    _refuse(
        where, times, descends, "is earlier than the time before it; sort the train"
    )
    wrong = np.flatnonzero((channels < 0) | (channels >= n_units))
    if wrong.size:
        raise ConfigError(
            f"{where}: channels[{wrong[0]}] = {channels[wrong[0]]} is out of range "
            f"0..{n_units - 1}"
        )
    channels = channels.astype(np.int64)
    times = in_ms(times, unit, where)
    points = nearest_points(times, channels, dt=dt, end=n_steps, where=where)
    _refuse(where, times, times <= 0, f"is before the first step ends, {dt:g} ms")
    _refuse(where, times, points > n_steps, f"is beyond the run, {n_steps * dt:g} ms")
    # What falls into the first half of the first step is closest to the start.
    return np.maximum(points, 1) - 1, channels


def check_unit(unit, forced) -> None:
    """Refuse a unit that is none, or of spike times that are not given."""
    check_time_unit("spike_unit", unit)
    if forced is None and unit != "ms":
        raise ConfigError(
            f"spike_unit = {unit!r} is that of forced_spikes, and none are given"
        )


def check_forced(forced: Mapping | None, spiking: Mapping[str, int]) -> dict:
    """Pairs (times, channels) by population that exists and spikes.

    Parameters
    ----------
    forced : mapping of population to times or (times, channels), or None
    spiking : mapping of str to int
        Populations with a spike rule and their sizes.
    """
    if forced is None:
        return {}
    forced = mapping("forced_spikes", forced, "(times, channels) by population")
    pairs = {}
    for name, train in forced.items():
        if name not in spiking:
            raise ConfigError(
                f"forced_spikes: {name!r} is no population with spikes. "
                + choices(name, spiking)
            )
        is_pair = isinstance(train, tuple) and len(train) == 2
        listed = is_pair and isinstance(train[0], np.ndarray | list | tuple)
        pairs[name] = train if listed else (train, None)
    return pairs


def _refuse(where, times, is_bad, reason):
    bad = np.flatnonzero(is_bad)
    if bad.size:
        i = bad[0]
        raise ConfigError(f"{where}: times[{i}] = {times[i]:g} ms {reason}")
