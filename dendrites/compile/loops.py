"""Compiled loops over a population or a projection, made from scalar functions.

Every scalar function of a user or of this library enters through one of the loops
below. Each kind has one fixed signature of pointers and numbers (`calls`), so the
engine holds them in tables and never recompiles for a new cell, rule, size or depth.
A loop is known by the text of its functions, read anew for every run: what a function
is made of may have changed since the last one.
Variable v of cell i lies at ``v * stride + i`` of its pointer.
"""

from typing import NamedTuple

import numpy as np

from dendrites.cell import CellModel, StateField
from dendrites.compile.calls import address, at, call_read
from dendrites.compile.jit import jit_disabled, kernel, one_compiles
from dendrites.compile.modules import compile_loop
from dendrites.compile.plain_loops import (
    cell_parts,
    part,
    plain_cell,
    plain_change,
    plain_element,
    plain_factor,
    plain_read,
    reads_of,
)
from dendrites.compile.source import ModuleText
from dendrites.compile.trial import Trial
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


@one_compiles
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
    parts, plain = cell_parts(model, stepper), plain_cell(model, stepper)
    return compile_loop(text, Trial(model, "cell", dtype, parts, plain))


@one_compiles
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
    trial = Trial(model, "read", dtype, reads_of(read), plain_read(read))
    return compile_loop(text, trial)


@one_compiles
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
    parts = reads_of(teaching, baseline, gain)
    plain = plain_factor(teaching, baseline, gain)
    return compile_loop(text, Trial(model, "factor", dtype, parts, plain))


@one_compiles
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
    parts, plain = [part("change", change)], plain_change(change)
    return compile_loop(text, Trial(model, "synapse", dtype, parts, plain))


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


class _ScalarState(NamedTuple):
    u: float = 0.0


class _NoParams(NamedTuple):
    pass


_SCALAR = CellModel(
    "scalar", _ScalarState, _NoParams, _NoParams, clamped=True, compartments=()
)


@kernel
def _apply_kernel(loops, x, out, zero):
    pointer = at(x, zero)
    call_read(loops[zero], (pointer, len(x), pointer, at(out, zero), len(x)))


@one_compiles
def _element_loop(function):
    text = ModuleText(single_precision=False)
    text.lines += [
        "",
        "def loop(state, stride, params, out, n):",
        "    for i in range(n):",
        f"        out[i] = {text.function(function)}(state[i])",
    ]
    parts, plain = [part("element", function)], plain_element(function)
    return compile_loop(text, Trial(_SCALAR, "read", np.float64, parts, plain))


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

    _apply_kernel(loop_table([_element_loop(function)]), flat, out, 0)
    return out.reshape(values.shape)
