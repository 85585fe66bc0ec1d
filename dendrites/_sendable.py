"""Cells, rules and circuits that can be sent to another process, as pickle does it.

Pickle finds functions and classes by their name in a module. Those that a function
makes, such as the rule of ``rules.btsp(...)`` with its captured numbers, have none.
They are sent as where their code lies in that function and what they have captured, so
that the other process takes the code from its own copy of the module: what is sent
holds none. Classes of named tuples are sent as their fields.
"""

import functools
import inspect
import sys
import types
from collections import namedtuple
from collections.abc import Iterator
from typing import Any

from dendrites.errors import ModelError

# Modules that copy functions as they are, or send their code themselves.
_TAKE_FUNCTIONS = {"cloudpickle", "copy", "dill"}
_LOCAL = ".<locals>."


class Sendable:
    """A description whose functions and classes may have been made by a function."""

    def __reduce_ex__(self, protocol):
        if _is_taken_whole():
            return super().__reduce_ex__(protocol)
        where, sent = type(self).__name__, {}
        values = {
            name: _portable(value, f"{where}: {name}", sent)
            for name, value in vars(self).items()
        }
        return _restored, (type(self), values)


def _restored(kind, values):
    """A description as it was; its checks have been made."""
    new = object.__new__(kind)
    new.__dict__.update(values)
    return new


class _Call:
    """What pickle sends as a call of a function of this module."""

    def __init__(self, function, *arguments):
        self.parts = function, arguments

    def __reduce__(self):
        return self.parts


def _portable(value: Any, where: str, sent: dict) -> Any:
    """The value, with what pickle finds by no name replaced by what makes it again."""
    if isinstance(value, types.FunctionType):
        return value if is_found(value) else _function_call(value, where, sent)
    if isinstance(value, type):
        known = is_found(value) or not hasattr(value, "_fields")
        return value if known else _class_call(value, where, sent)
    if hasattr(value, "_fields") and not is_found(type(value)):
        kind = _class_call(type(value), where, sent)
        return _Call(_instance, kind, _portable(tuple(value), where, sent))
    if hasattr(value, "_fields") and isinstance(value, tuple):
        return value._make(_portable(item, where, sent) for item in value)
    if type(value) in (tuple, list):
        return type(value)(_portable(item, where, sent) for item in value)
    if type(value) is dict:
        return {
            name: _portable(item, f"{where}[{name!r}]", sent)
            for name, item in value.items()
        }
    return value


def is_found(value) -> bool:
    """Whether a function or class is found by its name in its module."""
    found = sys.modules.get(value.__module__)
    for name in value.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is value


def _is_taken_whole():
    frame = sys._getframe(2)
    while frame is not None:
        if not _TAKE_FUNCTIONS.isdisjoint(
            str(frame.f_globals.get("__name__")).split(".")
        ):
            return True
        frame = frame.f_back
    return False


def _function_call(function, where, sent):
    if id(function) in sent:
        if sent[id(function)] is None:
            raise ModelError(f"{where}: {function.__qualname__} refers to itself")
        return sent[id(function)]
    sent[id(function)] = None
    code, place = function.__code__, place_of(function)
    if place is None:
        raise ModelError(
            f"{where}: the function {function.__qualname__} of "
            f"{function.__module__} cannot be sent to another process: its name "
            "does not lead to it.\nGive it a name with def at the top of a module, or "
            "use processes that are forked, or cloudpickle"
        )
    captured = {
        name: _portable(cell.cell_contents, where, sent)
        for name, cell in zip(
            code.co_freevars, function.__closure__ or (), strict=True
        )
    }  # fmt: skip
    defaults = _portable(function.__defaults__, where, sent)
    sent[id(function)] = _Call(made_at, *place, captured, defaults)
    return sent[id(function)]


def place_of(function) -> tuple[str, str, str, int] | None:
    """Where the code of a function that a function has made stands; None if nowhere.

    Module, outer function, qualified name, and the number of the code among all of that
    name.
    """
    code = function.__code__
    outer, _, inner = code.co_qualname.rpartition(_LOCAL)
    outer = outer.partition(_LOCAL)[0]
    codes = list(_codes(function.__module__, outer, code.co_qualname)) if inner else []
    if code not in codes:
        return None
    return function.__module__, outer, code.co_qualname, codes.index(code)


def made_at(module, outer, qualname, index, captured, defaults):
    """The function that has been described by the place of its code."""
    __import__(module)
    codes = list(_codes(module, outer, qualname))
    if index >= len(codes) or {*codes[index].co_freevars} != {*captured}:
        raise ModelError(
            f"{qualname} of {module} is not what it was in the process that sent it: "
            "use the same versions of all modules in both"
        )
    code = codes[index]
    cells = tuple(types.CellType(captured[name]) for name in code.co_freevars)
    return types.FunctionType(
        code, vars(sys.modules[module]), code.co_name, defaults, cells
    )


def _codes(module, outer, qualname) -> Iterator[types.CodeType]:
    """Codes of one qualified name within a function of a module."""
    found = sys.modules.get(module)
    for name in outer.split("."):
        found = getattr(found, name, None)
    found = inspect.unwrap(found) if callable(found) else None
    waiting = [found.__code__] if isinstance(found, types.FunctionType) else []
    while waiting:
        code = waiting.pop()
        if code.co_qualname == qualname:
            yield code
        waiting += [c for c in code.co_consts if isinstance(c, types.CodeType)]


def _class_call(kind, where, sent):
    if id(kind) not in sent:
        names, defaults, hints = (
            kind._fields,
            kind._field_defaults,
            kind.__annotations__,
        )
        sent[id(kind)] = _Call(
            named_tuple,
            kind.__module__,
            kind.__name__,
            names,
            tuple(defaults.values()),
            tuple(hints.items()),
        )
    return sent[id(kind)]


@functools.cache
def named_tuple(module, name, names, defaults, hints):
    new = namedtuple(name, names, defaults=defaults, module=module)
    new.__annotations__ = dict(hints)
    return new


def _instance(kind, values):
    return kind._make(values)
