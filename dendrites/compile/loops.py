"""Operations over a population or a projection, made from scalar functions.

Every scalar function of a user or of this library enters through one of the loops
below. All are operations (`calls`) that find their operands in a row (`rows`), so
programs hold their addresses and nothing is compiled for a new size or depth.
A loop is known by the text of its functions, read anew for every run: what a function
is made of may have changed since the last one.
"""

from typing import NamedTuple

import numpy as np

from dendrites.cell import CellModel, StateField
from dendrites.compile import rows
from dendrites.compile.apply import apply_kernel
from dendrites.compile.calls import address
from dendrites.compile.first_look import first_look
from dendrites.compile.jit import one_compiles
from dendrites.compile.live import cell_call, written
from dendrites.compile.modules import compile_loop
from dendrites.compile.parameters import own_text, parameters_text
from dendrites.compile.plain_loops import (
    cell_parts,
    part,
    plain_cell,
    plain_change,
    plain_element,
    plain_factor,
    plain_nothing,
    plain_possible,
    plain_read,
    reads_of,
)
from dendrites.compile.source import ModuleText
from dendrites.compile.spiking import spikes_in_turn, spikes_listed
from dendrites.compile.stages import in_stages
from dendrites.compile.trial import Trial
from dendrites.steppers import SETTLED


def fill_loop(model: CellModel, dtype, differing=(), unread=frozenset()):
    """Loop that fills the algebraic compartments of a population."""
    return _cell_loop(model, dtype, None, differing, unread)


def step_loop(
    model: CellModel,
    dtype,
    stepper,
    differing=(),
    unread=frozenset(),
    *,
    listed=False,
    fired=False,
):
    """Loop that advances every cell of a population by one step, in place.

    Variables that are `unread` are left as they are. With `listed` only cells in a list
    may fire. With `fired` a list is left of the sparse cells that have.
    """
    return _cell_loop(model, dtype, stepper, differing, unread, listed, fired)


def settle_loop(model: CellModel, dtype, differing=()):
    """Loop that brings every cell of a population to its steady state, in place.

    Algebraic compartments are filled first, from the same inputs.
    """
    return _cell_loop(model, dtype, SETTLED, differing)


@one_compiles
def _cell_loop(
    model, dtype, stepper, differing, unread=frozenset(), listed=False, fired=False
):
    text = ModuleText(dtype == np.float32)
    call = cell_call(text, model, stepper)
    spikes, own = [], own_text(text, model, differing)
    if model.spiking and stepper not in (None, SETTLED):
        cell = [f"cell = {_row(text, model.state, 'state', 'stride', 'i')}"]
        cell += map(str.strip, own)
        write = spikes_listed if fired else spikes_in_turn
        spikes = write(text, model, cell, unread, listed)
    changed = written(text, model, call, unread)
    inputs = f"        inputs = {_row(text, model.inputs, 'field', 'stride', 'i')}"
    given = [
        f"        cell = {_row(text, model.state, 'state', 'stride', 'i')}",
        inputs,
        *own,
    ]
    moved = ["    for i in range(n):", *given, f"        new = {call}", *changed]
    if model.step is not None and stepper not in (None, SETTLED):
        moved = in_stages(text, call, given, changed) or moved
    text.lines += [
        *_head(text),
        f"    n, stride = row[{rows.CELL_N}] * samples, row[{rows.CELL_STRIDE}]",
        f"    state = at(lane, row[{rows.CELL_STATE}])",
        f"    field = apart(lane, row[{rows.CELL_FIELD}])",
        f"    dt = cast(lane, real(span, {rows.DT}))",
        *parameters_text(text, model, rows.CELL_PARAMS, differing),
        *moved,
        *spikes,
    ]
    parts, plain = cell_parts(model, stepper), plain_cell(model, stepper, unread)
    return compile_loop(text, Trial(model, "cell", dtype, parts, plain, differing))


@one_compiles
def read_loop(model: CellModel, read, dtype, differing=()):
    """Loop that writes one scalar read of every cell of a population."""
    text = ModuleText(dtype == np.float32)
    text.tuple_type(model.state)
    value = _read_text(text, read, "cell")
    text.lines += [
        *_read_head(text),
        *parameters_text(text, model, rows.READ_PARAMS, differing),
        "    for i in range(n):",
        f"        cell = {_row(text, model.state, 'state', 'stride', 'i')}",
        *own_text(text, model, differing),
        f"        out[i] = {value}",
    ]
    trial = Trial(model, "read", dtype, reads_of(read), plain_read(read), differing)
    return compile_loop(text, trial)


@one_compiles
def possible_loop(model: CellModel, dtype, differing=()):
    """Loop that says of every cell whether it may fire, from both ends of [0, 1).

    Where the first look of the spike rule says no. It may say less than the rule.
    """
    text = ModuleText(dtype == np.float32)
    text.tuple_type(model.state)
    spike = text.function(model.spike)
    look, plain = first_look(text, spike), plain_possible(model, dtype)
    zero, one = text.number(0.0), text.number(1.0)
    ends = zero, text.number(float(np.nextafter(dtype(1), dtype(0))))
    silent = [f"{spike}(cell, {u}, p, dt) == {zero}" for u in ends]
    if look is not None:
        silent, plain = [f"{look}(cell, {u}, p, dt)" for u in ends], plain_nothing
    text.lines += [
        *_read_head(text),
        f"    dt = cast(lane, real(span, {rows.DT}))",
        *parameters_text(text, model, rows.READ_PARAMS, differing),
        "    for i in range(n):",
        f"        cell = {_row(text, model.state, 'state', 'stride', 'i')}",
        *own_text(text, model, differing),
        f"        first = {silent[0]}",
        f"        last = {silent[1]}",
        f"        out[i] = {zero} if first and last else {one}",
    ]
    spikes = [part("spike", model.spike)]
    return compile_loop(text, Trial(model, "read", dtype, spikes, plain, differing))


@one_compiles
def factor_loop(model: CellModel, teaching, baseline, gain, dtype, differing=()):
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
    moments = {
        "t": rows.FACTOR_TEACHING,
        "b": rows.FACTOR_BASELINE,
        "g": rows.FACTOR_GAIN,
    }
    cells = [
        f"        cell_{k} = {_row(text, model.state, 'state_' + k, 'stride', 'i')}"
        for k in moments
    ]
    text.lines += [
        *_head(text),
        f"    n, stride = row[{rows.FACTOR_N}] * samples, row[{rows.FACTOR_STRIDE}]",
        *(f"    state_{k} = at(lane, row[{moments[k]}])" for k in moments),
        f"    step = span[{rows.BLOCK_STEP}] * row[{rows.FACTOR_SLOT}]",
        f"    out = at(lane, row[{rows.FACTOR_OUT}] + step * n)",
        *parameters_text(text, model, rows.FACTOR_PARAMS, differing),
        "    for i in range(n):",
        *cells,
        *own_text(text, model, differing),
        f"        out[i] = {difference}",
    ]
    parts = reads_of(teaching, baseline, gain)
    plain = plain_factor(teaching, baseline, gain)
    return compile_loop(text, Trial(model, "factor", dtype, parts, plain, differing))


@one_compiles
def synapse_loop(model: CellModel, change, dtype, differing=(), *, by_synapse=False):
    """Loop for the change of every synapse by a rule, summed over samples.

    With `by_synapse` every synapse has a signal of its own, among the weights.
    """
    text = ModuleText(dtype == np.float32)
    name = text.function(change)
    zero = text.number(0.0)
    place, value = f"row[{rows.SYNAPSE_SIGNAL}]", "pre[b * n_pre + j]"
    signal = f"lane, {place} + step * n_pre * samples"
    if by_synapse:
        signal, value = f"weights, {place}", "pre[k]"
    text.lines += [
        *_head(text),
        f"    n_pre, n_post = row[{rows.SYNAPSE_N_PRE}], row[{rows.SYNAPSE_N_POST}]",
        f"    stride, paired = row[{rows.SYNAPSE_STRIDE}], row[{rows.SYNAPSE_PAIRED}]",
        f"    w = at(weights, row[{rows.SYNAPSE_WEIGHTS}])",
        f"    state = at(lane, row[{rows.SYNAPSE_STATE}])",
        f"    step = span[{rows.BLOCK_STEP}] * row[{rows.SYNAPSE_SLOT}]",
        f"    pre = at({signal})",
        f"    out = at(lane, row[{rows.SYNAPSE_OUT}])",
        *parameters_text(text, model, rows.SYNAPSE_PARAMS, differing),
        "    width = n_post * (1 - paired) + paired",
        "    shift = n_post * (1 - paired)",
        f"    sparse = row[{rows.SYNAPSE_INDEX}] != 0",
        f"    begins = short_integers(row[{rows.SYNAPSE_INDEX}])",
        "    targets = at(begins, n_pre + 1) if sparse else begins",
        "    for j in range(n_pre):",
        "        first = begins[j] if sparse else j * width",
        "        last = begins[j + 1] if sparse else first + width",
        "        for k in range(first, last):",
        "            weight = w[k]",
        "            i = targets[k] if sparse else k - j * shift",
        f"            total = {zero}",
        "            for b in range(samples):",
        "                c = b * n_post + i",
        f"                cell = {_row(text, model.state, 'state', 'stride', 'c')}",
        *own_text(text, model, differing, "c", indent=16),
        f"                total += {name}(weight, cell, {value}, p)",
        "            out[k] = total",
    ]
    parts, plain = [part("change", change)], plain_change(change)
    kind = "own signals" if by_synapse else "synapse"
    return compile_loop(text, Trial(model, kind, dtype, parts, plain, differing))


def _head(text):
    """First lines of an operation; the places of its operands follow."""
    names = "apart, at, cast, real, short_integers"
    text.add_import(f"from dendrites.compile.calls import {names}")
    head = "def loop(weights, lane, row, span):"
    return ["", head, f"    samples = span[{rows.SAMPLES}]"]


def _read_head(text):
    slot = f"span[{rows.BLOCK_STEP}] * row[{rows.READ_SLOT}]"
    return [
        *_head(text),
        f"    n, stride = row[{rows.READ_N}] * samples, row[{rows.READ_STRIDE}]",
        f"    state = at(lane, row[{rows.READ_STATE}])",
        f"    out = at(lane, row[{rows.READ_OUT}] + {slot} * n)",
    ]


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


@one_compiles
def _element_loop(function):
    text = ModuleText(single_precision=False)
    text.lines += [
        *_read_head(text),
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
    values = np.asarray(values, dtype=float)
    n = values.size
    # Each value is a cell of one variable, and the results are a read of these.
    lane = np.concatenate([values.ravel(), np.zeros(n)])
    loop = _element_loop(function)
    place = address(loop, np.float64)
    row = rows.ReadRow(place, n=n, state=0, stride=n, params=0, out=n, slot=0)
    span = np.array([1, 0, 0], np.int64)  # one sample, and no time
    apply_kernel(lane, lane, np.array(row, np.int64), span)
    return lane[n:].reshape(values.shape)
