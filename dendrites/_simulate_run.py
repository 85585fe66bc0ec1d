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
# Inputs are made for so many bytes of steps at a time, or a quarter of the recordings'.
BLOCK = 2**24


def block_steps(steps, n_fields, n, recorded) -> int:
    """Steps whose inputs are held at a time; `recorded` are numbers by condition."""
    return min(steps, max(BLOCK // 8, n * recorded // 4) // max(1, n_fields * n) + 1)


class SimulationRun:
    """One cell model under n conditions.

    Parameters
    ----------
    cell : CellModel
    stepper : str
    reads, driven : sequence of str
        Names of the recorded reads and input fields.
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
    v : float64, (n_records, n_compartments, n)
    values : float64, (n_reads, n_records, n)
    given : float64, (n_driven, n_records, n)
    """

    def __init__(self, cell, stepper, reads, driven, start, steps, every, dt, n):
        self.cell, self.stepper, self.reads = cell, stepper, reads
        self.driven, self.steps, self.every, self.dt, self.n = (
            driven,
            steps,
            every,
            dt,
            n,
        )
        self.n_stages = 2 if stepper == "heun" else 1
        n_records, n_variables = steps // every, len(start)
        recorded = n_records * (len(cell.compartments) + len(reads) + len(driven))
        shapes = [
            (self.n_stages, n_variables, n),
            (len(reads), n),
            (block_steps(steps, cell.n_fields, n, recorded), cell.n_fields, n),
            # Beside each trace, and the spikes that it forgets.
            (sum(1 + k.steps(dt) for k in cell.own_traces.values()), n),
        ]
        ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes])
        self.lane = np.zeros(ends[-1])
        state, _, self._inputs, _ = (
            part.reshape(shape)
            for part, shape in zip(np.split(self.lane, ends[:-1]), shapes, strict=True)
        )
        state[0] = start[:, np.newaxis]
        self._places = ends[:-1].tolist()
        self.v = np.empty((n_records, len(cell.compartments), n))
        self.values = np.empty((len(reads), n_records, n))
        self.given = np.empty((len(driven), n_records, n))
        # Steps whose inputs are there; events as (steps they were looked for in, step,
        # condition, count).
        self._first = self._filled = 0
        self._events = []
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

    def spikes(self, last):
        """Steps (from 1), conditions and counts of the spikes up to a step."""
        self._collect()
        step, condition, count = (
            np.concatenate([event[k] for event in self._events]) for k in (1, 2, 3)
        )
        early = step <= last
        step, condition, count = step[early], condition[early], count[early]
        order = np.argsort(condition, kind="stable")
        return step[order], condition[order], count[order]

    def advance(self, inputs):
        """Run to the end, with a look into Python at least once a second.

        Parameters
        ----------
        inputs : SimulationInputs

        Raises
        ------
        ModelError
            If a drive is negative where a conductance is needed.
        NumericalError
            Where and when a value left the finite range.
        """
        self._fill(inputs)
        with compiling():
            # Kept until the end: rows hold no more than their addresses.
            loops = self._loops()
            rows = self._rows(*loops)
            piece = 1
            while self.n_done < self.steps:
                if self.n_done == self._filled:
                    self._fill(inputs)
                began, before = time.perf_counter(), self.n_done
                self._advance(rows, min(before + piece, self._filled))
                taken = max(time.perf_counter() - began, 1e-9)
                piece = max(1, int(piece * min(PIECE / taken, GROWTH)))

    def _fill(self, inputs):
        """Make the inputs of the next steps, and record those that are recorded."""
        self._collect()
        self._first = first = self.n_done
        block = self._inputs[: self.steps - first]
        inputs.fill(block, first)
        seen, last = first // self.every, first + len(block)
        begin = (seen + 1) * self.every - 1 - first
        for name, values in zip(self.driven, self.given, strict=True):
            column = block[begin :: self.every, self.cell.inputs._fields.index(name)]
            values[seen : last // self.every] = column
        self._filled = last

    def _collect(self):
        """Keep the spikes of the steps since the last call as events."""
        done = self._events[-1][0] if self._events else 0
        counts = self._inputs[done - self._first : self.n_done - self._first, -1:]
        if not self.cell.spiking:
            return
        step, _, condition = np.nonzero(counts)
        count = counts[step, 0, condition].astype(np.int64)
        self._events.append((self.n_done, step + done + 1, condition, count))

    def _loops(self):
        cell = self.cell
        fills = [fill_loop(cell, np.float64)] if cell.instantaneous else []
        moves = [step_loop(cell, np.float64, self.stepper)]
        looks = [read_loop(cell, cell.read(name), np.float64) for name in self.reads]
        return fills, moves, looks

    def _rows(self, fills, moves, looks):
        """The operations of a step: fillings, moves and reads, with their operands."""
        values, inputs, fast = self._places
        common = {"n": 1, "state": 0, "stride": self.n, "params": 0}
        cells = [
            [CellRow(address(f, np.float64), field=inputs, **common) for f in loops]
            for loops in (fills, moves)
        ]
        reads = [
            ReadRow(address(f, np.float64), out=values + k * self.n, slot=0, **common)
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
                *self._places[:2],
                self.n_stages,
                self.steps,
            ),
            self._first,
            last,
            (
                self.every,
                self.v,
                np.array(compartments, np.int64),
                self.values,
                float(cell.limit),
            ),
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
