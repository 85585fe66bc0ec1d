"""How weights move: filtered, decayed, clipped, over blocks of steps.

With D' = a D + eps G_s and W' = W + h D' per step (a + eps = 1), the sum
V = W + c D, c = h a / eps (h / eps where the weight reads the filter before the new
term), moves by h G_s alone. So after a block V is exact for the given factors and
signals, and W = V - c D. Over a block D takes the mean of the products, which keeps
one matrix product per update and is exact for a block of one step.

`rate` says where in the span the learning rate lies, `unit` is dt in ms for rules
that act at every step and 1 for those of a presentation, and `mean` is 1 where the
samples of a batch are averaged.
"""

from circuits.engine.operations.kinds import operation
from circuits.engine.span import BATCH, BLOCK, STATUS, STEP, WEIGHT_LEFT
from dendrites.compile.calls import at, cast, integers, real, short_integers
from dendrites.compile.jit import inlined_kernel
from dendrites.compile.rows import SAMPLES

LEARNING = "n w=weights rate ~unit mean ~weight_decay"
FORESEEN = "n w<weights rate ~unit mean ~weight_decay"


@inlined_kernel
def filter_gain(a, after, h):
    """c in V = W + c D."""
    if a == 0:
        return h * 0
    if after:
        return h * a / (1 - a)
    return h / (1 - a)


@inlined_kernel
def share_of(span, mean):
    """What one sample counts in an update."""
    return 1.0 / span[BATCH] if mean else 1.0


@operation(f"{LEARNING} <sums", "move {weights} by {sums}")
def move(weights, lane, row, span):
    """Weights by the sums of a block: W' = keep W + h G."""
    steps, n, kept = span[BLOCK], row[1], 1 - real(row, 6) * real(row, 4)
    half = kept ** (0.5 * steps - 0.5)
    h = real(span, row[3]) * real(row, 4)
    keep, moved = cast(lane, kept**steps), cast(lane, h * share_of(span, row[5]) * half)
    w, gradient = at(weights, row[2]), at(lane, row[7])
    for k in range(n):
        w[k] = keep * w[k] + moved * gradient[k]


@operation(
    f"{LEARNING} <sums w=filter ~decay after", "move {weights} by filtered {sums}"
)
def move_filtered(weights, lane, row, span):
    """The same through the filter of an update."""
    steps, n, kept = span[BLOCK], row[1], 1 - real(row, 6) * real(row, 4)
    half = kept ** (0.5 * steps - 0.5)
    h, a = real(span, row[3]) * real(row, 4), real(row, 9)
    share = share_of(span, row[5])
    keep = cast(lane, kept**steps)
    c = cast(lane, filter_gain(a, row[10], h) * half)
    moved = cast(lane, h * share * half)
    left = a**steps
    old_share, taken = cast(lane, left), cast(lane, (1 - left) / steps * share)
    w, gradient, filtered = at(weights, row[2]), at(lane, row[7]), at(weights, row[8])
    for k in range(n):
        old = filtered[k]
        new = old_share * old + taken * gradient[k]
        filtered[k] = new
        w[k] = keep * w[k] + c * (old - new) + moved * gradient[k]


@operation(f"{LEARNING} <sums", "move {weights} by {sums}")
def move_synaptic(weights, lane, row, span):
    """Weights by the changes of a rule that sees them, over the steps of a block."""
    h = real(span, row[3]) * real(row, 4) * span[BLOCK]
    scale = cast(lane, h * share_of(span, row[5]))
    w, total = at(weights, row[2]), at(lane, row[7])
    for k in range(row[1]):
        w[k] += scale * total[k]


@operation(
    "n w=weights ~lower ~upper", "hold {weights} between {lower:g} and {upper:g}"
)
def clip(weights, lane, row, span):
    """Hold weights between bounds."""
    w, lower, upper = at(weights, row[2]), real(row, 3), real(row, 4)
    least, most = cast(lane, lower), cast(lane, upper)
    for k in range(row[1]):
        w[k] = min(max(w[k], least), most)


@operation(
    "n_pre n_post w=weights ~lower ~upper signs paired index",
    "hold {weights} on its side of 0",
)
def hold_signs(weights, lane, row, span):
    """Hold weights on the side of 0 that their presynaptic cell has, and in bounds.

    Address `signs` holds 1 or -1 for every presynaptic cell; `paired` is 1 where cell i
    has a weight with cell i alone, and `index` the address of a sparse pattern.
    """
    w, n_post, paired = at(weights, row[3]), row[2], row[7]
    lower, upper, signs = real(row, 4), real(row, 5), integers(row[6])
    starts = short_integers(row[8])
    width = 1 if paired else n_post
    for j in range(row[1]):
        least = cast(lane, max(lower, 0.0) if signs[j] > 0 else lower)
        most = cast(lane, upper if signs[j] > 0 else min(upper, 0.0))
        first, last = j * width, (j + 1) * width
        if row[8] != 0:
            first, last = starts[j], starts[j + 1]
        for k in range(first, last):
            w[k] = min(max(w[k], least), most)


@operation(f"{FORESEEN} w>middle w<filter ~decay after", "predict {middle}")
def predict(weights, lane, row, span):
    """Weights expected at the mean step, (K - 1) / 2, of a block of K steps.

    The mean step of a block is (K - 1) / 2 because its step s sees the weights after
    s updates; K / 2 would leave a first-order error. Without a filter a is 0, and only
    the decay of the weights is known ahead.
    """
    middle, a = span[BLOCK] * 0.5 - 0.5, real(row, 9)
    h = real(span, row[3]) * real(row, 4)
    ahead = cast(lane, filter_gain(a, row[10], h) * (1 - a**middle))
    keep = cast(lane, (1 - real(row, 6) * real(row, 4)) ** middle)
    w, out, filtered = at(weights, row[2]), at(weights, row[7]), at(weights, row[8])
    if a == 0:
        for k in range(row[1]):
            out[k] = keep * w[k]
    else:
        for k in range(row[1]):
            out[k] = keep * w[k] + ahead * filtered[k]


@operation(
    f"{FORESEEN} w>middle w<filter ~decay after <sums", "predict {middle} with {sums}"
)
def correct(weights, lane, row, span):
    """Weights in the middle of a jump if every step adds the gradient found there."""
    middle, a = span[BLOCK] * 0.5 - 0.5, real(row, 9)
    h, share = real(span, row[3]) * real(row, 4), share_of(span, row[5])
    c, passed = filter_gain(a, row[10], h), 1 - a**middle
    keep = cast(lane, (1 - real(row, 6) * real(row, 4)) ** middle)
    ahead, added = cast(lane, c * passed), cast(lane, (h * middle - c * passed) * share)
    w, out, filtered = at(weights, row[2]), at(weights, row[7]), at(weights, row[8])
    gradient = at(lane, row[11])
    for k in range(row[1]):
        moved = added * gradient[k]
        if a != 0:
            moved += ahead * filtered[k]
        out[k] = keep * w[k] + moved


@operation("n =sums", "{sums} for every step")
def repeat(weights, lane, row, span):
    """The sums of one step become those of as many equal steps as the block has."""
    scale, gradient = cast(lane, span[BLOCK]), at(lane, row[2])
    for k in range(row[1]):
        gradient[k] *= scale


@operation("n =factor", "sum {factor} over steps")
def sum_steps(weights, lane, row, span):
    """Replace a block's factors, n for every sample and step, by their sum."""
    n = row[1] * span[SAMPLES]
    total = at(lane, row[2])
    for s in range(1, span[BLOCK]):
        values = at(total, s * n)
        for i in range(n):
            total[i] += values[i]


@inlined_kernel
def check_row(w, n, first, limit, projection, span):
    """Say in the span's status that one of n weights left the finite range.

    `first` is the number of the first one in its projection.
    """
    wrong = n * 0
    for k in range(n):
        # What is not a number is below nothing. Counted: a loop that may end early is
        # not vectorised.
        wrong += 0 if abs(w[k]) < limit else 1
    for k in range(n if wrong > 0 else 0):
        if not abs(w[k]) < limit:
            span[STATUS], span[STATUS + 1] = WEIGHT_LEFT, span[STEP]
            span[STATUS + 2], span[STATUS + 3] = projection, first + k
            return


@operation(
    "n_pre n_post <signal w<weights ~limit projection <factor",
    "check {weights} where {signal} is not 0",
)
def check_moved(weights, lane, row, span):
    """Whether the weights of cells that had a signal in some sample are finite.

    Of all cells where a factor is not finite: 0 times that is no number.
    """
    n_pre, n, limit = row[1], row[2], cast(lane, real(row, 5))
    zero, factors = cast(lane, 0.0), at(lane, row[7])
    total = zero
    for i in range(n * span[SAMPLES]):
        total += zero * factors[i]
    for p in range(n_pre):
        signals, moved = at(lane, row[3] + p), total != 0
        for b in range(span[SAMPLES]):
            moved = moved or signals[b * n_pre] != 0
        if moved and span[STATUS] == 0:
            check_row(at(weights, row[4] + p * n), n, p * n, limit, row[6], span)


@operation("n w<weights ~limit projection", "check {weights}")
def check_weights(weights, lane, row, span):
    """Whether the weights of a projection are finite and below their limit."""
    if span[STATUS] == 0:
        w, limit = at(weights, row[2]), cast(lane, real(row, 3))
        check_row(w, row[1], row[1] * 0, limit, row[4], span)
