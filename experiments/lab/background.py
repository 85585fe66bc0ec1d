"""Background currents of the lab: the same course of noise for every protocol."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.signal import lfilter

from dendrites.random import generator


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
