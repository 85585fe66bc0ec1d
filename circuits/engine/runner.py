"""Runner: shows patterns to a planned circuit, on threads, with the same bits.

Threads share out whole replicas or fixed chunks of samples. Sums over chunks are made
in chunk order, and BLAS stays on one thread, so results do not depend on how many
threads there are.
"""

import functools
import math
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

import numpy as np
from threadpoolctl import ThreadpoolController

from circuits.circuit import Circuit
from circuits.engine import tables as tb
from circuits.engine.divergence import divergence
from circuits.engine.entries import (
    advance_lane,
    begin_lane,
    check_lane,
    move_carried,
    move_events,
    predict_block,
    read_population,
    record_start,
    redraw_tied,
    sum_events,
    tie_weights,
    update_replica,
    update_synapses,
)
from circuits.engine.given import given_to_lane, nothing_given
from circuits.engine.integrate import run_span
from circuits.engine.jumps import onset_steps
from circuits.engine.lanes import clamp_states, relay_states, reset_states
from circuits.engine.plan import Plan
from circuits.engine.settle import (
    run_equilibrium,
    settle_phase,
    settle_presentations,
)
from circuits.engine.sweeps import (
    equilibrium_sweeps,
    pattern_table,
    presentation_sweeps,
    streamed_phases,
)
from circuits.schedule import Schedule
from dendrites._memory import check_memory
from dendrites.compile.jit import compiling, jit_disabled
from dendrites.errors import ConfigError, NumericalError
from dendrites.random import generator

CHUNK = 64
CHECK_EVERY = 100
# A cell that finds its fixed point at all gains about a digit per sweep.
MOST_SWEEPS = 500
# Largest last move of a settled potential.
TOLERANCE = {np.float64: 1e-10, np.float32: 1e-5}
# Two runners made by two threads must not compile the same loop twice.
_ONE_COMPILES = threading.Lock()


@contextmanager
def serial_blas():
    """Keep BLAS on one thread.

    Numba's products use SciPy's BLAS, which must be loaded before its threads can be
    limited.
    """
    with _libraries().limit(limits=1, user_api="blas"):
        yield


def count_samples(patterns: dict, default: int = 1) -> int:
    """Samples of all patterns; `default` if nothing is shown at all."""
    return len(next(iter(patterns.values()), range(default)))


@functools.cache
def _libraries():
    """Controls of the threads of all loaded libraries; finding them takes 5 ms."""
    import scipy.linalg  # noqa: F401

    return ThreadpoolController()


def lane_capacity(batch: int, chunk: int, jumps: int | None) -> int:
    """Samples of one lane."""
    # A jump needs the sums of all samples in its middle: one lane holds them.
    return batch if jumps else min(batch, chunk)


def run_bytes(
    circuit: Circuit,
    *,
    replicas: int = 1,
    batch: int = 1,
    chunk: int = CHUNK,
    jumps: int | None = None,
    dtype=np.float64,
    learning: bool = True,
    **options,
) -> int:
    """Memory that a `Runner` of these options takes, of which nothing is taken.

    Weights are handed over as float64 arrays (n_post, n_pre), one of which is copied
    at a time.
    """
    plan = Plan(
        circuit,
        dtype=dtype,
        capacity=lane_capacity(batch, chunk, jumps),
        settles=jumps is not None,
        only_sizes=True,
        **options,
    )
    lanes = -(-batch // plan.capacity)
    shapes = [math.prod(circuit.shape(p.name)) for p in circuit.projections]
    copied = 8 * max(shapes, default=0)
    arenas = plan.estimated_bytes(replicas, replicas * lanes, learning=learning)
    return arenas + copied


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
        For drawn phase lengths and random inputs of cells.
    stream : str
        Runs of one seed with different names have different random inputs.
    jumps : int, optional
        Run the `equilibrium` integrator with so many jumps per stretch of learning.
    onset : float, optional
        Time after a switch, ms, in which it still takes every step; none if plasticity
        waits longer. Default: 10 times the slowest `time_constant` of the cells.
    recordings, steps, forced, driven : see Plan
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
        stream="",
        jumps=None,
        onset=None,
        recordings=(),
        steps=0,
        forced=(),
        driven=(),
        announce=None,
    ):
        self.circuit, self.batch, self.threads, self.seed = (
            circuit,
            batch,
            threads,
            seed,
        )
        self.jumps = jumps
        self.onset = onset_steps(circuit, onset) if jumps else 0
        capacity = lane_capacity(batch, chunk, jumps)
        self.stopping = threading.Event()
        self._threads = None
        self.plan = Plan(
            circuit,
            dtype=dtype,
            capacity=capacity,
            block=block,
            recordings=recordings,
            steps=steps,
            settles=jumps is not None,
            seed=seed,
            stream=stream,
            forced=forced,
            driven=driven,
        )
        self._nothing_given = nothing_given(self.plan.dtype)
        self._carries = any(p.carries for p in circuit.projections)
        self._noisy = any(
            p.tied_to is not None and p.tied_to.noise for p in circuit.projections
        )
        self._sweeps, self._modes = {}, {}
        self._equilibrium = equilibrium_sweeps(self.plan) if jumps else None
        n_lanes = -(-batch // capacity)
        check_memory(
            self.plan.estimated_bytes(
                len(weights), len(weights) * n_lanes, learning=False
            ),
            "the run",
        )
        self.replicas = [self.plan.replica(w) for w in weights]
        self.rates = [self.plan.rates(r) for r in rates or [{} for _ in weights]]
        self.lanes = [[self.plan.lane() for _ in range(n_lanes)] for _ in weights]
        self.status = np.zeros((len(weights), n_lanes, 6), np.int64)
        # Steps of each lane since its cells were at rest, whole numbers of any size.
        self.clocks = np.zeros((len(weights), n_lanes), np.int64)
        # Samples each lane's state is laid out for.
        self.shown = np.full((len(weights), n_lanes), capacity, np.int64)
        with _ONE_COMPILES, compiling(announce):
            self.plan.compile()
            tied = self.plan.modes(self.rates[0], batch=batch, learning=True)
            if (tied == tb.TIED).any():
                for number in range(len(self.replicas)):
                    self._tie(number, tied)
            # Spans of no steps load every loop, before threads could race for it.
            for learning in (False, True):
                self._warm_up(learning)
        for lanes, clocks in zip(self.lanes, self.clocks, strict=True):
            reset_states(self.plan, [(lane, capacity) for lane in lanes], clocks)

    def _warm_up(self, learning):
        lane = [(self.lanes[0][0], 1)]
        span = self._span(0, learning=learning)
        c = self.circuit
        phases = (*c.schedule.phases, *(c.test_schedule or c.schedule).phases)
        if any(phase.settle for phase in phases):
            self._settle(0, lane, span, np.zeros((0, 3), np.int64))
        if all(phase.settle for phase in phases):
            return
        if self.jumps:
            self._run_equilibrium(0, lane, span, 0)
        self._run(0, lane, span)

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
        forced=None,
        waveforms=None,
    ):
        """Show one batch to one replica through every phase of a schedule.

        Parameters
        ----------
        patterns : dict of ndarray (samples, n), by clamped population
        forced, waveforms : dict, optional
            What is given for every step, see `given_to_lane`.

        Returns
        -------
        list of (lane, samples)
            Where the final state is, see `read_out`.

        Raises
        ------
        NumericalError
            Where and when a potential or weight left the finite numbers.
        """
        samples = count_samples(patterns)
        if samples > self.batch:
            raise ConfigError(
                f"patterns of {samples} samples are shown to a run planned for batches "
                f"of {self.batch}: show at most that many at once"
            )
        lanes = self._lanes_of(number, samples)
        t, loops, w = self.plan.tables, self.plan.loops, self.replicas[number]
        if schedule.carry_state:
            relay_states(self.plan, lanes, self.shown[number])
        else:
            reset_states(self.plan, lanes, self.clocks[number])
        self.shown[number, : len(lanes)] = [m for _, m in lanes]
        windows = slice(t.average, t.average + len(self.plan.windows) * t.state_size)
        for lane, _ in lanes:
            lane[windows] = 0
        given = None
        if forced or waveforms:
            steps = sum(s.steps for s in schedule.segments(self.circuit.dt))
            given = [
                given_to_lane(
                    self.plan,
                    forced or {},
                    waveforms or {},
                    steps,
                    k * self.plan.capacity,
                    m,
                )
                for k, (_, m) in enumerate(lanes)
            ]
        rng = None
        if any(callable(phase.duration) for phase in schedule.phases):
            rng = generator(self.seed, f"durations/{number}/{presentation}")
        sweeps = self._sweeps_of(schedule)
        first, averaged, phase, stepped = 0, {}, None, 0
        for segment in schedule.segments(self.circuit.dt, rng):
            if phase is not schedule.phases[segment.phase]:
                phase = schedule.phases[segment.phase]
                clamp_states(self.plan, lanes, patterns, phase.on)
                stepped = self._steps_of_onset(phase, learning)
            if first == 0 and recording:
                for lane, m in lanes:
                    record_start(t, loops, w, lane, m)
            window = self.plan.windows.get(phase.name, -1) if segment.averaging else -1
            if not phase.settle:
                averaged[window] = averaged.get(window, 0) + segment.steps
            span = self._span(
                number,
                learning=segment.learning and learning,
                steps=segment.steps,
                window=window,
                recording=int(recording),
                first_step=first,
                batch=samples,
                presentation=presentation,
            )
            if phase.settle:
                self._settle(number, lanes, span, sweeps[segment.phase])
            elif self.jumps:
                exact = min(stepped, segment.steps)
                self._run_equilibrium(number, lanes, span, exact)
                stepped -= exact
            else:
                self._run(number, lanes, span, given)
            first += segment.steps
        for window, steps in averaged.items():
            start = t.average + window * t.state_size
            for lane, _ in lanes if window >= 0 else ():
                lane[start : start + t.state_size] /= steps
        if learning:
            self._events(number, lanes, samples, presentation)
        return lanes

    def streams(self, schedule: Schedule) -> bool:
        """Whether `present_many` can show presentations of this schedule."""
        return (
            all(phase.settle for phase in schedule.phases)
            and not schedule.carry_state
            and self.plan.rests_at_zero
            and self.batch == self.plan.capacity
        )

    def present_many(self, number, patterns, schedule, *, presentation=0):
        """Whole batches with learning, one after the other, in one compiled loop.

        Parameters
        ----------
        patterns : dict of ndarray (n_batches * batch, n), by clamped population
        schedule : Schedule
            One of which `streams` is true.
        presentation : int
            Number of the first presentation, for messages.

        Raises
        ------
        NumericalError
            As `present`.
        """
        plan = self.plan
        lane, status = self.lanes[number][0], self.status[number, 0]
        self.shown[number, 0] = self.batch
        rate = self.rates[number]
        stopped = settle_presentations(
            plan.tables,
            plan.loops,
            self.replicas[number],
            lane,
            self._span(number, learning=True, batch=self.batch),
            *streamed_phases(plan, schedule, self._sweeps_of(schedule)),
            pattern_table(plan, patterns),
            self._modes_of(rate, self.batch, events=True),
            status,
        )
        if stopped >= 0:
            raise self._diverged(number, presentation + stopped)

    def read_out(self, lanes, population: str, variable: str):
        """Values (samples, n) of a State field in the lanes of a presentation."""
        fields = self.circuit.model(population).state._fields
        row = fields.index(variable)
        return np.concatenate(
            [self.plan.state_of(lane, population, m)[row] for lane, m in lanes]
        )

    def read(self, number, lanes, population: str, name: str, phase=None):
        """Values (samples, n) of any scalar read, in the lanes of a presentation.

        At its end, or of the cells averaged in the window of a phase.
        """
        t = self.plan.tables
        state = 0
        if phase is not None:
            state = t.average - t.state + self.plan.windows[phase] * t.state_size
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
                state,
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
            result[f"replica{k}/clock"] = self.clocks[k]
            for c, lane in enumerate(self.lanes[k]):
                result[f"replica{k}/state{c}"] = lane[self.plan.carried]
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
        given = {
            "window": -1,
            "recording": 0,
            "first_step": 0,
            "clock": 0,
            "presentation": 0,
            **places,
        }
        return tb.Span(
            mode=self._modes_of(rate, batch, learning=learning),
            rate=rate,
            given=self._nothing_given,
            steps=steps,
            block=self.plan.block,
            learning=int(learning),
            stages=2 if self.circuit.stepper == "heun" else 1,
            check_every=CHECK_EVERY,
            samples=batch,
            batch=batch,
            first_sample=0,
            replica=number,
            most_sweeps=MOST_SWEEPS,
            dt=self.plan.dtype(self.circuit.dt),
            **given,
        )

    def _modes_of(self, rate, batch, *, learning=True, events=False):
        key = (rate > 0).tobytes(), batch == 1, learning, events
        if key not in self._modes:
            self._modes[key] = self.plan.modes(
                rate, batch=batch, learning=learning, events=events
            )
        return self._modes[key]

    def _sweeps_of(self, schedule):
        if schedule.phases not in self._sweeps:
            self._sweeps[schedule.phases] = presentation_sweeps(
                self.plan, schedule.phases
            )
        return self._sweeps[schedule.phases]

    def _run(self, number, lanes, span, given=None):
        plan, w = self.plan, self.replicas[number]
        spans = self._lane_spans(number, lanes, span, given)

        def alone(k):
            lane, status = lanes[k][0], self.status[number, k]
            return run_span(plan.tables, plan.loops, w, lane, spans[k], status)

        if len(lanes) == 1:
            stopped = alone(0)
        elif not span.learning:
            stopped = any(self._map(alone, range(len(lanes))))
        else:
            stopped = self._run_chunks(number, lanes, span, given)
        if stopped:
            raise self._diverged(number)
        self.clocks[number, : len(lanes)] += span.steps

    def _lane_spans(self, number, lanes, span, given=None):
        capacity = self.plan.capacity
        given = given or [span.given] * len(lanes)
        return [
            span._replace(
                samples=m,
                first_sample=k * capacity,
                given=given[k],
                clock=int(self.clocks[number, k]),
            )
            for k, (_, m) in enumerate(lanes)
        ]

    def _settle(self, number, lanes, span, operations):
        """One settled phase, every lane by itself."""
        plan, w = self.plan, self.replicas[number]
        spans = self._lane_spans(number, lanes, span)

        def alone(k):
            lane, status = lanes[k][0], self.status[number, k]
            return settle_phase(
                plan.tables, plan.loops, w, lane, spans[k], operations, status
            )

        if any(self._map(alone, range(len(lanes)))):
            raise self._diverged(number)

    def _steps_of_onset(self, phase, learning):
        """Steps at the start of a phase that `equilibrium` does not jump over."""
        waits = phase.lag >= self.onset * self.circuit.dt
        return self.onset if learning and phase.learning and not waits else 0

    def _run_equilibrium(self, number, lanes, span, exact):
        """A stretch of time: `exact` steps, then jumps."""
        plan = self.plan
        ((lane, m),) = lanes
        if exact:
            self._run(number, lanes, span._replace(steps=exact))
            span = span._replace(
                steps=span.steps - exact, first_step=span.first_step + exact
            )
            if not span.steps:
                return
        block = -(-span.steps // self.jumps) if span.learning else span.steps
        span = span._replace(samples=m, block=max(block, 1))
        tolerance = plan.dtype(TOLERANCE[plan.dtype])
        status = self.status[number, 0]
        stopped = run_equilibrium(
            plan.tables,
            plan.loops,
            self.replicas[number],
            lane,
            span,
            *self._equilibrium,
            tolerance,
            status,
        )
        if stopped == 2:
            raise NumericalError(
                f"circuit {self.circuit.name!r}: the cells found no fixed point within "
                f"{MOST_SWEEPS} sweeps (weights or slopes too large for one to be "
                "reached). Use the integrator 'exact' or 'blocked', or smaller weights."
            )
        if stopped:
            raise self._diverged(number)

    def _run_chunks(self, number, lanes, span, given):
        """The loop of `run_span` over lanes that share their weights."""
        t, loops, w = self.plan.tables, self.plan.loops, self.replicas[number]
        spans = self._lane_spans(number, lanes, span, given)
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
        if len(items) == 1:
            return [work(items[0])]
        if self.threads == 1 or len(self.replicas) > 1 or jit_disabled():
            return [work(item) for item in items]
        return list(self._pool().map(work, items))

    def _tie(self, number, mode, presentation=0):
        """Set tied weights from those they follow, with their noise."""
        t, w = self.plan.tables, self.replicas[number]
        tie_weights(t, w, mode)
        if self._noisy:
            # Presentation 0 is the start: those that learn count from 1 here.
            redraw_tied(t, w, mode, number, presentation)

    def _events(self, number, lanes, batch, presentation):
        t, loops, w = self.plan.tables, self.plan.loops, self.replicas[number]
        rate = self.rates[number]
        mode = self._modes_of(rate, batch, events=True)
        if not ((mode == tb.SUMMED) | (mode == tb.SYNAPTIC)).any():
            return
        alone = int(len(lanes) == 1)
        self._carry(number, lanes, mode, -1.0)
        for lane, m in lanes:
            sum_events(t, loops, w, lane, mode, rate, m, batch, alone)
        self._add_gradients(lanes)
        move_events(t, w, lanes[0][0], mode, rate, batch, batch, alone)
        if self._noisy:
            self._tie(number, mode, presentation + 1)
        self._carry(number, lanes, mode, 1.0)

    def _carry(self, number, lanes, mode, sign):
        plan = self.plan
        for lane, m in lanes if self._carries else ():
            sign, alone = plan.dtype(sign), int(len(lanes) == 1)
            w = self.replicas[number]
            move_carried(plan.tables, w, lane, mode, m, sign, alone)

    def _add_gradients(self, lanes):
        """Sum the gradients of all lanes into the first one's, in lane order."""
        t = self.plan.tables
        place = slice(t.gradient, t.gradient + t.filter)
        for lane, _ in lanes[1:]:
            lanes[0][0][place] += lane[place]

    def _diverged(self, number, presentation=None):
        lane = int(np.flatnonzero(self.status[number][:, 0])[0])
        status = self.status[number, lane].copy()
        self.status[number] = 0
        status[4] += lane * self.plan.capacity
        return divergence(
            self.plan, status, self.rates[number], CHECK_EVERY, presentation
        )
