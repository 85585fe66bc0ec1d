"""The random numbers of a circuit, from their addresses."""

import numpy as np

from dendrites.random import stream_key

SEED = 5


def drawn(kind, name, n, samples, *, step, presentation=0, seed=SEED):
    """Numbers (samples, n) of a population: cell i of sample b is unit b * n + i."""
    key = stream_key(seed, name)
    units = range(samples * n)
    numbers = [kind(*key, 0, presentation, step, k) for k in units]
    return np.array(numbers).reshape(samples, n)
