"""A cell model advanced as plain Python, so that no equation has to be compiled."""

import math

import numpy as np

from dendrites.cell import CellModel, units

# Inputs that bring cells to spikes, bursts and plateaus now and then, by unit.
AMPLITUDE = {"pA": 900.0, "nS": 20.0, "mV": 12.0, "1": 2.0, "pA/mV": 20.0}


def course(cell: CellModel, *, steps: int = 250) -> np.ndarray:
    """Every State field and read (step, value) under inputs that vary over time."""
    fastest = 2.0 if cell.time_constant is None else cell.time_constant(cell.parameters)
    dt = min(0.25 * fastest, 0.5)
    rng = np.random.default_rng(5)
    p, state, found = cell.parameters, _start(cell), []
    reads = [_plain(cell.read(name)) for name in cell.reads]
    arrived = {name: [] for name in cell.traces}
    for k in range(steps):
        given = {name: _input(cell, name, k, rng) for name in cell.inputs._fields}
        for name in cell.traced_inputs:
            arrived[name].append(given[name])
            given[name] = _traced(cell.traces[name], arrived[name], dt)
        inputs = cell.inputs(**given)
        if cell.instantaneous is not None:
            state = _plain(cell.instantaneous)(state, inputs, p)
        if cell.derivative is not None:
            slope = _plain(cell.derivative)(state, inputs, p)
            state = type(state)(
                *(v + dt * dv for v, dv in zip(state, slope, strict=True))
            )
        elif cell.step is not None:
            state = _plain(cell.step)(state, inputs, p, dt)
        if cell.spiking:
            count = _plain(cell.spike)(state, rng.random(), p, dt)
            state = _plain(cell.fired)(state, float(count), p, dt)
        for name in cell.own_traces:
            arrived[name].append(state.spikes)
            trace = _traced(cell.traces[name], arrived[name], dt)
            state = state._replace(**{name: trace})
        found.append([*state, *(read(state, p) for read in reads)])
    return np.array(found)


def _traced(kernel, signals, dt):
    """What has arrived so far, through a kernel."""
    kept = signals[-kernel.steps(dt) :]
    return sum(kernel((n + 1) * dt) * s for n, s in enumerate(reversed(kept)))


def _start(cell):
    state = cell.state()
    if cell.clamped:
        state = state._replace(value=120.0, active=1.0)
    return state


def _input(cell, name, k, rng):
    kind = cell.random.get(name)
    if kind is not None:
        return rng.random() if kind == "uniform" else rng.standard_normal()
    # Spikes of a synapse are rare, currents swing slowly.
    phase = sum(map(ord, name))
    unit = units(cell.inputs).get(name, "1")
    if name == "synapse":
        return 1.0 if (k + phase) % 40 == 0 else 0.0
    return AMPLITUDE.get(unit, 2.0) * (0.6 + math.sin(0.05 * k + phase))


def _plain(function):
    return getattr(function, "py_func", function)
