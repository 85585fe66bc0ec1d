"""What tests of refused descriptions have in common."""

import pytest

from circuits import Phase, Schedule
from dendrites.errors import DendritesError, ModelError


def refused(make, *parts, error=ModelError):
    """Message of the error that `make` raises; it holds every part."""
    with pytest.raises(error) as caught:
        make()
    text = str(caught.value)
    assert isinstance(caught.value, DendritesError)
    for part in parts:
        assert part in text
    return text


def one_phase(*on):
    return Schedule((Phase("forward", 5.0, on=on),))
