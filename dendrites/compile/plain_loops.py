"""What each compiled loop does, as plain Python for one cell at one point.

`trial` compares a loop with these where it runs for the first time.
"""

import math
from dataclasses import dataclass

import numpy as np

from dendrites.cell import StateField
from dendrites.steppers import SETTLED


@dataclass(frozen=True)
class Part:
    """A user's function and what it is in its model: "read", "derivative", ..."""

    role: str
    function: object


def part(role, function):
    """That function in that role, as plain Python."""
    return Part(role, getattr(function, "py_func", function))


def reads_of(*functions):
    """The parts among some reads: those that are functions of the user's."""
    return [
        part("read", function)
        for function in functions
        if function is not None and not isinstance(function, StateField)
    ]


def cell_parts(model, stepper):
    """Functions of a model that a loop over its cells calls; see `plain_cell`."""
    role = "step" if model.step is not None else "derivative"
    roles = ["instantaneous"] if stepper is None else [role]
    if stepper == SETTLED and model.instantaneous:
        roles.append("instantaneous")
    if _spikes(model, stepper):
        roles += ["spike", "fired"]
    return [part(role, getattr(model, role)) for role in roles]


def plain_cell(model, stepper, unread=frozenset()):
    """What a loop over cells gives: the new state, and the spikes of a spiking cell.

    Variables that are `unread` stay as they are.
    """
    functions = {part.role: part.function for part in cell_parts(model, stepper)}
    fill = functions.get("instantaneous")
    if "derivative" in functions:
        move = _advance(model, stepper, functions["derivative"])
    else:
        move = functions.get("step")

    def plain(point):
        inputs, p, dt = point.inputs, point.p, point.dt
        cell = point.cell if fill is None else fill(point.cell, inputs, p)
        new = cell if move is None else move(cell, inputs, p, dt)
        if "spike" not in functions:
            return _left(unread, point.cell, new)
        new = model.state(*_left(unread, point.cell, new))
        count = functions["spike"](new, point.u, p, dt)
        if not model.sparse or count != 0:
            new = functions["fired"](new, count, p, dt)
        return (*_left(unread, point.cell, new), count)

    return plain


def _left(unread, old, new):
    if not unread:
        return new
    pairs = zip(old._fields, old, new, strict=True)
    return [before if name in unread else after for name, before, after in pairs]


def plain_read(read):
    """What a loop over reads gives."""
    return lambda point: (_call(read, point),)


def plain_possible(model, dtype):
    """What a loop gives that says whether cells may fire."""
    spike = getattr(model.spike, "py_func", model.spike)
    ends = 0.0, float(np.nextafter(dtype(1), dtype(0)))

    def plain(point):
        counts = [spike(point.cell, u, point.p, point.dt) for u in ends]
        return (float(any(count != 0 for count in counts)),)

    return plain


def plain_nothing(point):
    """What is compared of a loop whose functions others try."""
    return ()


def plain_factor(teaching, baseline, gain):
    """What a loop over the factors of a rule gives."""

    def plain(point):
        difference = _call(teaching, point) - _call(baseline, point)
        return (difference if gain is None else _call(gain, point) * difference,)

    return plain


def plain_change(change):
    """What a loop over synapses gives: the change of the weight."""
    function = getattr(change, "py_func", change)
    return lambda point: (function(*point.arguments("change")),)


def plain_element(function):
    """What a loop over numbers gives."""
    function = getattr(function, "py_func", function)
    return lambda point: (function(*point.arguments("element")),)


def _spikes(model, stepper):
    return model.spiking and stepper not in (None, SETTLED)


def _call(read, point):
    if read is None:
        return 0.0
    return getattr(read, "py_func", read)(*point.arguments("read"))


def _advance(model, stepper, derivative):
    """One step of that stepper, by its definition; see `steppers`."""

    def advance(cell, inputs, p, dt):
        d = derivative(cell, inputs, p)
        if stepper not in ("exponential_euler", SETTLED):
            return [v + dt * slope for v, slope in zip(cell, d, strict=True)]
        new = []
        for k, (v, slope) in enumerate(zip(cell, d, strict=True)):
            moved = model.state(*(x + float(j == k) for j, x in enumerate(cell)))
            decay = slope - derivative(moved, inputs, p)[k]
            new.append(v + slope * _weight(stepper, decay, dt))
        return new

    return advance


def _weight(stepper, decay, dt):
    if stepper == SETTLED:
        return 1.0 / decay if decay != 0.0 else 0.0
    if abs(decay * dt) < 1e-6:
        return dt * (1.0 - 0.5 * decay * dt)
    return -math.expm1(-decay * dt) / decay
