"""Weights moved by a modulator of the postsynaptic cell times a filtered update.

The filter is the eligibility trace of one sample, and every step is a block.
"""

from circuits.engine.operations.kinds import operation
from dendrites.compile.calls import at, cast, real, short_integers


@operation("n <sums w=filter ~decay", "filter {sums} into {filter}")
def filter_sums(weights, lane, row, span):
    """D' = a D + (1 - a) G."""
    a = real(row, 4)
    old, new = cast(lane, a), cast(lane, 1 - a)
    gradient, filtered = at(lane, row[2]), at(weights, row[3])
    for k in range(row[1]):
        filtered[k] = old * filtered[k] + new * gradient[k]


@operation(
    "n w=weights rate ~unit ~weight_decay w<filter <modulator n_pre n_post paired "
    "index",
    "move {weights} by {modulator} times {filter}",
)
def move_modulated(weights, lane, row, span):
    """W' = keep W + h M D: weights (n_pre, n_post), paired, or of a pattern."""
    keep = cast(lane, 1 - real(row, 5) * real(row, 4))
    h = cast(lane, real(span, row[3]) * real(row, 4))
    w, filtered, factor = at(weights, row[2]), at(weights, row[6]), at(lane, row[7])
    n_pre, n_post = row[8], row[9]
    if row[10]:
        for i in range(n_post):
            w[i] = keep * w[i] + h * factor[i] * filtered[i]
        return
    if row[11]:
        targets = at(short_integers(row[11]), n_pre + 1)
        for k in range(row[1]):
            w[k] = keep * w[k] + h * factor[targets[k]] * filtered[k]
        return
    for p in range(n_pre):
        moved, by = at(w, p * n_post), at(filtered, p * n_post)
        for i in range(n_post):
            moved[i] = keep * moved[i] + h * factor[i] * by[i]


@operation(
    "n_pre n_post <signal <factor w=weights rate ~unit ~weight_decay w=filter ~decay "
    "after <modulator",
    "{factor} times {signal} into {filter}, and move {weights} by {modulator} times it",
)
def modulated_outer(weights, lane, row, span):
    """Both at once, of all pairs of cells."""
    n_pre, n_post, a = row[1], row[2], real(row, 10)
    keep = cast(lane, 1 - real(row, 8) * real(row, 7))
    h = cast(lane, real(span, row[6]) * real(row, 7))
    old, new = cast(lane, a), cast(lane, 1 - a)
    signal, factor, modulator = at(lane, row[3]), at(lane, row[4]), at(lane, row[12])
    w, filtered = at(weights, row[5]), at(weights, row[9])
    for p in range(n_pre):
        moved, trace, xp = at(w, p * n_post), at(filtered, p * n_post), signal[p]
        if row[11]:
            for i in range(n_post):
                trace[i] = old * trace[i] + new * (xp * factor[i])
                moved[i] = keep * moved[i] + h * modulator[i] * trace[i]
        else:
            for i in range(n_post):
                moved[i] = keep * moved[i] + h * modulator[i] * trace[i]
                trace[i] = old * trace[i] + new * (xp * factor[i])
