"""Checks of what public functions are given, in one form for all of them.

Every check returns the value, made plain where it was of a foreign type, and raises an
error that says where, which value and what is allowed. `where` names the place and the
option: ``"phase 'free': lag"``.
"""

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Set
from numbers import Real

import numpy as np

from dendrites.errors import ConfigError, DendritesError, ModelError, choices

# Whole numbers up to here are exact as floats.
LARGEST_SIZE = 2**53
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def shown(value, width: int = 60) -> str:
    """The value as text for a message: short, and never an error of its own."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a foreign __repr__, or an integer of too many digits
        return f"<a {type(value).__name__}>"
    return text if len(text) <= width else text[: width - 3] + "..."


def is_number(value) -> bool:
    """Whether it is a real number; booleans, text and arrays are none."""
    # Asking an abstract class takes ten times as long, and most are plain numbers.
    plain = type(value) is float or type(value) is int
    return plain or (isinstance(value, Real) and not isinstance(value, bool))


def as_float(value) -> float:
    """The number as a float; NaN for what is none, or too large to be one."""
    try:
        return float(value) if is_number(value) else math.nan
    except OverflowError:
        return math.nan


def number(
    where: str,
    value,
    *,
    unit: str = "",
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
    error: type[DendritesError] = ModelError,
) -> float:
    """A finite real number, held by whichever of the bounds are given.

    >= `least`, > `above`, <= `most` and < `below`.
    """
    plain = as_float(value)
    if (
        math.isfinite(plain)
        and (least is None or plain >= least)
        and (above is None or plain > above)
        and (most is None or plain <= most)
        and (below is None or plain < below)
    ):
        return value if type(value) in (int, float) else plain
    bounds = [
        f"{sign} {bound:g}"
        for sign, bound in ((">=", least), (">", above), ("<=", most), ("<", below))
        if bound is not None
    ]
    if not is_number(value):
        span = " ".join(["a finite number", " and ".join(bounds)]).strip()
        of = f", in {unit}" if unit else ""
        raise error(f"{where} = {shown(value)}: must be {span}{of}")
    allowed = " and ".join([*bounds, "finite"]) if bounds else "a finite number"
    space = f" {unit}" if unit else ""
    raise error(f"{where} = {shown(value)}{space}: must be {allowed}")


def whole_number(
    where: str,
    value,
    *,
    lowest: int,
    highest: int | None = None,
    error: type[DendritesError] = ConfigError,
) -> int:
    """The value as an int in lowest .. highest; booleans, text and 2.0 are none."""
    span = f">= {lowest}" if highest is None else f"{lowest} to {highest}"
    allowed = f"{where}: expected a whole number {span}"
    if isinstance(value, bool | np.bool_):
        raise error(f"{allowed}, got {value!r} ({type(value).__name__})")
    try:
        found = operator.index(value)
    except TypeError:
        raise error(f"{allowed}, got {shown(value)} ({type(value).__name__})") from None
    if found < lowest or (highest is not None and found > highest):
        raise error(f"{allowed}, got {shown(found)}")
    return found


def flag(where: str, value, *, error: type[DendritesError] = ModelError) -> bool:
    """True or False; what is merely true in an `if`, such as "no", is refused."""
    if not isinstance(value, bool | np.bool_):
        raise error(f"{where} = {shown(value)}: must be True or False")
    return bool(value)


def text(where: str, value, *, error: type[DendritesError] = ModelError) -> str:
    """Text."""
    if not isinstance(value, str):
        raise error(
            f"{where} = {shown(value)} is a {type(value).__name__}, must be text"
        )
    return value


def choice(
    where: str, value, allowed: Iterable, *, error: type[DendritesError] = ModelError
):
    """One of a few texts."""
    allowed = tuple(allowed)
    if not isinstance(value, str) or value not in allowed:
        meant = value if isinstance(value, str) else ""
        raise error(f"{where} = {shown(value)}: {choices(meant, allowed)}")
    return value


def check_name(what: str, name) -> None:
    """Refuse names that some file format cannot hold."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ModelError(
            f"{what} name {shown(name)}: must start with a letter and hold only "
            "letters, digits and underscores (ASCII), at most 64 characters"
        )


def check_size(where: str, size) -> int:
    """A number of cells: a whole number from 1 to 2**53."""
    if isinstance(size, bool) or not isinstance(size, int | np.integer):
        raise ModelError(
            f"{where}: size = {shown(size)} is a {type(size).__name__}, must be an int"
        )
    if size < 1:
        raise ModelError(f"{where}: size = {shown(size)}: size must be >= 1")
    if size > LARGEST_SIZE:
        raise ModelError(
            f"{where}: size = {shown(size)}: too large: more than {LARGEST_SIZE:g} "
            "cells cannot be counted"
        )
    return int(size)


def items(
    where: str, value, what: str, *, error: type[DendritesError] = ModelError
) -> tuple:
    """Everything in a list, tuple or other ordered collection."""
    plain = isinstance(value, Iterable) and not isinstance(
        value, str | bytes | Mapping | Set
    )
    if plain and not (isinstance(value, np.ndarray) and value.ndim == 0):
        return tuple(value)
    raise error(
        f"{where} = {shown(value)} is a {type(value).__name__}, must be a list or "
        f"tuple of {what}"
    )


def names(
    where: str, value, *, error: type[DendritesError] = ModelError
) -> tuple[str, ...]:
    """A list or tuple of names."""
    if isinstance(value, str):
        raise error(
            f"{where} = {value!r} is text, must be a tuple of names such as "
            f"({value!r},)"
        )
    found = items(where, value, "names", error=error)
    for name in found:
        text(f"{where}: {shown(name)}: a name", name, error=error)
    return found


def mapping(
    where: str, value, what: str, *, error: type[DendritesError] = ConfigError
) -> dict:
    """A mapping by name, as a dict; None is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise error(f"{where} is a {type(value).__name__}, must be a mapping of {what}")
    for name in value:
        text(f"{where}: {shown(name)}: a name", name, error=error)
    return dict(value)


def function(
    where: str, value, form: str, *, error: type[DendritesError] = ModelError
) -> Callable:
    """Something that can be called."""
    if not callable(value):
        raise error(
            f"{where} = {shown(value)} is a {type(value).__name__}, must be a function "
            f"{form}"
        )
    return value


def numbers(
    where: str,
    values,
    *,
    finite: bool = True,
    error: type[DendritesError] = ConfigError,
) -> np.ndarray:
    """A float64 array of real numbers, finite if asked for, of any shape.

    Text, objects, ragged lists, complex numbers and masked entries are refused.
    """
    if hasattr(values, "toarray"):
        raise error(
            f"{where} is a {type(values).__name__}, must be an array: use .toarray()"
        )
    masked = int(np.ma.count_masked(values)) if np.ma.isMaskedArray(values) else 0
    if masked:
        raise error(
            f"{where} has {masked} masked entries, which have no value: fill them, for "
            "example values.filled(0.0)"
        )
    try:
        found = np.asarray(values)
    except (TypeError, ValueError, OverflowError) as problem:
        raise error(f"{where} holds no numbers: {problem}") from None
    if found.dtype.kind not in "biuf":
        empty = found.size == 0 and found.dtype.kind == "O"
        raise error(
            f"{where} holds no numbers: it is a {type(values).__name__} of "
            f"{'nothing' if empty else found.dtype}, must be real numbers"
        )
    found = np.asarray(found, float)
    if finite and not np.isfinite(found).all():
        first = tuple(int(i) for i in np.argwhere(~np.isfinite(found))[0])
        raise error(
            f"{where} holds values that are not finite, the first at {list(first)}"
        )
    return found
