"""Which schemes take part in a comparison, and a user's own among them."""

import inspect
from collections.abc import Callable, Mapping, Sequence

from dendrites.errors import ConfigError, choices
from experiments.family.scheme import OWN, Scheme
from experiments.family.table import SCHEMES

ALL = "all"


def chosen(
    rules: Sequence[str], circuits: Sequence[Callable] | None, task: str
) -> list[Scheme]:
    """Rows of these names and of a user's own functions, in the order of the table.

    Raises
    ------
    ConfigError
        For names of no row, rows that do not take part, and functions whose names are
        taken or that do not take layer sizes.
    """
    known = {name: one for name, one in SCHEMES.items() if task in one.tasks}
    return named(rules, known) + [_own(function) for function in circuits or ()]


def named(rules: Sequence[str], known: Mapping[str, Scheme]) -> list[Scheme]:
    """Rows of these names, in the order in which they are known.

    Raises
    ------
    ConfigError
        For names of no row.
    """
    for name in rules:
        if name not in (*known, ALL):
            raise ConfigError(
                f"rules: {name!r} does not take part. {choices(name, (ALL, *known))}"
            )
    return [one for name, one in known.items() if ALL in rules or name in rules]


def _own(function):
    name = getattr(function, "__name__", "").strip("<>") or type(function).__name__
    if name in SCHEMES:
        raise ConfigError(
            f"circuits: the name {name!r} is that of a scheme of the table; give your "
            "function another one"
        )
    try:
        inspect.signature(function).bind([2, 1])
    except TypeError:
        raise ConfigError(
            f"circuits: {name} must be a function of the layer sizes alone, such as "
            "lambda sizes: circuits.layered(sizes, ...)"
        ) from None
    return Scheme(name, OWN, "", own=function, usual={})
