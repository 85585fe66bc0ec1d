"""Stretches of steps in which nothing is switched, in one lane or in several."""

import time

import numpy as np

from circuits.engine.interpret import advance, run_blocks, run_jumps, run_list
from circuits.engine.span import BLOCK, CLOCK, DONE, STATUS, TOTAL
from dendrites.errors import NumericalError

CHECK_EVERY = 100
# A cell that finds its fixed point at all gains about a digit per sweep.
MOST_SWEEPS = 500
# Largest last move of a settled potential.
TOLERANCE = {np.float64: 1e-10, np.float32: 1e-5}
# Seconds after which compiled code comes back, so that Python can be interrupted.
PIECE = 0.2


class Pace:
    """How many steps compiled code makes before it comes back, from measured times."""

    def __init__(self):
        self.steps = 16

    def timed(self, work, most=1 << 40):
        """Call work(steps), and learn from the time that it takes."""
        steps = min(self.steps, most)
        begun = time.perf_counter()
        result = work(steps)
        fitting = steps * PIECE / max(time.perf_counter() - begun, 1e-9)
        if steps == self.steps or fitting < steps:
            self.steps = int(max(min(fitting, 4 * steps, 1 << 40), 1))
        return result


def run_stretch(shower, lanes, steps, moving, switch, window, records):
    """So many steps of one presentation.

    Parameters
    ----------
    shower : Presentation
    lanes : list of (lane, samples)
    moving : frozenset of str
        Projections that learn.
    switch : Switched
        What the phase has switched.
    window : str or None
        Phase in whose window states are averaged.
    records : (rows, groups)
    """
    run, number = shower.run, shower.number
    alone = len(lanes) == 1
    single = alone and lanes[0][1] == 1
    made = run.programs.stretch(moving, single, alone, switch, window)
    arena = run.arenas[number]
    for k, (lane, _) in enumerate(lanes):
        _enter(shower, k, steps)
        run_list(made.enter, arena, lane, shower.span(k))

    def whole(k):
        _run_alone(shower, k, lanes[k][0], made, bool(moving), records)

    try:
        if alone or not moving:
            cost = run.layout.work * lanes[0][1] * steps
            run.workers.map(whole, range(len(lanes)), cost)
        else:
            _run_together(shower, lanes, steps, made, records)
    finally:
        # Also of a run that is stopped: weights must not lack what waits for them.
        for k, (lane, _) in enumerate(lanes):
            run_list(made.leave, arena, lane, shower.span(k))
            run.clocks[number, k] = shower.span(k)[CLOCK]
    for k, (lane, _) in enumerate(lanes):
        run_list(made.check, arena, lane, shower.span(k))
    shower.check()


def _enter(shower, k, steps):
    span = shower.span(k)
    span[DONE], span[TOTAL] = 0, steps
    span[CLOCK] = shower.run.clocks[shower.number, k]


def _run_alone(shower, k, lane, made, learning, records):
    """One lane that holds all samples, or does not learn."""
    run, span, arena = shower.run, shower.span(k), shower.run.arenas[shower.number]
    recorder = shower.recorder
    pace = run.pace(shower.number, made)

    def piece(most):
        block = run.layout.block if learning else most
        run_blocks(
            made.lane, made.moves, records, arena, lane, span, block, most, CHECK_EVERY
        )
        recorder.collect(k)

    while span[DONE] < span[TOTAL] and not span[STATUS]:
        pace.timed(piece, recorder.most)
        run.workers.check()


def _run_together(shower, lanes, steps, made, records):
    """Lanes that share the weights they move: they wait for each other every block."""
    run, arena = shower.run, shower.run.arenas[shower.number]
    predict, _ = made.moves
    parts = made.parts
    spans = [shower.span(k) for k in range(len(lanes))]
    block, done = run.layout.block, 0
    cost = run.layout.work * lanes[0][1]
    while done < steps:
        length = min(block, steps - done)
        spans[0][BLOCK] = length
        run_list(predict, arena, lanes[0][0], spans[0])

        def work(k, length=length):
            advance(
                made.lane, records, arena, lanes[k][0], spans[k], length, CHECK_EVERY
            )
            shower.recorder.collect(k)

        run.workers.map(work, range(len(lanes)), cost * length)
        if any(span[STATUS] for span in spans):
            return

        def move(k):
            part, rows = parts[k]
            shower.add_gradients(lanes, part)
            run_list(rows, arena, lanes[0][0], spans[0])

        run.workers.map(move, range(len(parts)), run.layout.work)
        run_list(made.last, arena, lanes[0][0], spans[0])
        done += length
        run.workers.check()


def run_jumped(shower, lanes, steps, moving, switch, window, records):
    """So many steps of one presentation, in jumps along fixed points."""
    run, arena = shower.run, shower.run.arenas[shower.number]
    ((lane, _),) = lanes
    span, made = shower.span(0), run.programs.jumps(moving, switch.held, window)
    _enter(shower, 0, steps)
    run_list(made.enter, arena, lane, span)
    block = max(-(-steps // run.jumps) if moving else steps, 1)
    limits = TOLERANCE[run.layout.dtype], MOST_SWEEPS
    pace = run.pace(shower.number, made)

    def piece(most):
        return run_jumps(
            made.sweeps, made.lists, records, arena, lane, span, block, most, limits
        )

    while span[DONE] < steps and not span[STATUS]:
        if pace.timed(piece):
            raise NumericalError(
                f"circuit {run.circuit.name!r}: the cells found no fixed point within "
                f"{MOST_SWEEPS} sweeps (weights or slopes too large for one to be "
                "reached). Use the integrator 'exact' or 'blocked', or smaller weights."
            )
        run.workers.check()
    run.clocks[shower.number, 0] = span[CLOCK]
    run_list(made.check, arena, lane, span)
    shower.check()
