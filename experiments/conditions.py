"""Options that act under a condition only."""

from typing import Any

from dendrites._checks import shown
from dendrites.errors import ConfigError

NOISE_TAU = 2.0  # ms, of Ornstein-Uhlenbeck currents
SIGMA = 0.1  # of the noise of somata


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
