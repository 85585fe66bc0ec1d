"""Checks of the values that an experiment sweeps over."""

import numpy as np

from dendrites.errors import ConfigError


def ascending(name: str, values, unit: str = "pA") -> np.ndarray:
    """Values of one axis in ascending order, (n,).

    Raises
    ------
    ConfigError
        If there are none, one is given twice or is not a finite number.
    """
    found = np.sort(np.array(values, dtype=float).ravel())
    if found.size == 0 or not np.isfinite(found).all() or (np.diff(found) == 0).any():
        shown = ", ".join(f"{x:g}" for x in found[:8])
        raise ConfigError(
            f"{name} = ({shown}) {unit}: give at least one finite value, none twice"
        )
    return found
