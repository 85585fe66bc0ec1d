"""Background currents of the lab: the same course of noise for every protocol."""

import math
import threading
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from scipy.signal import lfilter

from dendrites.random import generator

# Of one course that is kept for all runs.
MOST_BYTES = 2**26


class Background(NamedTuple):
    """Ornstein-Uhlenbeck currents by seed.

    Parameters
    ----------
    seeds : tuple of int
    soma, apical : float
        Standard deviations, pA.
    tau : float
        ms.
    """

    seeds: tuple[int, ...]
    soma: float
    apical: float
    tau: float

    def course(self, where: str, dt: float) -> Iterator[np.ndarray]:
        """Send numbers of steps, receive currents (n_steps, n_seeds), pA.

        The exact discrete process: it begins in its steady state, and values of
        neighbouring steps correlate by exp(-dt/tau).
        """
        sd = getattr(self, where)
        decay = math.exp(-dt / self.tau)
        jump = sd * math.sqrt(-math.expm1(-2.0 * dt / self.tau))
        draws = [generator(seed, f"lab/background/{where}") for seed in self.seeds]
        n_steps = yield
        if sd == 0:
            while True:
                n_steps = yield np.zeros((n_steps, len(self.seeds)))
        state = np.array([[decay * sd * draw.standard_normal()] for draw in draws])
        while True:
            kicks = jump * np.array([draw.standard_normal(n_steps) for draw in draws])
            values, state = lfilter([1.0], [1.0, -decay], kicks, zi=state)
            n_steps = yield values.T


class KeptBackground:
    """The same currents, each course made once for all runs of a length or shorter.

    Parameters
    ----------
    background : Background
    lengths : mapping of float to int
        By step, ms, how many steps the longest run makes.
    """

    def __init__(self, background: Background, lengths: Mapping[float, int]):
        self.seeds = background.seeds
        self._background, self._lengths = background, lengths
        self._kept, self._lock = {}, threading.Lock()

    def course(self, where: str, dt: float) -> Iterator[np.ndarray]:
        """As that of the background; what is received is not to be changed."""
        length = self._lengths[dt]
        if 8 * length * len(self.seeds) > MOST_BYTES:
            return self._background.course(where, dt)
        with self._lock:
            if (where, dt) not in self._kept:
                source = self._background.course(where, dt)
                self._kept[where, dt] = _Kept(source, (length, len(self.seeds)))
        return self._kept[where, dt].course()


class _Kept:
    """A course as far as it was asked for."""

    def __init__(self, source, shape):
        self._source, self._values, self._made = source, np.empty(shape), 0
        self._lock = threading.Lock()
        next(source)

    def course(self):
        first, n_steps = 0, (yield)
        while True:
            last = first + n_steps
            with self._lock:
                if last > self._made:
                    values = self._source.send(last - self._made)
                    self._values[self._made : last] = values
                    self._made = last
            n_steps = yield self._values[first:last]
            first = last
