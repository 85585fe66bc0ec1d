"""Compiled loops over a population or a projection, made from scalar functions.

Every scalar function of a user or of this library enters through one of the loops
below. Each kind has one fixed signature of pointers and numbers (`dendrites.calls`), so
the engine holds them in tables and never recompiles for a new cell, rule, size or
depth. Variable v of cell i lies at ``v * stride + i`` of its pointer.
"""

import functools
import hashlib
import importlib.util
import linecache
import os
import re
import sys
import traceback
from types import CellType, FunctionType
from typing import NamedTuple

import numpy as np
from numba import njit, types

from dendrites.calls import address, at, call_read, signature
from dendrites.cell import CellModel, StateField
from dendrites.errors import CompileError, DendritesError
from dendrites.jit import (
    INNER,
    OPTIONS,
    cache_folder,
    jit_disabled,
    kernel,
    own_cache_folder,
)
from dendrites.source import ModuleText
from dendrites.steppers import SETTLED, advance_text


def loop_table(loops):
    """The loops of one kind in the form a compiled engine loop receives."""
    if jit_disabled():
        return list(loops) or [None]
    return np.array([address(loop) for loop in loops] or [0], np.int64)


def fill_loop(model: CellModel, dtype):
    """Loop that fills the algebraic compartments of a population."""
    return _cell_loop(model, dtype, None)


def step_loop(model: CellModel, dtype, stepper: str):
    """Loop that advances every cell of a population by one step, in place."""
    return _cell_loop(model, dtype, stepper)


def settle_loop(model: CellModel, dtype):
    """Loop that brings every cell of a population to its steady state, in place.

    Algebraic compartments are filled first, from the same inputs.
    """
    return _cell_loop(model, dtype, SETTLED)


@functools.cache
def _cell_loop(model, dtype, stepper):
    text = ModuleText(dtype == np.float32)
    state = text.tuple_type(model.state)
    if stepper is None:
        function = model.instantaneous
        call = f"{text.function(function)}(cell, inputs, p)"
    elif model.step is not None:
        function = model.step
        call = f"{text.function(function)}(cell, inputs, p, dt)"
    else:
        function = model.derivative
        name = text.function(function)
        text.lines.insert(0, "import math")
        text.lines += advance_text(
            stepper, model.state._fields, state, name, text.number
        )
        call = "advance(cell, inputs, p, dt)"
        if stepper == SETTLED and model.instantaneous:
            fill = text.function(model.instantaneous)
            call = f"advance({fill}(cell, inputs, p), inputs, p, dt)"
    n_variables = len(model.state._fields)
    functions = [(function, model)]
    spikes = []
    if model.spiking and stepper not in (None, SETTLED):
        spike, fired = text.function(model.spike), text.function(model.fired)
        zero, one = text.number(0.0), text.number(1.0)
        cell = f"        cell = {_row(text, model.state, 'state', 'stride', 'i')}"
        decided = f"field[{len(model.inputs._fields)} * stride + i]"
        # Loops of their own: the draw branches, and would keep the rest from being
        # vectorised.
        spikes = [
            "    for i in range(n):",
            cell,
            f"        u = {decided}",
            f"        count = -{one} - u if u < {zero} else {spike}(cell, u, p, dt)",
            f"        {decided} = count",
            "    for i in range(n):",
            *([f"        if {decided} == {zero}: continue"] if model.sparse else []),
            cell,
            f"        new = {fired}(cell, {decided}, p, dt)",
            *(
                f"        state[{v} * stride + i] = new[{v}]"
                for v in range(n_variables)
            ),
        ]
        functions += [(model.spike, model), (model.fired, model)]
    text.lines += [
        "",
        "def loop(state, field, stride, params, dt, n):",
        f"    p = {_row(text, model.params, 'params', '1', '')}",
        "    for i in range(n):",
        f"        cell = {_row(text, model.state, 'state', 'stride', 'i')}",
        f"        inputs = {_row(text, model.inputs, 'field', 'stride', 'i')}",
        f"        new = {call}",
        *(f"        state[{v} * stride + i] = new[{v}]" for v in range(n_variables)),
        *spikes,
    ]
    return _compile(text, "cell", dtype, functions)


@functools.cache
def read_loop(model: CellModel, read, dtype):
    """Loop that writes one scalar read of every cell of a population."""
    text = ModuleText(dtype == np.float32)
    text.tuple_type(model.state)
    value = _read_text(text, read, "cell")
    text.lines += [
        "",
        "def loop(state, stride, params, out, n):",
        f"    p = {_row(text, model.params, 'params', '1', '')}",
        "    for i in range(n):",
        f"        cell = {_row(text, model.state, 'state', 'stride', 'i')}",
        f"        out[i] = {value}",
    ]
    return _compile(text, "read", dtype, [(read, model)])


@functools.cache
def factor_loop(model: CellModel, teaching, baseline, gain, dtype):
    """Loop for the postsynaptic factor gain * (teaching - baseline) of every cell.

    `teaching` or `baseline` may be None (zero), and `gain` may be None (one). The
    three reads may see the cell at different moments.
    """
    text = ModuleText(dtype == np.float32)
    parts = [_read_text(text, teaching, "cell_t") if teaching else ""]
    if baseline:
        parts.append(f" - {_read_text(text, baseline, 'cell_b')}")
    difference = f"({''.join(parts)})"
    if gain:
        difference = f"{_read_text(text, gain, 'cell_g')} * {difference}"
    cells = [
        f"        cell_{k} = {_row(text, model.state, 'state_' + k, 'stride', 'i')}"
        for k in "tbg"
    ]
    text.lines += [
        "",
        "def loop(state_t, state_b, state_g, stride, params, out, n):",
        f"    p = {_row(text, model.params, 'params', '1', '')}",
        "    for i in range(n):",
        *cells,
        f"        out[i] = {difference}",
    ]
    reads = [(read, model) for read in (teaching, baseline, gain) if read]
    return _compile(text, "factor", dtype, reads)


@functools.cache
def synapse_loop(model: CellModel, change, dtype):
    """Loop that applies a non-separable rule to every synapse of a projection.

    With `paired` 1 instead of 0, cell i of one side has a synapse with cell i of the
    other alone, and `w` holds these.
    """
    text = ModuleText(dtype == np.float32)
    name = text.function(change)
    zero = text.number(0.0)
    text.lines += [
        "",
        "def loop(w, n_pre, n_post, paired, state, stride, params, pre, n_samples,"
        " scale, lower, upper):",
        f"    p = {_row(text, model.params, 'params', '1', '')}",
        "    row = n_post * (1 - paired)",
        "    for j in range(n_pre):",
        "        for i in range(j * paired, row + (j + 1) * paired):",
        "            weight = w[j * row + i]",
        f"            total = {zero}",
        "            for b in range(n_samples):",
        "                k = b * n_post + i",
        f"                cell = {_row(text, model.state, 'state', 'stride', 'k')}",
        f"                total += {name}(weight, cell, pre[b * n_pre + j], p)",
        "            weight += scale * total",
        "            w[j * row + i] = min(max(weight, lower), upper)",
    ]
    return _compile(text, "synapse", dtype, [(change, model)])


def _read_text(text, read, cell):
    if isinstance(read, StateField):
        return f"{cell}.{read.field}"
    return f"{text.function(read)}({cell}, p)"


def _row(text, tuple_type, array, stride, unit):
    terms = [
        f"{array}[{v} * {stride}" + (f" + {unit}]" if unit else "]")
        for v in range(len(tuple_type._fields))
    ]
    return f"{text.tuple_type(tuple_type)}({', '.join(terms)})"


def _compile(text, kind, dtype, functions):
    sig = signature(kind, types.float32 if dtype == np.float32 else types.float64)
    body = "\n".join(text.lines) + "\n"
    cached = not text.objects
    if cached and (body, sig) in _COMPILED:
        return _COMPILED[body, sig]
    try:
        if jit_disabled():
            return _module(body, text.objects, cached=False).loop
        with own_cache_folder():
            loop = _module(body, text.objects, cached=cached).loop
            loop = njit(sig, cache=cached, **INNER)(loop)
    except DendritesError:
        raise
    except Exception as error:  # Numba refuses code with many kinds of exception.
        raise _explained(error, functions, dtype) from None
    if cached:
        # Layers that differ in their parameters only share one loop.
        _COMPILED[body, sig] = loop
    return loop


_COMPILED = {}


def _module(body, objects, cached):
    """Import the text, from a file named by its hash so that Numba can cache it."""
    name = "loop_" + hashlib.blake2b(body.encode(), digest_size=12).hexdigest()
    if cached and name in sys.modules:
        return sys.modules[name]
    path = cache_folder() / f"{name}.py"
    if not path.exists():
        temporary = path.with_suffix(f".tmp-{os.getpid()}")
        temporary.write_text(body)
        os.replace(temporary, path)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    # Exponentials of parameters alone leave the loop only if their functions are part
    # of it (measured: 3 to 25 times faster).
    module.INNER = {**INNER, "forceinline": True}
    for key, function in objects.items():
        setattr(module, key, _jitted(function, INNER))
    if cached:
        sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _jitted(function, options):
    """A function compiled as it is, with the Python functions it calls."""

    def compiled(value):
        plain = isinstance(value, FunctionType)
        if not plain or getattr(value, "imported_by_kernels", False):
            return value
        return _jitted(value, INNER)

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


def _explained(error, functions, dtype):
    """The same failure, told about the user's own file and line."""
    for function, model in functions:
        function = getattr(function, "py_func", function)
        if isinstance(function, StateField):
            continue
        place = _failing_place(function, model, dtype)
        if place is not None:
            filename, line, reason = place
            shown = linecache.getline(filename, line).strip()
            return CompileError(
                f"{model.name}: {function.__name__} cannot be compiled, in "
                f"{filename}, line {line}:\n    {shown}\n{reason}\n"
                "Scalar functions may use numbers, math, NamedTuples and other scalar "
                "functions. To run it as plain Python, set NUMBA_DISABLE_JIT=1."
            )
    for function, model in functions:
        code = getattr(getattr(function, "py_func", function), "__code__", None)
        if code is not None:
            return CompileError(
                f"{model.name}: {code.co_name} does not return what its place in the "
                f"model needs, in {code.co_filename}, line {code.co_firstlineno}:\n"
                f"{_reason(error)}"
            )
    return CompileError(f"a scalar function cannot be compiled: {_reason(error)}")


def _failing_place(function, model, dtype):
    number = np.float32 if dtype == np.float32 else np.float64
    arguments = {
        "cell": model.state(*(number(0),) * len(model.state._fields)),
        "inputs": model.inputs(*(number(0),) * len(model.inputs._fields)),
        "p": model.params(*(number(1),) * len(model.params._fields)),
    }
    arguments |= dict.fromkeys(("u", "count", "dt"), number(1))
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    order = ("cell", "inputs", "p")
    values = [
        arguments.get(
            name, arguments[order[k]] if k < 3 and len(names) == 3 else number(1)
        )
        for k, name in enumerate(names)
    ]
    if len(names) == 2:
        values = [arguments["cell"], arguments["p"]]
    try:
        _jitted(function, OPTIONS)(*values)
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
    for line in str(error).splitlines():
        line = line.strip(" -\x1b[0m1")
        if line and not line.startswith(noise):
            return line
    return traceback.format_exception_only(error)[0].strip()


class _ScalarState(NamedTuple):
    u: float = 0.0


class _NoParams(NamedTuple):
    pass


_SCALAR = CellModel(
    "scalar", _ScalarState, _NoParams, _NoParams, clamped=True, compartments=()
)


@functools.cache
def _elementwise_table(function, dtype):
    def read(cell, p):
        return function(cell.u)

    loop = read_loop(_SCALAR, read, dtype)
    # The loop owns the machine code behind the address.
    return loop_table([loop]), loop


@kernel
def _apply_kernel(loops, x, out, zero):
    pointer = at(x, zero)
    call_read(loops[zero], (pointer, len(x), pointer, at(out, zero), len(x)))


def elementwise(function, values) -> np.ndarray:
    """A scalar function of every element, compiled once and cached.

    Parameters
    ----------
    function : callable, float -> float
    values : array_like

    Returns
    -------
    ndarray of float64, shape of `values`
    """
    values = np.ascontiguousarray(values, dtype=float)
    flat = values.reshape(-1)
    out = np.empty_like(flat)
    table, _ = _elementwise_table(function, np.float64)
    _apply_kernel(table, flat, out, 0)
    return out.reshape(values.shape)
