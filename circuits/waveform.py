"""A waveform that groups of cells and the cells of a group make together."""

import math
from typing import NamedTuple

import numpy as np

from dendrites._checks import numbers
from dendrites.errors import ConfigError


class GroupedWaveform(NamedTuple):
    """What every cell of a group is shown, and what every group is, added up.

    Cell g * n_each + k is shown each[:, k] + groups[0][:, g] + groups[1][:, g] + ...,
    added in this order, such as noise that is the same in all conditions and a course
    for every condition. The sums are made while the circuit runs, so that an array of
    all cells is never made.

    Parameters
    ----------
    each : ndarray (n_steps, n_each)
    groups : tuple of ndarray (n_steps, n_groups)
        One or several.
    """

    each: np.ndarray
    groups: tuple[np.ndarray, ...]

    def values(self) -> np.ndarray:
        """The waveform of all cells, (n_steps, n_groups * n_each)."""
        total = self.each[:, np.newaxis]
        for part in self.groups:
            total = total + part[:, :, np.newaxis]
        return total.reshape(len(self.each), -1)


def check_grouped(place: str, wave: GroupedWaveform, n_steps: int, size: int):
    """The waveform in arrays of float64, each contiguous.

    Raises
    ------
    ConfigError
        For shapes that do not fit and values that are not finite.
    """
    if not isinstance(wave.groups, tuple | list) or not wave.groups:
        raise ConfigError(
            f"{place}: groups = {wave.groups!r:.60}: must be a tuple of arrays, one at "
            "least; an array for all cells has no groups"
        )
    parts = [numbers(f"{place}: each", wave.each)]
    parts += [numbers(f"{place}: groups[{k}]", x) for k, x in enumerate(wave.groups)]
    wide = {part.shape[1:] for part in parts[1:]}
    fits = len(wide) == 1 and all(part.shape[:1] == (n_steps,) for part in parts)
    if not fits or math.prod(parts[0].shape[1:] + parts[1].shape[1:]) != size:
        shapes = ", ".join(str(part.shape) for part in parts)
        raise ConfigError(
            f"{place}: each and groups have shapes {shapes}: must be ({n_steps}, "
            f"n_each) and ({n_steps}, n_groups) with n_each * n_groups = {size}, the "
            "cells of the population"
        )
    each, *groups = (np.ascontiguousarray(part, float) for part in parts)
    return GroupedWaveform(each, tuple(groups))
