"""A scalar function of which only its instructions are known.

Functions typed where nothing keeps the text, or whose file has been edited since,
are compiled from their code object. It cannot be rewritten, so what depends on it is
stricter: whole numbers stay what they are and may only be added, and names may lead
to numbers and functions, not into modules of the user's own.
"""

import builtins
import dis
import operator
import types

from numba import njit
from numba.core import types as numba_types

from dendrites.compile.jit import INNER, jit_disabled
from dendrites.compile.outside import Outside
from dendrites.compile.proof import content_hash
from dendrites.compile.refused import refused
from dendrites.errors import ModelError

_NO_SOURCE = (
    "Its source is not at hand, or is no longer what it was made of: save it in a "
    "file, reload or restart, or write it without this"
)
_OVERFLOWING = {
    *(operator.pow, operator.mul, operator.lshift),
    *(operator.ipow, operator.imul, operator.ilshift),
}
_INEXACT = ("round", "pow", "sum", "divmod")
_REFUSED = {
    ("RAISE", "RERAISE", "LOAD_ASSERTION_ERROR"): (
        "raises or asserts, and compiled code raises nothing where Python does; test "
        "with if"
    ),
    ("SETUP", "BEFORE"): "has try or with",
    ("YIELD",): "is a generator",
    ("IMPORT",): "imports",
    ("STORE_GLOBAL",): "changes a name outside of itself",
}
_KEYWORDS = ("KW_NAMES", "CALL_KW", "CALL_FUNCTION_EX")


def bare_definition(text, function, name: str) -> list[str]:
    """Lines that make the function in a module; its code is handed over as an object.

    The lines carry a hash of the code and every captured value, so that they change
    when the function does.
    """
    code = function.__code__
    outside = Outside(text, function)
    if code.co_kwonlyargcount or code.co_posonlyargcount:
        raise _refused(function, "Its arguments must be ordinary ones")
    _check(function, code)
    try:
        names = dict(_names(outside, function, code))
        defaults = [outside.default(k) for k in range(len(function.__defaults__ or ()))]
    except ModelError as error:
        if type(error) is not ModelError:
            raise
        raise _refused(function, f"It {error}") from None
    text.add_import("from dendrites.compile.bare_code import made")
    given = ", ".join(f"{key!r}: {value}" for key, value in names.items())
    values = "".join(f"{value}, " for value in defaults)
    return [
        f"# {content_hash(code)}",
        f"{name} = made(code_of_{name}, {{{given}}}, ({values}))",
    ]


def made(code, names, defaults):
    """The function of a code object, compiled, with these names in its scope."""
    scope = {"__builtins__": builtins, **names}
    cells = tuple(types.CellType(names[name]) for name in code.co_freevars)
    function = types.FunctionType(code, scope, code.co_name, defaults, cells)
    return function if jit_disabled() else njit(**INNER)(function)


def check_types(functions) -> None:
    """Refuse functions, compiled by `made`, whose whole numbers could overflow."""
    for compiled in functions:
        for overload in compiled.overloads.values():
            for expression, signature in overload.type_annotation.calltypes.items():
                if _overflows(expression, signature):
                    raise refused(
                        compiled.py_func,
                        expression.loc.line,
                        "It multiplies whole numbers, which have no bound in Python "
                        "and 64 bits here: write them as floats (10.0).\n" + _NO_SOURCE,
                    )


def _overflows(expression, signature):
    if getattr(expression, "op", None) not in ("binop", "inplace_binop"):
        return False
    whole = all(isinstance(kind, numba_types.Integer) for kind in signature.args)
    return whole and expression.fn in _OVERFLOWING


def _refused(function, reason, line=None):
    line = line or function.__code__.co_firstlineno
    return refused(function, line, f"{reason}.\n{_NO_SOURCE}")


def _check(function, code):
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    if code.co_exceptiontable:
        raise _refused(function, "It has try, with or a generator")
    for instruction in dis.get_instructions(code):
        line = instruction.positions.lineno
        for names, problem in _REFUSED.items():
            if instruction.opname.startswith(names):
                raise _refused(function, f"It {problem}", line)
        if instruction.opname in _KEYWORDS and inner:
            raise _refused(function, "It gives keywords and has functions inside", line)
    for part in inner:
        _check(function, part)


def _names(outside, function, code):
    """Names from outside, and the expression that stands for each."""
    instructions = list(dis.get_instructions(code))
    for k, instruction in enumerate(instructions):
        loads = instruction.opname.startswith(("LOAD_GLOBAL", "LOAD_NAME"))
        captured = instruction.argval in function.__code__.co_freevars
        if not loads and not (instruction.opname.startswith("LOAD_DEREF") and captured):
            continue
        name = instruction.argval
        if not outside.is_ours(name):
            if name in _INEXACT:
                raise ModelError(f"uses {name}, which differs on whole numbers")
            outside.value(name)
            continue
        value = outside.value(name)
        if isinstance(value, types.ModuleType):
            _check_path(outside, name, instructions[k + 1 :])
        yield name, outside.text.value(name, value, whole=True)
    for part in code.co_consts:
        if isinstance(part, types.CodeType):
            yield from _names(outside, function, part)


def _check_path(outside, name, following):
    """Follow the attributes taken of a module."""
    path = name
    for instruction in following:
        if not instruction.opname.startswith(("LOAD_ATTR", "LOAD_METHOD")):
            break
        path += f".{instruction.argval}"
    if path != name:
        outside.attribute(path, True)
