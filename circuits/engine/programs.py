"""Programs: the lists of every stretch of a schedule as the interpreter takes them."""

import threading
from typing import NamedTuple

import numpy as np

from circuits.engine.ends import Ends, end_lists, resets, start_list
from circuits.engine.facts import perturbed_in
from circuits.engine.fired import list_fired
from circuits.engine.listed import list_forced, list_sources
from circuits.engine.lists import rows
from circuits.engine.loops import Loops
from circuits.engine.operations import numbers, plasticity, records
from circuits.engine.passes import simplify_fields
from circuits.engine.patterns import pattern_columns
from circuits.engine.plasticity import check_weights, predict, repeat
from circuits.engine.steps import averages, check_states, step_lists
from circuits.engine.sweeps import (
    clamps,
    equilibrium_sweeps,
    gather,
    residual,
)
from circuits.engine.timeless import timeless_phases
from circuits.engine.updates import simplify_updates
from circuits.engine.writer import Choices, Writer
from dendrites.compile.jit import compiling
from dendrites.compile.live import needed_by


class Stretch(NamedTuple):
    """Lists of a stretch of steps, as rows; see `circuits.engine.lists.Lists`.

    `parts` are the moves of single projections, which threads may share out: where
    their sums lie, and rows; `last` what follows them.
    """

    enter: np.ndarray
    lane: tuple[np.ndarray, ...]
    moves: tuple[np.ndarray, np.ndarray]
    parts: list[tuple[slice, np.ndarray]]
    last: np.ndarray
    leave: np.ndarray
    check: np.ndarray


class Jumps(NamedTuple):
    """Lists of a stretch that `equilibrium` jumps over, as rows."""

    enter: np.ndarray
    sweeps: tuple[np.ndarray, np.ndarray]
    lists: tuple[np.ndarray, ...]
    check: np.ndarray


class Programs:
    """Programs of one layout, made when they are needed, each once.

    Parameters
    ----------
    layout : Layout
    seed : int
        Of the noise of tied weights.
    randoms : Randoms
    given : mapping to columns of the span, see `circuits.engine.given.Given`
    optimise : bool
        Whether passes may replace operations by cheaper ones.
    announce : callable, optional
        Receives the message that something is compiled.
    """

    def __init__(self, layout, *, seed, randoms, given, optimise=True, announce=None):
        self.layout, self.seed, self.randoms = layout, seed, randoms
        self._announce, self._lock = announce, threading.RLock()
        self.given, self.optimise = given, optimise
        self.loops = Loops(layout.circuit, layout.dtype)
        self.columns = pattern_columns(layout.circuit)
        self._made = {}

    def writer(self, moving=frozenset(), *, single=False, alone=True) -> Writer:
        """What writes operations for these choices."""
        choices = Choices(moving, single, alone, self.optimise)
        return Writer(self.layout, self.loops, choices)

    def _once(self, make, *key):
        known = (make.__name__, *key)
        if known not in self._made:
            with self._lock, compiling(self._announce):
                self._made.setdefault(known, make(*key))
        return self._made[known]

    def _rows(self, operations):
        return rows(operations, self.layout.dtype, self.loops.keep)

    def lists(self, w, on, window, held=()):
        """The lists of a stretch, with all passes made."""
        options = {"on": dict(on), "window": window, "held": held, "given": self.given}
        lists = step_lists(w, self.randoms, **options)
        if w.choices.optimise:
            simplify_updates(w, lists)
            simplify_fields(w, lists)
            list_sources(w, lists)
            list_forced(w, lists)
            list_fired(w, lists, held)
        return lists

    def stretch(self, moving, single, alone, switch, window) -> Stretch:
        """A stretch of steps in which nothing is switched."""
        driven = tuple(pair for pair in switch.on if pair[0] in self.layout.driven)
        switch = switch._replace(on=driven)
        return self._once(self._stretch, moving, single, alone, switch, window)

    def _stretch(self, moving, single, alone, switch, window):
        w = self.writer(moving, single=single, alone=alone)
        w = w.perturbing(switch.perturbed)
        lists = self.lists(w, switch.on, window, switch.held)
        own, made = {}, self._rows
        for o in lists.move:
            own.setdefault(o.projection, []).append(o)
        # Weights that are tied follow when all others have moved.
        last = [o for o in lists.move if o.projection not in moving]
        part = self.layout.lane.part
        check = list(check_states(w))
        return Stretch(
            made(lists.enter),
            tuple(made(x) for x in (lists.begin, lists.step, lists.collect, check)),
            (made(lists.predict), made(lists.move)),
            [(part("sums", name), made(own[name])) for name in own if name in moving],
            made(last),
            made(lists.leave),
            made([*check, *check_weights(w, w.moves)]),
        )

    def jumps(self, moving, held, window) -> Jumps:
        """A stretch that is jumped over."""
        return self._once(self._jumps, moving, held, window)

    def _jumps(self, moving, held, window):
        w = self.writer(moving)
        lists = step_lists(w, self.randoms, held=held)
        first, again = equilibrium_sweeps(w, held)
        check = list(check_states(w))
        still = [p.name for p in w.circuit.populations if not p.model.constant]
        parts = (
            lists.predict,
            gather(w),
            predict(w, plasticity.correct),
            averages(w, window, numbers.add_steps) if window is not None else (),
            [*repeat(w), *lists.move],
            check,
            [o for name in still for o in residual(w, name, held)],
        )
        return Jumps(
            self._rows(lists.enter),
            (self._rows(first), self._rows(again)),
            tuple(self._rows(part) for part in parts),
            self._rows([*check, *check_weights(w, w.moves)]),
        )

    def timeless(self, phases, verified) -> np.ndarray:
        """Phases without time, and whether all states are finite."""
        return self._once(self._timeless, phases, verified)

    def _timeless(self, phases, verified):
        made = self.timeless_lists(phases, verified=verified)
        return self._rows([*made, *check_states(self.writer())])

    def timeless_lists(self, phases, *, verified=False):
        """The operations of phases without time."""
        where = self.writer(), phases, self.columns, self.randoms
        return timeless_phases(*where, verified=verified)

    def begins(self, switch) -> np.ndarray:
        """What sources show when a phase begins, and what it holds."""
        return self._once(self._begins, switch)

    def _begins(self, switch):
        w = self.writer()
        return self._rows([*clamps(w, switch.on, self.columns), *w.kept(switch.held)])

    def ends(self, moving, alone, single) -> Ends:
        """The end of a presentation that learns, as rows."""
        return self._once(self._ends, moving, alone, single)

    def _ends(self, moving, alone, single):
        w = self.writer(moving, alone=alone, single=single)
        ends = end_lists(w, self.seed, checked=single)
        return Ends(*(self._rows(part) for part in ends))

    def streamed(self, phases, moving, verified) -> tuple[np.ndarray, ...]:
        """A presentation of phases without time, its end, and what is checked then."""
        return self._once(self._streamed, phases, moving, verified)

    def _streamed(self, phases, moving, verified):
        w = self.writer(moving)
        ends = end_lists(w, self.seed)
        drawn = w.draw_xi(perturbed_in(w.circuit, phases), self.seed)
        shown = self.timeless_lists(phases, verified=verified)
        parts = (
            [*resets(w), *drawn, *shown],
            [*ends.sum, *ends.move, *ends.carry],
            [*check_states(w), *ends.check],
        )
        return tuple(self._rows(part) for part in parts)

    def drawn(self, phases) -> np.ndarray:
        """What is added to weights in some phases of a presentation."""
        return self._once(self._drawn, perturbed_in(self.layout.circuit, phases))

    def _drawn(self, perturbed):
        return self._rows(self.writer().draw_xi(perturbed, self.seed))

    def renewed(self) -> np.ndarray:
        """What lies behind the synapses of all fields, made anew."""
        return self._once(self._renewed)

    def _renewed(self):
        w = self.writer()
        fields = self.layout.traces.behind
        return self._rows(o for field in fields for o in w.renew_behind(*field))

    def start(self) -> np.ndarray:
        """Tied weights before the first presentation."""
        return self._once(self._start)

    def _start(self):
        return self._rows(start_list(self.writer(), self.seed))

    def ties(self) -> np.ndarray:
        """Tied weights after others have been put."""
        return self._once(self._ties)

    def _ties(self):
        return self._rows(self.writer().ties(lambda p: True))

    def records(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of all recordings, and for each interval its first and last one."""
        return self._once(self._records)

    def _records(self):
        w, made, groups = self.writer(), [], []
        recordings = list(enumerate(self.layout.recordings))
        for every in sorted({r.every for _, r in recordings}):
            first = len(made)
            made += [
                o
                for k, r in recordings
                if r.every == every
                for o in _record(w, k, r, self.given["record", k])
            ]
            groups.append((every, first, len(made)))
        return self._rows(made), np.array(groups, np.int64).reshape(-1, 3)

    def read(self, population, name, window) -> np.ndarray:
        """Read all cells of a population into the scratch of a lane."""
        return self._once(self._read, population, name, window)

    def _read(self, population, name, window):
        w, model = self.writer(), self.layout.circuit.model(population)
        if window is not None and self.optimise:
            missing = needed_by(model, model.read(name))
            if missing := missing - self.layout.averaged[window, population]:
                raise AssertionError(f"{missing} of {population} not averaged")
        return self._rows(
            [w.read_to(population, name, w.lane("scratch"), window=window)]
        )


def _record(w, k, r, column):
    """Keep the variables of a recording; `column` of the span says where."""
    n, count = w.layout.sizes[r.population], len(r.units)
    units = w.loops.integers(("units", k), lambda: r.units)
    common = {"n": n, "units": units, "count": count, "given": column}
    width, records_ = count * len(r.names), w.layout.steps // r.every + 1
    for position, name in enumerate(r.names):
        variable = w.signals.variable(r.population, name)
        if variable is None:
            source = w.lane("scratch")
            yield w.read_to(r.population, name, source)
        else:
            source = w.layout.state(r.population, variable)
        if r.events:
            yield w(records.record_events, source=source, **common)
            continue
        yield w(
            records.record,
            source=source,
            every=r.every,
            place=position * count,
            width=width,
            sample=width * records_,
            **common,
        )
