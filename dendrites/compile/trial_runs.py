"""Calls of an operation at the points of a trial, each point a cell of its own."""

import ctypes

import numpy as np

from dendrites.compile import rows
from dendrites.compile.calls import address, bits
from dendrites.errors import CompileError


def _run(trial, loop, row, params, *parts):
    """Call an operation by its address, as programs call it, on a lane of these parts.

    Weights are the parameters, or where there are none to be given the lane itself.
    Returns the lane as it is then, cut into the same parts.
    """
    parts = [np.atleast_2d(part) for part in parts]
    flat = [part.ravel() for part in parts]
    lane = weights = _array(trial, np.concatenate(flat))
    if params is not None:
        # A model without parameters has a place for them.
        weights = _array(trial, np.concatenate([params, [0.0]]))
    row = np.array(row, np.int64)
    span = np.array([1, 0, bits(trial.points[0].dt)], np.int64)
    operation = ctypes.CFUNCTYPE(ctypes.c_int32, *(ctypes.c_void_p,) * 6)
    result, error = ctypes.c_void_p(), ctypes.c_void_p()
    status = operation(address(loop, trial.dtype))(
        ctypes.addressof(result),
        ctypes.addressof(error),
        *(pointer.ctypes.data for pointer in (weights, lane, row, span)),
    )
    if status:
        raise CompileError(f"{trial.model.name}: a compiled function raised an error")
    cuts = np.cumsum([part.size for part in parts])
    pieces = np.split(lane, cuts[:-1])
    return [x.reshape(part.shape) for x, part in zip(pieces, parts, strict=True)]


def _array(trial, values):
    return np.ascontiguousarray(np.array(values, dtype=trial.dtype))


def _column(trial, points, name):
    """(values, points); values of a point are a number or a NamedTuple of them."""
    columns = _array(trial, [getattr(point, name) for point in points]).T
    return columns.reshape(-1, len(points))


def _params(trial, points):
    """Parameters of all cells, then of those that differ the value of every cell."""
    p = points[0].p
    own = [[getattr(p, name)] * len(points) for name in trial.differing]
    return np.concatenate([p, *own])


def _run_cell(trial, loop, points):
    n = len(points)
    state, field = (_column(trial, points, name) for name in ("cell", "inputs"))
    if trial.model.spiking:
        field = np.vstack([field, _column(trial, points, "u")])
    place = state.size + field.size
    places = {"listed": place, "fired": place + 1 + n}
    row = rows.CellRow(0, n, 0, stride=n, field=state.size, params=0, **places)
    parts = state, field, [n, *range(n)], [-1, *range(n)]
    made = _run(trial, loop, row, _params(trial, points), *parts)
    state, field, _, ((count, *fired),) = made
    if not trial.model.spiking:
        return list(state)
    spikes = field[-1]
    if count >= 0:
        # Of cells that are not in the list left nothing says that they are silent.
        silent = set(range(n)) - {int(i) for i in fired[: int(count)]}
        spikes[list(silent)] = 0
    return [*state, spikes]


def _run_read(trial, loop, points):
    n = len(points)
    state = _column(trial, points, "cell")
    row = rows.ReadRow(0, n=n, state=0, stride=n, params=0, out=state.size, slot=0)
    return _run(trial, loop, row, _params(trial, points), state, np.zeros(n))[1]


def _run_factor(trial, loop, points):
    n = len(points)
    state = _column(trial, points, "cell")
    row = rows.FactorRow(0, n, 0, 0, 0, stride=n, params=0, out=state.size, slot=0)
    return _run(trial, loop, row, _params(trial, points), state, np.zeros(n))[1]


def _run_own_signals(trial, loop, points):
    return _run_synapse(trial, loop, points, own=True)


def _run_synapse(trial, loop, points, own=False):
    n, p = len(points), _params(trial, points)
    state, w, pre = (_column(trial, points, k) for k in ("cell", "weight", "pre"))
    row = rows.SynapseRow(
        0,
        n_pre=n,
        n_post=n,
        weights=len(p),
        state=0,
        stride=n,
        params=0,
        signal=len(p) + n if own else state.size,
        slot=0,
        out=state.size + n,
        paired=1,
        index=0,
    )
    weights = [*p, *w[0], *pre[0]]
    return _run(trial, loop, row, weights, state, pre, np.zeros(n))[2]


def _run_tie(trial, loop, points):
    n = len(points)
    weights = _column(trial, points, "cell")
    row = rows.TieRow(0, 1, n, source=0, target=n, factor=bits(1.0), transposed=0)
    return _run(trial, loop, row, None, weights, np.zeros(n))[1]


# By kind of loop: ``(trial, loop, points) -> columns``, what `Trial.plain` gives.
RUNS = {
    "cell": _run_cell,
    "read": _run_read,
    "factor": _run_factor,
    "synapse": _run_synapse,
    "own signals": _run_own_signals,
    "tie": _run_tie,
}
