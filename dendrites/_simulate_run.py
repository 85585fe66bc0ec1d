"""The arrays of one simulation, and its way through time in pieces."""

import time

import numpy as np

from dendrites._simulate_loop import CHECK_EVERY, simulate_kernel
from dendrites.compile.calls import address, bits
from dendrites.compile.jit import compiling
from dendrites.compile.loops import fill_loop, read_loop, step_loop
from dendrites.compile.rows import CellRow, ReadRow, TraceRow
from dendrites.compile.traces import trace_bits, trace_step
from dendrites.errors import NumericalError

# Python sees to interrupts between pieces of about so long (s). A piece has at most so
# many times the steps of the one before, whose time may not be typical.
PIECE = 0.2
GROWTH = 10


class SimulationRun:
    """One cell model under n conditions.

    Parameters
    ----------
    cell : CellModel
    stepper : str
    reads : sequence of str
        Names of the recorded reads.
    start : float64, (n_variables,)
        Initial state of every condition.
    steps, every : int
        Length of the run, and of the interval between records.
    dt : float
        Step, ms.
    n : int
        Number of conditions.

    Attributes
    ----------
    inputs : float64, (steps, n_fields, n)
        To be set before the run. A spiking cell leaves its counts in the last field.
    v : float64, (n_records, n_compartments, n)
    values : float64, (n_reads, n_records, n)
    """

    def __init__(self, cell, stepper, reads, start, steps, every, dt, n):
        self.cell, self.stepper, self.reads = cell, stepper, reads
        self.steps, self.every, self.dt, self.n = steps, every, dt, n
        self.n_stages = 2 if stepper == "heun" else 1
        n_records, n_variables = steps // every, len(start)
        shapes = [
            (self.n_stages, n_variables, n),
            (len(reads), n_records, n),
            (steps, cell.n_fields, n),
            # Beside each trace, and the spikes that it forgets.
            (sum(1 + k.steps(dt) for k in cell.own_traces.values()), n),
        ]
        ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes])
        self.lane = np.zeros(ends[-1])
        state, self.values, self.inputs, _ = (
            part.reshape(shape)
            for part, shape in zip(np.split(self.lane, ends[:-1]), shapes, strict=True)
        )
        state[0] = start[:, np.newaxis]
        self._places = ends[:-1].tolist()
        self.v = np.empty((n_records, len(cell.compartments), n))
        self._progress = np.zeros(3, np.int64)
        self._span = np.array([n, 0, bits(dt), 0], np.int64)

    @property
    def n_done(self) -> int:
        """Steps done so far."""
        return int(self._progress[0])

    @property
    def n_records(self) -> int:
        """Records made so far."""
        return self.n_done // self.every

    def advance(self):
        """Run to the end, with a look into Python at least once a second.

        Raises
        ------
        NumericalError
            Where and when a value left the finite range.
        """
        with compiling():
            # Kept until the end: rows hold no more than their addresses.
            loops = self._loops()
            rows = self._rows(*loops)
            piece = 1
            while self.n_done < self.steps:
                began, before = time.perf_counter(), self.n_done
                self._advance(rows, min(before + piece, self.steps))
                taken = max(time.perf_counter() - began, 1e-9)
                piece = max(1, int(piece * min(PIECE / taken, GROWTH)))

    def _loops(self):
        cell = self.cell
        fills = [fill_loop(cell, np.float64)] if cell.instantaneous else []
        moves = [step_loop(cell, np.float64, self.stepper)]
        looks = [read_loop(cell, cell.read(name), np.float64) for name in self.reads]
        return fills, moves, looks

    def _rows(self, fills, moves, looks):
        """The operations of a step: fillings, moves and reads, with their operands."""
        values, inputs, fast = self._places
        size = len(self.v) * self.n
        common = {"n": 1, "state": 0, "stride": self.n, "params": 0}
        cells = [
            [CellRow(address(f, np.float64), field=inputs, **common) for f in loops]
            for loops in (fills, moves)
        ]
        reads = [
            ReadRow(address(f, np.float64), out=values + k * size, slot=1, **common)
            for k, f in enumerate(looks)
        ]
        return (
            *(_table(CellRow, rows) for rows in cells),
            _table(TraceRow, self._traces(fast)),
            _table(ReadRow, reads),
        )

    def _traces(self, fast):
        """Rows of the traces that State fields keep of the cell's spikes."""
        fields, n = self.cell.state._fields, self.n
        for name, kernel in self.cell.own_traces.items():
            place, memory = fields.index(name) * n, kernel.steps(self.dt)
            yield TraceRow(
                address(trace_step, np.float64),
                n=1,
                signal=fields.index("spikes") * n,
                **{"slot": 0, "slots": 0, "stride": 0, "delay": 0},
                trace=place,
                fast=fast,
                width=n,
                memory=memory,
                **trace_bits(kernel, self.dt),
            )
            fast += (1 + memory) * n

    def _advance(self, rows, last):
        cell = self.cell
        fields = cell.state._fields
        compartments = [fields.index(name) for name in cell.compartments]
        diverged = simulate_kernel(
            rows,
            np.array(cell.parameters, dtype=float),
            self.lane,
            self._span,
            (
                self.n,
                len(fields),
                cell.n_fields,
                self._places[1],
                self.n_stages,
                self.steps,
            ),
            last,
            (self.every, self.v, np.array(compartments, np.int64), float(cell.limit)),
            self._progress,
        )
        if diverged:
            raise _diverged(cell, self.dt, *self._progress.tolist())


def _table(kind, rows):
    return np.array(list(rows), np.int64).reshape(-1, len(kind._fields))


def _diverged(cell, dt, step, variable, condition):
    name = cell.state._fields[variable]
    kind = "compartment" if name in cell.compartments else "state field"
    since = (step - 1) // CHECK_EVERY * CHECK_EVERY * dt
    text = (
        f"simulate: {cell.name} cell, {kind} {name!r}, condition {condition} left the "
        f"finite range (its limit is {cell.limit:g}) between t = {since:g} and "
        f"{step * dt:g} ms; dt = {dt:g} ms"
    )
    if cell.time_constant is not None:
        tau = float(cell.time_constant(cell.parameters))
        text += f" is {dt / tau:.2g} x the fastest time constant"
    return NumericalError(
        f"{text}. Use a smaller dt or weaker drives, or CellModel(limit=...) if such "
        "values are meant."
    )
