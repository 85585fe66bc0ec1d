"""Runner: shows patterns to a planned circuit, on threads, with the same bits.

Threads share out whole replicas or fixed chunks of samples. Sums over chunks are made
in chunk order, and BLAS stays on one thread, so results do not depend on how many
threads there are.
"""

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

import numpy as np
from threadpoolctl import threadpool_limits

from circuits.circuit import Circuit
from circuits.engine import tables as tb
from circuits.engine.entries import (
    advance_lane,
    begin_lane,
    check_lane,
    move_events,
    predict_block,
    read_population,
    record_start,
    sum_events,
    tie_weights,
    update_replica,
    update_synapses,
)
from circuits.engine.integrate import run_span
from circuits.engine.plan import Plan
from circuits.schedule import Schedule
from dendrites._memory import check_memory
from dendrites.errors import ConfigError, NumericalError
from dendrites.jit import compiling, jit_disabled
from dendrites.random import generator

CHUNK = 64
CHECK_EVERY = 100


@contextmanager
def serial_blas():
    """Keep BLAS on one thread.

    Numba's products use SciPy's BLAS, which must be loaded before its threads can be
    limited.
    """
    import scipy.linalg  # noqa: F401

    with threadpool_limits(limits=1, user_api="blas"):
        yield


class Runner:
    """Replicas of one planned circuit, each shown its own presentations.

    Parameters
    ----------
    circuit : Circuit
    weights : list of dict, one per replica; arrays (n_post, n_pre) by projection
    rates : list of dict, one per replica; learning rates that differ from the rules'
    batch : int
        Largest number of samples shown side by side.
    block : int
        Steps per block of the `blocked` integrator; 1 is `exact`.
    chunk : int
        Samples per lane. Configuration: it may change last digits, threads do not.
    threads : int
    dtype : float64 or float32
    seed : int
        For drawn phase lengths.
    recordings, steps : see Plan
    announce : callable, optional
        Receives the message that loops are being compiled.
    """

    def __init__(
        self,
        circuit: Circuit,
        weights,
        *,
        rates=None,
        batch=1,
        block=1,
        chunk=CHUNK,
        threads=1,
        dtype=np.float64,
        seed=0,
        recordings=(),
        steps=0,
        announce=None,
    ):
        self.circuit, self.batch, self.threads, self.seed = (
            circuit,
            batch,
            threads,
            seed,
        )
        capacity = min(batch, chunk)
        self.stopping = threading.Event()
        self._threads = None
        self.plan = Plan(
            circuit,
            dtype=dtype,
            capacity=capacity,
            block=block,
            recordings=recordings,
            steps=steps,
        )
        n_lanes = -(-batch // capacity)
        check_memory(
            self.plan.estimated_bytes(len(weights), len(weights) * n_lanes), "the run"
        )
        self.replicas = [self.plan.replica(w) for w in weights]
        self.rates = [self.plan.rates(r) for r in rates or [{} for _ in weights]]
        self.lanes = [[self.plan.lane() for _ in range(n_lanes)] for _ in weights]
        self.status = np.zeros((len(weights), n_lanes, 6), np.int64)
        # Samples each lane's state is laid out for.
        self.shown = np.full((len(weights), n_lanes), capacity, np.int64)
        with compiling(announce):
            self.plan.compile()
            tied = self.plan.modes(self.rates[0], batch=batch, learning=True)
            if (tied == tb.TIED).any():
                for replica in self.replicas:
                    tie_weights(self.plan.tables, replica, tied)
            # Spans of no steps load every loop, before threads could race for it.
            for learning in (False, True):
                self._run(0, [(self.lanes[0][0], 1)], self._span(0, learning=learning))
        for lanes in self.lanes:
            self._reset([(lane, capacity) for lane in lanes])

    def each_replica(self, work):
        """Call work(replica number) for all replicas, on threads.

        An interrupt sets `stopping`, which long work looks at between presentations.
        """
        numbers = range(len(self.replicas))
        if self.threads == 1 or len(self.replicas) == 1 or jit_disabled():
            return [work(number) for number in numbers]
        # Loops are loaded by now, so no two threads compile the same one.
        waiting = [self._pool().submit(work, number) for number in numbers]
        try:
            return [result.result() for result in waiting]
        except BaseException:
            self.stopping.set()
            for result in waiting:
                result.cancel()
            wait(waiting)
            raise

    def _pool(self):
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self.threads)
        return self._threads

    def present(
        self,
        number: int,
        patterns: dict,
        schedule: Schedule,
        *,
        presentation: int = 0,
        learning: bool = True,
        recording: bool = False,
    ):
        """Show one batch to one replica through every phase of a schedule.

        Parameters
        ----------
        patterns : dict of ndarray (samples, n), by clamped population

        Returns
        -------
        list of (lane, samples)
            Where the final state is, see `read_out`.

        Raises
        ------
        NumericalError
            Where and when a potential or weight left the finite numbers.
        """
        samples = len(next(iter(patterns.values())))
        if samples > self.batch:
            raise ConfigError(
                f"patterns of {samples} samples are shown to a run planned for batches "
                f"of {self.batch}: show at most that many at once"
            )
        lanes = self._lanes_of(number, samples)
        t, loops, w = self.plan.tables, self.plan.loops, self.replicas[number]
        if schedule.carry_state:
            self._relay(number, lanes)
        else:
            self._reset(lanes)
        self.shown[number, : len(lanes)] = [m for _, m in lanes]
        windows = slice(t.average, t.average + len(self.plan.windows) * t.state_size)
        for lane, _ in lanes:
            lane[windows] = 0
        rng = generator(self.seed, f"durations/{number}/{presentation}")
        first, averaged, phase = 0, {}, None
        for segment in schedule.segments(self.circuit.dt, rng):
            if phase is not schedule.phases[segment.phase]:
                phase = schedule.phases[segment.phase]
                self._clamp(lanes, patterns, phase.on)
            if first == 0 and recording:
                for lane, m in lanes:
                    record_start(t, loops, w, lane, m)
            window = self.plan.windows.get(phase.name, -1) if segment.averaging else -1
            averaged[window] = averaged.get(window, 0) + segment.steps
            span = self._span(
                number,
                learning=segment.learning and learning,
                steps=segment.steps,
                window=window,
                recording=int(recording),
                first_step=first,
                batch=samples,
            )
            self._run(number, lanes, span)
            first += segment.steps
        for window, steps in averaged.items():
            start = t.average + window * t.state_size
            for lane, _ in lanes if window >= 0 else ():
                lane[start : start + t.state_size] /= steps
        if learning:
            self._events(number, lanes, samples)
        return lanes

    def read_out(self, lanes, population: str, variable: str):
        """Values (samples, n) of a State field in the lanes of a presentation."""
        fields = self.circuit.model(population).state._fields
        row = fields.index(variable)
        return np.concatenate(
            [self.plan.state_of(lane, population, m)[row] for lane, m in lanes]
        )

    def read(self, number, lanes, population: str, name: str):
        """Values (samples, n) of any scalar read, in the lanes of a presentation."""
        plan, n = self.plan, self.circuit.population(population).size
        row = plan.read_row(population, name)
        parts = []
        for lane, m in lanes:
            out = np.zeros(n * m, plan.dtype)
            read_population(
                plan.tables,
                plan.loops,
                self.replicas[number],
                lane,
                plan.rows[population],
                row,
                m,
                out,
            )
            parts.append(out.reshape(m, n))
        return np.concatenate(parts)

    def weights(self, number: int) -> dict:
        """Weights (n_post, n_pre) of a replica, by projection."""
        return {
            p.name: self.plan.get_weights(self.replicas[number], p.name)
            for p in self.circuit.projections
        }

    def arrays(self) -> dict:
        """Everything a later run needs to go on, by name (for checkpoints)."""
        t = self.plan.tables
        result = {}
        for k, replica in enumerate(self.replicas):
            # Weights and filters; the other sections are rebuilt by every block.
            result[f"replica{k}/weights"] = replica[: t.middle]
            result[f"replica{k}/shown"] = self.shown[k]
            for c, lane in enumerate(self.lanes[k]):
                result[f"replica{k}/state{c}"] = lane[t.state : t.state + t.state_size]
        return result

    def restore(self, arrays: dict) -> None:
        """Take up the arrays of `arrays()`."""
        for name, mine in self.arrays().items():
            mine[:] = arrays[name]

    # --- inside ---------------------------------------------------------------

    def _lanes_of(self, number, samples):
        capacity = self.plan.capacity
        return [
            (lane, min(capacity, samples - c * capacity))
            for c, lane in enumerate(self.lanes[number])
            if samples > c * capacity
        ]

    def _span(self, number, *, learning, batch=1, steps=0, **places):
        rate = self.rates[number]
        given = {"window": -1, "recording": 0, "first_step": 0, **places}
        return tb.Span(
            mode=self.plan.modes(rate, batch=batch, learning=learning),
            rate=rate,
            steps=steps,
            block=self.plan.block,
            learning=int(learning),
            stages=2 if self.circuit.stepper == "heun" else 1,
            check_every=CHECK_EVERY,
            samples=batch,
            batch=batch,
            dt=self.plan.dtype(self.circuit.dt),
            **given,
        )

    def _reset(self, lanes):
        for lane, m in lanes:
            for p in self.circuit.populations:
                state = self.plan.state_of(lane, p.name, m)
                defaults = p.model.state._field_defaults
                for v, field in enumerate(p.model.state._fields):
                    state[v] = defaults.get(field, 0.0)

    def _relay(self, number, lanes):
        """Lay carried states out for this batch's size; new samples start afresh."""
        for (lane, m), before in zip(lanes, self.shown[number], strict=False):
            if m == before:
                continue
            names = [p.name for p in self.circuit.populations]
            carried = {k: self.plan.state_of(lane, k, before).copy() for k in names}
            self._reset([(lane, m)])
            kept = min(m, before)
            for name in names:
                state = self.plan.state_of(lane, name, m)
                state[:, :kept] = carried[name][:, :kept]

    def _clamp(self, lanes, patterns, on):
        start = 0
        for lane, m in lanes:
            for p in self.circuit.populations:
                if not p.model.clamped:
                    continue
                state = self.plan.state_of(lane, p.name, m)
                shown = p.name in on
                state[0] = patterns[p.name][start : start + m] if shown else 0.0
                state[1] = 1.0 if shown else 0.0
            start += m

    def _run(self, number, lanes, span):
        plan, w = self.plan, self.replicas[number]

        def alone(k):
            lane, m = lanes[k]
            own, status = span._replace(samples=m), self.status[number, k]
            return run_span(plan.tables, plan.loops, w, lane, own, status)

        if len(lanes) == 1:
            stopped = alone(0)
        elif not span.learning:
            stopped = any(self._map(alone, range(len(lanes))))
        else:
            stopped = self._run_chunks(number, lanes, span)
        if stopped:
            raise self._diverged(number)

    def _run_chunks(self, number, lanes, span):
        """The loop of `run_span` over lanes that share their weights."""
        t, loops, w = self.plan.tables, self.plan.loops, self.replicas[number]
        spans = [span._replace(samples=m) for _, m in lanes]
        status = self.status[number]
        first = lanes[0][0]
        for (lane, _), own in zip(lanes, spans, strict=True):
            begin_lane(t, loops, w, lane, own)
        done = 0
        while done < span.steps:
            steps = min(span.block, span.steps - done)
            section = predict_block(t, w, span, steps)

            def work(k, done=done, steps=steps, section=section):
                lane, own = lanes[k][0], spans[k]
                return advance_lane(
                    t, loops, w, lane, own, status[k], done, steps, section
                )

            if any(self._map(work, range(len(lanes)))):
                return True
            self._add_gradients(lanes)
            update_replica(t, w, first, span, steps)
            for (lane, _), own in zip(lanes, spans, strict=True):
                update_synapses(t, loops, w, lane, own, done, steps)
            done += steps
        return any(
            check_lane(t, w, lane, spans[k], status[k])
            for k, (lane, _) in enumerate(lanes)
        )

    def _map(self, work, items):
        # Several replicas already share out the threads, and waiting for chunks in a
        # thread of the same pool could wait for ever.
        if self.threads == 1 or len(self.replicas) > 1 or jit_disabled():
            return [work(item) for item in items]
        return list(self._pool().map(work, items))

    def _events(self, number, lanes, batch):
        t, loops, w = self.plan.tables, self.plan.loops, self.replicas[number]
        rate = self.rates[number]
        mode = self.plan.modes(rate, batch=batch, learning=True, events=True)
        if not np.isin(mode, (tb.SUMMED, tb.SYNAPTIC)).any():
            return
        for lane, m in lanes:
            sum_events(t, loops, w, lane, mode, rate, m, batch)
        self._add_gradients(lanes)
        move_events(t, w, lanes[0][0], mode, rate, batch)

    def _add_gradients(self, lanes):
        """Sum the gradients of all lanes into the first one's, in lane order."""
        t = self.plan.tables
        place = slice(t.gradient, t.gradient + t.filter)
        for lane, _ in lanes[1:]:
            lanes[0][0][place] += lane[place]

    def _diverged(self, number):
        lane = int(np.flatnonzero(self.status[number][:, 0])[0])
        status = self.status[number, lane].copy()
        self.status[number] = 0
        code, step, row, variable, sample, unit = (int(x) for x in status)
        sample += lane * self.plan.capacity
        dt = self.circuit.dt
        after = (step - 1) // CHECK_EVERY * CHECK_EVERY * dt
        when = f"between t = {after:g} and {step * dt:g} ms of the presentation"
        if code == 2:
            name = self.circuit.projections[row].name
            n_post, _ = self.circuit.shape(name)
            which = f"number {variable} of its sparse pattern"
            if self.plan.patterns[name] is None:
                which = f"(post, pre) = ({variable % n_post}, {variable // n_post})"
            return NumericalError(
                f"projection {name!r}: weight {which} left the finite range {when}. "
                "Lower its learning rate "
                f"({self.rates[number][row]:g}) or give it bounds."
            )
        population = self.circuit.populations[row]
        model = population.model
        text = (
            f"population {population.name!r}, compartment "
            f"{model.state._fields[variable]!r}, unit {unit} (sample {sample}) left "
            f"the finite range {when}; dt = {dt:g} ms"
        )
        if model.time_constant is not None:
            tau = float(model.time_constant(model.parameters))
            text += f" is {dt / tau:.2g} x the fastest time constant"
        return NumericalError(
            text + ". Use a smaller dt, smaller weights or a lower learning rate."
        )
