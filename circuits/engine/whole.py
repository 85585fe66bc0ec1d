"""Presentations with time as one program: a short one is a single call.

What runs is what `presentation` runs stretch by stretch, the same lists in the same
order, in one lane. Between two of these calls Python is not interrupted, so it is done
only where the whole presentation is known to be short.
"""

from typing import NamedTuple

import numpy as np

from circuits.engine.facts import switched
from circuits.engine.interpret import run_whole
from circuits.engine.span import CLOCK
from circuits.engine.stretches import CHECK_EVERY

NO_RECORDS = np.zeros((0, 1), np.int64), np.zeros((0, 3), np.int64)
NOTHING = np.zeros((0, 1), np.int64)


class Whole(NamedTuple):
    """Rows of all lists of a presentation, and what else does not differ.

    `made` are the programs of its stretches, whose paces say how long they take;
    `windows` are names and places of what is averaged, `counted` by stretch which of
    these it is or -1.
    """

    made: list
    rows: np.ndarray
    bounds: np.ndarray
    learns: list
    windows: np.ndarray
    counted: list


class Wholes:
    """Presentations of one replica as programs, each made when it is shown first."""

    def __init__(self, shower):
        self._shower, self._schedule, self._made = shower, None, {}

    def run(self, lanes, schedule, segments, moving, ends) -> bool:
        """Run a presentation of steps in one lane if it is short: whether it was."""
        run, number = self._shower.run, self._shower.number
        if len(lanes) > 1 or run.jumps or not all(s.steps for s in segments):
            return False
        ((lane, samples),) = lanes
        if schedule is not self._schedule:
            self._schedule, self._made = schedule, {}
        key = moving, ends, samples == 1
        key += tuple((s.phase, s.learning, s.averaging) for s in segments)
        made = self._made.get(key)
        if made is None:
            made = _whole(run, schedule, segments, moving, ends, samples == 1)
            self._made[key] = made
        steps = np.array([s.steps for s in segments])
        paces = (run.pace(number, stretch).steps for stretch in made.made)
        if sum(s.steps / p for s, p in zip(segments, paces, strict=True)) > 1:
            return False
        block, windows = run.layout.block, made.windows.copy()
        blocks = np.array([block if x else 1 << 40 for x in made.learns])
        for k, count in zip(made.counted, steps, strict=True):
            if k >= 0:
                windows[k, 2] += count
        span = self._shower.span(0)
        span[CLOCK] = run.clocks[number, 0]
        run_whole(
            made.rows,
            made.bounds,
            steps,
            blocks,
            windows,
            NO_RECORDS,
            run.arenas[number],
            lane,
            span,
            CHECK_EVERY,
        )
        run.clocks[number, 0] = span[CLOCK]
        self._shower.check()
        run.workers.check()
        return True


def _whole(run, schedule, segments, moving, ends, single):
    programs, phase = run.programs, None
    stretches, lists, learns, windows, counted = [], [], [], {}, []
    for segment in segments:
        begins = NOTHING
        if phase is not schedule.phases[segment.phase]:
            phase = schedule.phases[segment.phase]
            switch = switched(run.circuit, phase)
            begins = programs.begins(switch)
        window = phase.name if segment.averaging else None
        moves = moving if segment.learning else frozenset()
        made = programs.stretch(moves, single, True, switch, window)
        stretches.append(made)
        lists += [begins, made.enter, *made.lane, *made.moves, made.leave, made.check]
        learns.append(bool(moves))
        if window is not None:
            windows.setdefault(window, len(windows))
        counted.append(windows.get(window, -1))
    if ends:
        made = programs.ends(moving, True, single)
        if len(made.sum) or len(made.move):
            lists += [*made]
    bounds = np.cumsum([0, *map(len, lists)])
    rows = np.concatenate([x for x in lists if len(x)])
    places = [run.layout.window(name) for name in windows]
    places = np.array([(s.start, s.stop, 0) for s in places], np.int64).reshape(-1, 3)
    return Whole(stretches, rows, bounds, learns, places, counted)
