"""What Numba refuses, told about the user's own file and line."""

import os
import re
import traceback
from types import CellType, FunctionType

from numba import njit

from dendrites.cell import StateField
from dendrites.compile.jit import INNER, OPTIONS
from dendrites.compile.refused import first_column, shown_line
from dendrites.errors import CompileError


def jitted(function, options):
    """A function compiled as it is, with the Python functions it calls."""

    def compiled(value):
        plain = isinstance(value, FunctionType)
        if not plain or getattr(value, "imported_by_kernels", False):
            return value
        return jitted(value, INNER)

    scope = dict(function.__globals__)
    for name in {*function.__code__.co_names} & {*scope}:
        scope[name] = compiled(scope[name])
    cells = tuple(
        CellType(compiled(c.cell_contents)) for c in function.__closure__ or ()
    )
    copy = FunctionType(
        function.__code__, scope, function.__name__, function.__defaults__, cells
    )
    return njit(**options)(copy)


def explained(error, trial):
    """The same failure, told about the user's own file and line.

    `trial` is that of the functions, see `trial.Trial`.
    """
    model = trial.model
    parts = [(getattr(x.function, "py_func", x.function), x.role) for x in trial.parts]
    for function, role in parts:
        if isinstance(function, StateField):
            continue
        place = _failing_place(function, trial, role)
        if place is not None:
            filename, line, reason = place
            column = first_column(function.__code__)
            shown = shown_line(filename, line, column)
            return CompileError(
                f"{model.name}: {function.__name__} cannot be compiled, in "
                f"{filename}, line {line}:\n{shown}\n{reason}\n"
                "Scalar functions may use numbers, math, NamedTuples and other scalar "
                "functions. To run it as plain Python, set NUMBA_DISABLE_JIT=1."
            )
    for function, _ in parts:
        code = getattr(function, "__code__", None)
        if code is not None:
            return CompileError(
                f"{model.name}: {code.co_name} does not return what its place in the "
                f"model needs, in {code.co_filename}, line {code.co_firstlineno}:\n"
                f"{_reason(error)}"
            )
    return CompileError(f"a scalar function cannot be compiled: {_reason(error)}")


def _failing_place(function, trial, role):
    def typed(value):
        fields = getattr(value, "_fields", None)
        return trial.dtype(value) if fields is None else type(value)(*map(typed, value))

    values = map(typed, trial.points[0].arguments(role))
    try:
        jitted(function, OPTIONS)(*values)
    except Exception as own:
        text = str(own)
        source = function.__code__.co_filename
        lines = re.findall(r'File "([^"]+)", line (\d+)', text)
        own_lines = [
            int(n) for f, n in lines if os.path.basename(f) == os.path.basename(source)
        ]
        line = own_lines[-1] if own_lines else function.__code__.co_firstlineno
        return source, line, _reason(own)
    return None


def _reason(error):
    """First line of a Numba message that says something."""
    noise = ("Failed in", "During:", "File ", "There are", "Known signatures", ">>>")
    noise += ("Resolution failure",)
    for line in str(error).splitlines():
        line = line.strip(" -\x1b[0m1")
        if line and not line.startswith(noise):
            return line
    return traceback.format_exception_only(error)[0].strip()
