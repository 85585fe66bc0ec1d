"""Weights that follow others: transposed, through a function, times numbers, noisy.

Those of a function are a loop that is generated (`dendrites.compile.tie_loop`).
"""

from circuits.engine.operations.kinds import operation
from circuits.engine.span import PRESENTATION, REPLICA
from dendrites.compile.calls import at, cast, integers, real
from dendrites.random import fill_uniform, normal


@operation(
    "n_pre n_post w<source w>target ~factor",
    "{target} from {source}, transposed",
)
def transpose(weights, lane, row, span):
    """Weights (n_pre, n_post) from `factor` times those of (n_post, n_pre)."""
    n_pre, n_post, factor = row[1], row[2], cast(lane, real(row, 5))
    w, out = at(weights, row[3]), at(weights, row[4])
    for p in range(n_pre):
        for q in range(n_post):
            out[p * n_post + q] = factor * w[q * n_pre + p]


@operation("n w<source w>target ~factor", "{target} from {source}")
def scale(weights, lane, row, span):
    """Weights from `factor` times those that lie in the same order."""
    factor = cast(lane, real(row, 4))
    w, out = at(weights, row[2]), at(weights, row[3])
    for k in range(row[1]):
        out[k] = factor * w[k]


@operation("n w<source w>target ~factor order", "{target} from {source}, transposed")
def gather(weights, lane, row, span):
    """Sparse weights from `factor` times others, in the order at an address."""
    factor, order = cast(lane, real(row, 4)), integers(row[5])
    w, out = at(weights, row[2]), at(weights, row[3])
    for k in range(row[1]):
        out[k] = factor * w[order[k]]


@operation("n w<times w=target", "multiply {target} by {times}")
def multiply(weights, lane, row, span):
    """Multiply by numbers of their own."""
    times, out = at(weights, row[2]), at(weights, row[3])
    for k in range(row[1]):
        out[k] *= times[k]


@operation("n w<noise w=target", "add {noise} to {target}")
def add_noise(weights, lane, row, span):
    """Add what `draw_noise` left."""
    noise, out = at(weights, row[2]), at(weights, row[3])
    for k in range(row[1]):
        out[k] += noise[k]


@operation("n w>noise ~size key0 key1", "draw {noise}")
def draw_noise(weights, lane, row, span):
    """The noise of tied weights, drawn anew for a presentation.

    Its stream is named by the weights followed, so that those tied to the same ones
    have the same noise.
    """
    out, size, replica = at(weights, row[2]), real(row, 3), span[REPLICA]
    for k in range(row[1]):
        z = normal(row[4], row[5], replica, span[PRESENTATION], 0, k)
        out[k] = cast(lane, size * z)


@operation("n w>times ~low ~high key0 key1", "draw {times}")
def draw_times(weights, lane, row, span):
    """What tied weights are multiplied by, drawn anew for a presentation."""
    n, out, key0, key1 = row[1], at(weights, row[2]), row[5], row[6]
    low, width = cast(lane, real(row, 3)), cast(lane, real(row, 4) - real(row, 3))
    replica, shown = span[REPLICA], span[PRESENTATION]
    fill_uniform(out, n, cast(lane, 1.0), key0, key1, replica, shown, 0, 0)
    for k in range(n):
        out[k] = low + width * out[k]
