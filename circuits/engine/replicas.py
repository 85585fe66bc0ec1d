"""Replicas: weights, lanes and spans of a circuit in a run, and its threads.

A *replica* has weights of its own, a *lane* holds one chunk of the samples it is shown.
Threads share out whole replicas or lanes. Sums over lanes are made in lane order, and
BLAS stays on one thread, so results do not depend on how many threads there are.
"""

import os

import numpy as np

from circuits.engine.divergence import divergence
from circuits.engine.facts import SPIKES, refuse_shared_traces
from circuits.engine.given import Given
from circuits.engine.interpret import run_list
from circuits.engine.kept import Kept
from circuits.engine.memory import estimated_bytes, run_layout
from circuits.engine.patterns import count_samples
from circuits.engine.presentation import Presentation
from circuits.engine.programs import Programs
from circuits.engine.recorder import Recorder, recorded_bytes
from circuits.engine.span import MOVED, NOT_RELAXED, RATES, REPLICA, STATUS
from circuits.engine.steps import Randoms
from circuits.engine.stretches import CHECK_EVERY, Pace
from circuits.engine.workers import Workers
from circuits.integrators import onset_steps
from dendrites._memory import check_memory
from dendrites.compile.calls import bits
from dendrites.compile.rows import DT, SAMPLES
from dendrites.errors import ConfigError


class Replicas(Kept):
    """Replicas of one circuit, each shown its own presentations.

    Parameters
    ----------
    circuit : Circuit
    weights : list of dict, one per replica; weights by projection
    rates : list of dict, one per replica; learning rates that differ from the rules'
    threads : int
    seed : int
        For drawn phase lengths and random inputs of cells.
    stream : str
        Runs of one seed with different names have different random inputs.
    onset : float, optional
        Time after a switch, ms, in which `equilibrium` still takes every step; none if
        plasticity waits longer. Default: 10 times the slowest `time_constant`.
    forced : tuple of str
        Populations whose spikes are given.
    announce : callable, optional
        Receives the message that loops are being compiled.
    optimise : bool, optional
        Whether passes may replace operations by cheaper ones. Default: yes, unless the
        environment variable DENDRITES_ENGINE_PASSES is "off"; with
        DENDRITES_ENGINE_GUARD "on" arenas are guarded.
    batch, jumps, driven, schedules, plan : see `run_layout`

    Attributes
    ----------
    rates : list of ndarray
        Learning rates of every replica, by projection in the circuit's order.
    jumps : int or None
    """

    def __init__(
        self,
        circuit,
        weights,
        *,
        rates=None,
        batch=1,
        threads=1,
        seed=0,
        stream="",
        jumps=None,
        onset=None,
        forced=(),
        driven=(),
        announce=None,
        optimise=None,
        **plan,
    ):
        self.circuit, self.batch, self.seed, self.jumps = circuit, batch, seed, jumps
        self.onset = onset_steps(circuit, onset) if jumps else 0
        plan |= {"forced": tuple(forced), "driven": tuple(driven)}
        plan |= {"batch": batch, "jumps": jumps}
        self.layout = layout = run_layout(circuit, **plan)
        n, n_lanes = len(weights), -(-batch // layout.capacity)
        needed = estimated_bytes(layout, n, n * n_lanes, learning=False)
        needed += n * recorded_bytes(layout, batch)
        check_memory(needed, "the run")
        kept = [("record", k) for k, _ in enumerate(layout.recordings)]
        told = *((SPIKES, name) for name in forced), *driven, *kept
        given = Given(RATES + len(circuit.projections), told)
        if optimise is None:
            optimise = os.environ.get("DENDRITES_ENGINE_PASSES") != "off"
        self.programs = Programs(
            layout,
            seed=seed,
            randoms=Randoms(circuit, seed, stream, tuple(forced)),
            given=given.columns,
            optimise=optimise,
            announce=announce,
        )
        self.workers = Workers(threads, n)
        self.arenas = [layout.replica_arena(w, seed) for w in weights]
        self.lanes = [[layout.lane_arena() for _ in range(n_lanes)] for _ in weights]
        self.spans = np.zeros((n, n_lanes, given.size), np.int64)
        self.spans[..., DT] = bits(layout.dt)
        self.recorders = [
            Recorder(layout, batch, spans, given.columns) for spans in self.spans
        ]
        self.rates = [self._rates(r) for r in rates or [{} for _ in weights]]
        # Steps of each lane since its cells were at rest, and samples of its last
        # presentation: the state of others is not carried.
        self.clocks = np.zeros((n, n_lanes), np.int64)
        self.shown = np.zeros((n, n_lanes), np.int64)
        # Whether traces lie behind weights that were put in since.
        self.stale = np.zeros(n, bool)
        self._paces = {}
        self.presentations = [Presentation(self, k) for k in range(n)]
        start = self.programs.start()
        for number, arena in enumerate(self.arenas):
            self.spans[number, :, REPLICA] = number
            run_list(start, arena, self.lanes[number][0], self.spans[number, 0])
        for presentation in self.presentations:
            presentation.reset()

    def _rates(self, given):
        return np.array(
            [
                float(given.get(p.name, p.rule.learning_rate)) if p.learns else 0.0
                for p in self.circuit.projections
            ]
        )

    def pace(self, number, made) -> Pace:
        """The pace of a program in a replica."""
        return self._paces.setdefault((number, id(made)), Pace())

    @property
    def stopping(self):
        """Set by an interrupt; long work looks at it between presentations."""
        return self.workers.stopping

    def each_replica(self, work):
        """Call work(replica number) for all replicas, on threads."""
        return self.workers.each(work, range(len(self.arenas)))

    def present(
        self,
        number,
        patterns,
        schedule,
        *,
        recording=False,
        forced=None,
        waveforms=None,
        **options,
    ):
        """Show one batch to one replica; see `Presentation.present`.

        `forced` spikes and `waveforms` are what is given for every step.
        """
        samples = count_samples(patterns)
        if samples > self.batch:
            raise ConfigError(
                f"patterns of {samples} samples are shown to a run planned for batches "
                f"of {self.batch}: show at most that many at once"
            )
        given = {(SPIKES, name): trains for name, trains in (forced or {}).items()}
        given |= waveforms or {}
        one = self.presentations[number]
        if samples > 1 and self.layout.modulated:
            moving = one.moving(options.get("learning", True))
            refuse_shared_traces(self.circuit, samples, moving)
        if not recording and not given and self.streams(schedule):
            lanes = one.present_many(patterns, schedule, samples, **options)
        else:
            options |= {"recording": recording, "given": given}
            lanes = one.present(patterns, schedule, **options)
        self.layout.check_guards(self.arenas[number], self.lanes[number])
        return lanes

    def streams(self, schedule) -> bool:
        """Whether `present_many` can show presentations of this schedule."""
        return (
            all(phase.timeless for phase in schedule.phases)
            and not schedule.carry_state
            and self.batch == self.layout.capacity
        )

    def present_many(self, number, patterns, schedule, *, presentation=0):
        """Whole batches with learning; see `Presentation.present_many`."""
        self.presentations[number].present_many(
            patterns, schedule, self.batch, presentation=presentation
        )

    def interrupted(self, number: int):
        """The presentation that an exception cut short: its lanes, and steps made."""
        return self.presentations[number].interrupted()

    # --- what is looked at ----------------------------------------------------

    def read_out(self, lanes, population: str, variable: str):
        """Values (samples, n) of a State field in the lanes of a presentation."""
        row = self.circuit.model(population).state._fields.index(variable)
        views = [self.layout.state_of(lane, population)[row, :m] for lane, m in lanes]
        return np.concatenate(views)

    def read(self, number, lanes, population: str, name: str, phase=None):
        """Values (samples, n) of any read, at the end or averaged in a phase."""
        made = self.programs.read(population, name, phase)
        n, scratch = self.layout.sizes[population], self.layout.lane.place("scratch")
        span, parts = self.spans[number, 0].copy(), []
        for lane, m in lanes:
            span[SAMPLES] = m
            run_list(made, self.arenas[number], lane, span)
            parts.append(lane[scratch : scratch + n * m].reshape(m, n).copy())
        return np.concatenate(parts)

    def recorded(self, number: int, lanes) -> list:
        """What was recorded of a presentation; see `Recorder.recorded`."""
        recorder = self.recorders[number]
        for k, _ in enumerate(lanes):
            recorder.collect(k)
        return recorder.recorded(sum(m for _, m in lanes))

    def lanes_of(self, number: int, samples: int) -> list:
        """Where the state of so many samples is, as (lane, samples)."""
        capacity = self.layout.capacity
        return [
            (lane, min(capacity, samples - k * capacity))
            for k, lane in enumerate(self.lanes[number])
            if samples > k * capacity
        ]

    # --- inside ---------------------------------------------------------------

    def diverged(self, number, presentation=None, *, timed=True):
        """The error that the status of a replica's lanes stands for."""
        spans = self.spans[number]
        # The worst of all that moved too much, whatever the lanes.
        moved = spans[:, MOVED].copy().view(np.float64)
        moved[spans[:, STATUS] != NOT_RELAXED] = -1.0
        lane = int(np.argmax(moved))
        if moved[lane] < 0:
            lane = int(np.flatnonzero(spans[:, STATUS])[0])
        status = spans[lane, STATUS:RATES].copy()
        spans[:, STATUS:RATES] = 0
        status[4] += lane * self.layout.capacity
        rates = self.rates[number]
        return divergence(
            self.layout, status, rates, CHECK_EVERY, presentation, timed=timed
        )
