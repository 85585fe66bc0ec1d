"""Checks of what questions are given: axes, and options that act under a condition."""

from typing import Any

import numpy as np

from dendrites._checks import shown
from dendrites.errors import ConfigError


def given_or_usual(name: str, value: Any, usual: Any, *, acts: bool, needs: str) -> Any:
    """What an option stands for: the value given, or the usual one for None.

    Parameters
    ----------
    name : str
    value : object
        None if it is not given.
    usual : object
    acts : bool
        Whether the option has an effect in this run.
    needs : str
        What it takes to have one, such as "noise > 0".

    Raises
    ------
    ConfigError
        If a value is given where it would have no effect.
    """
    if value is None:
        return usual
    if not acts:
        raise ConfigError(
            f"{name} = {shown(value)}: has no effect without {needs}; leave {name} "
            f"out, or give {needs}"
        )
    return value


def ascending(name: str, values, unit: str = "pA") -> np.ndarray:
    """Values of one axis in ascending order, (n,).

    Raises
    ------
    ConfigError
        If there are none, one is given twice or is not a finite number.
    """
    found = np.sort(np.array(values, dtype=float).ravel())
    if found.size == 0 or not np.isfinite(found).all() or (np.diff(found) == 0).any():
        values = ", ".join(f"{x:g}" for x in found[:8])
        raise ConfigError(
            f"{name} = ({values}) {unit}: give at least one finite value, none twice"
        )
    return found
