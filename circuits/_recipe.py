"""A circuit as plain data from which it can be made again, without any code in it.

Descriptions are kept as their fields, classes of named tuples as theirs, functions of
the library as where they stand and what they have captured. Of functions of a user's
own, and of long arrays, it is kept what they are told by: a fingerprint, and the source
for people to read.
"""

import dataclasses
import inspect
import math
import numbers
import textwrap
import types
from collections.abc import Mapping
from typing import get_args

import numpy as np
from annotated_types import Ge, Gt

from dendrites._describe import fingerprint, plain
from dendrites._sendable import is_found, place_of
from dendrites.cell import StateField

VERSION = 1
# Longer arrays are told by their hash and given again.
LONGEST_ARRAY = 1000
LONGEST_SOURCE = 4000  # characters
PACKAGES = ("dendrites", "circuits", "experiments")
LIMITS = {"above": Gt, "least": Ge}


def recipe(circuit) -> dict:
    """Everything of a circuit, ready for JSON; see `circuits.from_run`."""
    writer = _Writer()
    whole = writer.value(circuit, "")
    return {"version": VERSION, "parts": writer.parts, "circuit": whole}


def is_ours(thing) -> bool:
    """Whether a class or function is one of the library's."""
    return str(thing.__module__).partition(".")[0] in PACKAGES


class _Writer:
    """Collects the parts of a circuit; what occurs several times is one part."""

    def __init__(self):
        self.parts, self._known, self._kept = [], {}, []

    def value(self, value, where):
        """Plain data that stands for a value; `where` it is, in words."""
        if value is None or isinstance(value, (bool, str)):
            return value
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, numbers.Integral):
            return int(value)
        if isinstance(value, numbers.Real):
            value = float(value)
            return value if math.isfinite(value) else {"number": repr(value)}
        if type(value) is tuple:
            return {"tuple": self._all(value, where)}
        if type(value) is list:
            return self._all(value, where)
        if isinstance(value, Mapping):
            pairs = [
                [self.value(key, where), self.value(item, f"{where}[{key!r}]")]
                for key, item in value.items()
            ]
            return {"mapping": pairs}
        if id(value) not in self._known:
            part = self._part(value, where)
            self._known[id(value)] = len(self.parts)
            self.parts.append(part)
            self._kept.append(value)  # so that its id stays its own
        return {"part": self._known[id(value)]}

    def _all(self, values, where):
        return [self.value(item, f"{where}[{k}]") for k, item in enumerate(values)]

    def _part(self, value, where):
        if isinstance(value, StateField):
            return {"kind": "field", "name": value.field}
        if isinstance(value, np.ndarray) or hasattr(value, "tocsr"):
            return _array(value, where)
        if isinstance(value, type) and hasattr(value, "_fields"):
            return self._class(value, where)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            of = self.value(type(value), where)
            return {"kind": "named", "of": of, "values": self._all(value, where)}
        if dataclasses.is_dataclass(value) and is_ours(type(value)):
            fields = [f.name for f in dataclasses.fields(value) if f.init]
            before = f"{where}, " if where else ""
            if "name" in fields:
                before = f"{type(value).__name__} {value.name!r}: "
            given = {f: self.value(getattr(value, f), before + f) for f in fields}
            name = f"{type(value).__module__}:{type(value).__qualname__}"
            return {"kind": "description", "of": name, "fields": given}
        if isinstance(value, types.FunctionType) and is_ours(value):
            if is_found(value):
                name = f"{value.__module__}:{value.__qualname__}"
                return {"kind": "function", "name": name}
            if place := place_of(value):
                return self._made_function(value, place, where)
        if isinstance(value, np.ufunc) or getattr(value, "__module__", "") == "math":
            module = "numpy" if isinstance(value, np.ufunc) else "math"
            return {"kind": "builtin", "name": f"{module}:{value.__name__}"}
        return _own(value, where)

    def _made_function(self, function, place, where):
        """A function that a function of the library has made."""
        cells = function.__closure__ or ()
        names = function.__code__.co_freevars
        return {
            "kind": "made function",
            "place": list(place),
            "captured": {
                name: self.value(cell.cell_contents, f"{where}, {name}")
                for name, cell in zip(names, cells, strict=True)
            },
            "defaults": self.value(function.__defaults__, where),
        }

    def _class(self, cls, where):
        if is_ours(cls) and is_found(cls):
            return {"kind": "class", "name": f"{cls.__module__}:{cls.__qualname__}"}
        hints = {}
        for field, hint in cls.__annotations__.items():
            unit, *limits = get_args(hint)[1:] or (None,)
            hints[field] = [
                unit,
                {w: getattr(x, x.__slots__[0]) for x in limits for w in _word(x)},
            ]
        return {
            "kind": "named tuple",
            "name": cls.__name__,
            "fields": list(cls._fields),
            "defaults": self.value(dict(cls._field_defaults), where),
            "hints": hints,
        }


def _word(limit):
    return [word for word, kind in LIMITS.items() if isinstance(limit, kind)]


def _array(value, where):
    """An array, or a sparse one by rows; the numbers of short ones."""
    part = {"kind": "array", "where": where, "facts": plain(value)}
    if value.dtype.hasobject:
        return part
    if hasattr(value, "tocsr"):
        rows = value.tocsr().copy()
        rows.sum_duplicates()
        numbers_ = {"indices": rows.indices.tolist(), "indptr": rows.indptr.tolist()}
        value = rows.data
    else:
        numbers_ = {}
    if value.size > LONGEST_ARRAY:
        return part
    values = [x if _is_finite(x) else repr(x) for x in value.ravel().tolist()]
    return part | numbers_ | {"dtype": value.dtype.str, "values": values}


def _is_finite(x):
    return not isinstance(x, float) or math.isfinite(x)


def _own(value, where):
    """What the library does not have: how it is told, and what people see of it."""
    name = getattr(value, "__qualname__", type(value).__qualname__)
    try:
        source = textwrap.dedent(inspect.getsource(value))
    except (OSError, TypeError):
        source = ""
    return {
        "kind": "own",
        "name": name.rpartition(".")[2],
        "where": where,
        "told by": told_by(value),
        "source": source[:LONGEST_SOURCE],
    }


def told_by(value) -> str:
    """What decides whether a value that is given again is the one of the run."""
    return fingerprint(value) if callable(value) else repr(plain(value))
