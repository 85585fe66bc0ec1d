"""Makers of scalar reads ``read(cell, p) -> float``."""

from collections.abc import Callable


def rate_of_soma(phi: Callable) -> Callable:
    """Firing rate of a cell whose soma has transfer function `phi`."""

    def rate(cell, p):
        return phi(cell.soma)

    return rate
