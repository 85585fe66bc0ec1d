"""Bursts of spike pairings, for many conditions at once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from circuits import Projection
from dendrites.cell import CellModel
from dendrites.errors import ConfigError
from dendrites.rules.voltage import clopath_delays
from experiments.pairing import partners, trains

LEAD = 150.0  # ms of rest, or of a constant current, before the first pairing
TAIL = 60.0  # ms after the last spike


class Bursts(NamedTuple):
    """Forced trains of all conditions.

    Parameters
    ----------
    pre, post : (ndarray of ms, ndarray of int)
        Ascending times and the condition of each.
    duration : float
        ms, with `LEAD` before and `TAIL` after.
    """

    pre: tuple[np.ndarray, np.ndarray]
    post: tuple[np.ndarray, np.ndarray]
    duration: float


def pairing_times(frequency, lag, *, pairings: int, gap: float, dt: float):
    """Presynaptic and postsynaptic times of one burst, ms, on the grid of dt.

    Parameters
    ----------
    frequency : float
        Hz. A period above `gap` is shortened to it.
    lag : float
        ms, t_post - t_pre; less than a period.
    gap : float
        ms.
    """
    period = min(1000.0 / frequency, gap)
    first = LEAD + period * np.arange(pairings) + max(-lag, 0.0)
    return tuple(np.round(t / dt) * dt for t in (first, first + lag))


def bursts(
    conditions: Sequence[tuple[float, float]],
    *,
    pairings: int,
    gap: float,
    dt: float,
) -> Bursts:
    """One burst of pairings for every condition (frequency, lag).

    Raises
    ------
    ConfigError
        If a lag is not shorter than the period of its pairings, or there is none.
    """
    if not gap > 0:
        raise ConfigError(f"gap = {gap:g} ms: must be > 0")
    pre, post = [], []
    for frequency, lag in conditions:
        if not frequency > 0:
            raise ConfigError(f"frequency = {frequency:g} Hz: must be > 0")
        if abs(lag) >= 1000.0 / frequency:
            raise ConfigError(
                f"pairings at {frequency:g} Hz repeat every {1000 / frequency:.4g} ms: "
                f"a lag of {lag:g} ms must be shorter. Use lower frequencies"
            )
        one, other = pairing_times(frequency, lag, pairings=pairings, gap=gap, dt=dt)
        pre.append(one)
        post.append(other)
    last = max(times[-1] for times in (*pre, *post))
    return Bursts(trains(pre), trains(post), np.ceil((last + TAIL) / dt) * dt)


def delay_projections(
    population: str, cell: CellModel, compartment: str, delay: float
) -> list[Projection]:
    """What brings a population its own filters of some ms before."""
    return [
        partners(population, population, d.field, signal=d.signal, delay=d.delay)
        for d in clopath_delays(cell, compartment=compartment, delay=delay)
    ]
