"""Shortcuts: weights that are followed, and updates fused with products.

A constant input X is *followed*: W X and D X are advanced without touching W, and the
weights are brought up to date at the end of a stretch. Its place in the lane holds four
blocks (samples, n_post), W X, D X, the sum of the factors and their sum decayed like
the filter, and X X^T. An update of one sample at every step is *fused* with the next
product: both are one pass over the weights.
"""

from circuits.engine.operations.kinds import operation
from circuits.engine.operations.plasticity import filter_gain, share_of
from circuits.engine.span import DONE
from dendrites.compile.calls import add_product, at, cast, real
from dendrites.compile.rows import BLOCK_STEP, SAMPLES

SINGLE = "n_pre n_post w<weights w<filter <signal rate ~unit ~decay after <factor"
MOVED = SINGLE.replace("w<", "w=")


@operation(f"{SINGLE} >followed", "begin with {followed}")
def follow(weights, lane, row, span):
    """Begin to follow."""
    n_pre, n, m = row[1], row[2], span[SAMPLES]
    x, wx = at(lane, row[5]), at(lane, row[11])
    dx, gram = at(wx, m * n), at(wx, 4 * m * n)
    for i in range(4 * m * n):
        wx[i] = 0
    for b in range(m):
        for c in range(m):
            total = cast(lane, 0.0)
            for p in range(n_pre):
                total += x[b * n_pre + p] * x[c * n_pre + p]
            gram[b * m + c] = total
    if m > 1:
        one, zero = cast(lane, 1.0), cast(lane, 0.0)
        add_product(False, m, n, n_pre, one, x, at(weights, row[3]), zero, wx)
        add_product(False, m, n, n_pre, one, x, at(weights, row[4]), zero, dx)
        return
    for p in range(n_pre):
        xp = x[p]
        w, filtered = at(weights, row[3] + p * n), at(weights, row[4] + p * n)
        for i in range(n):
            wx[i] += xp * w[i]
            dx[i] += xp * filtered[i]


@operation("n <followed =target first", "add {followed} to {target}")
def add_followed(weights, lane, row, span):
    """W X as it is now, written or added to a field."""
    wx, out = at(lane, row[2]), at(lane, row[3])
    if row[4]:
        for i in range(row[1] * span[SAMPLES]):
            out[i] = wx[i]
    else:
        for i in range(row[1] * span[SAMPLES]):
            out[i] += wx[i]


@operation(f"{SINGLE} =followed mean", "advance {followed} by {factor}")
def advance_followed(weights, lane, row, span):
    """W X and D X after one step, exactly: X X^T times the factors enters D X."""
    m = span[SAMPLES]
    n = row[2] * m
    wx, factor = at(lane, row[11]), at(lane, row[10] + span[BLOCK_STEP] * n)
    dx, total, decayed, gram = at(wx, n), at(wx, 2 * n), at(wx, 3 * n), at(wx, 4 * n)
    a, h = cast(lane, real(row, 8)), cast(lane, real(span, row[6]) * real(row, 7))
    share = cast(lane, (1 - real(row, 8)) * share_of(span, row[12]))
    # One loop each: a loop that writes four arrays is not vectorised.
    if row[9] == 0:
        for i in range(n):
            wx[i] += h * dx[i]
    if m > 1:
        add_product(False, m, row[2], m, share, gram, factor, a, dx)
    else:
        taken = share * gram[0]
        for i in range(n):
            dx[i] = a * dx[i] + taken * factor[i]
    if row[9]:
        for i in range(n):
            wx[i] += h * dx[i]
    for i in range(n):
        total[i] += factor[i]
    for i in range(n):
        decayed[i] = a * decayed[i] + factor[i]


@operation(f"{MOVED} <followed mean >sums", "set {weights} from {followed}")
def finish_followed(weights, lane, row, span):
    """Bring weights and filter of a followed projection up to date."""
    n_pre, n, m, x = row[1], row[2], span[SAMPLES], at(lane, row[5])
    total = at(lane, row[11] + 2 * m * n)
    decayed = at(total, m * n)
    a, h = real(row, 8), real(span, row[6]) * real(row, 7)
    share = share_of(span, row[12])
    c, moved = cast(lane, filter_gain(a, row[9], h)), cast(lane, h * share)
    kept, taken = cast(lane, a ** span[DONE]), cast(lane, (1 - a) * share)
    w, filtered, sums = at(weights, row[3]), at(weights, row[4]), at(lane, row[13])
    if m > 1:
        one, zero = cast(lane, 1.0), cast(lane, 0.0)
        add_product(True, n_pre, n, m, moved, x, total, one, w)
        add_product(True, n_pre, n, m, one, x, decayed, zero, sums)
        for k in range(n_pre * n):
            old = filtered[k]
            new = kept * old + taken * sums[k]
            filtered[k] = new
            w[k] += c * (old - new)
        return
    for p in range(n_pre):
        xp, first = x[p], p * n
        for i in range(n):
            old = filtered[first + i]
            new = kept * old + taken * (xp * decayed[i])
            filtered[first + i] = new
            w[first + i] += c * (old - new) + moved * (xp * total[i])


@operation(
    f"{MOVED} =past =target first finish",
    "update {weights} and add it times {signal} to {target}",
)
def fused_product(weights, lane, row, span):
    """The update of the step before, and the product of this one: one pass over W.

    `past` keeps the signals the update belongs to. At the end of a span (`finish`)
    there is an update left and no product.
    """
    n_pre, n, finish = row[1], row[2], row[14]
    a, h = cast(lane, real(row, 8)), cast(lane, real(span, row[6]) * real(row, 7))
    share, zero = cast(lane, 1 - real(row, 8)), cast(lane, 0.0)
    now, past, factor = at(lane, row[5]), at(lane, row[11]), at(lane, row[10])
    out = at(lane, row[12])
    if row[13]:
        for i in range(n):
            out[i] = 0
    for p in range(n_pre):
        taken = share * past[p]
        xp = zero if finish else now[p]
        past[p] = xp
        w, filtered = at(weights, row[3] + p * n), at(weights, row[4] + p * n)
        if span[DONE] == 0:
            for i in range(n):
                out[i] += xp * w[i]
        elif row[9]:
            for i in range(n):
                new = a * filtered[i] + taken * factor[i]
                filtered[i] = new
                weight = w[i] + h * new
                w[i] = weight
                out[i] += xp * weight
        else:
            for i in range(n):
                old = filtered[i]
                filtered[i] = a * old + taken * factor[i]
                weight = w[i] + h * old
                w[i] = weight
                out[i] += xp * weight
