"""Lists that are run several times: sweeps until nothing moves, repeated steps."""

import numpy as np

from circuits.engine.operations.kinds import WIDTH, Kind, operation
from circuits.engine.span import MOVED, NOT_RELAXED, STATUS, STEP, SWEEPS
from dendrites.compile.calls import (
    at,
    bits_of,
    call_operation,
    cast,
    integers,
    real,
)
from dendrites.compile.jit import inlined_kernel
from dendrites.compile.rows import DT, SAMPLES


def _made():
    raise AssertionError("a mark is no operation that runs")


# Where the list begins that is run once, and that of all further times. They end with
# the operation that runs them.
FIRST, AGAIN = Kind("first", {}, "once", _made), Kind("again", {}, "again", _made)


@operation(
    "first n_first again n_again worst n_worst times ~step ~allowed >sweeps =total "
    "=moves",
    "{times} times",
)
def repeat(weights, lane, row, span):
    """Run `first`, then `again`, `times` times in all, in steps of `step` ms if > 0.

    Where `allowed` is > 0, samples stop that have not moved farther in a sweep, and all
    ends when every one has. `worst` says of which one that is most untrue.
    """
    usual, allowed, done = span[DT], real(row, 9), 0
    left = span[SAMPLES]
    sweeps, total, moves = at(lane, row[10]), at(lane, row[11]), at(lane, row[12])
    if real(row, 8) > 0:
        span[DT] = row[8]
    if allowed > 0:
        for b in range(left):
            sweeps[b] = 0
            moves[b] = 0
    while done < row[7] and left > 0:
        if done == 0:
            run_operations(row[1], row[2], weights, lane, span)
        else:
            run_operations(row[3], row[4], weights, lane, span)
        done += 1
        if allowed > 0:
            left = 0
            for b in range(span[SAMPLES]):
                if sweeps[b] == 0:
                    if moves[b] <= allowed:
                        sweeps[b] = done
                    else:
                        left += 1
                moves[b] = 0
    span[DT] = usual
    if allowed <= 0:
        return
    for b in range(span[SAMPLES]):
        total[b] += sweeps[b]
    if left > 0 and span[STATUS] == 0:
        span[MOVED], span[SWEEPS] = bits_of(-1.0), done
        run_operations(row[5], row[6], weights, lane, span)


@inlined_kernel
def run_operations(place, n, weights, lane, span):
    """Run the n operations whose rows begin at an address."""
    rows = integers(place)
    for k in range(n):
        row = at(rows, k * WIDTH)
        call_operation(row[0], weights, lane, row, span)


@operation(
    "n variables =state <start stride <sweeps =moves", "largest moves of {state}"
)
def find_moves(weights, lane, row, span):
    """The largest change of every sample in a sweep; one that has stopped stays."""
    n, stride = row[1], row[5]
    sweeps, moves = at(lane, row[6]), at(lane, row[7])
    for b in range(span[SAMPLES]):
        for v in range(row[2]):
            state = at(lane, row[3] + v * stride + b * n)
            start = at(lane, row[4] + v * stride + b * n)
            if sweeps[b] != 0:
                for i in range(n):
                    state[i] = start[i]
            else:
                largest = moves[b]
                for i in range(n):
                    largest = larger(lane, largest, state[i] - start[i])
                moves[b] = largest


@inlined_kernel
def larger(lane, largest, move):
    """The larger size of a move, infinite for one that is no number."""
    size = abs(move)
    if not size <= largest:
        return size if size > largest else cast(lane, np.inf)
    return largest


@operation(
    "n variables <state <start stride <sweeps population phase ~step",
    "find what moves most of {state}",
)
def find_worst(weights, lane, row, span):
    """Write into the status what moved most of all that has not stopped.

    What is not finite is left to the check of states.
    """
    n, stride, sweeps = row[1], row[5], at(lane, row[6])
    for b in range(span[SAMPLES]):
        for v in range(row[2]):
            state = at(lane, row[3] + v * stride + b * n)
            start = at(lane, row[4] + v * stride + b * n)
            for i in range(n):
                rate = abs(state[i] - start[i]) / real(row, 9)
                if sweeps[b] != 0 or rate <= real(span, MOVED):
                    continue
                if not rate < np.inf:
                    span[STATUS], span[MOVED] = 0, bits_of(np.inf)
                    return
                span[STATUS], span[STATUS + 1] = NOT_RELAXED, row[8]
                span[STATUS + 2], span[STATUS + 3] = row[7], v
                span[STATUS + 4], span[STATUS + 5] = b, i
                span[MOVED] = bits_of(rate)


@operation("", "count a step")
def count_step(weights, lane, row, span):
    """The next random numbers are those of the next step."""
    span[STEP] += 1


@operation("total =target by", "divide {target} by {by}")
def divide(weights, lane, row, span):
    """A mean of a sum over so many moments, whatever the samples."""
    out, by = at(lane, row[2]), cast(lane, row[3])
    for i in range(row[1]):
        out[i] /= by
