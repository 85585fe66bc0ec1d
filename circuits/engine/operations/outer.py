"""Sums of factor times signal over samples and steps: what moves weights.

Sums lie in the lane, so that lanes can share the weights of a replica. `by_step` is 1
where signal and factor have a slot for every step of a block. `first` is 1 where a sum
begins, and 0 where it is added to that of another term of the rule.
"""

from circuits.engine.operations.kinds import operation
from circuits.engine.operations.plasticity import check_row, share_of
from circuits.engine.span import BLOCK, STATUS
from dendrites.compile.calls import add_product, at, cast, real, short_integers
from dendrites.compile.jit import inlined_kernel
from dendrites.compile.rows import SAMPLES

# From so many multiply-adds on, and from 4 rows, BLAS beats plain loops (measured for
# 784 to 500 cells: 1.8 times for 4 rows and 3.4 times for 100 in float64).
SMALL_OUTER = 5_000
# ... unless there are fewer presynaptic cells.
FEW_CELLS = 16
OUTER = "n_pre n_post <signal <factor =sums by_step first"
CHECKED = "move {weights} by {factor} times {signal} and check them"
SUM = "sum {factor} times {signal} into {sums}"
DIRECT = "n_pre n_post <signal <factor mean"
DIRECTLY = f"{DIRECT} w=weights rate ~unit ~weight_decay"


@inlined_kernel
def rows_of(row, span):
    """How many pairs of signal and factor there are."""
    return span[SAMPLES] * (span[BLOCK] if row[6] else 1)


@operation(OUTER, SUM)
def dense_outer(weights, lane, row, span):
    """All pairs of cells: X^T E."""
    n_pre, n, rows = row[1], row[2], rows_of(row, span)
    signals, factors, out = at(lane, row[3]), at(lane, row[4]), at(lane, row[5])
    if rows > 3 and n_pre >= FEW_CELLS and rows * n_pre * n >= SMALL_OUTER:
        one, beta = cast(lane, 1.0), cast(lane, 0.0 if row[7] else 1.0)
        add_product(True, n_pre, n, rows, one, signals, factors, beta, out)
        return
    if row[7]:
        for k in range(n_pre * n):
            out[k] = 0
    for s in range(rows):
        signal, factor = at(signals, s * n_pre), at(factors, s * n)
        for p in range(n_pre):
            xp, total = signal[p], at(out, p * n)
            for i in range(n):
                total[i] += xp * factor[i]


@operation(OUTER, SUM)
def pairs_outer(weights, lane, row, span):
    """Cell i of one side with cell i of the other."""
    n, out, zero = row[2], at(lane, row[5]), cast(lane, 0.0)
    for s in range(rows_of(row, span)):
        signal, factor = at(lane, row[3] + s * n), at(lane, row[4] + s * n)
        if s == 0 and row[7]:
            for i in range(n):
                out[i] = zero + signal[i] * factor[i]
        else:
            for i in range(n):
                out[i] += signal[i] * factor[i]


@operation(f"{OUTER} index", SUM)
def sparse_outer(weights, lane, row, span):
    """The synapses of a pattern: row starts and targets lie at address `index`."""
    n_pre, n_post, rows = row[1], row[2], rows_of(row, span)
    signals, factors, out = at(lane, row[3]), at(lane, row[4]), at(lane, row[5])
    starts = short_integers(row[8])
    targets = at(starts, n_pre + 1)
    for p in range(n_pre):
        for k in range(starts[p], starts[p + 1]):
            i = targets[k]
            total = cast(lane, 0.0) if row[7] else out[k]
            for s in range(rows):
                total += signals[s * n_pre + p] * factors[s * n_post + i]
            out[k] = total


@operation("n <source =sums first", "{source} into {sums}")
def add_products(weights, lane, row, span):
    """Averaged products, already summed over samples."""
    products, out = at(lane, row[2]), at(lane, row[3])
    if row[4]:
        for k in range(row[1]):
            out[k] = products[k]
    else:
        for k in range(row[1]):
            out[k] += products[k]


@operation(DIRECTLY, "move {weights} by {factor} times {signal}")
def add_outer(weights, lane, row, span):
    """W' = keep W + h X^T E of all samples, in one pass over the weights."""
    n_pre, n, rows = row[1], row[2], span[SAMPLES]
    scale, keep = moved_by(lane, row, span)
    signals, factors, w = at(lane, row[3]), at(lane, row[4]), at(weights, row[6])
    if rows > 1 and n_pre >= FEW_CELLS:
        add_product(True, n_pre, n, rows, scale, signals, factors, keep, w)
        return
    for p in range(n_pre):
        moved, first = at(w, p * n), 0
        if keep != 1:
            xp, factor, first = scale * signals[p], at(factors, 0), 1
            for i in range(n):
                moved[i] = keep * moved[i] + xp * factor[i]
        for b in range(first, rows):
            xp, factor = scale * signals[b * n_pre + p], at(factors, b * n)
            if xp == 0:
                continue
            for i in range(n):
                moved[i] += xp * factor[i]


@operation(f"{DIRECTLY} ~limit projection", CHECKED)
def add_outer_checked(weights, lane, row, span):
    """The same of one sample, where weights are looked at while they are at hand."""
    n_pre, n, limit = row[1], row[2], cast(lane, real(row, 10))
    scale, keep = moved_by(lane, row, span)
    signals, factor, w = at(lane, row[3]), at(lane, row[4]), at(weights, row[6])
    for p in range(n_pre):
        xp, moved, wrong = scale * signals[p], at(w, p * n), False
        if keep != 1:
            for i in range(n):
                new = keep * moved[i] + xp * factor[i]
                moved[i] = new
                wrong = wrong | (not abs(new) < limit)
        elif xp != 0:
            for i in range(n):
                new = moved[i] + xp * factor[i]
                moved[i] = new
                wrong = wrong | (not abs(new) < limit)
        if wrong and span[STATUS] == 0:
            check_row(moved, n, p * n, limit, row[11], span)


@inlined_kernel
def moved_by(lane, row, span):
    """What products are multiplied by, and the weights themselves."""
    h = real(span, row[7]) * real(row, 8)
    keep = cast(lane, 1 - real(row, 9) * real(row, 8))
    return cast(lane, h * share_of(span, row[5])), keep


@operation(f"{DIRECT} w=filter ~decay", "{factor} times {signal} into {filter}")
def filter_outer(weights, lane, row, span):
    """The filter of one step at once: D' = a D + (1 - a) X^T E, of many samples."""
    a = real(row, 7)
    taken = cast(lane, (1 - a) * share_of(span, row[5]))
    signals, factors, filtered = at(lane, row[3]), at(lane, row[4]), at(weights, row[6])
    add_product(
        True,
        row[1],
        row[2],
        span[SAMPLES],
        taken,
        signals,
        factors,
        cast(lane, a),
        filtered,
    )


@operation(
    "n w=weights w<filter rate ~unit ~weight_decay", "move {weights} by {filter}"
)
def follow_filter(weights, lane, row, span):
    """W' = keep W + h D."""
    keep = cast(lane, 1 - real(row, 6) * real(row, 5))
    h = cast(lane, real(span, row[4]) * real(row, 5))
    w, filtered = at(weights, row[2]), at(weights, row[3])
    for k in range(row[1]):
        w[k] = keep * w[k] + h * filtered[k]
