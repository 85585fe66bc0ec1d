"""What descriptions look like where they are printed: one line, never arrays."""

from collections.abc import Mapping
from dataclasses import MISSING, fields

import numpy as np

LONGEST = 60  # characters of one value
PLAIN = (bool, int, float, str, tuple, type(None))


def brief(value) -> str:
    """A value inside the text of another: its name, its size, or itself if short."""
    shape = getattr(value, "shape", ())
    if shape and hasattr(value, "dtype"):
        return f"<array {' x '.join(map(str, shape))}>"
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Mapping):
        text = ", ".join(f"{key!r}: {brief(x)}" for key, x in value.items())
        text = f"{{{text}}}"
    elif isinstance(value, (tuple, list)):
        text = ", ".join(map(brief, value)) + ("," if len(value) == 1 else "")
        text = f"({text})"
    elif isinstance(value, float):
        text = f"{value:g}"
    elif callable(value) and hasattr(value, "__name__"):
        text = value.__name__
    else:
        text = repr(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def brief_repr(self) -> str:
    """``Kind('name', option=value)``: what was given and differs from the default."""
    parts = []
    for field in fields(self):
        value = getattr(self, field.name)
        if field.name == "name":
            parts.insert(0, repr(value))
        elif not _usual(field, value):
            parts.append(f"{field.name}={brief(value)}")
    return f"{type(self).__name__}({', '.join(parts)})"


def _usual(field, value):
    if field.default_factory is not MISSING:
        return isinstance(value, Mapping) and not value
    if value is field.default:
        return True
    return (
        isinstance(value, PLAIN)
        and isinstance(field.default, PLAIN)
        and (type(value) is type(field.default) and value == field.default)
    )


def count(n: int, noun: str) -> str:
    """``1 phase``, ``2 phases``."""
    return f"{n} {noun}{'' if n == 1 else 's'}"
