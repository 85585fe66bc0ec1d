"""What scalar functions depend on, found in their text; never too little."""

import math
from typing import NamedTuple

import pytest

from dendrites.cell import CellModel
from dendrites.compile.live import live_variables, needed_by


class State(NamedTuple):
    a: float = 0.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0


class Firing(NamedTuple):
    a: float = 0.0
    b: float = 0.0
    c: float = 0.0
    d: float = 0.0
    spikes: float = 0.0


class Nothing(NamedTuple):
    pass


def half(x):
    return 0.5 * x


def pair(x, y):
    return x + 1.0, y


def chosen(cell, p):
    return 1.0 if cell.a > 0.0 else 2.0


def branched(cell, p):
    x = cell.b
    if cell.a > 0.0:
        x = 1.0
    return x


def early(cell, p):
    if cell.c > 0.0:
        return 1.0
    return 2.0


def unpacked(cell, p):
    first, second = pair(cell.a, cell.d)
    return half(second)


def looped(cell, p):
    total = 0.0
    for _ in range(3):
        total += cell.b
    return total


def replaced(cell, p):
    new = cell._replace(a=cell.b, c=1.0)
    return new.a + new.c + new[-1]


def added(cell, p):
    x = cell.a
    x += math.exp(cell.b)
    return x


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (chosen, "a"),
        (branched, "ab"),
        (early, "c"),
        (unpacked, "d"),
        (looped, "abcd"),
        (replaced, "bd"),
        (added, "ab"),
        (lambda cell, p: 3.0, ""),
    ],
)
def test_a_read_needs_what_it_looks_at_or_decides_by(function, names):
    model = cell_model(step)
    assert needed_by(model, function) == set(names)


def step(cell, inputs, p, dt):
    """a feeds b, b feeds c; d is by itself."""
    moved = cell._replace(b=cell.b + cell.a, c=half(cell.c) + cell.b)
    return moved._replace(d=0.9 * cell.d)


def cell_model(step, **more):
    return CellModel(
        "chain", State, Nothing, Nothing, step=step, compartments=("a",), **more
    )


@pytest.mark.parametrize(
    ("wanted", "live"), [("a", "a"), ("b", "ab"), ("c", "abc"), ("d", "d"), ("", "")]
)
def test_variables_live_that_others_are_made_of(wanted, live):
    model = cell_model(step)
    assert live_variables(model, "euler", frozenset(wanted)) == set(live)


def spike(cell, u, p, dt):
    return 1.0 if cell.d > u else 0.0


def fired(cell, count, p, dt):
    return cell._replace(a=cell.a + count, spikes=count)


def test_what_decides_spikes_lives():
    model = CellModel(
        "chain",
        Firing,
        Nothing,
        Nothing,
        step=step,
        compartments=("a",),
        spike=spike,
        fired=fired,
    )
    assert live_variables(model, "euler", frozenset("b")) == set("abd")


def looping(cell, inputs, p, dt):
    new = cell
    for _ in range(2):
        new = step(new, inputs, p, dt)
    return new


def test_all_variables_live_of_a_step_that_is_not_followed():
    model = cell_model(looping)
    assert live_variables(model, "euler", frozenset()) == set("abcd")
