"""A circuit made again from its recipe: see `circuits._recipe`.

Nothing in a recipe is run. Names in it lead to descriptions, classes and functions in
the modules of the library, and to nothing else.
"""

import dataclasses
import importlib
import math
import re
import types
from collections.abc import Callable, Mapping
from typing import Annotated

import numpy as np
from scipy.sparse import csr_array

from circuits._recipe import LIMITS, PACKAGES, told_by
from dendrites._describe import plain
from dendrites._sendable import made_at, named_tuple
from dendrites.cell import state_field
from dendrites.errors import ConfigError, ModelError

_NAME = re.compile(rf"({'|'.join(PACKAGES)})(\.\w+)*")
# Descriptions are made of these modules; what opens files is in none of them.
_NOT_FROM = (
    *("storage", "_atomic", "cli", "outputs", "engine", "run"),
    *("checkpoint", "_checkpoint_files", "_checkpoint_format"),
)


class Rebuild:
    """Reads the parts of a recipe, each once.

    Parameters
    ----------
    recipe : dict
    functions : mapping of str to callable or any other value
        What the library does not have, by the names of `own_names`.
    array : callable
        ``array(part) -> ndarray or None``: a long array.
    """

    def __init__(self, recipe: dict, functions: Mapping, array: Callable):
        self._recipe, self._functions, self._array = recipe, functions, array
        self._made = {}
        self._names = own_names(recipe)

    def circuit(self):
        """The circuit."""
        return self.value(self._recipe["circuit"])

    def value(self, data):
        """The value that some data stand for."""
        if isinstance(data, list):
            return [self.value(item) for item in data]
        if not isinstance(data, dict):
            return data
        ((kind, inside),) = data.items()
        if kind == "number":
            return float(inside)
        if kind == "tuple":
            return tuple(map(self.value, inside))
        if kind == "mapping":
            return {self.value(key): self.value(item) for key, item in inside}
        if inside not in self._made:
            self._made[inside] = self._part(inside, self._recipe["parts"][inside])
        return self._made[inside]

    def _part(self, number, part):
        kind = part["kind"]
        if kind == "own":
            return self._functions[self._names[number]]
        if kind == "field":
            return state_field(part["name"])
        if kind == "array":
            return self._array(part)
        if kind == "named":
            return self.value(part["of"])._make(map(self.value, part["values"]))
        if kind == "named tuple":
            return _class_of(part, self.value(part["defaults"]))
        if kind == "builtin":
            return _builtin(part["name"])
        if kind == "made function":
            captured = {k: self.value(v) for k, v in part["captured"].items()}
            return _made_function(part["place"], captured, self.value(part["defaults"]))
        found = _found(part.get("of", part.get("name")))
        if kind == "description" and dataclasses.is_dataclass(found):
            return found(**{k: self.value(v) for k, v in part["fields"].items()})
        if kind == "class" and hasattr(found, "_fields"):
            return found
        if kind == "function" and isinstance(found, types.FunctionType):
            return found
        raise ConfigError(f"recipe: {part.get('of', part.get('name'))!r} is no {kind}")


def own_names(recipe: dict) -> dict[int, str]:
    """Names, by part, of what the library does not have: different ones differ."""
    found, told = {}, {}
    for number, part in enumerate(recipe["parts"]):
        if part["kind"] == "own":
            same = told.setdefault(part["name"], [])
            if part["told by"] not in same:
                same.append(part["told by"])
            k = same.index(part["told by"])
            found[number] = part["name"] if k == 0 else f"{part['name']}#{k + 1}"
    return found


def is_that(part: dict, value) -> bool:
    """Whether a value that is given again is the one of a part."""
    return told_by(value) == part["told by"]


def short_array(part: dict) -> np.ndarray | csr_array | None:
    """An array that is in the recipe itself."""
    if "values" not in part:
        return None
    shape = part["facts"]["shape"]
    values = [float(x) if isinstance(x, str) else x for x in part["values"]]
    values = np.array(values, part["dtype"])
    if "indptr" not in part:
        return values.reshape(shape)
    return csr_array((values, part["indices"], part["indptr"]), shape)


def is_that_array(part: dict, array) -> bool:
    """Whether an array is the one of a part."""
    return plain(array) == part["facts"]


def _module(name):
    ours = _NAME.fullmatch(name) and not {*name.split(".")} & {*_NOT_FROM}
    try:
        return importlib.import_module(name) if ours else None
    except ImportError:
        return None


def _found(name):
    """What stands under ``module:name`` in the library."""
    module, _, path = str(name).partition(":")
    found = _module(module)
    for attribute in path.split("."):
        found = getattr(found, attribute, None)
    if getattr(found, "__module__", None) != module:
        raise _gone(name)
    return found


def _made_function(place, captured, defaults):
    """What a function of the library makes, of code that stands in its own file."""
    name, *inside = place
    module = _module(name)
    try:
        made = None if module is None else made_at(name, *inside, captured, defaults)
    except ModelError:
        made = None
    if made is None or made.__code__.co_filename != module.__file__:
        raise _gone(":".join(map(str, place[::2])))
    return made


def _gone(name):
    return ConfigError(
        f"recipe: this version of dendrites has no {name!r}, which the circuit of the "
        "run was made of"
    )


def _builtin(name):
    module, _, word = name.partition(":")
    found = getattr({"numpy": np, "math": math}.get(module), word, None)
    if not isinstance(found, np.ufunc | types.BuiltinFunctionType):
        raise ConfigError(f"recipe: {name!r} is no function of numbers")
    return found


def _class_of(part, defaults):
    hints = {}
    for field, (unit, limits) in part["hints"].items():
        extras = [LIMITS[word](value) for word, value in limits.items()]
        hints[field] = float if unit is None else Annotated[(float, unit, *extras)]
    fields = tuple(part["fields"])
    values = tuple(defaults[f] for f in fields if f in defaults)
    return named_tuple("__main__", part["name"], fields, values, tuple(hints.items()))
