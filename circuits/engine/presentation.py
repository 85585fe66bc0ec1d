"""A presentation: phases, windows and what is shown, for one replica at a time."""

import numpy as np

from circuits.engine.facts import switched
from circuits.engine.given import given_to_lane
from circuits.engine.interpret import run_list, run_presentations
from circuits.engine.patterns import count_samples, pattern_table
from circuits.engine.span import (
    BATCH,
    BLOCK,
    FIRST,
    PATTERN,
    PATTERNS,
    PRESENTATION,
    RATES,
    REPLICA,
    STATUS,
    STEP,
)
from circuits.engine.stretches import CHECK_EVERY, run_jumped, run_stretch
from circuits.engine.whole import NO_RECORDS, Wholes
from dendrites.compile.calls import hold
from dendrites.compile.rows import BLOCK_STEP, SAMPLES
from dendrites.random import generator


class Presentation:
    """Shows batches to one replica.

    Parameters
    ----------
    run : Replicas
    number : int, of the replica
    """

    def __init__(self, run, number: int):
        self.run, self.number = run, number
        self._held, self._counted, self._lanes = [], {}, ()
        self.recorder, self._whole = run.recorders[number], Wholes(self)

    def reset(self, lanes=None) -> None:
        """Bring all cells of some lanes to the default state of their models."""
        run = self.run
        for k, _ in enumerate(run.lanes[self.number] if lanes is None else lanes):
            run.clocks[self.number, k] = 0
            self._rest(run.lanes[self.number][k], slice(None))

    def _rest(self, lane, samples):
        layout = self.run.layout
        for view in layout.carried_views(lane):
            view[:, samples] = 0
        for p in layout.circuit.populations:
            defaults = p.model.state._field_defaults
            state = layout.state_of(lane, p.name)
            for v, field in enumerate(p.model.state._fields):
                if defaults.get(field, 0.0):
                    state[v, samples] = defaults[field]

    def _carry(self, lanes):
        """Samples that the last presentation left out start afresh."""
        shown = self.run.shown[self.number]
        for k, (lane, m) in enumerate(lanes):
            if m > shown[k]:
                self._rest(lane, slice(int(shown[k]), m))
        if self.run.stale[self.number]:
            self._run(lanes, self.run.programs.renewed())
            self.run.stale[self.number] = False

    def present(
        self,
        patterns,
        schedule,
        *,
        presentation=0,
        learning=True,
        ends=True,
        recording=False,
        given=None,
    ):
        """Show one batch through every phase of a schedule.

        Parameters
        ----------
        patterns : dict of ndarray (samples, n), by clamped population
        presentation : int
            Its number: part of the address of random numbers.
        ends : bool
            Whether this is all of it, or a piece: what happens at its end is left out.
        recording : bool
        given : dict of what is given for every step
            By (SPIKES, population) forced spikes, (steps, units) or one such pair per
            sample; by population waveforms, (n_samples, n_steps, n) or grouped.

        Returns
        -------
        list of (lane, samples) that hold the final state

        Raises
        ------
        NumericalError
            Where and when a potential or weight left the finite numbers, or cells did
            not settle.
        """
        run, layout, programs = self.run, self.run.layout, self.run.programs
        lanes = self._begin(count_samples(patterns), presentation, patterns)
        for k, (_, m) in enumerate(lanes if given else ()):
            for key, held in given_to_lane(layout, given, schedule, k, m):
                self._held += held
                self.span(k)[programs.given[key]] = hold(held[-1])
        if schedule.carry_state:
            self._carry(lanes)
        else:
            self.reset(lanes)
        run.shown[self.number] = 0
        run.shown[self.number, : len(lanes)] = [m for _, m in lanes]
        self._run(lanes[:1], programs.drawn(schedule.phases))
        moving = self.moving(learning)
        rng = None
        if any(callable(phase.duration) for phase in schedule.phases):
            rng = generator(run.seed, f"durations/{self.number}/{presentation}")
        records = programs.records() if recording else NO_RECORDS
        self.recorder.begin()
        segments = schedule.segments(run.circuit.dt, rng)
        ends = ends and learning
        shown = lanes, schedule, segments, moving, ends
        if not recording and self._whole.run(*shown):
            return lanes
        averaged, phase, exact, waiting = {}, None, 0, []
        for segment in segments:
            if schedule.phases[segment.phase].timeless:
                waiting.append(schedule.phases[segment.phase])
                continue
            self._settle(lanes, waiting)
            if phase is not schedule.phases[segment.phase]:
                phase = schedule.phases[segment.phase]
                switch = switched(run.circuit, phase)
                self._run(lanes, programs.begins(switch))
                exact = self._steps_of_onset(phase, learning)
            if not averaged:
                self._run(lanes, records[0])  # the initial state
            window = phase.name if segment.averaging else None
            averaged[window] = averaged.get(window, 0) + segment.steps
            moves = moving if segment.learning else frozenset()
            made = min(exact, segment.steps) if run.jumps else segment.steps
            if made:
                run_stretch(self, lanes, made, moves, switch, window, records)
            if segment.steps > made:
                rest = segment.steps - made
                run_jumped(self, lanes, rest, moves, switch, window, records)
            exact -= made
        self._settle(lanes, waiting)
        for window, steps in averaged.items():
            for lane, _ in lanes if window is not None else ():
                lane[layout.window(window)] /= steps
        if ends:
            self._end(lanes, moving, presentation)
        return lanes

    def present_many(self, patterns, schedule, batch, *, presentation=0, learning=True):
        """Batches of phases without time, one after the other in compiled code.

        Parameters
        ----------
        patterns : dict of ndarray (n_batches * batch, n), by clamped population
        schedule : Schedule
            One of which `Replicas.streams` is true.
        presentation : int
            Number of the first presentation.

        Returns
        -------
        list of (lane, samples)

        Raises
        ------
        NumericalError
            As `present`.
        """
        run, number = self.run, self.number
        lanes = self._begin(batch, presentation, patterns)
        run.shown[number, 0], run.clocks[number, 0] = batch, 0
        ((lane, _),), span, arena = lanes, self.span(0), run.arenas[number]
        moving, phases = self.moving(learning), schedule.phases
        count = len(next(iter(patterns.values()), range(batch))) // batch
        while count > 0:
            # Now and then it is looked whether cells settle.
            verified = self._is_due(phases)
            made = run.programs.streamed(phases, moving, verified)

            def some(most, made=made):
                run_presentations(*made, arena, lane, span, most, CHECK_EVERY)

            before = int(span[PRESENTATION])
            most = 1 if verified else min(count, CHECK_EVERY)
            run.pace(number, made).timed(some, most)
            if span[STATUS]:
                raise run.diverged(number, int(span[PRESENTATION]) - 1)
            run.workers.check()
            count -= int(span[PRESENTATION]) - before
        return lanes

    def _is_due(self, phases):
        """Whether settled cells are to be looked at: the first time, now and then."""
        count = self._counted.get(phases, 0)
        self._counted[phases] = (count + 1) % CHECK_EVERY
        return count == 0

    def interrupted(self):
        """Lanes of the presentation that was cut short, and the steps it made."""
        return list(self._lanes), int(self.span(0)[STEP]) if self._lanes else 0

    def span(self, k):
        """The span of lane k."""
        return self.run.spans[self.number, k]

    def moving(self, learning) -> frozenset:
        """Projections whose weights may move."""
        if not learning:
            return frozenset()
        named = zip(
            self.run.circuit.projections, self.run.rates[self.number], strict=True
        )
        return frozenset(p.name for p, rate in named if p.learns and rate > 0)

    def check(self, *, timed=True) -> None:
        """Raise what the status of a lane says."""
        if self.run.spans[self.number, :, STATUS].any():
            raise self.run.diverged(self.number, timed=timed)

    def _begin(self, samples, presentation, patterns):
        run, capacity = self.run, self.run.layout.capacity
        table = pattern_table(run.programs.columns, patterns, run.layout.dtype)
        lanes = run.lanes_of(self.number, samples)
        self._held, self._lanes = [table], lanes
        rates = run.rates[self.number].view(np.int64)
        for k, (lane, m) in enumerate(lanes):
            run.layout.clear_averages(lane, narrow=run.programs.optimise)
            span = self.span(k)
            span[SAMPLES], span[BATCH] = m, samples
            span[FIRST] = span[PATTERN] = k * capacity
            span[PATTERNS] = hold(table)
            span[REPLICA], span[PRESENTATION] = self.number, presentation
            span[BLOCK_STEP], span[STEP], span[BLOCK] = 0, 0, 1
            span[RATES : RATES + len(rates)] = rates
        return lanes

    def _run(self, lanes, made):
        for k, (lane, _) in enumerate(lanes if len(made) else ()):
            run_list(made, self.run.arenas[self.number], lane, self.span(k))

    def _settle(self, lanes, waiting):
        """Phases without time that follow each other, every lane by itself."""
        if not waiting:
            return
        run, phases = self.run, tuple(waiting)
        waiting.clear()
        made = run.programs.timeless(phases, self._is_due(phases))
        arena = run.arenas[self.number]

        def alone(k):
            run_list(made, arena, lanes[k][0], self.span(k))

        rounds = sum(phase.sweeps or phase.times or 1 for phase in phases)
        cost = run.layout.work * lanes[0][1] * rounds
        run.workers.map(alone, range(len(lanes)), cost)
        self.check(timed=False)

    def _steps_of_onset(self, phase, learning):
        """Steps at the start of a phase that `equilibrium` does not jump over."""
        run = self.run
        waits = phase.lag >= run.onset * run.circuit.dt
        return run.onset if learning and phase.learning and not waits else 0

    def _end(self, lanes, moving, presentation):
        """Rules that act at the end, and noise for the next presentation."""
        run, arena = self.run, self.run.arenas[self.number]
        ends = run.programs.ends(moving, len(lanes) == 1, [m for _, m in lanes] == [1])
        if not (len(ends.sum) or len(ends.move)):
            return
        for k, (lane, _) in enumerate(lanes):
            self.span(k)[BLOCK] = 1
            self.span(k)[PRESENTATION] = presentation + 1
            run_list(ends.sum, arena, lane, self.span(k))
        self.add_gradients(lanes)
        lane, span = lanes[0][0], self.span(0)
        run_list(ends.move, arena, lane, span)
        self._run(lanes, ends.carry)
        run_list(ends.check, arena, lane, span)
        self.check()

    def add_gradients(self, lanes, part=None) -> None:
        """Sum the gradients of all lanes into the first one's, in lane order."""
        part = self.run.layout.lane.stretch("sums") if part is None else part
        for lane, _ in lanes[1:]:
            lanes[0][0][part] += lane[part]
