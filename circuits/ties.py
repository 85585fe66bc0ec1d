"""Tied: weights that follow those of another projection."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse

from circuits.initialisers import Distribution, Uniform, plain_number
from circuits.synapses import canonical, numbers_of, with_numbers
from dendrites._checks import flag, numbers, shown, text
from dendrites._sendable import Sendable
from dendrites.errors import ConfigError, ModelError


@dataclass(frozen=True, eq=False)
class Tied(Sendable):
    """Weights that are at every moment a function of those of another projection.

        weights = factor * times o function(W) + noise

    with W the other weights, or their transpose, and o the product element by element.
    Sign symmetry in its three forms is ``Tied(to, transpose=True, function=sign)`` with
    ``dendrites.transfer.sign`` and magnitudes of one value (`factor`), fixed random
    ones (`times`) or random ones drawn anew (`times`, `redraw`).

    Dense projections are tied to dense ones, one-to-one ones to one-to-one ones, sparse
    ones to sparse ones that join the same pairs of cells.

    Parameters
    ----------
    to : str
        Name of the other projection, which is not tied itself.
    factor : float
    transpose : bool
        Whether the other projection runs the other way.
    noise : float
        Standard deviation of independent normal numbers that are added, drawn anew
        whenever a presentation has moved the other weights. `run_in_pieces` is one that
        does not end: neither noise nor `times` are drawn anew.
    function : callable, optional
        ``function(weight) -> float``, scalar and compiled as those of cells are
        (`docs/extending.md`); a function of NumPy or `math` of one number will do.
    times : array, Uniform, Normal or LogNormal, optional
        Numbers that multiply the weights one by one, in the shape that weights of this
        projection are given in; or what they are drawn from, by the seed and the name
        of the projection (stream ``times/<projection>``).
    redraw : bool
        Draw `times`, a Uniform, anew whenever a presentation has moved the other
        weights, by the address (seed, ``times/<projection>``, replica, number of the
        next presentation, synapse) of `dendrites.random`, synapses counted presynaptic
        cell by presynaptic cell.

    Raises
    ------
    ModelError
        If the function gives no finite number for a weight of 0.5 or -0.5 (and, when
        a run begins, for a weight that there is), or options do not go together.

    Source: sign symmetry, Liao et al. (2016) and Xiao et al. (2019).
    """

    to: str
    factor: float = 1.0
    transpose: bool = False
    noise: float = 0.0
    function: Callable[[float], float] | None = None
    times: np.ndarray | Distribution | None = None
    redraw: bool = False

    def __post_init__(self):
        text("Tied: to", self.to)
        plain_number(self, "factor")
        flag("Tied: transpose", self.transpose)
        plain_number(self, "noise", least=0.0)
        self._check_function()
        if self.times is not None and not isinstance(self.times, Distribution):
            object.__setattr__(self, "times", _times(self.times))
        flag("Tied: redraw", self.redraw)
        if self.redraw and not isinstance(self.times, Uniform):
            raise ModelError(
                f"Tied: redraw = True draws times = {shown(self.times)} anew: give "
                "what they are drawn from, times=Uniform(low, high)"
            )
        if self.redraw and self.times.share < 1:
            raise ModelError(
                f"Tied: times with share = {self.times.share:g} cannot be drawn anew; "
                "leave out share or redraw"
            )

    @property
    def is_alias(self) -> bool:
        """Whether the weights are a factor times the others as these lie in memory."""
        return not self.transpose and self.function is None and self.times is None

    def follow(self, other: np.ndarray, times: np.ndarray | None) -> np.ndarray:
        """Weights without noise, of `times` and those of the other projection.

        These turned round if it runs the other way.

        Of sparse projections all are sparse, with the same entries.

        Raises
        ------
        ModelError
            If the function gives no finite number for one of them.
        """
        value = canonical(other) if issparse(other) else other
        found = numbers_of(value)
        if self.function is not None:
            flat = [self._number(float(w)) for w in found.ravel()]
            found = np.array(flat, float).reshape(found.shape)
        found = self.factor * found
        if times is not None:
            found = numbers_of(times) * found
        return with_numbers(value, found)

    def _check_function(self):
        if self.function is None:
            return
        if not callable(self.function):
            raise ModelError(
                f"Tied: function = {shown(self.function)}: must be a function "
                "(weight) -> float, such as dendrites.transfer.sign"
            )
        for weight in (0.5, -0.5):
            self._number(weight)

    def _number(self, weight):
        """The function of one weight, as plain Python."""
        where = f"Tied to {self.to!r}: function"
        try:
            with np.errstate(all="ignore"):
                found = getattr(self.function, "py_func", self.function)(weight)
            value = float(found)
        except Exception as error:
            raise ModelError(
                f"{where} of the weight {weight:g} raises {type(error).__name__}: "
                f"{error!s:.200}; it must give a finite number for every weight"
            ) from None
        if not np.isfinite(value):
            raise ModelError(
                f"{where} of the weight {weight:g} gives {value}: it must give a "
                "finite number for every weight"
            )
        return value


def _times(given):
    """Finite numbers, which may be a sparse array."""
    try:
        if not issparse(given):
            return numbers("Tied: times", given)
        found = canonical(given)
        numbers("Tied: times", found.data)
    except ConfigError as error:
        raise ModelError(f"{error}, or Uniform(...)") from None
    return found
