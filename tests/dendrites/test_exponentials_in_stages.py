"""Steps with one exponential: all exponents first, then all exponentials in stages."""

from typing import NamedTuple

import numpy as np
import pytest
from numba import njit
from thinned import combined

from dendrites import CellModel, models, transfer
from dendrites.compile import loops
from dendrites.compile.apart import apart
from dendrites.compile.apply import apply_kernel
from dendrites.compile.calls import TILE, address, at, bits
from dendrites.compile.exponentials import exp_of_each, exp_of_each_32
from dendrites.compile.jit import OPTIONS
from dendrites.compile.rows import CellRow
from dendrites.compile.source import ModuleText
from dendrites.transfer import exp, logistic


@njit(**OPTIONS)
def _in_turn(values):
    for i in range(len(values)):
        values[i] = exp(values[i])


@njit(**OPTIONS)
def _staged(values):
    exp_of_each(at(values, 0), len(values))


@njit(**OPTIONS)
def _staged_32(values):
    exp_of_each_32(at(values, 0), len(values))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n", [1, 7, TILE])
def test_exponentials_in_stages_have_the_bits_of_one_after_the_other(dtype, n):
    ends = [0.0, -0.0, np.inf, -np.inf, -1e5, 1e5, 1e-300, np.nan]
    spread = np.random.default_rng(0).normal(scale=30.0, size=TILE - len(ends))
    values = np.concatenate([ends, spread]).astype(dtype)[-n:]
    one, other = values.copy(), values.copy()
    _in_turn(one)
    (_staged if dtype == np.float64 else _staged_32)(other)
    assert one.tobytes() == other.tobytes()


class State(NamedTuple):
    v: float = 0.0
    rate: float = 0.0


class Inputs(NamedTuple):
    drive: float = 0.0


class Params(NamedTuple):
    gain: float = 0.7


def through_others(cell, inputs, p, dt):
    v = cell.v + dt * (inputs.drive - cell.v)
    rate = p.gain * logistic(u=v)
    return State(v, rate)


def at_once(cell, inputs, p, dt):
    return State(cell.v + dt * transfer.exp(-inputs.drive * p.gain), cell.v)


def none(cell, inputs, p, dt):
    return State(cell.v + dt * inputs.drive, 0.0)


def two(cell, inputs, p, dt):
    return State(logistic(cell.v), logistic(inputs.drive))


def in_a_branch(cell, inputs, p, dt):
    if cell.v > 0.0:
        return State(logistic(cell.v), 0.0)
    return State(0.0, 0.0)


def by_choice(cell, inputs, p, dt):
    return State(logistic(cell.v) if cell.v > 0.0 else 0.0, 0.0)


def behind_a_branch(cell, inputs, p, dt):
    v = cell.v
    if v > 0.0:
        v = -v
    return State(logistic(v), v)


def in_a_loop(cell, inputs, p, dt):
    v = cell.v
    for _ in range(3):
        v += logistic(v)
    return State(v, v)


CUT, WHOLE = (through_others, at_once), (none, two, in_a_branch, by_choice)
WHOLE += (behind_a_branch, in_a_loop)


def model(step):
    return CellModel("cell", State, Params, Inputs, step=step)


@pytest.mark.nojit
@pytest.mark.parametrize("step", [*CUT, *WHOLE])
def test_only_a_step_that_always_makes_one_exponential_is_cut(step):
    text = ModuleText(single_precision=False)
    name = text.function(step)
    found = apart(text, name)
    assert (found is not None) == (step in CUT)
    assert found == apart(text, name)
    if found is None:
        assert not any("exponential__" in line for line in text.lines)


def stepped(cell, dtype, n, differing=()):
    """A lane and its weights after one step of cells in random states."""
    loop, width = loops.step_loop(cell, dtype, "euler", differing), n + 3
    variables = len(cell.state._fields)
    rng = np.random.default_rng(n)
    lane = rng.normal(size=(variables + cell.n_fields + 1) * width).astype(dtype)
    own = rng.random(len(differing) * width)
    weights = np.array([*cell.parameters, *own, 0.0], dtype)
    row = CellRow(address(loop, dtype), n, 0, width, variables * width, 0)
    apply_kernel(weights, lane, np.array(row, np.int64), np.array([1, 0, bits(0.5)]))
    return lane


CELLS = [*map(model, CUT), models.guerguiev_hidden(), models.guerguiev_output()]


@pytest.mark.parametrize(
    "cell, dtype", combined(CELLS, [np.float64, np.float32], every=2)
)
def test_a_step_in_stages_has_the_bits_of_a_step_at_once(cell, dtype, monkeypatch):
    sizes = 1, 5, TILE - 1, TILE, TILE + 1, 2 * TILE + 9
    one = [stepped(cell, dtype, n) for n in sizes]
    monkeypatch.setattr(loops, "in_stages", lambda *_: None)
    for n, lane in zip(sizes, one, strict=True):
        assert lane.tobytes() == stepped(cell, dtype, n).tobytes()


def test_parameters_that_differ_are_those_of_every_cell(monkeypatch):
    cell = model(through_others)
    one = stepped(cell, np.float64, TILE + 5, ("gain",))
    monkeypatch.setattr(loops, "in_stages", lambda *_: None)
    assert one.tobytes() == stepped(cell, np.float64, TILE + 5, ("gain",)).tobytes()
