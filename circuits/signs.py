"""Signs of weights: one for all of a projection, or one for each presynaptic cell."""

import numpy as np

from dendrites._checks import shown
from dendrites.errors import ModelError


def as_sign(where: str, given) -> int | np.ndarray:
    """The sign as 1 or -1, or int64 (n_pre,) of these.

    Raises
    ------
    ModelError
        For anything else.
    """
    try:
        signs = np.asarray(given)
        good = signs.dtype.kind in "if" and signs.ndim < 2 and signs.size > 0
        good = good and bool((np.abs(signs) == 1).all())
    except ValueError:  # rows of several lengths
        good = False
    if not good:
        raise ModelError(
            f"{where}: sign = {shown(given)}: must be 1, -1, or an array of these, one "
            "for each presynaptic cell"
        )
    return int(signs) if signs.ndim == 0 else signs.astype(np.int64)


def check_sign(where: str, p) -> None:
    """Refuse signs that leave no weight, or that something else decides.

    Raises
    ------
    ModelError
    """
    if p.tied_to is not None:
        raise ModelError(
            f"{where}: a tied projection has the signs of the weights it is tied to; "
            "give sign there, or leave it out"
        )
    if p.clip == "readout":
        raise ModelError(
            f"{where}: sign = {shown(p.sign)} holds the weight itself, and with "
            "clip='readout' that moves on unbounded; use clip='weights'"
        )
    for sign in {*np.atleast_1d(p.sign).tolist()} if p.bounds is not None else ():
        lower, upper = limits(sign, p.bounds)
        if not lower < upper:
            raise ModelError(
                f"{where}: bounds = {p.bounds} leave no weights of sign {sign:+d}; "
                "give bounds on both sides of 0, or another sign"
            )


def limits(sign: int, bounds: tuple[float, float] | None) -> tuple[float, float]:
    """Range of a weight of that sign, within bounds if there are any."""
    lower, upper = bounds or (-np.inf, np.inf)
    return (max(lower, 0.0), upper) if sign > 0 else (lower, min(upper, 0.0))
