"""The operation over weights that are a scalar function of others."""

import types
from typing import NamedTuple

import numpy as np

from dendrites.cell import CellModel
from dendrites.compile import rows
from dendrites.compile.jit import one_compiles
from dendrites.compile.modules import compile_loop
from dendrites.compile.plain_loops import part, plain_element
from dendrites.compile.source import ModuleText
from dendrites.compile.trial import Trial


class _Weight(NamedTuple):
    w: float = 0.0


class _NoParams(NamedTuple):
    pass


_TIED = CellModel(
    "tied weights", _Weight, _NoParams, _NoParams, clamped=True, compartments=()
)


@one_compiles
def tie_loop(function, dtype):
    """Loop for weights that are a factor times a function of others.

    `function` may be one of NumPy or `math` of one number.
    """
    text = ModuleText(dtype == np.float32)
    function = _plain_function(function)
    text.lines += [
        "from dendrites.compile.calls import at, cast, real",
        "def loop(weights, lane, row, span):",
        f"    n_pre, n_post = row[{rows.TIE_N_PRE}], row[{rows.TIE_N_POST}]",
        f"    transposed = row[{rows.TIE_TRANSPOSED}]",
        f"    source = at(weights, row[{rows.TIE_SOURCE}])",
        f"    target = at(weights, row[{rows.TIE_TARGET}])",
        f"    factor = cast(lane, real(row, {rows.TIE_FACTOR}))",
        "    down = 1 if transposed else n_post",
        "    along = n_pre if transposed else 1",
        "    for j in range(n_pre):",
        "        for i in range(n_post):",
        f"            value = {text.function(function)}(source[j * down + i * along])",
        "            target[j * n_post + i] = factor * value",
    ]
    parts, plain = [part("element", function)], plain_element(function)
    return compile_loop(text, Trial(_TIED, "tie", dtype, parts, plain))


def _plain_function(function):
    """A plain Python function that calls one of NumPy or `math`."""
    if isinstance(function, np.ufunc | types.BuiltinFunctionType):
        return lambda weight: function(weight)
    return function
