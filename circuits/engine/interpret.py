"""The interpreter: it works through lists of operations, and knows none of them.

A list is an int64 array with one row per operation; its first column is the address of
the compiled function. What is told here is only how often a list is run, and when to
come back: after a number of steps, so that Python can be interrupted, or when an
operation has written a status.
"""

from circuits.engine.span import (
    BLOCK,
    CLOCK,
    DONE,
    MOVED,
    PATTERN,
    PRESENTATION,
    STATUS,
    STEP,
    TOTAL,
)
from dendrites.compile.calls import at, call_operation, cast, real
from dendrites.compile.jit import inner_kernel, kernel
from dendrites.compile.rows import BLOCK_STEP, SAMPLES


@inner_kernel
def run_rows(rows, first, last, weights, lane, span):
    """Work through the rows from `first` to `last`, without it."""
    for k in range(first, last):
        row = at(rows, k * rows.shape[1])
        call_operation(row[0], at(weights, 0), at(lane, 0), row, at(span, 0))


@kernel
def run_list(rows, weights, lane, span):
    """Work through one list."""
    run_rows(rows, 0, len(rows), weights, lane, span)


@inner_kernel
def keep_records(records, weights, lane, span):
    """Work through the groups of rows that record the step which has just ended."""
    rows, groups = records
    for k in range(len(groups)):
        if span[STEP] % groups[k, 0] == 0:
            run_rows(rows, groups[k, 1], groups[k, 2], weights, lane, span)


@inner_kernel
def run_steps(lists, records, weights, lane, span, steps, check_every):
    """Steps of one block: its beginning, every step, the sums it leaves.

    Returns whether a status was written.
    """
    begin, step, collect, check = lists
    run_rows(begin, 0, len(begin), weights, lane, span)
    for s in range(steps):
        span[BLOCK_STEP] = s
        run_rows(step, 0, len(step), weights, lane, span)
        span[STEP] += 1
        span[CLOCK] += 1
        span[DONE] += 1
        keep_records(records, weights, lane, span)
        if span[STEP] % check_every == 0:
            run_rows(check, 0, len(check), weights, lane, span)
            if span[STATUS] != 0:
                return True
    run_rows(collect, 0, len(collect), weights, lane, span)
    span[BLOCK_STEP] = 0
    return False


@kernel
def advance(lists, records, weights, lane, span, steps, check_every):
    """One block in one of several lanes: state and sums, but not the weights."""
    span[BLOCK] = steps
    run_steps(lists, records, weights, lane, span, steps, check_every)


@kernel
def run_blocks(lists, moves, records, weights, lane, span, block, most, check_every):
    """Blocks of the one lane of a replica, until `most` steps were made or all.

    `moves` are the lists before and after a block that work on the weights.
    """
    predict, move = moves
    made = 0
    while span[DONE] < span[TOTAL] and made < most:
        steps = min(block, span[TOTAL] - span[DONE])
        span[BLOCK] = steps
        run_rows(predict, 0, len(predict), weights, lane, span)
        if run_steps(lists, records, weights, lane, span, steps, check_every):
            return
        run_rows(move, 0, len(move), weights, lane, span)
        made += steps


@kernel
def run_whole(
    rows, bounds, steps, blocks, windows, records, weights, lane, span, check_every
):
    """All stretches and the end of a presentation with time, in one lane.

    List k lies in `rows` from `bounds[k]` to `bounds[k + 1]`: for every stretch those
    of `whole.STRETCH`, and then those of the end. `windows` are first and last place of
    what is averaged, and over how many steps.
    """
    most, k = 1 << 40, 0
    for s in range(len(steps)):
        run_list(rows[bounds[k] : bounds[k + 1]], weights, lane, span)
        span[DONE], span[TOTAL] = 0, steps[s]
        run_list(rows[bounds[k + 1] : bounds[k + 2]], weights, lane, span)
        lists = (
            rows[bounds[k + 2] : bounds[k + 3]],
            rows[bounds[k + 3] : bounds[k + 4]],
            rows[bounds[k + 4] : bounds[k + 5]],
            rows[bounds[k + 5] : bounds[k + 6]],
        )
        moves = (
            rows[bounds[k + 6] : bounds[k + 7]],
            rows[bounds[k + 7] : bounds[k + 8]],
        )
        block = blocks[s]
        run_blocks(lists, moves, records, weights, lane, span, block, most, check_every)
        run_list(rows[bounds[k + 8] : bounds[k + 9]], weights, lane, span)
        run_list(rows[bounds[k + 9] : bounds[k + 10]], weights, lane, span)
        if span[STATUS] != 0:
            return
        k += 10
    for v in range(len(windows)):
        count, values = cast(at(lane, 0), windows[v, 2]), at(lane, windows[v, 0])
        for i in range(windows[v, 1] - windows[v, 0]):
            values[i] /= count
    if bounds[k] == len(rows):
        return
    span[BLOCK] = 1
    span[PRESENTATION] += 1
    run_list(rows[bounds[k] :], weights, lane, span)


@kernel
def run_presentations(shown, end, check, weights, lane, span, count, check_every):
    """Presentations that take no time, one batch after the other."""
    for b in range(count):
        span[STEP] = 0
        run_rows(shown, 0, len(shown), weights, lane, span)
        if span[STATUS] != 0:
            return
        span[PRESENTATION] += 1
        run_rows(end, 0, len(end), weights, lane, span)
        span[PATTERN] += span[SAMPLES]
        if (b + 1) % check_every == 0 or b + 1 == count:
            run_rows(check, 0, len(check), weights, lane, span)
            if span[STATUS] != 0:
                return


@inner_kernel
def relax(first, again, weights, lane, span, tolerance, most):
    """Sweeps until nothing moves by more than `tolerance`. Returns how many."""
    run_rows(first, 0, len(first), weights, lane, span)
    for sweep in range(most):
        run_rows(again, 0, len(again), weights, lane, span)
        if real(at(span, 0), MOVED) <= tolerance:
            return sweep + 2
    return most + 2


@kernel
def run_jumps(sweeps, lists, records, weights, lane, span, block, most, limits):
    """Jumps of `block` steps, until `most` were made or all.

    In each the cells settle on weights predicted for its middle, first by the filters
    alone and then with the sums found there, so that the drift of the weights within a
    jump enters in second order. `limits` are tolerance and most sweeps of a fixed
    point. Returns 1 if none was found.
    """
    first, again = sweeps
    predict, gather, correct, average, move, check, residual = lists
    tolerance, most_sweeps = limits
    made = 0
    while span[DONE] < span[TOTAL] and made < most:
        steps = min(block, span[TOTAL] - span[DONE])
        span[BLOCK] = steps
        run_rows(predict, 0, len(predict), weights, lane, span)
        span[BLOCK] = 1
        swept = relax(first, again, weights, lane, span, tolerance, most_sweeps)
        run_rows(gather, 0, len(gather), weights, lane, span)
        if steps > 1 and len(correct) > 0:
            span[BLOCK] = steps
            run_rows(correct, 0, len(correct), weights, lane, span)
            span[BLOCK] = 1
            more = relax(first, again, weights, lane, span, tolerance, most_sweeps)
            swept = max(swept, more)
            run_rows(gather, 0, len(gather), weights, lane, span)
        run_rows(check, 0, len(check), weights, lane, span)
        if span[STATUS] != 0:
            return 0
        if span[DONE] == 0 or swept > most_sweeps + 1:
            run_rows(residual, 0, len(residual), weights, lane, span)
            if span[STATUS] != 0:
                return 0
        if swept > most_sweeps + 1:
            return 1
        span[BLOCK] = steps
        run_rows(average, 0, len(average), weights, lane, span)
        for _ in range(steps):
            span[STEP] += 1
            keep_records(records, weights, lane, span)
        run_rows(move, 0, len(move), weights, lane, span)
        span[CLOCK] += steps
        span[DONE] += steps
        made += 1
    return 0
