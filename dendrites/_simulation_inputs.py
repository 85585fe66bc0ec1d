"""What a simulated cell receives in every step: drives, random numbers, its spikes."""

import math

import numpy as np

from dendrites._simulate_loop import fill_random_kernel
from dendrites._streams import stream_key
from dendrites.compile.traces import to_traces
from dendrites.drives import Drive, sample
from dendrites.errors import ModelError


def fill_inputs(inputs, cell, drives, forced, dt, seed):
    """Write what drives, random numbers and forced spikes give in every step.

    Parameters
    ----------
    inputs : float64, (n_steps, n_fields, n)
        Zeros, and so what no drive and no random numbers fill. Traced fields receive
        the traces of their drives.
    cell : CellModel
    drives : mapping of input field to Drive or list of n of them
    forced : list of n arrays of steps, or None
    dt : float
        ms.
    seed : int

    Raises
    ------
    ModelError
        If a drive cannot be sampled, or is negative where a conductance is needed.
    """
    steps, _, n = inputs.shape
    for name, kind in cell.random.items():
        column = inputs[:, cell.inputs._fields.index(name)]
        divisor = math.sqrt(dt) if kind == "white" else 1.0
        key = stream_key(seed, f"noise/{name}")
        fill_random_kernel(column, kind == "uniform", divisor, *key)
    for name, given in drives.items():
        column = inputs[:, cell.inputs._fields.index(name)]
        alike = isinstance(given, Drive) and not given.is_random
        each = given if isinstance(given, list) else [given] * (1 if alike else n)
        # A shared drive without random parts is sampled once.
        places = [slice(None)] if alike else range(n)
        for k, (drive, place) in enumerate(zip(each, places, strict=True)):
            try:
                values = sample(drive, steps, dt, seed=seed, stream=name, condition=k)
            except ModelError as error:
                raise ModelError(f"simulate: {name}, condition {k}: {error}") from None
            _refuse_negative(cell, name, values)
            column.T[place] = values
    for name, kernel in cell.traced_inputs.items():
        to_traces(inputs[:, cell.inputs._fields.index(name)], kernel, dt)
    if cell.spiking:
        _decide_spikes(inputs[:, -1], forced, seed)


def _refuse_negative(cell, name, values):
    if name in cell.conductance_inputs and values.min() < 0:
        step = int(np.argmax(values < 0))
        raise ModelError(
            f"simulate: {name} = {values[step]:g} {cell.unit(name)} in step {step}: a "
            "conductance of a cell must be >= 0"
        )


def _decide_spikes(column, forced, seed):
    """What decides the spikes of every step and condition: `CellModel.n_fields`."""
    if forced is None:
        fill_random_kernel(column, True, 1.0, *stream_key(seed, "spikes"))
        return
    column[:] = -1.0
    for condition, steps_of in enumerate(forced):
        np.subtract.at(column[:, condition], steps_of, 1.0)
