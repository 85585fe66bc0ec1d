"""BLAS on one thread: what is shared out among threads is decided elsewhere."""

import functools
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController


@contextmanager
def serial_blas():
    """Keep BLAS on one thread.

    Numba's products use SciPy's BLAS, which must be loaded before its threads can be
    limited.
    """
    with _libraries().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _libraries():
    """Controls of the threads of all loaded libraries; finding them takes 5 ms."""
    import scipy.linalg  # noqa: F401

    return ThreadpoolController()
