"""Cell models whose state begins at other values than its defaults."""

import functools
import math
from collections import namedtuple
from collections.abc import Mapping

from dendrites.errors import ModelError, choices


def started(state: type, initial: Mapping[str, float] | None, where: str) -> type:
    """The State class `state` with other values to begin with.

    Raises
    ------
    ModelError
        If a name is no field, or a value no finite number.
    """
    initial = dict(initial or {})
    for name, value in initial.items():
        if name not in state._fields:
            raise ModelError(
                f"{where}: initial: {name!r} is no field of the state. "
                + choices(name, state._fields)
            )
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not math.isfinite(value):
            raise ModelError(
                f"{where}: initial[{name!r}] = {value!r}: must be a finite number"
            )
    if not initial:
        return state
    return _with_defaults(state, tuple(sorted(initial.items())))


@functools.cache
def _with_defaults(state, initial):
    defaults = state._field_defaults | {name: float(value) for name, value in initial}
    new = namedtuple(
        state.__name__, state._fields, defaults=defaults.values(), module=__name__
    )
    new.__annotations__ = state.__annotations__
    return new
