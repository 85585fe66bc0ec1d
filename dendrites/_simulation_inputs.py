"""What a simulated cell receives in every step: drives, random numbers, its spikes."""

import math

import numpy as np

from dendrites._drive_parts import in_stretches
from dendrites._simulate_loop import fill_random_kernel
from dendrites._streams import stream_key
from dendrites.compile.traces import to_traces, traces_at_rest
from dendrites.drives import Drive
from dendrites.errors import ModelError


class SimulationInputs:
    """Input fields of a run, made stretch by stretch.

    Parameters
    ----------
    cell : CellModel
    drives : mapping of input field to Drive or list of n of them
    forced : list of n ascending arrays of steps, or None
    n_steps : int
        Of the whole run.
    dt : float
        ms.
    n : int
        Number of conditions.
    seed : int

    Raises
    ------
    ModelError
        If a drive does not fit the run.
    """

    def __init__(self, cell, drives, forced, n_steps, dt, n, seed):
        self._cell, self._forced, self._dt, self._seed = cell, forced, dt, seed
        self._drives, self._kept = {}, {}
        self._conductances = frozenset(cell.conductance_inputs)
        for name, given in drives.items():
            alike = isinstance(given, Drive) and not given.is_random
            each = given if isinstance(given, list) else [given] * (1 if alike else n)
            # A shared drive without random parts is sampled once.
            places = [slice(None)] if alike else range(n)
            self._drives[name] = begun = []
            for k, (drive, place) in enumerate(zip(each, places, strict=True)):
                try:
                    stretch = in_stretches(drive.parts, n_steps, dt, seed, name, k)
                except ModelError as error:
                    text = f"simulate: {name}, condition {k}: {error}"
                    raise ModelError(text) from None
                begun.append((place, stretch))
        for name, kernel in cell.traced_inputs.items():
            self._kept[name] = traces_at_rest(kernel, dt, n)

    def fill(self, inputs, first):
        """Write what drives, random numbers and forced spikes give in some steps.

        Parameters
        ----------
        inputs : float64, (n_steps, n_fields, n)
            Zeros at first; what no drive and no random numbers fill is left as it is.
            Traced fields receive the traces of their drives.
        first : int
            Step of inputs[0]: the one after those filled before.

        Raises
        ------
        ModelError
            If a drive is negative where a conductance is needed.
        """
        cell, dt, last = self._cell, self._dt, first + len(inputs)
        columns = dict(zip(cell.inputs._fields, range(inputs.shape[1]), strict=False))
        for name, kind in cell.random.items():
            divisor = math.sqrt(dt) if kind == "white" else 1.0
            key = stream_key(self._seed, f"noise/{name}")
            column = inputs[:, columns[name]]
            fill_random_kernel(column, kind == "uniform", divisor, first, *key)
        for name, begun in self._drives.items():
            column = inputs[:, columns[name]]
            for place, stretch in begun:
                values = stretch(first, last)
                if name in self._conductances and values.min() < 0:
                    raise _negative(cell, name, values, first)
                column.T[place] = values
        for name, kernel in cell.traced_inputs.items():
            to_traces(inputs[:, columns[name]], kernel, dt, self._kept[name], first)
        if cell.spiking:
            self._decide_spikes(inputs[:, -1], first)

    def _decide_spikes(self, column, first):
        """What decides spikes of every step and condition: `CellModel.n_fields`."""
        if self._forced is None:
            key = stream_key(self._seed, "spikes")
            fill_random_kernel(column, True, 1.0, first, *key)
            return
        column[:] = -1.0
        for condition, steps_of in enumerate(self._forced):
            begin, end = np.searchsorted(steps_of, [first, first + len(column)])
            np.subtract.at(column[:, condition], steps_of[begin:end] - first, 1.0)


def _negative(cell, name, values, first):
    step = int(np.argmax(values < 0))
    return ModelError(
        f"simulate: {name} = {values[step]:g} {cell.unit(name)} in step "
        f"{first + step}: a conductance of a cell must be >= 0"
    )
