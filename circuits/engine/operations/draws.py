"""Random numbers of input fields, and what decides the spikes of cells.

A number is addressed by its place in the whole batch, so that chunks and threads do
not matter. `scale` is what normal numbers are multiplied by: 1 / sqrt(dt) for
white noise.
"""

import numpy as np

from circuits.engine.operations.kinds import operation
from circuits.engine.span import FIRST, PRESENTATION, REPLICA, STEP
from dendrites.compile.calls import at, cast, integers, real
from dendrites.compile.jit import inlined_kernel
from dendrites.compile.rows import SAMPLES
from dendrites.random import fill_uniform, fill_uniform_of, normal, uniform

DRAW = "n >target key0 key1 ~scale"
SHARED = f"{DRAW} streams count largest >drawn"


@inlined_kernel
def below_one(lane):
    """The largest number below 1 that an arena can hold.

    Uniform numbers have 53 bits: in single precision some would be rounded to 1.
    """
    one = cast(lane, 1.0)
    return np.nextafter(one, cast(lane, 0.0))


@operation(DRAW, "draw {target}")
def draw_normal(weights, lane, row, span):
    """A normal number for every cell and sample."""
    n, out, scale = row[1], at(lane, row[2]), real(row, 5)
    key0, key1, replica, shown = row[3], row[4], span[REPLICA], span[PRESENTATION]
    step, first = span[STEP], span[FIRST] * n
    for i in range(n * span[SAMPLES]):
        z = normal(key0, key1, replica, shown, step, first + i)
        out[i] = cast(lane, scale * z)


@operation(DRAW, "draw {target}")
def draw_uniform(weights, lane, row, span):
    """A uniform number in [0, 1) for every cell and sample."""
    n, out = row[1], at(lane, row[2])
    fill_uniform(
        out,
        n * span[SAMPLES],
        below_one(lane),
        row[3],
        row[4],
        span[REPLICA],
        span[PRESENTATION],
        span[STEP],
        span[FIRST] * n,
    )


@inlined_kernel
def hand_out(drawn, own, n, out):
    """Give every cell the number of its own stream."""
    for i in range(n):
        out[i] = drawn[own[i]]


@operation("n <possible >listed >target", "list those of {target}")
def list_possible(weights, lane, row, span):
    """How many cells may fire, and which; no others are ever decided to."""
    possible, listed, out = at(lane, row[2]), at(lane, row[3]), at(lane, row[4])
    count = row[1] * 0
    for i in range(row[1] * span[SAMPLES]):
        if possible[i] != 0:
            listed[1 + count] = i
            count += 1
        out[i] = 0
    listed[0] = count


@operation("n >target key0 key1 <listed >drawn", "draw {target} where listed")
def draw_listed(weights, lane, row, span):
    """A uniform number in [0, 1) for every cell and sample that is listed."""
    out, listed, drawn = at(lane, row[2]), at(lane, row[5]), at(lane, row[6])
    count, places = np.int64(listed[0]), at(listed, 1)
    fill_uniform_of(
        drawn,
        places,
        count,
        below_one(lane),
        row[3],
        row[4],
        span[REPLICA],
        span[PRESENTATION],
        span[STEP],
        span[FIRST] * row[1],
    )
    for e in range(count):
        out[np.int64(places[e])] = drawn[e]


@operation(SHARED, "draw {target}")
def draw_shared_normal(weights, lane, row, span):
    """Normal numbers of cells that share streams.

    Address `streams` holds the numbers of `count` streams and then, for every cell,
    which of them is its own; `largest` is one more than the largest of the numbers.
    """
    n, count, scale = row[1], row[7], real(row, 5)
    key0, key1, replica, shown = row[3], row[4], span[REPLICA], span[PRESENTATION]
    streams, drawn = integers(row[6]), at(lane, row[9])
    own = at(streams, count)
    for b in range(span[SAMPLES]):
        first = (span[FIRST] + b) * row[8]
        for i in range(count):
            z = normal(key0, key1, replica, shown, span[STEP], first + streams[i])
            drawn[i] = cast(lane, scale * z)
        hand_out(drawn, own, n, at(lane, row[2] + b * n))


@operation(SHARED, "draw {target}")
def draw_shared_uniform(weights, lane, row, span):
    """The same with uniform numbers."""
    n, count, top = row[1], row[7], below_one(lane)
    key0, key1, replica, shown = row[3], row[4], span[REPLICA], span[PRESENTATION]
    streams, drawn = integers(row[6]), at(lane, row[9])
    own = at(streams, count)
    for b in range(span[SAMPLES]):
        first = (span[FIRST] + b) * row[8]
        for i in range(count):
            u = uniform(key0, key1, replica, shown, span[STEP], first + streams[i])
            drawn[i] = min(cast(lane, u), top)
        hand_out(drawn, own, n, at(lane, row[2] + b * n))


@operation("n >target given", "force {target}")
def force_spikes(weights, lane, row, span):
    """Decide the spikes of cells whose train is given; `given` says its address.

    There lie, for each step and one more, where its spikes begin, and then the places
    of the cells that fire.
    """
    decided, events = at(lane, row[2]), integers(span[row[3]])
    for i in range(row[1] * span[SAMPLES]):
        decided[i] = -1
    for e in range(events[span[STEP]], events[span[STEP] + 1]):
        decided[events[e]] -= 1


@operation("n =target given >listed", "force {target} and list them")
def force_listed(weights, lane, row, span):
    """The same of cells whose spikes a step decides right after, and which they are.

    What was decided before is the count of a step, which is not below 0.
    """
    decided, events = at(lane, row[2]), integers(span[row[3]])
    listed, count = at(lane, row[4]), row[1] * 0
    for e in range(events[span[STEP]], events[span[STEP] + 1]):
        place = events[e]
        if not decided[place] < 0:
            decided[place] = -1
            listed[1 + count] = place
            count += 1
        decided[place] -= 1
    listed[0] = count
