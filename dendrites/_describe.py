"""Descriptions as plain data: every field, and what a function or an array holds.

Two descriptions are equal only if that is known: what cannot be looked into is never
equal to anything, so that no run goes on, or passes for a repetition, by mistake.
"""

import dataclasses
import dis
import functools
import hashlib
import json
import math
import numbers
import sys
import sysconfig
import types
import uuid
from collections.abc import Mapping
from typing import Any, get_args

import numpy as np

from dendrites.compile.source import ModuleText
from dendrites.errors import ModelError

# Longer lists of numbers are told apart by their hash.
LONGEST_LIST = 1000
# Where modules lie that come with Python or a package, which versions tell apart.
_INSTALLED = ("site-packages", "dist-packages")
_STANDARD = sysconfig.get_path("stdlib")


def plain(value: Any) -> Any:
    """Text, numbers, lists and dictionaries that are equal where the values are.

    Descriptions (dataclasses) become dictionaries of all their fields, arrays their
    shape, type and sha256, functions their name and a fingerprint of source and
    captured values, classes of named tuples their fields with defaults.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (np.bool_, numbers.Integral)):
        return value.item() if isinstance(value, np.generic) else value
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else repr(float(value))
    if isinstance(value, np.ndarray):
        return _array(value)
    if hasattr(value, "tocsr"):
        return _sparse(value)
    if isinstance(value, type):
        return _type(value)
    if dataclasses.is_dataclass(value):
        facts = {
            f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)
        }
        call = {"call": fingerprint(type(value).__call__)} if callable(value) else {}
        return {"kind": type(value).__name__, **facts, **call}
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return _list(value)
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=repr)
    if callable(value):
        name = getattr(value, "__qualname__", type(value).__name__)
        return f"{name} {fingerprint(value)}"
    return _unknown(value)


def fingerprint(function: Any) -> str:
    """Of source and captured values, or of bytecode where there is no source.

    The latter depends on the version of Python.
    """
    key = _digest(json.dumps([sys.version_info[:2], _captured(function, (), ())]))
    if key not in _KNOWN:
        _KNOWN[key] = _source_digest(function) or key
    return _KNOWN[key]


# Source is read once for functions of one content: that takes 50 times longer.
_KNOWN: dict[str, str] = {}


def _source_digest(function):
    text = ModuleText(single_precision=False)
    try:
        text.function(function)
    except ModelError:  # no scalar function, but perhaps a function
        return ""
    return "" if text.objects else _digest("\n".join(text.lines))


def _digest(text):
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _unknown(value):
    return f"{type(value).__name__} of unknown content, {uuid.uuid4().hex}"


def _array(value):
    if value.dtype.hasobject:
        return {"shape": list(value.shape), "items": plain(value.ravel().tolist())}
    data = np.ascontiguousarray(np.asarray(value)).reshape(-1).view(np.uint8)
    facts = {
        "shape": list(value.shape),
        "dtype": value.dtype.str,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    if isinstance(value, np.ma.MaskedArray):
        facts["mask"] = _array(np.ma.getmaskarray(value))
    return facts


def _sparse(value):
    """A sparse array of scipy: its entries by rows."""
    rows = value.tocsr().copy()
    rows.sum_duplicates()
    places = rows.indptr.astype(np.int64), rows.indices.astype(np.int64)
    parts = zip(("begins", "columns", "values"), (*places, rows.data), strict=True)
    facts = {name: _array(part) for name, part in parts}
    return {"kind": "sparse", "shape": list(value.shape), **facts}


def _list(value):
    if len(value) > LONGEST_LIST:
        items = np.asarray(value, dtype=object if _mixed(value) else None)
        return _array(items)
    return [plain(item) for item in value]


def _mixed(value):
    return not all(isinstance(item, numbers.Real) for item in value)


def _type(value):
    """A class: of named tuples its fields; of others, if it is the user's, its code."""
    name = f"{value.__module__}.{value.__qualname__}"
    if not hasattr(value, "_fields"):
        return _class(value, ()) if _is_user(value.__module__) else name
    hints, defaults = value.__annotations__, value._field_defaults
    fields = {}
    for field in value._fields:
        hint = hints.get(field)
        extras = [hint] if isinstance(hint, str) else map(str, get_args(hint)[1:])
        default = [plain(defaults[field])] if field in defaults else []
        fields[field] = [*default, *extras]
    return {"kind": value.__name__, **fields}


def _function(function, seen):
    """What decides what a callable does, as plain data."""
    function = getattr(function, "py_func", function)
    if any(function is other for other in seen):
        return "itself"
    seen = (*seen, function)
    if isinstance(function, functools.partial):
        parts = (function.func, function.args, function.keywords)
        return ["partial", *(_captured(part, (), seen) for part in parts)]
    if isinstance(function, types.MethodType):
        owner = _captured(function.__self__, (), seen)
        return [owner, _function(function.__func__, seen)]
    if isinstance(function, (types.BuiltinFunctionType, np.ufunc)):
        return f"{getattr(function, '__module__', '')}.{function.__name__}"
    if not isinstance(function, types.FunctionType):
        return _captured(function, (), seen)
    code = function.__code__
    user = not _is_installed(code.co_filename)
    body = _code(code) if user else f"{function.__module__}.{function.__qualname__}"
    captured = {
        name: function.__globals__[name]
        for name in (_globals_of(code) if user else ())
        if name in function.__globals__
    }
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        # A cell may still be empty, as that of a name that is set later.
        captured |= {name: cell.cell_contents} if _is_set(cell) else {}
    return [
        body,
        {name: _captured(v, _names(code), seen) for name, v in captured.items()},
        _captured(function.__defaults__, (), seen),
        _captured(function.__kwdefaults__, (), seen),
    ]


def _is_set(cell):
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _captured(value, names, seen):
    """What a function sees under a name; of a module, what it takes from it."""
    if isinstance(value, types.ModuleType):
        if not _is_user(value.__name__) or any(value is other for other in seen):
            return value.__name__
        seen = (*seen, value)
        inside = {name: getattr(value, name) for name in names if hasattr(value, name)}
        return {name: _captured(part, names, seen) for name, part in inside.items()}
    if isinstance(value, type):
        user = _is_user(value.__module__) and not hasattr(value, "_fields")
        return _class(value, seen) if user else plain(value)
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        if any(map(callable, value)):
            return [_captured(item, names, seen) for item in value]
        return plain(value)
    if isinstance(value, dict):
        return {str(k): _captured(item, names, seen) for k, item in value.items()}
    if isinstance(value, np.random.Generator) or not callable(value):
        return plain(value)
    if isinstance(getattr(value, "py_func", value), _FUNCTIONS):
        return _function(value, seen)
    if dataclasses.is_dataclass(value):
        return plain(value)
    if hasattr(value, "__dict__"):  # an object that is called
        return [_captured(vars(value), (), seen), _class(type(value), seen)]
    return _unknown(value)


_FUNCTIONS = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    functools.partial,
    np.ufunc,
)


def _class(cls, seen):
    if any(cls is other for other in seen):
        return "itself"
    seen = (*seen, cls)
    members = {
        name: _function(member, seen)
        for name, member in vars(cls).items()
        if isinstance(member, types.FunctionType)
    }
    constants = {
        name: plain(member)
        for name, member in vars(cls).items()
        if isinstance(member, (bool, str, numbers.Real)) and not name.startswith("__")
    }
    bases = [_captured(base, (), seen) for base in cls.__bases__]
    return [f"{cls.__module__}.{cls.__qualname__}", members, constants, bases]


def _is_user(module):
    """Whether a module is neither Python's nor that of an installed package."""
    if module.partition(".")[0] in (*sys.stdlib_module_names, "numpy", "numba"):
        return False
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return module == "__main__" or not _is_installed(file)


def _is_installed(file):
    return file.startswith((_STANDARD, "<frozen")) or any(
        folder in file for folder in _INSTALLED
    )


def _inner(code):
    """A code and those of the functions defined in it."""
    yield code
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            yield from _inner(const)


def _names(code):
    """Names of globals and attributes that a code looks up."""
    return sorted({name for part in _inner(code) for name in part.co_names})


@functools.lru_cache(maxsize=1000)
def _globals_of(code):
    """Names of globals among these; an attribute may have the name of a global."""
    return sorted(
        {
            instruction.argval
            for part in _inner(code)
            for instruction in dis.get_instructions(part)
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME")
        }
    )


def _code(code):
    return [
        code.co_code.hex(),
        [_constant(const) for const in code.co_consts],
        *([*names] for names in (code.co_names, code.co_varnames)),
        *([*names] for names in (code.co_freevars, code.co_cellvars)),
        [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount],
        [code.co_flags, getattr(code, "co_exceptiontable", b"").hex()],
    ]


def _constant(const):
    if isinstance(const, types.CodeType):
        return _code(const)
    if isinstance(const, tuple):
        return [_constant(item) for item in const]
    if isinstance(const, frozenset):
        return sorted(repr(item) for item in const)
    return f"{type(const).__name__} {const!r}"
