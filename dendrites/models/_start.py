"""Cell models whose state begins at other values than its defaults."""

import functools
from collections import namedtuple
from collections.abc import Mapping

from dendrites._checks import mapping, number
from dendrites.errors import ModelError, choices


def started(state: type, initial: Mapping[str, float] | None, where: str) -> type:
    """The State class `state` with other values to begin with.

    Raises
    ------
    ModelError
        If a name is no field, or a value no finite number.
    """
    initial = mapping(f"{where}: initial", initial, "values", error=ModelError)
    for name, value in initial.items():
        if name not in state._fields:
            raise ModelError(
                f"{where}: initial: {name!r} is no field of the state. "
                + choices(name, state._fields)
            )
        number(f"{where}: initial[{name!r}]", value)
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
