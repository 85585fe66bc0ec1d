"""What no scalar function may use, found by reading it, and why.

Compiled, these would run and do something else than in Python: random numbers without
the run's seed, a time that stands still, an exception that is never raised.
"""

import ast
import builtins
import functools
import linecache

from dendrites.errors import CompileError

_SHOWN = 80  # characters of a line
# Whole numbers without bound; compiled ones have 64 bits.
_UNBOUNDED = ("factorial", "comb", "perm", "gcd", "lcm", "isqrt", "prod")
BUILTINS = (
    *("abs", "bool", "divmod", "enumerate", "float", "int", "len", "max", "min"),
    *("pow", "range", "round", "sum", "tuple", "zip"),
)
_RANDOM = (
    "draws random numbers, which would not follow the run's seed; declare an input of "
    "random numbers, CellModel(random={'noise': 'normal'})"
)
_OUTSIDE = "looks at time, files or the system; give what it needs as a parameter"
_ORIGINS = {
    "random": _RANDOM,
    "numpy.random": _RANDOM,
    "secrets": _RANDOM,
    **dict.fromkeys(("time", "datetime", "os", "posix", "nt", "sys", "io"), _OUTSIDE),
    **dict.fromkeys(("_io", "pathlib", "threading", "logging"), _OUTSIDE),
}
_STATEMENTS = {
    (ast.Try, ast.TryStar, ast.Raise, ast.Assert): (
        "compiled code raises nothing where Python does, so exceptions and assertions "
        "cannot be kept; test with if"
    ),
    (ast.With, ast.Import, ast.ImportFrom): (
        "opening and importing belong outside of the function"
    ),
    (ast.Global, ast.Nonlocal, ast.Delete): (
        "it may not change a name outside of itself; return the value"
    ),
    (ast.Yield, ast.YieldFrom, ast.Await, ast.ClassDef): (
        "a scalar function must return one value for one cell"
    ),
    (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp): (
        "lists, sets and dictionaries cannot be compiled; use numbers or tuples"
    ),
    (ast.GeneratorExp, ast.JoinedStr, ast.Match): (
        "generators, texts and match cannot be compiled; use numbers, if and for"
    ),
    (ast.LShift, ast.RShift, ast.Invert): (
        "whole numbers of Python have no bound and compiled ones have 64 bits; use "
        "2.0**k instead of shifts, and `not`"
    ),
}


def reason_against(node) -> str | None:
    """Why a part of a syntax tree cannot be compiled, if it cannot."""
    for kinds, reason in _STATEMENTS.items():
        if isinstance(node, kinds):
            return reason
    return None


def reason_against_object(value) -> str | None:
    """Why a captured function, module or generator cannot be compiled, if known."""
    module = getattr(value, "__module__", None)
    if not isinstance(module, str):
        # Functions of `random` are methods of a hidden generator.
        module = type(getattr(value, "__self__", value)).__module__
    if type(value).__name__ == "module":
        module = value.__name__
    if reason := _reason_against_module(module):
        return reason
    name = getattr(value, "__name__", "")
    if module == "math" and name in _UNBOUNDED:
        return (
            "gives whole numbers without bound, and compiled ones have "
            "64 bits; use math.gamma or math.lgamma, or compute it outside"
        )
    if getattr(builtins, name or "-", None) is value and name not in BUILTINS:
        return "cannot be compiled; builtins that can: " + ", ".join(BUILTINS)
    return None


@functools.lru_cache(maxsize=1024)
def _reason_against_module(module):
    for origin, reason in _ORIGINS.items():
        if module == origin or module.startswith(origin + "."):
            return reason
    return None


def shown_line(filename, line: int, column: int = 0) -> str:
    """A line of a file for a message, indented; of a long one what is at the column."""
    text = linecache.getline(filename, line).rstrip()
    # Python counts columns in bytes.
    place = len(text.encode()[:column].decode(errors="ignore"))
    first = len(text) - len(text.lstrip())
    if len(text) - first > _SHOWN:
        begin = max(min(place - _SHOWN // 4, len(text) - _SHOWN), first)
        part = text[begin : begin + _SHOWN]
        ends = begin + _SHOWN >= len(text)
        text = "... " * (begin > first) + part + " ..." * (not ends)
    return f"    {text.strip()}" if text else ""


def first_column(code) -> int:
    """Column at which what a code object does begins, on its first line."""
    places = code.co_positions()
    return min(
        (c for n, _, c, _ in places if n == code.co_firstlineno and c), default=0
    )


def refused(function, line: int, reason: str, column: int = 0) -> CompileError:
    """An error that shows a line of a user's function and says why it is refused."""
    filename = function.__code__.co_filename
    shown = shown_line(filename, line, column)
    return CompileError(
        f"{function.__name__} cannot be compiled, in {filename}, line {line}:\n"
        + (f"{shown}\n" if shown else "")
        + reason
    )


def misbehaves(model, part, problem: str, place=None) -> CompileError:
    """An error that says what a function of a model does wrong, and where it stands.

    Parameters
    ----------
    model : CellModel
    part : a function and its role, see `plain_loops`
    problem : str
    place : (str, int, int), optional
        File, line and column; default: where the function begins.
    """
    code = part.function.__code__
    if place is None:
        place = code.co_filename, code.co_firstlineno, first_column(code)
    named = part.role in ("read", "element")
    name = code.co_name if named else f"{part.role} ({code.co_name})"
    shown = shown_line(*place)
    return CompileError(
        f"{model.name}: {name} {' '.join(problem.split())}.\n"
        f"It stands in {place[0]}, line {place[1]}" + (f":\n{shown}" if shown else "")
    )
