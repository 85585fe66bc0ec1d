"""The first run of scalar functions: what they return, and that compiled agrees.

Before a loop is compiled its functions are called as plain Python, at the start values
of their cell and near them; afterwards the loop runs at the same points. A difference
is an error: compiled code has other numbers and knows less than Python. The outcome is
remembered with the machine code.
"""

import dis
import functools
import sysconfig
import time
from numbers import Real

import numpy as np

from dendrites.compile.refused import misbehaves
from dendrites.compile.trial_runs import RUNS

_DT = 0.1
# Shift of the state from its start values, and value of the inputs, point by point.
_POINTS = (
    (0.0, 0.0),
    (0.0, 1.0),
    (0.0, 0.1),
    (0.3, 1.0),
    (-0.3, 0.5),
    (4.0, 10.0),
)
# Longest time that plain Python may take; later points are left out.
_SECONDS = 0.03
_LIBRARIES = tuple(sysconfig.get_paths()[k] for k in ("stdlib", "purelib", "platlib"))
_STATE = ("derivative", "step", "instantaneous", "fired")


class Trial:
    """Calls of some functions of one model as plain Python, and of their loop.

    Parameters
    ----------
    model : CellModel
    kind : str
        "cell", "read", "factor", "synapse", "own signals" (of every synapse) or "tie":
        what the row of the loop is, see `rows`.
    dtype : float64 or float32
    parts : list of Part
    plain : callable
        ``plain(point) -> tuple of floats``: what the loop gives at a point.
    differing : tuple of str
        Parameters that the loop reads cell by cell.
    """

    def __init__(self, model, kind, dtype, parts, plain, differing=()):
        self.model, self.kind, self.dtype = model, kind, dtype
        self.parts, self.plain, self.differing = parts, plain, differing

    @functools.cached_property
    def points(self):
        """Where functions are tried; not made for loops that were tried before."""
        some = len(_POINTS)
        if any(_loops(part.function) for part in self.parts):
            some = 3  # a loop may not end far from where it starts
        # A point, and two very close: steps of a function may lie at a point itself.
        near = 1e-7 if self.dtype == np.float64 else 1e-4
        return [
            Point(self.model, shift, value, change, self.dtype)
            for shift, value in _POINTS[:some]
            for change in (0.0, near, -near)
        ]

    def check_returns(self):
        """Call every function and refuse what no cell can use.

        Raises
        ------
        CompileError
            If one raises something that is not arithmetic, or returns no number, or no
            State where one is needed.
        """
        until = time.perf_counter() + _SECONDS
        for part in self.parts:
            for point in self.points[::3]:
                try:
                    with np.errstate(all="ignore"):
                        result = part.function(*point.arguments(part.role))
                except (ArithmeticError, ValueError) as error:
                    if "field names" in str(error):
                        # Of _replace: a mistake, and no matter of numbers.
                        raise _raised(self.model, part, error) from None
                    continue  # compiled: inf or nan, which end a run by their value
                except Exception as error:
                    raise _raised(self.model, part, error) from None
                if problem := self._problem(part.role, result):
                    raise misbehaves(self.model, part, problem)
                if time.perf_counter() > until:
                    break

    def _problem(self, role, result):
        if role not in _STATE:
            if isinstance(result, (Real, np.bool_, complex)):
                return None
            return f"returns {_named(result)}; it must return one number"
        fields = self.model.state._fields
        if getattr(result, "_fields", None) != fields:
            return (
                f"returns {_named(result)}; it must return the cell's state: "
                f"return {self.model.state.__name__}({', '.join(fields)})"
            )
        for name, value in zip(fields, result, strict=True):
            if not isinstance(value, (Real, np.bool_, complex)):
                return f"returns {_named(value)} as {name!r}, which must be a number"
        return None

    def compare(self, loop):
        """Run the loop where plain Python ran.

        Raises
        ------
        CompileError
            If their results differ, at a point and close to it on either side.
        """
        # What compiling took is not plain Python's time.
        wanted, until = [], time.perf_counter() + _SECONDS
        for point in self.points:
            wanted.append(self._wanted(point))
            if time.perf_counter() > until and len(wanted) >= 3:
                break
        points = self.points[: len(wanted) // 3 * 3]
        got = RUNS[self.kind](self, loop, points)
        for k in range(0, len(points), 3):
            three = wanted[k : k + 3]
            if any(values is None for values in three):
                continue
            for v in range(len(three[0])):
                spread = np.ptp([values[v] for values in three])
                wrong = [
                    not self._agree(
                        got[v][k + i], three[i][v], points[k + i], v, spread
                    )
                    for i in range(3)
                ]
                if all(wrong):
                    raise self._differs(points[k], got[v][k], three[0][v], v)

    def _wanted(self, point):
        try:
            with np.errstate(all="ignore"):
                values = [float(value) for value in self.plain(point)]
        except Exception:
            return None
        largest = 1e30 if self.dtype == np.float32 else 1e300
        return values if all(abs(value) < largest for value in values) else None

    def _agree(self, got, wanted, point, v, spread):
        before = point.cell[v] if self.kind == "cell" and v < len(point.cell) else 0.0
        single = self.dtype == np.float32
        relative, absolute = (1e-3, 1e-4) if single else (1e-9, 1e-12)
        scale = max(1.0, *map(abs, (*point.cell, *point.inputs)))
        if single:
            scale = max(scale, *map(abs, self.model.parameters), 1.0)
        allowed = relative * abs(wanted - before) + absolute * scale
        return abs(got - wanted) <= allowed + spread * (2.0 if single else 1e-6)

    def _differs(self, point, got, wanted, v):
        part = self.parts[0]
        what = ""
        if self.kind == "cell":
            what = f" for {(*self.model.state._fields, 'the spikes')[v]!r}"
        return misbehaves(
            self.model,
            part,
            f"gives {got:.6g} compiled and {wanted:.6g} in plain Python{what}, at "
            f"{point.cell}, inputs {tuple(point.inputs)}; whole numbers are what "
            "differs most: write them as floats",
        )


class Point:
    """One state, input and weight at which functions are tried."""

    def __init__(self, model, shift, value, change, dtype):
        def number(x):
            return float(dtype(x + change * (abs(x) + 1e-3)))

        defaults = model.state._field_defaults
        start = [float(defaults.get(name, 0.0)) for name in model.state._fields]
        self.cell = model.state(
            # Fields move apart, so that none is taken for another.
            *(
                number(x + shift * (1.0 + 0.1 * abs(x)) / (1 + k % 5))
                for k, x in enumerate(start)
            )
        )
        self.inputs = model.inputs(
            *(number(value / (1 + k % 3)) for k in range(len(model.inputs._fields)))
        )
        self.p = model.params(*(float(dtype(x)) for x in model.parameters))
        self.u = float(dtype(min(max(0.4 + 0.1 * shift + change, 0.0), 0.999)))
        self.weight, self.pre = number(0.5 - 0.2 * shift), number(value)
        self.dt = float(dtype(_DT))

    def arguments(self, role):
        """What a function of that role receives."""
        return {
            "derivative": (self.cell, self.inputs, self.p),
            "instantaneous": (self.cell, self.inputs, self.p),
            "step": (self.cell, self.inputs, self.p, self.dt),
            "spike": (self.cell, self.u, self.p, self.dt),
            "fired": (self.cell, 1.0, self.p, self.dt),
            "read": (self.cell, self.p),
            "change": (self.weight, self.cell, self.pre, self.p),
            "element": (self.cell[0],),
        }[role]


def _loops(function):
    code = getattr(getattr(function, "py_func", function), "__code__", None)
    return code is not None and any(
        instruction.opname.startswith("JUMP_BACKWARD")
        for instruction in dis.get_instructions(code)
    )


def _named(value):
    kind = type(value).__name__
    return "None" if value is None else f"a {kind} ({value!r:.40})"


def _raised(model, part, error):
    """The user's own exception, with the line that raised it."""
    frame, place = error.__traceback__.tb_next, None
    while frame is not None:
        code = frame.tb_frame.f_code
        if place is None or not code.co_filename.startswith(_LIBRARIES):
            *_, column, _ = [*code.co_positions()][frame.tb_lasti // 2]
            place = code.co_filename, frame.tb_lineno, column or 0
        frame = frame.tb_next
    problem = f"raises {type(error).__name__}: {error!s:.200}"
    return misbehaves(model, part, problem, place)
